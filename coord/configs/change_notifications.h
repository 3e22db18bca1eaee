// Sequential znodes below one parent that tell of changes elsewhere: /config/changes, /kafka-acl-changes, /delegation_token/token_changes. Each
// broker handles those it has not seen, in order, and anyone removes those that are old.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coord/session/zookeeper_session.h"
#include "protocol/base/loop.h"

namespace quokka {

// Used on the session's loop.
class ChangeNotifications final : public ZookeeperListener {
 public:
  struct Change {
    std::string path;
    std::string data;
  };
  // What is new, in order. `done` is called once it has been dealt with; until then no more is handed over.
  using Handler = Function<void(std::vector<Change> changes, Task done)>;

  // `parent`: "/config/changes", `prefix`: "config_change_". The session outlives this.
  ChangeNotifications(ZookeeperSession& session, Loop& loop, std::string parent, std::string prefix);
  ~ChangeNotifications();
  ChangeNotifications(const ChangeNotifications&) = delete;
  ChangeNotifications& operator=(const ChangeNotifications&) = delete;

  // All that are there are new at the start: what they tell of may be gone by then.
  void start(Handler handler);

  void on_session(SessionEvent event) override;
  void on_watch(WatchEvent event, const std::string& path) override;

 private:
  static constexpr int64_t kLifeMs = 15 * 60 * 1000;

  void look();
  void on_children(const std::vector<std::string>& children);
  void hand_over(std::vector<Change> changes, int64_t last);
  void purge(const std::vector<std::string>& children);
  void end_look();
  template <class F>
  auto guarded(F f);

  ZookeeperSession& session_;
  Loop& loop_;
  const std::string parent_;
  const std::string prefix_;
  Handler handler_;
  int64_t last_handled_ = -1;
  std::map<std::string, int64_t> created_ms_;  // of children that were read
  bool looking_ = false;
  bool look_again_ = false;
  Loop::TimerId retry_ = 0;
  std::shared_ptr<uint64_t> round_ = std::make_shared<uint64_t>(0);  // one for each session
};

}  // namespace quokka
