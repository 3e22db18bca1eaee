// One consumer of a group, as applications run it: a thread that polls, keeps what it reads and commits as it goes.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "integration-tests/clients/kafka_client.h"

namespace quokka {

// What a generation of a group gave to a member.
struct Tenure {
  int32_t generation = -1;
  std::set<int32_t> partitions;
};

class GroupMember final : private RdKafka::RebalanceCb {
 public:
  // Begins to poll. Auto-commit is off: every record is committed, synchronously, once it was read.
  GroupMember(const std::string& bootstrap, const std::string& group, const std::string& topic, const ClientKeys& keys = {});
  // Leaves the group (a static member does not) unless it did.
  ~GroupMember();

  void leave();
  // What it was given at last.
  std::set<int32_t> assignment() const;
  // All it was given, one after another.
  std::vector<Tenure> tenures() const;
  // The errors of its polls and commits.
  std::set<RdKafka::ErrorCode> errors() const;
  // Values in the order in which they were read, by partition.
  std::map<int32_t, std::vector<std::string>> values() const;
  // For a partition, the highest offset whose commit was acknowledged.
  std::map<int32_t, int64_t> committed() const;
  int rebalances() const { return rebalances_.load(); }

 private:
  void rebalance_cb(RdKafka::KafkaConsumer* consumer, RdKafka::ErrorCode error, std::vector<RdKafka::TopicPartition*>& partitions) override;
  void run();

  std::unique_ptr<RdKafka::KafkaConsumer> consumer_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> rebalances_{0};
  mutable std::mutex mutex_;
  std::set<int32_t> assignment_;
  std::vector<Tenure> tenures_;
  std::set<RdKafka::ErrorCode> errors_;
  std::map<int32_t, std::vector<std::string>> values_;
  std::map<int32_t, int64_t> committed_;
  std::thread thread_;
};

// A consumer that is a member of the group as soon as it subscribes. Destroyed without close(), it is gone without a word to the group.
std::unique_ptr<RdKafka::KafkaConsumer> make_group_consumer(const std::string& bootstrap, const std::string& group, const ClientKeys& keys,
                                                            RdKafka::RebalanceCb* rebalances = nullptr, RdKafka::SocketCb* sockets = nullptr);
// The generation it is in; -1: none.
int32_t generation_of(RdKafka::KafkaConsumer& consumer);

// Committed offsets of a group, -1001 (librdkafka's "invalid") where there is none; asked of the coordinator.
std::map<int32_t, int64_t> committed_offsets(const std::string& bootstrap, const std::string& group, const std::string& topic, int32_t partitions);

}  // namespace quokka
