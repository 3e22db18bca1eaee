// Looks at brokers and znodes between events and says what must hold always:
//
//   LeaderInIsr         a partition's leader is in its in-sync set, which is never empty; epochs in znodes never go back
//   OneLeaderPerEpoch   no two brokers lead a partition in the same leader epoch; one session writes under a controller epoch
//   ValidHighWatermark  log start <= high watermark <= log end; a leader's never goes back within its epoch
//   WeakIsr, StrongIsr  whoever believes to lead (weak: in the epoch of the znode): every member of the in-sync set in ZooKeeper has the same bytes up to
//                       that high watermark
//   Committed           what any high watermark has passed is the same bytes on all replicas that have it, and no replica drops it
//
// A replica that a power loss robbed of its tail is left out until the controller has taken it from the in-sync set or it has all again: Kafka in ZooKeeper
// mode does not promise more (KIP-966). Of a durable topic nothing is left out: what is committed is on the device of every member of the in-sync set.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/replica/partition.h"
#include "coord/session/fake_zookeeper.h"
#include "coord/znodes/topic.h"
#include "integration-tests/simulation/broker_machine.h"
#include "integration-tests/simulation/client.h"
#include "integration-tests/simulation/history.h"

namespace quokka::simulation {

class Observer {
 public:
  // `trace` may be empty.
  Observer(Agenda& agenda, FakeZookeeper& zookeeper, std::vector<std::unique_ptr<BrokerMachine>>& brokers, History& history,
           const ClusterShape& shape, std::function<void(const std::string&)> trace)
      : agenda_(agenda), zookeeper_(zookeeper), brokers_(brokers), history_(history), shape_(shape), trace_(std::move(trace)) {}

  // After every event: looks at the broker it belonged to, and at what was written to ZooKeeper.
  void look();
  // The broker has lost what it did not sync.
  void on_data_lost(int broker);

  // True if no broker may be disturbed now: a replica without its tail still counts as in sync.
  bool is_delicate() const;
  // True if the broker may lose its power: in each of its in-sync sets another member has all that is committed, whatever becomes of this one.
  bool may_lose_power(int broker) const;

  // Everything has come to rest: all replicas in sync, with all of the leader's log committed. Otherwise what is missing.
  std::string unrest(size_t partitions) const;
  const std::map<TopicPartition, znodes::PartitionState>& states() const { return states_; }
  // The epoch in which the broker leads the partition, as ZooKeeper has it; -1 it does not.
  LeaderEpoch leads(const TopicPartition& name, int broker) const;
  // The broker named by /controller; 0 none.
  int controller() const;

 private:
  // What was seen of one replica.
  struct Replica {
    uint64_t life = 0;
    LeaderEpoch leader_epoch;
    bool is_leader = false;
    Offset high_watermark{0};
    Offset log_end{0};
    Offset verified{0};        // the bytes before it are the committed ones
    bool lost_power = false;   // and was not seen since
    bool lost_tail = false;    // and is in the in-sync set: its log may end before what is committed
    std::weak_ptr<Partition> partition;  // of this life; what it holds must end with it
  };

  void read_writes();
  void on_topic_written(const std::string& json);
  void on_state_written(const TopicPartition& name, const std::string& json, int64_t session);
  void look_at(BrokerMachine& broker);
  void look_at_replica(BrokerMachine& broker, const PartitionPtr& partition);
  void verify(BrokerMachine& broker, const TopicPartition& name, Replica& replica, Offset end);
  void check_isr(const TopicPartition& name);
  BrokerMachine& broker(int id) { return *brokers_[static_cast<size_t>(id - 1)]; }
  bool is_assigned(const TopicPartition& name, int broker) const;
  bool in_isr(const TopicPartition& name, int broker) const;

  Agenda& agenda_;
  FakeZookeeper& zookeeper_;
  std::vector<std::unique_ptr<BrokerMachine>>& brokers_;
  History& history_;
  const ClusterShape& shape_;  // what is said is said of its topic
  const std::function<void(const std::string&)> trace_;
  znodes::Topic topic_;
  std::map<TopicPartition, znodes::PartitionState> states_;
  std::map<TopicPartition, std::map<int, Replica>> replicas_;
  std::map<std::pair<TopicPartition, LeaderEpoch>, int> leaders_;
  std::map<int32_t, int64_t> controller_sessions_;
  std::set<TopicPartition> changed_;
};

}  // namespace quokka::simulation
