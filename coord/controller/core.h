// The controller's decisions: who leads each partition, who is in sync, which replicas are to go. It performs nothing: every input returns Effects,
// which the runner performs to their end before the next input (effects.h). One core lives from an election to the resignation; a write refused
// because of /controller_epoch ends it.
//
// Inputs mark the partitions they concern; each marked partition is then looked at as it stands now, whatever happened to it. So an event that was
// missed, merged with another or came twice does no harm.
//
// A partition that is reassigned keeps moving from event to event: see reassignment.h for the rules and core_reassignment.cc for the steps.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coord/controller/effects.h"
#include "coord/controller/outbox.h"
#include "coord/controller/picture.h"
#include "coord/controller/reassignment.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"

namespace quokka {

struct ControllerConfig {
  BrokerId id;
  bool auto_leader_rebalance = true;                             // auto.leader.rebalance.enable
  int leader_imbalance_percent = 10;                             // leader.imbalance.per.broker.percentage
  Duration leader_imbalance_check = Duration::seconds(300);      // leader.imbalance.check.interval.seconds
  Duration leader_imbalance_first_check = Duration::seconds(5);  // after the election
  bool delete_topics = true;                                     // delete.topic.enable
};

// Numbers for metrics, as Kafka names and counts them.
struct ControllerCounts {
  size_t active_brokers = 0;
  size_t topics = 0;
  size_t partitions = 0;                   // that have had a leader
  size_t offline_partitions = 0;           // of these: whose leader is gone, and nobody could be elected
  size_t preferred_replica_imbalance = 0;  // of these: led by another one than the first replica
  size_t topics_to_delete = 0;
  size_t topics_ineligible_to_delete = 0;  // waiting for a broker that is not there
  size_t unclean_leader_elections = 0;  // since this controller was elected
};

class ControllerCore {
 public:
  explicit ControllerCore(ControllerConfig config) : config_(config) {}

  // First, once. A broker that registered after it was last in sync failed and started again while there was no controller (H32).
  Effects on_elected(const ElectedState& state, MonoTime now);

  // All registered brokers. A broker with another epoch failed and started again, even if nobody saw it gone (H32).
  Effects on_brokers(const std::vector<LiveBroker>& live);
  // All children of /brokers/topics, and the content of those not known yet.
  Effects on_topics(const std::set<std::string>& names, const std::vector<TopicAssignment>& added);
  // The content of one topic's znode has changed. nullopt: the znode is gone.
  Effects on_topic_changed(const std::string& name, const std::optional<TopicAssignment>& topic);
  // All children of /admin/delete_topics; on_topics has been told every topic that was there when they were read.
  Effects on_delete_topics(const std::set<std::string>& names);
  // The content of /admin/preferred_replica_election.
  Effects on_preferred_election(const std::vector<TopicPartition>& partitions);
  // The content of /admin/reassign_partitions, empty if it is not there. Entries that were there before are under way already.
  Effects on_reassignment_request(const std::map<TopicPartition, Replicas>& partitions);
  Effects on_tick(MonoTime now);
  // unclean.leader.election.enable was switched on: for one topic, or for all of them.
  Effects on_unclean_enabled(const std::optional<std::string>& topic);
  // A log directory of the broker failed: its answer to LeaderAndIsr will say which replicas are lost.
  Effects on_log_dir_event(const std::set<BrokerId>& brokers);

  // broker_epoch -1: not checked.
  Effects on_controlled_shutdown(BrokerId broker, BrokerEpoch broker_epoch);
  Effects on_alter_partition(const AlterIsrRequest& request);

  // AlterPartitionReassignments: the answer comes when what was asked is recorded; the moves go on. A partition named twice: the last one counts.
  Effects on_reassign(const std::vector<ReassignRequest>& requests);
  // ElectLeaders. ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE ...
  Effects on_elect_leaders(ElectionType type, const std::vector<TopicPartition>& partitions);

  // Answers of brokers to what was sent. Errors by partition, of a request that was served as a whole.
  Effects on_leader_and_isr_answer(BrokerId broker, BrokerEpoch broker_epoch, const std::map<TopicPartition, ErrorCode>& partitions);
  Effects on_stop_replica_answer(BrokerId broker, BrokerEpoch broker_epoch, const std::map<TopicPartition, ErrorCode>& partitions);

  // Answer to Effects::ask_unclean: topics that are missing in it are taken as not allowed.
  Effects on_unclean_allowed(const std::set<std::string>& allowed);
  // Every write of the last Effects was performed: the outcomes of its state_writes in their order. All others were done, or what they are for is gone.
  Effects on_written(const std::vector<StateOutcome>& outcomes);

  const Picture& picture() const { return picture_; }
  ControllerEpoch epoch() const { return epoch_; }
  const std::set<std::string>& deleting() const { return deleting_; }
  bool is_deleting(const std::string& topic) const { return deleting_.contains(topic); }
  // Why a deletion does not go on: brokers that are needed for it and not there. Empty: it goes on, or there is none.
  std::set<BrokerId> deletion_waits_for(const std::string& topic) const;
  // Partitions that are being reassigned, of those named or of all.
  std::map<TopicPartition, Assignment> reassignments(const std::optional<std::vector<TopicPartition>>& partitions) const;
  ControllerCounts counts() const;

 private:
  enum class Why { kState, kElection, kAlter, kMove };
  struct Proposal {
    TopicPartition tp;
    Why why = Why::kState;
    LeaderAndIsr state;
    bool is_new = false;
    std::optional<size_t> answer = {};                    // kAlter: place in alter_answer_
    ElectionType election = ElectionType::preferred;      // kElection
  };
  // A partition that is being reassigned, in the event at hand. Each step ends with a write; core_reassignment.cc says what it leads to.
  struct Move {
    enum class Step {
      kLeave,    // replicas of a target that was given up leave the in-sync set, and are removed
      kRecord,   // the topic's znode names what is to be
      kAdvance,  // new replicas are started; or, when all are in sync, the others leave and are removed
      kFinish,   // the topic's znode names the target alone
    };
    Assignment to;
    Step step = Step::kLeave;
    bool completes = false;  // kAdvance, as proposed
  };
  enum class Removal { kWaiting, kAsked, kDone };
  using Deletion = std::map<TopicPartition, std::map<BrokerId, Removal>>;

  void begin_event();
  Effects next();

  // Decides every marked partition: proposals, or questions.
  void propose_marked(Effects& effects);
  void propose_elections(Effects& effects);
  Result<LeaderAndIsr> elect(const TopicPartition& tp, ElectionType type) const;
  void answer_election(const TopicPartition& tp, PartitionOutcome outcome);
  void propose(Effects& effects, Proposal proposal);
  std::optional<LeaderAndIsr> decide(const TopicPartition& tp, const PartitionPicture& partition, Effects& effects) const;
  void ask_removal(const TopicPartition& tp, const PartitionPicture& partition);

  void apply(const Proposal& proposal);
  void leave_alone(const Proposal& proposal);
  static Error cannot_be_read(const TopicPartition& tp);
  // LeaderAndIsr; to those of `fresh` as a new replica.
  void tell_replicas(const TopicPartition& tp, const Replicas& fresh, BrokerId leader_before);

  void mark(const TopicPartition& tp) { marked_.insert(tp); }
  void mark_on(const std::set<BrokerId>& brokers);
  void stop_brokers(const std::set<BrokerId>& gone);
  void start_brokers(const std::vector<LiveBroker>& started);
  void announce();
  void add_topic(const TopicAssignment& topic);
  void forget_topic(const std::string& name);
  void begin_deletion(const std::string& topic);
  void collect_removals(Effects& effects);
  void answer_shutdown(Effects& effects);

  // Reassignment (core_reassignment.cc)
  void take_reassignment_request(const std::map<TopicPartition, Replicas>& partitions);
  Result<Assignment> check_move(const TopicPartition& tp, const std::optional<Replicas>& target, bool must_be_live) const;
  static Error would_lose_records(const Assignment& to);
  void begin_move(const TopicPartition& tp, Assignment to);
  void advance_if_complete(const TopicPartition& tp);
  void resume_moves(const std::set<BrokerId>& started);
  void propose_moves(Effects& effects);
  // False: the move has ended, or waits for another event.
  bool propose_move(const TopicPartition& tp, Move& move, Effects& effects);
  void record(Effects& effects, AssignmentWrite write);
  void apply_move(const TopicPartition& tp);
  void apply_assignment(const AssignmentWrite& write);
  void finish_move(const TopicPartition& tp);
  void refuse_move(const TopicPartition& tp, const Error& why);
  void remove_replicas(const TopicPartition& tp, const Replicas& replicas);
  void remove_leftovers(BrokerId started);
  void forget_reassignments(const std::string& topic);

  // The error for one partition of AlterPartition, NONE: propose it.
  ErrorCode check_alter(const AlterIsrRequest& request, const AlterIsr& asked, const PartitionPicture& partition) const;
  bool is_imbalanced(size_t elsewhere, size_t all) const;

  ControllerConfig config_;
  ControllerEpoch epoch_;
  Picture picture_;
  Outbox outbox_;
  std::set<std::string> deleting_;
  std::map<std::string, Deletion> deletions_;
  // Their state znode cannot be understood: it must not be taken for none, nor written over (A20). Until the next election, or their topic's end.
  std::set<TopicPartition> left_alone_;
  std::map<TopicPartition, Replicas> requested_;  // entries of /admin/reassign_partitions that are under way
  // Replicas that were removed from an assignment and whose brokers have not confirmed it: asked again when the broker starts. A new controller does
  // not know them. The flag: an answer counts.
  std::map<BrokerId, std::map<TopicPartition, bool>> leftovers_;
  MonoTime next_check_;
  size_t unclean_leader_elections_ = 0;

  // Of the event at hand; empty when it has ended.
  std::set<TopicPartition> marked_;
  std::map<TopicPartition, ElectionType> elections_;
  std::map<TopicPartition, Move> moves_;
  std::set<BrokerId> announce_to_;           // get LeaderAndIsr of all their partitions when these are decided
  std::vector<LiveBroker> restarted_;        // start when their failure has been dealt with
  std::map<std::string, bool> unclean_;      // answers; asked anew in every event, the configuration may change
  std::vector<Proposal> proposals_;          // being written
  std::vector<AssignmentWrite> recording_;   // being written
  std::vector<std::string> removing_;        // topics whose znodes are being removed
  std::vector<std::string> unknown_deletions_;
  bool remove_preferred_election_ = false;
  std::vector<ReassignmentRemoval> reassignment_removals_;
  std::optional<AlterIsrAnswer> alter_answer_;
  std::optional<PartitionOutcomes> reassign_answer_;
  std::optional<PartitionOutcomes> elect_answer_;
  std::optional<BrokerId> shutdown_;
};

}  // namespace quokka
