// One partition of which this broker has a replica: a monitor around the log and the core of its role. Its mutex is held for microseconds; what may
// wait for a device is planned under it and done outside.
//
// A request that has to wait is parked in the same hold in which its condition was checked. What wakes it is collected under the lock and called
// after it; a callback only posts to the loop of the request.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/log/log_directories.h"
#include "broker/producer/refused_batches.h"
#include "broker/replica/follower.h"
#include "broker/replica/isr_meters.h"
#include "broker/replica/leader.h"
#include "protocol/base/function.h"
#include "protocol/base/loop.h"
#include "protocol/base/mutex.h"
#include "protocol/records/validate.h"

namespace quokka {

// The controller's word about one partition (LeaderAndIsr).
struct PartitionRole {
  ControllerEpoch controller_epoch;
  BrokerId leader;
  LeaderEpoch leader_epoch;
  PartitionEpoch partition_epoch;
  std::vector<BrokerId> isr;
  std::vector<BrokerId> replicas;
  bool recovering = false;
  bool is_new = false;
  bool reassigning = false;  // replicas are being added or removed
};

// Who asks, as far as reading is concerned.
enum class Isolation { read_uncommitted, read_committed, log_end };

// Waits for records: woken once, on any thread.
class FetchWaiter {
 public:
  virtual ~FetchWaiter() = default;
  virtual void wake() = 0;
};
using FetchWaiterPtr = std::shared_ptr<FetchWaiter>;

// Where proposed in-sync sets go. Any thread; answers come through Partition::on_isr_written.
class Partition;
class IsrProposals {
 public:
  virtual ~IsrProposals() = default;
  virtual void propose(std::shared_ptr<Partition> partition, IsrProposal proposal) = 0;
};

class Partition : public std::enable_shared_from_this<Partition> {
 public:
  // Shared by all partitions of a broker; outlives them.
  struct Surroundings {
    BrokerId self;
    Duration replica_lag_max;
    LogDirectories& directories;
    IsrProposals& proposals;
    Loop& clock;
    IsrMeters meters;
  };
  // A produce's answer: NONE when enough replicas have it.
  using OnCommitted = Function<void(ErrorCode)>;
  // What a produce waits for: acks=all, or with acks=1 and flush.messages=1 this broker's own device.
  enum class AckWhen { committed, synced };

  Partition(TopicPartition name, TopicId topic_id, PartitionLogPtr log, Surroundings& surroundings);

  const TopicPartition& name() const { return name_; }
  const TopicId& topic_id() const { return topic_id_; }
  const PartitionLogPtr& log() const { return log_; }
  // Before anything else: flushes of the log are told to the partition.
  void attach() EXCLUDES(*log_->mutex);

  // --- Roles. One caller at a time: control requests run one after another.
  // Recorded only after the transition succeeded (KAFKA-9769). Returns whether this broker is a new leader, or follows anew.
  Result<bool> make_leader(const PartitionRole& role) EXCLUDES(*log_->mutex);
  Result<bool> make_follower(const PartitionRole& role) EXCLUDES(*log_->mutex);
  // StopReplica, or a failed directory: no more reads or appends; everything parked is answered.
  void stop(ErrorCode for_waiters) EXCLUDES(*log_->mutex);
  LeaderEpoch leader_epoch() const EXCLUDES(*log_->mutex);
  BrokerId leader() const EXCLUDES(*log_->mutex);
  void set_config(LogConfigPtr config) EXCLUDES(*log_->mutex);
  // False unless this broker leads.
  bool is_in_sync(BrokerId replica) const EXCLUDES(*log_->mutex);
  Offset log_end() const EXCLUDES(*log_->mutex);
  // The registered brokers, ascending, as this broker was told last.
  void on_live_brokers(const std::vector<BrokerId>& live) EXCLUDES(*log_->mutex);
  LogConfigPtr config() const EXCLUDES(*log_->mutex);

  // --- Produce.
  struct AppendPermit {
    LeaderEpoch leader_epoch;
    LogConfigPtr config;
    Offset log_start;
  };
  // Stage one: may this broker append? NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS (acks=all), KAFKA_STORAGE_ERROR. `batch`: an idempotent client's,
  // which is refused too if one before it was.
  Result<AppendPermit> permit_append(int16_t acks, const std::optional<ProducerBatch>& batch) EXCLUDES(*log_->mutex);
  Result<AppendPermit> permit_append(int16_t acks) EXCLUDES(*log_->mutex) { return permit_append(acks, std::nullopt); }
  // Stage two, after the batch was validated outside the lock. `on_done` is kept, and called exactly once, if the result says `waits`; at some time
  // after `give_up`, when nobody waits any more, with REQUEST_TIMED_OUT. Errors: as above, and those of Log::append_as_leader.
  static constexpr MonoTime kNever{INT64_MAX};
  struct Appended {
    AppendResult result;
    bool waits = false;
  };
  struct AckTerms {
    MonoTime give_up = kNever;
    AckWhen ack_when = AckWhen::committed;
  };
  Result<Appended> append(BatchToAppend& batch, LeaderEpoch permitted, AppendOrigin origin, OnCommitted on_done, AckTerms terms, TransactionGuard guard)
      EXCLUDES(*log_->mutex);
  Result<Appended> append(BatchToAppend& batch, LeaderEpoch permitted, AppendOrigin origin, OnCommitted on_done) EXCLUDES(*log_->mutex) {
    return append(batch, permitted, origin, std::move(on_done), {kNever, AckWhen::committed}, {});
  }
  // Before the coordinator of a transactional batch is asked whether this partition takes part; nullopt: it need not be, the transaction is open here.
  // NOT_LEADER_OR_FOLLOWER.
  Result<std::optional<TransactionGuard>> begin_verification(const ProducerBatch& batch) EXCLUDES(*log_->mutex);
  // What is known of producers, longest silent first. NOT_LEADER_OR_FOLLOWER.
  Result<std::vector<ProducerEntry>> producers() const EXCLUDES(*log_->mutex);

  // --- Fetch.
  struct Read {
    Offset offset;
    int64_t bytes_max = 0;
    bool min_one_message = false;
    Isolation isolation = Isolation::read_uncommitted;
    LeaderEpoch current_leader_epoch;  // -1 not checked
    LeaderEpoch last_fetched_epoch;    // -1 not checked
    bool leader_only = true;           // false: a follower may answer (KIP-392)
    std::optional<Leader::FollowerFetch> follower;  // set: the fetch is a replica's
  };
  struct ReadAnswer {
    ReadPlan plan;                      // to be run outside the lock
    std::optional<EpochEnd> diverging;  // set: there are no records
    Offset high_watermark;
    Offset last_stable_offset;
    Offset log_start;
    Offset end;                         // of what may be read now: park against it
  };
  // Errors: NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, OFFSET_OUT_OF_RANGE, OFFSET_NOT_AVAILABLE, KAFKA_STORAGE_ERROR,
  // UNKNOWN_LEADER_EPOCH for a replica that is not assigned.
  Result<ReadAnswer> read(const Read& read) EXCLUDES(*log_->mutex);
  // Who besides this leader could serve a consumer at `offset` (KIP-392); nobody if this broker does not lead.
  std::vector<Leader::Holder> holders(Offset offset) const EXCLUDES(*log_->mutex);
  // False if there is more to read than up to `end` already, or the role changed: read again. The waiter is dropped when woken.
  bool park(const FetchWaiterPtr& waiter, Isolation isolation, Offset end, LeaderEpoch current_leader_epoch) EXCLUDES(*log_->mutex);

  // --- Offsets.
  struct OffsetView {
    Offset log_start, high_watermark, last_stable_offset, log_end;
    LeaderEpoch leader_epoch;
    LeaderEpoch start_epoch;  // of the record at log_start; -1 unknown
    // A new leader does not know yet what is committed: its high watermark is behind its epoch's start.
    bool high_watermark_lags = false;
    Offset end(Isolation isolation) const;
  };
  // Errors as in read().
  Result<OffsetView> offsets(LeaderEpoch current_leader_epoch, bool leader_only) const EXCLUDES(*log_->mutex);
  // Records and the bounds that hold for them, of one hold: what is found is not judged by what became of the log later.
  struct TimestampSearch {
    OffsetView view;
    TimestampPlan plan;  // to be run outside the lock
  };
  // nullopt searches the largest timestamp.
  Result<TimestampSearch> plan_timestamp_search(LeaderEpoch current_leader_epoch, bool leader_only, std::optional<int64_t> timestamp) const
      EXCLUDES(*log_->mutex);
  struct SegmentTimes {
    OffsetView view;
    std::vector<std::pair<Offset, int64_t>> segments;  // base offsets, and when each was last written (wall clock, ms)
  };
  Result<SegmentTimes> segment_times(bool leader_only) const EXCLUDES(*log_->mutex);
  Result<EpochEnd> end_of_epoch(LeaderEpoch current_leader_epoch, LeaderEpoch asked, bool leader_only) const EXCLUDES(*log_->mutex);
  // DeleteRecords: raises the log start; offset -1 is the high watermark. Returns the offset that low_watermark() must reach.
  Result<Offset> delete_records(Offset before) EXCLUDES(*log_->mutex);
  Result<Offset> low_watermark() const EXCLUDES(*log_->mutex);

  // --- Follower. The fetcher's thread.
  struct FetchFrom {
    LeaderEpoch leader_epoch;
    Offset offset;
    LeaderEpoch last_fetched_epoch;
    Offset log_start;
    bool has_no_epochs = false;  // and uncommitted records: truncate_without_epochs before the first fetch
  };
  // nullopt unless this broker follows and nothing is wrong with the log. With flush.messages=1 also while the log's end is not on the device: to
  // ask from there on is to acknowledge what lies before.
  std::optional<FetchFrom> fetch_from() const EXCLUDES(*log_->mutex);
  // True if fetch_from waits for the device; `done` is called once it need not any more, on any thread.
  bool await_sync(OnCommitted done) EXCLUDES(*log_->mutex);
  // What the leader sent under `sent_under`. Errors: FENCED_LEADER_EPOCH (dropped), CORRUPT_MESSAGE, OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR.
  Status append_fetched(LeaderEpoch sent_under, Bytes batches, Offset leader_high_watermark, Offset leader_log_start) EXCLUDES(*log_->mutex);
  // True if the first batch begins before the end of the log and reaches beyond it. append_around_the_end takes it.
  bool begin_before_the_end(Bytes batches) const EXCLUDES(*log_->mutex);
  // Pool threads: they truncate and wait for the device.
  // As append_fetched, of a log that is cut before the first batch. What is missing before it then has to be fetched first: nothing is appended.
  // CORRUPT_MESSAGE also if it cannot be told which of the two logs is damaged.
  Status append_around_the_end(LeaderEpoch sent_under, Bytes batches, Offset leader_high_watermark, Offset leader_log_start) EXCLUDES(*log_->mutex);
  // Before the first fetch of a log that has records and no epoch.
  Status truncate_without_epochs(LeaderEpoch sent_under) EXCLUDES(*log_->mutex);
  Status truncate_diverging(LeaderEpoch sent_under, EpochEnd leader) EXCLUDES(*log_->mutex);
  Status truncate_out_of_range(LeaderEpoch sent_under, Offset leader_start, Offset leader_end) EXCLUDES(*log_->mutex);

  // --- In-sync set.
  void on_isr_written(const IsrProposal& proposal, ProposalOutcome outcome, std::optional<CommittedPartitionState> answer) EXCLUDES(*log_->mutex);
  // Every replica_lag_max / 2.
  void on_tick() EXCLUDES(*log_->mutex);

  // For metrics and views.
  struct State {
    bool is_leader = false;
    size_t replicas = 0;
    size_t in_sync = 0;
    bool under_min_isr = false;
    bool at_min_isr = false;
    bool reassigning = false;  // false unless it leads
    int64_t lag = 0;           // of a follower: records up to the leader's high watermark, as told last, that it does not have
    size_t parked_produces = 0, parked_fetches = 0;
    Offset log_start, log_end, high_watermark;
    int64_t bytes = 0;
  };
  State state() const EXCLUDES(*log_->mutex);

 private:
  struct ParkedAck {
    Offset required;  // acknowledged when the high watermark, or the end of what is synced, is here
    MonoTime give_up;
    OnCommitted on_committed;
  };
  // What is to be done after unlocking.
  struct Afterwards {
    std::optional<IsrProposal> proposal;
    std::vector<std::pair<OnCommitted, ErrorCode>> acks;
    std::vector<FetchWaiterPtr> wakes;
    bool flush = false;
  };

  Leader::Settings leader_settings(const LogConfig& config) const;
  // NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS if `for_all`.
  Status check_appendable(bool for_all) const REQUIRES(*log_->mutex);
  void remember_refusal(const std::optional<ProducerBatch>& batch, ErrorCode error) REQUIRES(*log_->mutex);
  ErrorCode check_epoch(LeaderEpoch asked) const REQUIRES(*log_->mutex);
  ErrorCode check_readable(LeaderEpoch current_leader_epoch, bool leader_only) const REQUIRES(*log_->mutex);
  Result<OffsetView> view_offsets(LeaderEpoch current_leader_epoch, bool leader_only) const REQUIRES(*log_->mutex);
  Offset end_for(Isolation isolation) const REQUIRES(*log_->mutex);
  void collect(const Leader::Effects& effects, Afterwards& after) REQUIRES(*log_->mutex);
  void collect_acks(Afterwards& after) REQUIRES(*log_->mutex);
  static void park_ack(std::deque<ParkedAck>& parked, ParkedAck ack);
  bool is_unsynced() const REQUIRES(*log_->mutex);
  void want_flush(Afterwards& after) REQUIRES(*log_->mutex);
  void on_flushed() EXCLUDES(*log_->mutex);
  void wake_all(std::vector<FetchWaiterPtr>& waiters, Afterwards& after) REQUIRES(*log_->mutex);
  void drop_parked(ErrorCode error, Afterwards& after) REQUIRES(*log_->mutex);
  void perform(Afterwards after) EXCLUDES(*log_->mutex);
  // Pool; nobody but the caller changes the log meanwhile.
  Result<Offset> batch_base(Offset offset) const EXCLUDES(*log_->mutex);  // of the batch that holds it, or of the next one
  Result<Follower::AroundTheEnd> look_around_the_end(Offset leaders_base) const EXCLUDES(*log_->mutex);
  template <class Truncation>
  Status truncate(LeaderEpoch sent_under, Truncation decide) EXCLUDES(*log_->mutex);

  const TopicPartition name_;
  const TopicId topic_id_;
  const PartitionLogPtr log_;
  Surroundings& surroundings_;

  BrokerId leader_id_ GUARDED_BY(*log_->mutex);
  LeaderEpoch leader_epoch_ GUARDED_BY(*log_->mutex);
  ControllerEpoch controller_epoch_ GUARDED_BY(*log_->mutex);
  std::optional<Leader> leading_ GUARDED_BY(*log_->mutex);     // at most one of the two
  std::optional<Follower> following_ GUARDED_BY(*log_->mutex);
  bool reassigning_ GUARDED_BY(*log_->mutex) = false;
  Offset leaders_high_watermark_ GUARDED_BY(*log_->mutex);  // of a follower; 0 until it is told
  RefusedBatches refused_ GUARDED_BY(*log_->mutex);
  std::deque<ParkedAck> parked_acks_ GUARDED_BY(*log_->mutex);        // rising in `required`, as are the next
  std::deque<ParkedAck> parked_syncs_ GUARDED_BY(*log_->mutex);       // for the device
  std::vector<FetchWaiterPtr> parked_consumers_ GUARDED_BY(*log_->mutex);  // for the high watermark or the last stable offset
  std::vector<FetchWaiterPtr> parked_followers_ GUARDED_BY(*log_->mutex);  // for the log end
};

using PartitionPtr = std::shared_ptr<Partition>;

}  // namespace quokka
