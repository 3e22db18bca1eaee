// Reads what the controller must know, with as many reads under way as ZooKeeper takes, and turns znodes into values. Every read of something that may
// change leaves a watch.
//
// A callback is called once, unless the session expires or a read fails otherwise: then `failed` is told, for the last time, and the rest is silence.
// Znodes that cannot be understood are logged and left out.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "coord/controller/effects.h"
#include "coord/session/zookeeper_session.h"
#include "protocol/base/function.h"

namespace quokka {

class ClusterReader : public std::enable_shared_from_this<ClusterReader> {
 public:
  using Failed = Function<void(ZkOutcome outcome, std::string path)>;

  static std::shared_ptr<ClusterReader> make(ZookeeperSession& session, Failed failed) {
    return std::shared_ptr<ClusterReader>(new ClusterReader(session, std::move(failed)));
  }
  // No more callbacks.
  void stop() { stopped_ = true; }

  // A child list with a watch; empty when the parent is missing.
  void children(std::string path, Function<void(std::vector<std::string>)> done);
  // /brokers/ids and each broker, with watches.
  void brokers(Function<void(std::vector<LiveBroker>)> done);
  // The given topics, with watches. Missing ones, gone since they were listed, are left out.
  void topics(std::vector<std::string> names, Function<void(std::vector<TopicAssignment>)> done);
  // One topic with a watch: nullopt when it is gone or cannot be understood.
  void topic(std::string name, Function<void(std::optional<TopicAssignment>)> done);
  struct States {
    std::map<TopicPartition, LeaderAndIsr> states;  // without those that have no state znode
    std::set<TopicPartition> unreadable;
    std::map<BrokerId, BrokerEpoch> in_sync_since;  // transaction of the oldest state that has the broker in sync
  };
  void states(std::vector<TopicPartition> partitions, Function<void(States)> done);
  // Topics whose own configuration, or failing that `otherwise`, allows unclean elections.
  void unclean_allowed(std::set<std::string> topics, bool otherwise, Function<void(std::set<std::string>)> done);
  // Brokers named by the given children of /log_dir_event_notification.
  void log_dir_events(std::vector<std::string> names, Function<void(std::set<BrokerId>)> done);
  // /admin/preferred_replica_election, empty when it is missing; leaves a watch for its creation.
  void preferred_election(Function<void(bool exists, std::vector<TopicPartition>)> done);
  // /admin/reassign_partitions, empty when it is missing or cannot be understood; leaves a watch for its creation and change.
  void reassignments(Function<void(std::map<TopicPartition, Replicas>)> done);

 private:
  static constexpr size_t kReadsInFlightMax = 1000;
  using Got = Function<void(ZkOutcome, ZnodeData, const ZnodeStat&)>;

  ClusterReader(ZookeeperSession& session, Failed failed) : session_(session), failed_(std::move(failed)) {}

  // Reads every path, in windows; `each` gets index, data (nullopt also for a missing znode), outcome and stat.
  struct Batch;
  void get_all(std::vector<std::string> paths, Watch watch, Function<void(size_t, ZkOutcome, ZnodeData, const ZnodeStat&)> each, Task all);
  void get_next(const std::shared_ptr<Batch>& batch);
  // False: the reading has ended.
  bool check(ZkOutcome outcome, const std::string& path);

  ZookeeperSession& session_;
  Failed failed_;
  bool stopped_ = false;
};

}  // namespace quokka
