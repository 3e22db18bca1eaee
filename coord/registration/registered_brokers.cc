#include "coord/registration/registered_brokers.h"

#include <utility>

#include "coord/znodes/broker.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {

RegisteredBrokers::RegisteredBrokers(ZookeeperSession& session, std::atomic<bool>& all_have_it) : session_(session), all_have_it_(all_have_it) {
  session_.add_listener(*this);
}

RegisteredBrokers::~RegisteredBrokers() { session_.remove_listener(*this); }

void RegisteredBrokers::on_session(SessionEvent event) {
  if (event == SessionEvent::established) look();
}

// Also when the list is as it was: an id may have changed hands between two looks.
void RegisteredBrokers::on_watch(WatchEvent, const std::string& path) {
  if (path == znodes::kBrokerIds) look();
}

void RegisteredBrokers::look() {
  const uint64_t number = ++*look_;
  session_.get_children(std::string(znodes::kBrokerIds), Watch::yes,
                    [this, number, current = std::weak_ptr(look_)](ZkOutcome outcome, std::vector<std::string> ids, const ZnodeStat&) {
                      const auto alive = current.lock();
                      if (!alive || *alive != number || outcome != ZkOutcome::ok) return;
                      read(0, std::move(ids));
                    });
}

void RegisteredBrokers::read(size_t next, std::vector<std::string> ids) {
  if (next == ids.size()) return conclude(true, "");
  const std::string path = std::string(znodes::kBrokerIds) + "/" + ids[next];
  session_.get(path, Watch::no,
               [this, path, next, ids = std::move(ids), number = *look_, current = std::weak_ptr(look_)](ZkOutcome outcome, ZnodeData data, const ZnodeStat&) mutable {
                 const auto alive = current.lock();
                 if (!alive || *alive != number) return;
                 if (outcome == ZkOutcome::no_node) return read(next + 1, std::move(ids));  // gone meanwhile
                 if (outcome != ZkOutcome::ok) return;
                 const Result<znodes::Broker> broker = znodes::parse_broker(BrokerId(-1), data.value_or(std::string()));
                 // What cannot be read is no broker of ours.
                 if (!broker || !broker->has_consumer_protocol) return conclude(false, ids[next]);
                 read(next + 1, std::move(ids));
               });
}

void RegisteredBrokers::conclude(bool all_have_it, const std::string& who_lacks_it) {
  const bool before = all_have_it_.exchange(all_have_it);
  if (told_ && before == all_have_it) return;
  told_ = true;
  if (all_have_it) log_info("every registered broker has the consumer protocol of groups (KIP-848): it is offered");
  else log_info("broker {} lacks the consumer protocol of groups (KIP-848): it is not offered, and no group begins to use it; those that do go on where a broker "
                "that has it coordinates them", who_lacks_it);
}

}  // namespace quokka
