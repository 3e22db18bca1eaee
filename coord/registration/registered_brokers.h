// Whether every broker that is registered below /brokers/ids has the consumer protocol of KIP-848. A broker says so in its registration by a key that
// Kafka's brokers pass over; those of Kafka 3.9 in ZooKeeper mode do not have it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "coord/session/zookeeper_session.h"

namespace quokka {

// On the session's loop.
class RegisteredBrokers final : public ZookeeperListener {
 public:
  // `all_have_it` is false until all was read, and stays as it was while something cannot be read.
  RegisteredBrokers(ZookeeperSession& session, std::atomic<bool>& all_have_it);
  ~RegisteredBrokers();
  RegisteredBrokers(const RegisteredBrokers&) = delete;
  RegisteredBrokers& operator=(const RegisteredBrokers&) = delete;

  void start() { look(); }
  void on_session(SessionEvent event) override;
  void on_watch(WatchEvent event, const std::string& path) override;

 private:
  void look();
  void read(size_t next, std::vector<std::string> ids);
  void conclude(bool all_have_it, const std::string& who_lacks_it);

  ZookeeperSession& session_;
  std::atomic<bool>& all_have_it_;
  bool told_ = false;
  // Drops what comes after the destruction, or belongs to a look before the last.
  std::shared_ptr<uint64_t> look_ = std::make_shared<uint64_t>(0);
};

}  // namespace quokka
