// Decides, for one partition that this broker leads, who is in sync and what is committed. Performs nothing: no log, no network, no clock.
//
// The rules are Kafka 3.9's in ZooKeeper mode: KIP-497 (the controller writes the in-sync set, one proposal in flight), KIP-841 and KIP-903
// (who may join), KAFKA-15583 (the high watermark stands still while the in-sync set is below min.insync.replicas).
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/time.h"

namespace quokka {

// What the controller has agreed to, as LeaderAndIsr or an AlterPartition answer brought it.
struct CommittedPartitionState {
  LeaderEpoch leader_epoch{0};
  PartitionEpoch partition_epoch{0};
  std::vector<BrokerId> isr;
  bool recovering = false;  // unclean leader whose first in-sync set has not been written yet (KIP-704)
};

// A change of the in-sync set for the controller (AlterPartition), tagged with the epochs it was proposed under.
struct IsrProposal {
  LeaderEpoch leader_epoch;
  PartitionEpoch partition_epoch;
  std::vector<BrokerId> isr;             // in the order the controller stores it
  std::vector<BrokerEpoch> broker_epochs;  // of isr, index by index; -1 not known (KIP-903)
  std::optional<size_t> joining;         // of isr: who is not in the controller's set yet
  bool may_be_written = false;           // it was sent before, and its answer is not known

  // Sent again it is the same.
  bool operator==(const IsrProposal& other) const {
    return leader_epoch == other.leader_epoch && partition_epoch == other.partition_epoch && isr == other.isr && broker_epochs == other.broker_epochs && joining == other.joining;
  }
};

// How a proposal ended. Kafka's leader takes a pending set back only when told that nothing was applied.
enum class ProposalOutcome {
  done,         // the answer carries the new state
  not_applied,  // INELIGIBLE_REPLICA, OPERATION_NOT_ATTEMPTED: withdrawn
  superseded,   // FENCED_LEADER_EPOCH, INVALID_UPDATE_VERSION and their like: newer truth is on its way by LeaderAndIsr; keep what is pending
  failed,       // any other error of the partition: sent again as what is unknown
  unknown,      // lost answer, NOT_CONTROLLER: the same proposal is to be sent again
};

// How a proposal of this leader's ended that was not overtaken; for metrics.
enum class IsrUpdate { expanded, shrunk, failed };

class Leader {
 public:
  struct Settings {
    Duration replica_lag_max;       // replica.lag.time.max.ms
    int32_t min_insync_replicas = 1;
    bool durable = false;            // flush.messages=1: of this log only what is on the device counts, as of the followers', who ask from there on
  };
  struct Start {
    BrokerId self;
    CommittedPartitionState committed;
    std::vector<BrokerId> replicas;  // assignment, preferred leader first
    Offset log_end;                  // also the start offset of this leader epoch
    Offset high_watermark;
    Offset synced_end{0};            // everything below is on the device
  };
  struct Effects {
    std::optional<IsrProposal> propose;    // ask the controller, then answer through on_isr_written
    std::optional<Offset> high_watermark;  // publish; parked produces and fetches up to it may wake
    std::optional<IsrUpdate> isr_update = {};

    bool operator==(const Effects&) const = default;
  };

  Leader(const Start& start, Settings settings, MonoTime now);
  // This broker led the partition before under an older epoch: what it knows of the lives of brokers counts on. Where their logs end does not, for
  // another leader may have had them truncate meanwhile; each follower tells it anew.
  void remember_brokers(const Leader& before);

  // Records were appended; `log_end` is the end after them.
  Effects on_appended(Offset log_end, MonoTime now);
  // A flush ended: everything below `synced_end` is on the device.
  Effects on_synced(Offset synced_end, MonoTime now);
  // A follower asked for records from `fetch_offset` on: it has all before it. A fetch that is answered with a diverging epoch must not be reported
  // here (KAFKA-13141). One of an earlier life of the broker, by its epoch, does not count: the log may have lost its end since (KIP-903).
  struct FollowerFetch {
    BrokerId follower;
    BrokerEpoch broker_epoch;  // -1: the version of the request has none
    Offset fetch_offset;
    Offset log_start;  // of the follower's log
    bool live = true;  // registered, as far as this broker was told
  };
  Effects on_follower_fetch(const FollowerFetch& fetch, MonoTime now);
  // `answer` is set exactly with `done`.
  Effects on_isr_written(const IsrProposal& proposal, ProposalOutcome outcome, const std::optional<CommittedPartitionState>& answer,
                         MonoTime now);
  // Every replica_lag_max / 2: replicas that lag leave the in-sync set.
  Effects on_tick(MonoTime now);
  Effects on_settings(Settings settings, MonoTime now);
  // The brokers that are registered, ascending. A replica on another one neither joins nor holds the high watermark back (KAFKA-15021).
  Effects on_live_brokers(const std::vector<BrokerId>& live, MonoTime now);
  // Retention or DeleteRecords moved the log's start past the high watermark (H20).
  Effects on_log_start(Offset log_start);

  const CommittedPartitionState& committed() const { return committed_; }
  const std::vector<BrokerId>& replicas() const { return replicas_; }
  Offset high_watermark() const { return high_watermark_; }
  Offset epoch_start() const { return epoch_start_; }
  bool has_enough_replicas() const { return static_cast<int32_t>(committed_.isr.size()) >= effective_min_isr(); }
  // The same for what is committed already: members about to join have it too.
  bool had_enough_replicas() const;
  // One less, and there are too few.
  bool has_just_enough_replicas() const { return static_cast<int32_t>(committed_.isr.size()) == effective_min_isr(); }
  // True if `replica` is assigned; its fetches count.
  bool is_replica(BrokerId replica) const { return followers_.contains(replica); }
  // The smallest log start among this log (`log_start`) and the live followers: what DeleteRecords waits for.
  Offset low_watermark(Offset log_start) const;
  // Members of the in-sync set whose logs hold `offset`.
  struct Holder {
    BrokerId id;
    Offset log_end;
    MonoTime last_caught_up;
  };
  std::vector<Holder> holders(Offset offset) const;
  bool has_proposal_in_flight() const { return pending_.has_value(); }

 private:
  struct Follower {
    Offset log_end{-1};
    Offset log_start{-1};
    BrokerEpoch broker_epoch;
    MonoTime last_caught_up;         // it had everything that was there at this time
    Offset leader_end_at_last_fetch{-1};
    MonoTime last_fetch;
    bool live = true;
    MonoTime refused_until;          // the controller does not take it now: it shuts down, or began another life
  };

  // How long a replica that the controller refused is left alone, unless it begins another life before.
  static constexpr Duration kRefusalPause = Duration::seconds(1);

  int32_t effective_min_isr() const;
  static bool is_eligible(const Follower& follower, MonoTime now) { return follower.live && now >= follower.refused_until; }
  bool in_isr(BrokerId id) const;
  bool in_maximal_isr(BrokerId id) const;
  bool is_caught_up(const Follower& follower, MonoTime now) const;
  std::optional<Offset> advance_high_watermark(MonoTime now);
  std::optional<IsrProposal> propose(std::vector<BrokerId> isr, std::optional<size_t> joining);

  const BrokerId self_;
  Settings settings_;
  const std::vector<BrokerId> replicas_;
  CommittedPartitionState committed_;
  std::optional<IsrProposal> pending_;      // at most one in flight
  std::map<BrokerId, Follower> followers_;  // the assigned ones but self
  Offset epoch_start_;
  Offset log_end_;
  Offset synced_end_;
  Offset high_watermark_;
};

}  // namespace quokka
