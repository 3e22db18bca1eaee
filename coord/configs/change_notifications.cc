#include "coord/configs/change_notifications.h"

#include <algorithm>
#include <utility>

#include "coord/session/ensure_path.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {

ChangeNotifications::ChangeNotifications(ZookeeperSession& session, Loop& loop, std::string parent, std::string prefix)
    : session_(session), loop_(loop), parent_(std::move(parent)), prefix_(std::move(prefix)) {
  session_.add_listener(*this);
}

ChangeNotifications::~ChangeNotifications() {
  session_.remove_listener(*this);
  if (retry_ != 0) loop_.cancel(retry_);
}

template <class F>
auto ChangeNotifications::guarded(F f) {
  return [weak = std::weak_ptr<uint64_t>(round_), round = *round_, f = std::move(f)](auto&&... arguments) mutable {
    auto current = weak.lock();
    if (current && *current == round) f(std::forward<decltype(arguments)>(arguments)...);
  };
}

void ChangeNotifications::start(Handler handler) {
  handler_ = std::move(handler);
  look();
}

void ChangeNotifications::on_session(SessionEvent event) {
  if (event == SessionEvent::disconnected || event == SessionEvent::reconnected || !handler_) return;
  ++*round_;
  looking_ = look_again_ = false;
  if (event == SessionEvent::established) look();
}

void ChangeNotifications::on_watch(WatchEvent event, const std::string& path) {
  if (handler_ && event == WatchEvent::children_changed && path == parent_) look();
}

void ChangeNotifications::look() {
  if (looking_) {
    look_again_ = true;
    return;
  }
  looking_ = true;
  session_.get_children(parent_, Watch::yes, guarded([this](ZkOutcome outcome, std::vector<std::string> children, const ZnodeStat&) {
                          if (outcome == ZkOutcome::ok) {
                            std::sort(children.begin(), children.end());
                            return on_children(children);
                          }
                          if (outcome == ZkOutcome::no_node) {
                            return ensure_path(session_, parent_, guarded([this](Status status) {
                                                 look_again_ = status.ok();
                                                 end_look();
                                               }));
                          }
                          end_look();
                          if (outcome == ZkOutcome::session_expired) return;
                          log_error("cannot list {}: {}; trying again", parent_, name(outcome));
                          if (retry_ == 0) {
                            retry_ = loop_.call_after(Duration::seconds(10), [this] {
                              retry_ = 0;
                              look();
                            });
                          }
                        }));
}

void ChangeNotifications::on_children(const std::vector<std::string>& children) {
  struct Batch {
    std::vector<Change> changes;
    size_t waiting = 0;
    int64_t last = -1;
  };
  auto batch = std::make_shared<Batch>();
  batch->last = last_handled_;
  for (const std::string& child : children) {
    const std::optional<int64_t> number = znodes::sequence_number(child, prefix_);
    if (!number || *number <= last_handled_) continue;
    batch->last = std::max(batch->last, *number);
    ++batch->waiting;
  }
  const auto finish = [this, children](Batch& whole) {
    purge(children);
    hand_over(std::move(whole.changes), whole.last);
  };
  if (batch->waiting == 0) return finish(*batch);
  for (const std::string& child : children) {
    const std::optional<int64_t> number = znodes::sequence_number(child, prefix_);
    if (!number || *number <= last_handled_) continue;
    const std::string path = znodes::child_path(parent_, child);
    session_.get(path, Watch::no, guarded([this, batch, path, child, finish](ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
                   if (outcome == ZkOutcome::ok) {
                     created_ms_[child] = stat.ctime_ms;
                     batch->changes.push_back({path, data.value_or("")});
                   } else if (outcome != ZkOutcome::no_node) {
                     log_error("cannot read {}: {}", path, name(outcome));
                   }
                   if (--batch->waiting == 0) finish(*batch);
                 }));
  }
}

void ChangeNotifications::hand_over(std::vector<Change> changes, int64_t last) {
  if (changes.empty()) {
    last_handled_ = last;
    return end_look();
  }
  handler_(std::move(changes), guarded([this, last] {
             last_handled_ = last;
             end_look();
           }));
}

void ChangeNotifications::end_look() {
  looking_ = false;
  if (std::exchange(look_again_, false)) look();
}

void ChangeNotifications::purge(const std::vector<std::string>& children) {
  const int64_t now = loop_.wall_now().ms;
  for (auto each = created_ms_.begin(); each != created_ms_.end();) {
    const bool is_there = std::binary_search(children.begin(), children.end(), each->first);
    if (is_there && now - each->second <= kLifeMs) {
      ++each;
      continue;
    }
    // Another broker may be faster; that is no matter.
    if (is_there) session_.remove(znodes::child_path(parent_, each->first), kAnyVersion, [](ZkOutcome) {});
    each = created_ms_.erase(each);
  }
}

}  // namespace quokka
