#include "broker/replica/partition.h"

#include <algorithm>

#include <fmt/core.h>

#include "broker/log/producer_batches.h"
#include "protocol/records/record_batch.h"

namespace quokka {

namespace {

Error not_leader(const TopicPartition& name) {
  return {ErrorCode::NOT_LEADER_OR_FOLLOWER, "this broker does not lead " + name.str()};
}

// A batch of a peer is checked before it enters the log: a bad disk or wire there must not become ours.
Status check_batches(const TopicPartition& name, Bytes batches) {
  BatchCursor cursor(batches);
  while (const auto batch = cursor.next()) {
    if (!batch->crc_is_valid())
      return Error{ErrorCode::CORRUPT_MESSAGE,
                   name.str() + ": the batch at offset " + std::to_string(batch->base_offset().value) + " from the leader has a wrong CRC"};
  }
  if (cursor.stop() == BatchCursor::Stop::CORRUPT)
    return Error{ErrorCode::CORRUPT_MESSAGE, name.str() + ": records from the leader: " + std::string(cursor.why())};
  return {};
}

}  // namespace

Partition::Partition(TopicPartition name, TopicId topic_id, PartitionLogPtr log, Surroundings& surroundings)
    : name_(std::move(name)), topic_id_(topic_id), log_(std::move(log)), surroundings_(surroundings) {}

Offset Partition::OffsetView::end(Isolation isolation) const {
  switch (isolation) {
    case Isolation::read_uncommitted: return high_watermark;
    case Isolation::read_committed: return last_stable_offset;
    case Isolation::log_end: return log_end;
  }
  return high_watermark;
}

void Partition::attach() {
  MutexLock lock(*log_->mutex);
  log_->on_flushed = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_flushed();
  };
}

// --- Roles

Result<bool> Partition::make_leader(const PartitionRole& role) {
  Afterwards after;
  bool newly = false;
  {
    MutexLock lock(*log_->mutex);
    Log& log = *log_->log;
    if (log.fenced()) return Error{ErrorCode::KAFKA_STORAGE_ERROR, "the log of " + name_.str() + " is offline"};
    newly = !leading_;
    log.assign_epoch(role.leader_epoch);
    const MonoTime now = surroundings_.clock.now();
    const Leader::Start start{surroundings_.self,
                              {role.leader_epoch, role.partition_epoch, role.isr, role.recovering},
                              role.replicas,
                              log.log_end(),
                              log.high_watermark(),
                              log.recovery_point()};
    following_.reset();
    Leader leader(start, leader_settings(*log.config()), now);
    if (leading_) leader.remember_brokers(*leading_);
    leading_.emplace(std::move(leader));
    leader_id_ = role.leader;
    leader_epoch_ = role.leader_epoch;
    controller_epoch_ = role.controller_epoch;
    reassigning_ = role.reassigning;
    // Acknowledgements that are parked stay: leadership was never lost, so their records are where they were.
    collect(leading_->on_appended(log.log_end(), now), after);
    wake_all(parked_consumers_, after);  // their epoch has passed
    wake_all(parked_followers_, after);
    want_flush(after);
  }
  perform(std::move(after));
  return newly;
}

Result<bool> Partition::make_follower(const PartitionRole& role) {
  Afterwards after;
  bool changed = false;
  {
    MutexLock lock(*log_->mutex);
    if (log_->log->fenced()) return Error{ErrorCode::KAFKA_STORAGE_ERROR, "the log of " + name_.str() + " is offline"};
    changed = !following_ || leader_id_ != role.leader || leader_epoch_ != role.leader_epoch;
    leading_.reset();
    following_.emplace(role.leader_epoch);
    leaders_high_watermark_ = Offset(0);
    leader_id_ = role.leader;
    leader_epoch_ = role.leader_epoch;
    controller_epoch_ = role.controller_epoch;
    drop_parked(ErrorCode::NOT_LEADER_OR_FOLLOWER, after);
    want_flush(after);
  }
  perform(std::move(after));
  return changed;
}

void Partition::stop(ErrorCode for_waiters) {
  Afterwards after;
  {
    MutexLock lock(*log_->mutex);
    leading_.reset();
    following_.reset();
    leader_id_ = BrokerId();
    drop_parked(for_waiters, after);
  }
  perform(std::move(after));
}

LeaderEpoch Partition::leader_epoch() const {
  MutexLock lock(*log_->mutex);
  return leader_epoch_;
}

BrokerId Partition::leader() const {
  MutexLock lock(*log_->mutex);
  return leader_id_;
}

Leader::Settings Partition::leader_settings(const LogConfig& config) const {
  return {surroundings_.replica_lag_max, config.min_insync_replicas, config.durable()};
}

void Partition::set_config(LogConfigPtr config) {
  Afterwards after;
  {
    MutexLock lock(*log_->mutex);
    log_->log->set_config(config);
    if (leading_) collect(leading_->on_settings(leader_settings(*config), surroundings_.clock.now()), after);
    want_flush(after);
  }
  perform(std::move(after));
}

void Partition::on_live_brokers(const std::vector<BrokerId>& live) {
  Afterwards after;
  {
    MutexLock lock(*log_->mutex);
    if (!leading_) return;
    collect(leading_->on_live_brokers(live, surroundings_.clock.now()), after);
  }
  perform(std::move(after));
}

LogConfigPtr Partition::config() const {
  MutexLock lock(*log_->mutex);
  return log_->log->config();
}

// --- Produce

Result<Partition::AppendPermit> Partition::permit_append(int16_t acks, const std::optional<ProducerBatch>& batch) {
  MutexLock lock(*log_->mutex);
  if (log_->log->fenced()) return Error{ErrorCode::KAFKA_STORAGE_ERROR, "the log of " + name_.str() + " is offline"};
  if (const Status status = check_appendable(acks == -1); !status) {
    remember_refusal(batch, status.code());
    return status.error();
  }
  if (batch && !refused_.empty())
    if (const ErrorCode error = refused_.check(*batch, log_->log->producers().find(batch->producer_id), surroundings_.clock.now()); error != ErrorCode::NONE)
      return Error{error, "a batch before this one was refused, and has not come to " + name_.str() + " again"};
  return AppendPermit{leader_epoch_, log_->log->config(), log_->log->log_start()};
}

Status Partition::check_appendable(bool for_all) const {
  if (!leading_) return not_leader(name_);
  if (!for_all || leading_->has_enough_replicas()) return {};
  return Error{ErrorCode::NOT_ENOUGH_REPLICAS, "the in-sync replicas of " + name_.str() + " are fewer than min.insync.replicas " +
                                                   std::to_string(log_->log->config()->min_insync_replicas)};
}

void Partition::remember_refusal(const std::optional<ProducerBatch>& batch, ErrorCode error) {
  if (batch) refused_.refuse(*batch, error, surroundings_.clock.now());
}

Result<Partition::Appended> Partition::append(BatchToAppend& batch, LeaderEpoch permitted, AppendOrigin origin, OnCommitted on_done,
                                              AckTerms terms, TransactionGuard guard) {
  Afterwards after;
  Appended appended;
  std::optional<FileSlice> write_behind;
  {
    MutexLock lock(*log_->mutex);
    // The set may have shrunk since the permit; whoever waits for all must not find the record in the log then.
    const bool for_all = on_done && terms.ack_when == AckWhen::committed;
    const Status status = leader_epoch_ == permitted ? check_appendable(for_all) : not_leader(name_);
    if (!status) {
      if (origin == AppendOrigin::CLIENT) remember_refusal(idempotent_batch(batch.view()), status.code());
      return status.error();
    }
    Result<AppendResult> result = log_->log->append_as_leader(batch, leader_epoch_, origin, surroundings_.clock.wall_now(), guard);
    if (!result) return result.error();
    appended.result = *std::move(result);
    write_behind = std::move(appended.result.write_behind);
    if (!appended.result.duplicate) {
      collect(leading_->on_appended(appended.result.log_end, surroundings_.clock.now()), after);
      wake_all(parked_followers_, after);
      want_flush(after);
    }
    const Offset required = appended.result.last_offset + 1;
    const bool done = for_all ? leading_->high_watermark() >= required : !is_unsynced() || log_->log->recovery_point() >= required;
    if (on_done && !done) {
      appended.waits = true;
      park_ack(for_all ? parked_acks_ : parked_syncs_, {required, terms.give_up, std::move(on_done)});
    }
  }
  if (write_behind) surroundings_.directories.write_behind(std::move(*write_behind));
  perform(std::move(after));
  return appended;
}

Result<std::optional<TransactionGuard>> Partition::begin_verification(const ProducerBatch& batch) {
  MutexLock lock(*log_->mutex);
  if (!leading_) return not_leader(name_);
  return log_->log->begin_verification(batch, surroundings_.clock.wall_now());
}

Result<std::vector<ProducerEntry>> Partition::producers() const {
  MutexLock lock(*log_->mutex);
  if (!leading_ && !following_) return not_leader(name_);
  return log_->log->producers().entries();
}

// A duplicate may belong before what waits already.
void Partition::park_ack(std::deque<ParkedAck>& parked, ParkedAck ack) {
  const auto at = std::upper_bound(parked.begin(), parked.end(), ack.required, [](Offset a, const ParkedAck& b) { return a < b.required; });
  parked.insert(at, std::move(ack));
}

// --- Fetch

ErrorCode Partition::check_epoch(LeaderEpoch asked) const {
  if (asked.value == -1 || asked == leader_epoch_) return ErrorCode::NONE;
  return asked < leader_epoch_ ? ErrorCode::FENCED_LEADER_EPOCH : ErrorCode::UNKNOWN_LEADER_EPOCH;
}

ErrorCode Partition::check_readable(LeaderEpoch current_leader_epoch, bool leader_only) const {
  if (const ErrorCode error = check_epoch(current_leader_epoch); error != ErrorCode::NONE) return error;
  if (log_->log->health()->offline()) return ErrorCode::KAFKA_STORAGE_ERROR;
  if (leading_ || (!leader_only && following_)) return ErrorCode::NONE;
  return ErrorCode::NOT_LEADER_OR_FOLLOWER;
}

Offset Partition::end_for(Isolation isolation) const {
  switch (isolation) {
    case Isolation::read_uncommitted: return log_->log->high_watermark();
    case Isolation::read_committed: return log_->log->last_stable_offset();
    case Isolation::log_end: return log_->log->log_end();
  }
  return log_->log->high_watermark();
}

Result<Partition::ReadAnswer> Partition::read(const Read& read) {
  Afterwards after;
  ReadAnswer answer;
  {
    MutexLock lock(*log_->mutex);
    const Log& log = *log_->log;
    if (const ErrorCode error = check_readable(read.current_leader_epoch, read.leader_only); error != ErrorCode::NONE)
      return Error{error, name_.str()};
    if (read.follower && !leading_->is_replica(read.follower->follower))
      return Error{read.current_leader_epoch.value >= 0 ? ErrorCode::UNKNOWN_LEADER_EPOCH : ErrorCode::NOT_LEADER_OR_FOLLOWER,
                   "no replica of " + name_.str() + " is assigned to that broker"};
    answer.high_watermark = log.high_watermark();
    answer.last_stable_offset = log.last_stable_offset();
    answer.log_start = log.log_start();
    answer.end = end_for(read.isolation);
    // Who fetches from a follower by an old word of its leadership must not take the end of its log for that of the partition, and begin anew.
    if (!leading_ && read.offset > log.log_end())
      return Error{ErrorCode::NOT_LEADER_OR_FOLLOWER, "the log of this follower of " + name_.str() + " ends before the offset asked for"};
    if (read.last_fetched_epoch.value >= 0) {
      const EpochEnd ours = log.end_of_epoch(read.last_fetched_epoch);
      if (ours.epoch.value < 0 || ours.end_offset.value < 0 || read.offset < log.log_start())
        return Error{ErrorCode::OFFSET_OUT_OF_RANGE, name_.str() + ": the end of the last fetched epoch is not known"};
      if (ours.epoch < read.last_fetched_epoch || ours.end_offset < read.offset) {
        answer.diverging = ours;
        return answer;
      }
    }
    Result<ReadPlan> plan = log.plan_read(
        {read.offset, answer.end, read.bytes_max, read.min_one_message, read.isolation == Isolation::read_committed});
    if (!plan) return plan.error();
    answer.plan = *std::move(plan);
    if (read.follower) collect(leading_->on_follower_fetch(*read.follower, surroundings_.clock.now()), after);
  }
  perform(std::move(after));
  return answer;
}

std::vector<Leader::Holder> Partition::holders(Offset offset) const {
  MutexLock lock(*log_->mutex);
  return leading_ ? leading_->holders(offset) : std::vector<Leader::Holder>();
}

bool Partition::park(const FetchWaiterPtr& waiter, Isolation isolation, Offset end, LeaderEpoch current_leader_epoch) {
  MutexLock lock(*log_->mutex);
  if (check_readable(current_leader_epoch, false) != ErrorCode::NONE || end_for(isolation) != end) return false;
  std::vector<FetchWaiterPtr>& waiters = isolation == Isolation::log_end ? parked_followers_ : parked_consumers_;
  // Waiters of requests that ended otherwise are only referenced from here.
  if (waiters.size() >= 64 && waiters.size() == waiters.capacity())
    std::erase_if(waiters, [](const FetchWaiterPtr& parked) { return parked.use_count() == 1; });
  waiters.push_back(waiter);
  return true;
}

// --- Offsets

Result<Partition::OffsetView> Partition::view_offsets(LeaderEpoch current_leader_epoch, bool leader_only) const {
  const Log& log = *log_->log;
  if (const ErrorCode error = check_readable(current_leader_epoch, leader_only); error != ErrorCode::NONE) return Error{error, name_.str()};
  OffsetView view{log.log_start(), log.high_watermark(), log.last_stable_offset(), log.log_end(), leader_epoch_, {}};
  view.start_epoch = log.epochs().epoch_at(log.log_start());
  view.high_watermark_lags = leading_ && view.high_watermark < leading_->epoch_start();
  return view;
}

Result<Partition::OffsetView> Partition::offsets(LeaderEpoch current_leader_epoch, bool leader_only) const {
  MutexLock lock(*log_->mutex);
  return view_offsets(current_leader_epoch, leader_only);
}

Result<Partition::TimestampSearch> Partition::plan_timestamp_search(LeaderEpoch current_leader_epoch, bool leader_only,
                                                                    std::optional<int64_t> timestamp) const {
  MutexLock lock(*log_->mutex);
  const Result<OffsetView> view = view_offsets(current_leader_epoch, leader_only);
  if (!view) return view.error();
  return TimestampSearch{*view, log_->log->plan_timestamp_search(timestamp)};
}

Result<Partition::SegmentTimes> Partition::segment_times(bool leader_only) const {
  const int64_t now_ms = surroundings_.clock.wall_now().ms;
  MutexLock lock(*log_->mutex);
  const Result<OffsetView> view = view_offsets(LeaderEpoch(), leader_only);
  if (!view) return view.error();
  SegmentTimes times{*view, {}};
  for (const SegmentPtr& segment : *log_->log->segments())
    times.segments.emplace_back(segment->base_offset(), segment->sealed() ? segment->seal()->modified_ms : now_ms);
  return times;
}

Result<EpochEnd> Partition::end_of_epoch(LeaderEpoch current_leader_epoch, LeaderEpoch asked, bool leader_only) const {
  MutexLock lock(*log_->mutex);
  if (const ErrorCode error = check_readable(current_leader_epoch, leader_only); error != ErrorCode::NONE) return Error{error, name_.str()};
  return log_->log->end_of_epoch(asked);
}

Result<Offset> Partition::delete_records(Offset before) {
  Afterwards after;
  Offset target;
  {
    MutexLock lock(*log_->mutex);
    if (!leading_) return not_leader(name_);
    Log& log = *log_->log;
    if (!log.config()->cleanup_delete)
      return Error{ErrorCode::POLICY_VIOLATION, "the cleanup.policy of " + name_.topic + " has no delete: its records cannot be deleted"};
    target = before.value == -1 ? log.high_watermark() : before;
    if (target.value < 0) return Error{ErrorCode::OFFSET_OUT_OF_RANGE, "the offset " + std::to_string(before.value) + " is negative"};
    if (const Status status = log.raise_log_start(target); !status) return status.error();
    collect(leading_->on_log_start(log.log_start()), after);
  }
  perform(std::move(after));
  return target;
}

Result<Offset> Partition::low_watermark() const {
  MutexLock lock(*log_->mutex);
  if (!leading_) return not_leader(name_);
  return leading_->low_watermark(log_->log->log_start());
}

// --- Follower

std::optional<Partition::FetchFrom> Partition::fetch_from() const {
  MutexLock lock(*log_->mutex);
  const Log& log = *log_->log;
  if (!following_ || log.fenced() || is_unsynced()) return std::nullopt;
  const LeaderEpoch last = log.epochs().latest();
  return FetchFrom{leader_epoch_, log.log_end(), last, log.log_start(), last.value < 0 && log.log_end() > log.high_watermark()};
}

bool Partition::await_sync(OnCommitted done) {
  MutexLock lock(*log_->mutex);
  if (!following_ || log_->log->fenced() || !is_unsynced()) return false;
  park_ack(parked_syncs_, {log_->log->log_end(), kNever, std::move(done)});
  return true;
}

bool Partition::begin_before_the_end(Bytes batches) const {
  const auto first = BatchCursor(batches).next();
  MutexLock lock(*log_->mutex);
  const Offset end = log_->log->log_end();
  return first && first->base_offset() < end && first->last_offset() >= end;
}

Result<Offset> Partition::batch_base(Offset offset) const {
  std::optional<ReadPlan> plan;
  {
    MutexLock lock(*log_->mutex);
    auto planned = log_->log->plan_read({.offset = offset, .end = log_->log->log_end(), .bytes_max = 1, .min_one_message = true});
    if (!planned) return planned.error();
    plan = *std::move(planned);
  }
  const auto read = plan->run();
  if (!read) return read.error();
  return read->base_offset;
}

Result<Follower::AroundTheEnd> Partition::look_around_the_end(Offset leaders_base) const {
  const auto [log_start, log_end] = [&] {
    MutexLock lock(*log_->mutex);
    return std::pair(log_->log->log_start(), log_->log->log_end());
  }();
  if (log_start == log_end) return Follower::AroundTheEnd{leaders_base, log_end, true};
  const auto own = batch_base(std::max(leaders_base, log_start));
  if (!own) return own.error();
  const auto last = batch_base(Offset(log_end.value - 1));
  if (!last) return last.error();
  if (*last <= log_start) return Follower::AroundTheEnd{leaders_base, *own, true};
  const auto before = batch_base(Offset(last->value - 1));
  if (!before) return before.error();
  return Follower::AroundTheEnd{leaders_base, *own, *before < *last};
}

Status Partition::append_around_the_end(LeaderEpoch sent_under, Bytes batches, Offset leader_high_watermark, Offset leader_log_start) {
  // What it says of its end can be trusted with its CRC: no more than one batch of the log is at stake.
  if (const Status status = check_batches(name_, batches); !status) return status;
  const auto first = BatchCursor(batches).next();
  if (!first) return {};
  const Offset base = first->base_offset();
  const auto around = look_around_the_end(base);
  if (!around) return around.error();
  bool refused = false;
  const Status cut = truncate(sent_under, [&](const Follower& follower, const Log& log) {
    const auto effects = follower.on_batch_around_the_end(*around, {log.log_start(), log.log_end(), log.high_watermark(), {}});
    refused = effects.refused;
    return effects;
  });
  if (refused) {
    return Error{ErrorCode::CORRUPT_MESSAGE,
                 fmt::format("{}: the leader sends offsets {} to {} as one batch, and this replica's committed records end inside it, at {}. One of the two logs is "
                             "damaged, and neither is cut: if it is this one, stop this broker and remove the partition's directory, and it is copied anew; if it is the "
                             "leader's, make another replica the leader first",
                             name_.str(), base.value, first->last_offset().value, log_end().value)};
  }
  if (!cut || log_end() != base) return cut;
  return append_fetched(sent_under, batches, leader_high_watermark, leader_log_start);
}

Status Partition::append_fetched(LeaderEpoch sent_under, Bytes batches, Offset leader_high_watermark, Offset leader_log_start) {
  if (const Status status = check_batches(name_, batches); !status) return status;
  Afterwards after;
  std::optional<FileSlice> write_behind;
  {
    MutexLock lock(*log_->mutex);
    if (!following_ || !following_->accepts(sent_under))
      return Error{ErrorCode::FENCED_LEADER_EPOCH, name_.str() + ": the leader changed while the fetch was under way"};
    Log& log = *log_->log;
    if (!batches.empty()) {
      Result<AppendResult> result = log.append_as_follower(batches, surroundings_.clock.wall_now());
      if (!result) return result.error();
      write_behind = std::move(result->write_behind);
      want_flush(after);
    }
    leaders_high_watermark_ = leader_high_watermark;
    const Offset high_watermark = Follower::high_watermark(leader_high_watermark, log.log_end());
    if (high_watermark > log.high_watermark()) {
      log.set_high_watermark(high_watermark);
      wake_all(parked_consumers_, after);
    }
    const Offset log_start = std::min(leader_log_start, log.high_watermark());
    if (log_start > log.log_start()) {
      if (const Status status = log.raise_log_start(log_start); !status) return status;
    }
  }
  if (write_behind) surroundings_.directories.write_behind(std::move(*write_behind));
  perform(std::move(after));
  return {};
}

template <class Truncation>
Status Partition::truncate(LeaderEpoch sent_under, Truncation decide) {
  {
    MutexLock lock(*log_->mutex);
    if (!following_ || !following_->accepts(sent_under))
      return Error{ErrorCode::FENCED_LEADER_EPOCH, name_.str() + ": the leader changed while the fetch was under way"};
    Log& log = *log_->log;
    const Follower::Effects effects = decide(*following_, log);
    const WallTime now = surroundings_.clock.wall_now();
    Status status;
    if (effects.truncate_fully_and_start_at) {
      status = log.truncate_fully_and_start_at(*effects.truncate_fully_and_start_at, now);
    } else if (effects.truncate_to) {
      status = log.truncate_to(*effects.truncate_to, now);
    }
    if (!status) return status;
  }
  return surroundings_.directories.finish_truncation(log_);
}

Status Partition::truncate_diverging(LeaderEpoch sent_under, EpochEnd leader) {
  return truncate(sent_under, [&](const Follower& follower, const Log& log) {
    return follower.on_diverging(leader, {log.log_start(), log.log_end(), log.high_watermark(), log.end_of_epoch(leader.epoch)});
  });
}

Status Partition::truncate_out_of_range(LeaderEpoch sent_under, Offset leader_start, Offset leader_end) {
  return truncate(sent_under, [&](const Follower& follower, const Log& log) {
    return follower.on_out_of_range(leader_start, leader_end,
                                    {log.log_start(), log.log_end(), log.high_watermark(), log.end_of_epoch(follower.leader_epoch())});
  });
}

Status Partition::truncate_without_epochs(LeaderEpoch sent_under) {
  return truncate(sent_under, [&](const Follower& follower, const Log& log) {
    return follower.on_no_epochs({log.log_start(), log.log_end(), log.high_watermark(), {}});
  });
}

// --- In-sync set

void Partition::on_isr_written(const IsrProposal& proposal, ProposalOutcome outcome, std::optional<CommittedPartitionState> answer) {
  Afterwards after;
  {
    MutexLock lock(*log_->mutex);
    if (!leading_ || proposal.leader_epoch != leader_epoch_) return;
    collect(leading_->on_isr_written(proposal, outcome, answer, surroundings_.clock.now()), after);
    collect_acks(after);  // min.insync.replicas may be met, or no longer
  }
  perform(std::move(after));
}

void Partition::on_tick() {
  Afterwards after;
  {
    MutexLock lock(*log_->mutex);
    if (!leading_) return;
    const MonoTime now = surroundings_.clock.now();
    collect(leading_->on_tick(now), after);
    // While the high watermark stands still, those whose request was answered with a time-out would pile up.
    std::erase_if(parked_acks_, [&](ParkedAck& parked) {
      if (parked.give_up > now) return false;
      after.acks.emplace_back(std::move(parked.on_committed), ErrorCode::REQUEST_TIMED_OUT);
      return true;
    });
  }
  perform(std::move(after));
}

bool Partition::is_in_sync(BrokerId replica) const {
  MutexLock lock(*log_->mutex);
  if (!leading_) return false;
  const std::vector<BrokerId>& isr = leading_->committed().isr;
  return std::find(isr.begin(), isr.end(), replica) != isr.end();
}

Offset Partition::log_end() const {
  MutexLock lock(*log_->mutex);
  return log_->log->log_end();
}

Partition::State Partition::state() const {
  MutexLock lock(*log_->mutex);
  const Log& log = *log_->log;
  State state;
  state.is_leader = leading_.has_value();
  if (leading_) {
    state.replicas = leading_->replicas().size();
    state.in_sync = leading_->committed().isr.size();
    state.under_min_isr = !leading_->has_enough_replicas();
    state.at_min_isr = leading_->has_just_enough_replicas();
    state.reassigning = reassigning_;
  }
  if (following_) state.lag = std::max<int64_t>(0, leaders_high_watermark_ - log.log_end());
  state.parked_produces = parked_acks_.size() + parked_syncs_.size();
  state.parked_fetches = parked_consumers_.size() + parked_followers_.size();
  state.log_start = log.log_start();
  state.log_end = log.log_end();
  state.high_watermark = log.high_watermark();
  state.bytes = log.size_bytes();
  return state;
}

// --- What follows from a decision

void Partition::collect(const Leader::Effects& effects, Afterwards& after) {
  if (effects.propose) after.proposal = effects.propose;
  if (effects.isr_update) surroundings_.meters.mark(*effects.isr_update);
  if (!effects.high_watermark) return;
  log_->log->set_high_watermark(*effects.high_watermark);
  collect_acks(after);
  wake_all(parked_consumers_, after);
}

void Partition::collect_acks(Afterwards& after) {
  while (!parked_acks_.empty() && parked_acks_.front().required <= leading_->high_watermark()) {
    const ErrorCode error = leading_->had_enough_replicas() ? ErrorCode::NONE : ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    after.acks.emplace_back(std::move(parked_acks_.front().on_committed), error);
    parked_acks_.pop_front();
  }
}

bool Partition::is_unsynced() const {
  const Log& log = *log_->log;
  return log.config()->durable() && log.recovery_point() < log.log_end();
}

// One at a time: what is appended while a flush waits for its turn is covered by it, what comes while it runs by the next.
void Partition::want_flush(Afterwards& after) {
  const Log& log = *log_->log;
  if (log_->flush_wanted || log.flushing() || log.fenced() || log.unflushed_messages() < log.config()->flush_messages) return;
  log_->flush_wanted = true;
  after.flush = true;
}

void Partition::on_flushed() {
  Afterwards after;
  {
    MutexLock lock(*log_->mutex);
    const Log& log = *log_->log;
    if (leading_) collect(leading_->on_synced(log.recovery_point(), surroundings_.clock.now()), after);
    // A truncation may have taken what was waited for.
    while (!parked_syncs_.empty() && std::min(parked_syncs_.front().required, log.log_end()) <= log.recovery_point()) {
      after.acks.emplace_back(std::move(parked_syncs_.front().on_committed), ErrorCode::NONE);
      parked_syncs_.pop_front();
    }
    want_flush(after);
  }
  perform(std::move(after));
}

void Partition::wake_all(std::vector<FetchWaiterPtr>& waiters, Afterwards& after) {
  if (after.wakes.empty()) {
    after.wakes.swap(waiters);
  } else {
    for (FetchWaiterPtr& waiter : waiters) after.wakes.push_back(std::move(waiter));
    waiters.clear();
  }
}

void Partition::drop_parked(ErrorCode error, Afterwards& after) {
  for (ParkedAck& parked : parked_acks_) after.acks.emplace_back(std::move(parked.on_committed), error);
  parked_acks_.clear();
  for (ParkedAck& parked : parked_syncs_) after.acks.emplace_back(std::move(parked.on_committed), error);
  parked_syncs_.clear();
  wake_all(parked_consumers_, after);
  wake_all(parked_followers_, after);
}

void Partition::perform(Afterwards after) {
  if (after.flush) surroundings_.directories.flush_soon(log_);
  if (after.proposal) surroundings_.proposals.propose(shared_from_this(), *std::move(after.proposal));
  for (auto& [on_committed, error] : after.acks) on_committed(error);
  for (const FetchWaiterPtr& waiter : after.wakes) waiter->wake();
}

}  // namespace quokka
