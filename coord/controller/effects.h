// The words between the controller's core and the shell that performs what it decides: what is read from ZooKeeper, what is written there, what is
// sent to brokers. Values only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "coord/controller/election.h"
#include "coord/view/cluster_view.h"
#include "protocol/base/error_code.h"
#include "protocol/base/ids.h"
#include "protocol/base/time.h"
#include "protocol/base/uuid.h"

namespace quokka {

// ---- What is read

// A registered broker. The epoch tells one life of it from the next (KIP-380).
struct LiveBroker {
  BrokerView view;
  BrokerEpoch epoch;
};

// /brokers/topics/<topic>
struct TopicAssignment {
  std::string name;
  TopicId id;
  std::map<PartitionIndex, Assignment> partitions;
};

// Everything a new controller reads before it decides anything.
struct ElectedState {
  ControllerEpoch controller_epoch;
  std::vector<LiveBroker> brokers;
  std::vector<TopicAssignment> topics;
  std::map<TopicPartition, LeaderAndIsr> states;  // partitions without a state znode are missing
  std::set<TopicPartition> unreadable;            // there is a state znode, and it cannot be understood
  std::map<BrokerId, BrokerEpoch> in_sync_since;  // transaction of the oldest state that has the broker in sync
  std::set<std::string> deletions;                // children of /admin/delete_topics
  std::vector<TopicPartition> preferred_election;  // content of /admin/preferred_replica_election
  std::map<TopicPartition, Replicas> reassignments;  // content of /admin/reassign_partitions
};

// ---- What is written, each with a check of /controller_epoch in the same multi

// The state of one partition. `state.partition_epoch` is the expected version of the znode, -1 to create it.
struct StateWrite {
  TopicPartition tp;
  LeaderAndIsr state;
};

// The replicas of one partition in its topic's znode; what else that holds stays. Nothing happens when the topic is gone: the list of topics will say so.
struct AssignmentWrite {
  TopicPartition tp;
  Assignment assignment;
};

// An entry of /admin/reassign_partitions that is finished or refused; the znode goes with the last one.
struct ReassignmentRemoval {
  TopicPartition tp;
  std::optional<Replicas> replicas;  // only while it asks for these
};

// All znodes of a topic whose replicas are gone, in the documented order, last its entry of /admin/delete_topics.
struct TopicRemoval {
  std::string topic;
  std::vector<PartitionIndex> partitions;
};

// What became of a StateWrite. A version that did not match means that the picture is stale: the shell reads again, also after a lost connection,
// and says what is there now (which may be what was proposed: then it was done).
struct StateOutcome {
  bool done = false;
  // Not done: the state read again; nullopt when there is no state znode.
  std::optional<LeaderAndIsr> current;
  // Not done: what is there cannot be understood.
  bool unreadable = false;
  // Not done: the topic's own znode is gone. The list of topics will say so; until then nothing is written.
  bool topic_gone = false;
};

// ---- What is sent. Requests to one broker arrive in this order.

// UpdateMetadata: all live brokers, and the partitions of `update`. Serialised once for all receivers.
struct MetadataSend {
  std::vector<std::pair<BrokerId, BrokerEpoch>> to;
  std::shared_ptr<const ClusterUpdate> update;
};

struct LeaderAndIsrSend {
  struct Partition {
    PartitionIndex index;
    LeaderAndIsr state;
    Assignment assignment;
    bool is_new = false;
  };
  struct Topic {
    std::string name;
    TopicId id;
    std::vector<Partition> partitions;
  };
  BrokerId to;
  BrokerEpoch to_epoch;
  std::vector<Topic> topics;
  std::vector<BrokerId> live_leaders;  // whose addresses the request carries, ascending
};

struct StopReplicaSend {
  struct Partition {
    TopicPartition tp;
    LeaderEpoch leader_epoch;  // -2 while the topic is being deleted
    bool remove = false;       // delete the log
  };
  BrokerId to;
  BrokerEpoch to_epoch;
  std::vector<Partition> partitions;  // ascending
};

inline constexpr LeaderEpoch kEpochDuringDelete{-2};

using Send = std::variant<MetadataSend, LeaderAndIsrSend, StopReplicaSend>;

// ---- What is asked by other brokers, and answered when the writes are done

// One partition of AlterPartition (KIP-497).
struct AlterIsr {
  std::string topic;  // the core looks at the id when it is not zero
  TopicId topic_id;
  PartitionIndex partition;
  LeaderEpoch leader_epoch;
  PartitionEpoch partition_epoch;
  Replicas isr;
  std::vector<BrokerEpoch> isr_epochs;  // empty, or one for each member: -1 not known (KIP-903)
  bool recovering = false;
};
struct AlterIsrRequest {
  BrokerId broker;
  BrokerEpoch broker_epoch;
  int16_t version = 3;  // of the API: before 2 a member that is not live is answered OPERATION_NOT_ATTEMPTED
  std::vector<AlterIsr> partitions;
};
struct AlterIsrAnswer {
  struct Partition {
    std::string topic;  // "" when the id is not known
    TopicId topic_id;
    PartitionIndex partition;
    ErrorCode error = ErrorCode::NONE;
    LeaderAndIsr state;  // with NONE
  };
  ErrorCode error = ErrorCode::NONE;  // of the whole request: then there are no partitions
  std::vector<Partition> partitions;
};

// One partition of AlterPartitionReassignments (KIP-455).
struct ReassignRequest {
  TopicPartition tp;
  std::optional<Replicas> target;  // nullopt: back to where it came from
};
// One partition of an answer; `message` says why when there is an error and more to say than its name.
struct PartitionOutcome {
  ErrorCode error = ErrorCode::NONE;
  std::string message;
  BrokerId leader{-1};  // of an election that was successful
};
using PartitionOutcomes = std::map<TopicPartition, PartitionOutcome>;

enum class ElectionType { preferred, unclean };

struct ShutdownAnswer {
  ErrorCode error = ErrorCode::NONE;
  std::vector<TopicPartition> remaining;  // still led by the broker: nobody else could be elected
};

// ---- All of it, in the order of performance

// The shell performs one Effects to its end before it hands in the next event: sends and answers; then, if questions are asked, it answers them through
// on_unclean_allowed; else it performs the writes and hands their outcomes to on_written, state_writes first. Both return what is to be done next. An
// Effects without questions and writes ends the event.
struct Effects {
  std::vector<Send> sends;
  // Topics whose unclean.leader.election.enable must be known to go on. Writes are then empty.
  std::set<std::string> ask_unclean;

  std::vector<StateWrite> state_writes;
  std::vector<AssignmentWrite> assignment_writes;
  std::vector<TopicRemoval> topic_removals;
  std::vector<std::string> deletion_request_removals;  // entries of /admin/delete_topics that name no topic, or with delete.topic.enable=false
  bool remove_preferred_election = false;              // delete /admin/preferred_replica_election
  std::vector<ReassignmentRemoval> reassignment_removals;

  std::optional<AlterIsrAnswer> alter_answer;
  std::optional<PartitionOutcomes> reassign_answer;
  std::optional<PartitionOutcomes> elect_answer;
  std::optional<ShutdownAnswer> shutdown_answer;
  std::optional<MonoTime> wake_at;  // call on_tick then; replaces the time set before

  bool has_writes() const {
    return !state_writes.empty() || !assignment_writes.empty() || !topic_removals.empty() || !deletion_request_removals.empty() ||
           remove_preferred_election || !reassignment_removals.empty();
  }
  bool ends_event() const { return ask_unclean.empty() && !has_writes(); }
};

}  // namespace quokka
