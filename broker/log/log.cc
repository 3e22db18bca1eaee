// State, appends, flush and close. Reads are planned in log_plan.cc, truncation and retention are in log_cut.cc, opening is in log_loader.cc.
#include "broker/log/log.h"

#include <algorithm>
#include <iterator>

#include "broker/log/checkpoints.h"
#include "broker/log/log_names.h"
#include "broker/log/producer_batches.h"
#include "broker/producer/producer_snapshot.h"

namespace quokka {

namespace {

constexpr int64_t kWriteBehindBytes = 8 << 20;
constexpr int64_t kPreallocationFrom = 4 << 20;  // small partitions get no more than they use
constexpr int64_t kPreallocationStep = 16 << 20;

}  // namespace

Log::Log(Disk& disk, Opening opening)
    : disk_(disk),
      partition_(std::move(opening.partition)),
      health_(std::move(opening.health)),
      jitter_draw_(opening.jitter_draw),
      directory_(std::move(opening.directory)),
      config_(std::move(opening.config)),
      segments_(std::make_shared<SegmentList>()),
      producers_({config_->producers_max, config_->producer_id_expiration_ms}),
      first_dirty_(opening.first_dirty) {}

Log::~Log() = default;

void Log::set_config(LogConfigPtr config) {
  config_ = std::move(config);
  producers_.set_limits({config_->producers_max, config_->producer_id_expiration_ms});
}

void Log::set_high_watermark(Offset high_watermark) {
  high_watermark_ = std::clamp(high_watermark, log_start_, std::max(log_start_, log_end()));
  producers_.on_high_watermark(high_watermark_);
}

Offset Log::last_stable_offset() const {
  const auto unstable = producers_.first_unstable_offset(high_watermark_);
  if (!unstable) return high_watermark_;
  return std::min(high_watermark_, std::max(*unstable, log_start_));
}

void Log::moved_to(std::string directory) { directory_ = std::move(directory); }

Status Log::refuse_if_fenced() const {
  if (health_->offline())
    return Error{ErrorCode::KAFKA_STORAGE_ERROR, "log directory " + health_->path() + " is offline: " + health_->reason()};
  if (fenced_) return Error{ErrorCode::KAFKA_STORAGE_ERROR, "the log of " + partition_.str() + " takes no more appends"};
  return {};
}

// The bytes on disk are unknown from here on: nothing more is appended, here or in the whole directory.
Error Log::fail(const Error& error) {
  fenced_ = true;
  if (error.code == kOutOfDescriptors)
    health_->want_descriptors();
  else
    health_->fail(error.message);
  return {ErrorCode::KAFKA_STORAGE_ERROR, error.message};
}

// Of what has changed nothing yet: without a descriptor only this operation fails.
Error Log::refuse(const Error& error) {
  if (error.code != kOutOfDescriptors) return fail(error);
  health_->want_descriptors();
  return {ErrorCode::KAFKA_STORAGE_ERROR, error.message};
}

void Log::assign_epoch(LeaderEpoch epoch) {
  if (epochs_.assign(epoch, log_end())) epochs_dirty_ = true;
}

Result<AppendResult> Log::append_as_leader(BatchToAppend& batch, LeaderEpoch leader_epoch, AppendOrigin origin, WallTime now,
                                           TransactionGuard guard) {
  if (auto status = refuse_if_fenced(); !status) return status.error();
  const BatchView view = batch.view();
  AppendResult result;
  result.log_start = log_start_;
  const Offset base = log_end();
  if (view.has_producer_id()) {
    if (view.is_control()) {
      if (const auto marker = transaction_marker(view))
        if (auto status = producers_.check(*marker); !status) return status.error();
    } else {
      auto verdict = producers_.check(producer_batch(view), origin, guard);
      if (!verdict) return verdict.error();
      if (const auto& known = verdict->duplicate_of) {
        result.base_offset = known->base_offset();
        result.last_offset = known->last_offset;
        result.log_append_time = known->timestamp;
        result.log_end = base;
        result.duplicate = true;
        return result;
      }
    }
  }
  const auto bytes = static_cast<int64_t>(view.size());
  if (bytes > config_->segment_bytes)
    return Error{ErrorCode::RECORD_LIST_TOO_LARGE, "a batch of " + std::to_string(bytes) + " bytes does not fit into a segment of " +
                                                       std::to_string(config_->segment_bytes) + " (segment.bytes) of " + partition_.str()};
  const Run run{batch.bytes(), base, base + view.last_offset_delta(), view.max_timestamp_ms()};
  if (must_roll(run, now)) {
    if (auto status = roll_at(base, now); !status) return status.error();
    result.rolled = true;
  }
  batch.assign(base, leader_epoch);
  if (auto status = write(run, now); !status) return status.error();
  result.base_offset = base;
  result.last_offset = run.last_offset;
  result.log_append_time = batch.log_append_time_ms();
  result.log_end = log_end();
  result.write_behind = due_write_behind();
  return result;
}

Result<AppendResult> Log::append_as_follower(Bytes batches, WallTime now) {
  if (auto status = refuse_if_fenced(); !status) return status.error();
  AppendResult result;
  result.log_start = log_start_;
  Offset next = log_end();
  Run run;
  const auto finish_run = [&]() -> Status {
    if (run.bytes.empty()) return {};
    const Status status = write(run, now);
    run = {};
    return status;
  };
  BatchCursor cursor(batches);
  while (const auto batch = cursor.next()) {
    if (batch->base_offset() < next || batch->last_offset() < batch->base_offset()) {
      // What came before it is good and stays.
      if (auto status = finish_run(); !status) return status.error();
      return Error{ErrorCode::OFFSET_OUT_OF_RANGE, "the leader of " + partition_.str() + " sent offset " + std::to_string(batch->base_offset().value) +
                                                       " where " + std::to_string(next.value) + " or above was due"};
    }
    Run longer = run;
    if (run.bytes.empty()) longer.first_offset = batch->base_offset();
    longer.bytes = run.bytes.empty() ? batch->bytes() : Bytes(run.bytes.data(), run.bytes.size() + batch->size());
    longer.last_offset = batch->last_offset();
    longer.max_timestamp = std::max(run.max_timestamp, batch->max_timestamp_ms());
    longer.batches = run.bytes.empty() ? 1 : run.batches + 1;
    if (must_roll(longer, now)) {
      // The run so far fits into this segment; the batch begins the next unless even an empty one is this one.
      if (auto status = finish_run(); !status) return status.error();
      longer = {batch->bytes(), batch->base_offset(), batch->last_offset(), batch->max_timestamp_ms(), 1};
      if (must_roll(longer, now)) {
        if (auto status = roll_at(batch->base_offset(), now); !status) return status.error();
        result.rolled = true;
      }
    }
    run = longer;
    if (result.base_offset.value < 0) result.base_offset = batch->base_offset();
    next = batch->next_offset();
  }
  if (auto status = finish_run(); !status) return status.error();
  if (cursor.stop() == BatchCursor::Stop::CORRUPT)
    return Error{ErrorCode::CORRUPT_MESSAGE, "the leader of " + partition_.str() + " sent no batch: " + std::string(cursor.why())};
  result.last_offset = Offset(next.value - 1);
  result.log_end = log_end();
  result.write_behind = due_write_behind();
  return result;
}

// segment.bytes, segment.ms (or max.compaction.lag.ms) by the timestamps of batches (by the wall clock where they have none), full indexes, and offsets that no longer fit 32
// bits relative to the segment's base.
bool Log::must_roll(const Run& run, WallTime now) const {
  if (run.last_offset - active_.base_offset() > INT32_MAX) return true;
  if (active_.bytes() == 0 && run.batches == 1) return false;
  if (active_.bytes() + static_cast<int64_t>(run.bytes.size()) > config_->segment_bytes) return true;
  if (active_.indexes_full(config_->segment_index_bytes)) return true;
  const int64_t jitter_max = std::min(config_->segment_jitter_ms, config_->segment_ms);
  const int64_t jitter = jitter_max <= 0 ? 0 : static_cast<int64_t>(jitter_draw_ % static_cast<uint64_t>(jitter_max));
  const auto first = active_.first_timestamp();
  const int64_t waited = first && *first >= 0 ? run.max_timestamp - *first : now.ms - active_.created().ms;
  return waited > config_->roll_ms() - jitter;
}

Status Log::write(const Run& run, WallTime now) {
  const auto bytes = static_cast<int64_t>(run.bytes.size());
  const int64_t end = active_.bytes() + bytes;
  if (end > preallocated_to_ && end > kPreallocationFrom && !config_->preallocate) {
    const int64_t step = std::min<int64_t>(kPreallocationStep, std::max<int64_t>(config_->segment_bytes - end, bytes));
    active_.file()->preallocate(active_.bytes(), step);
    preallocated_to_ = active_.bytes() + step;
  }
  if (auto status = active_.file()->write_at(run.bytes, active_.bytes()); !status) return fail(status.error());
  // From here on nothing can fail: the end moves with the bytes, and producer state and epochs with it.
  files_dirty_ = true;
  BatchCursor cursor(run.bytes);
  while (const auto batch = cursor.next()) note_batch(*batch);
  active_.set_modified(now);
  return {};
}

void Log::note_batch(const BatchView& batch) {
  active_.on_written({batch.base_offset(), batch.last_offset(), static_cast<int32_t>(batch.size()), batch.max_timestamp_ms()},
                     config_->index_interval_bytes);
  if (batch.is_v2() && batch.leader_epoch() > epochs_.latest() && epochs_.assign(batch.leader_epoch(), batch.base_offset())) epochs_dirty_ = true;
  const auto completed = apply_to_producers(batch, producers_);
  if (completed && completed->aborted)
    active_.on_aborted({completed->producer_id, completed->first_offset, completed->last_offset, completed->last_stable_offset});
}

std::optional<FileSlice> Log::due_write_behind() {
  if (active_.bytes() - write_behind_from_ < kWriteBehindBytes) return std::nullopt;
  FileSlice slice{active_.file(), write_behind_from_, active_.bytes() - write_behind_from_};
  write_behind_from_ = active_.bytes();
  return slice;
}

Status Log::roll(WallTime now) {
  if (auto status = refuse_if_fenced(); !status) return status.error();
  if (active_.bytes() == 0) return {};
  return roll_at(log_end(), now);
}

// The active segment is sealed and a new one begins at `base`. What has to be durable of it follows with the next flush.
Status Log::roll_at(Offset base, WallTime now) {
  auto file = open_segment(base);
  if (!file) return refuse(file.error());
  if (active_.bytes() == 0) {
    // Nothing was ever written here; the file makes way for one whose base fits.
    const SegmentPtr empty = active_.segment();
    auto list = std::make_shared<SegmentList>(*segments_);
    list->pop_back();
    segments_ = std::move(list);
    empty->mark_stale();
    if (auto status = remove_files(*empty); !status) return fail(status.error());
    return start_segment(base, *std::move(file), now);
  }
  active_.finish_time_index();
  // Gives back blocks that were reserved and not used.
  if (preallocated_to_ > active_.bytes())
    if (auto status = active_.file()->truncate(active_.bytes()); !status) return fail(status.error());
  auto sealed = std::make_shared<Segment>(disk_, directory_, active_.base_offset());
  sealed->set_file(active_.file());
  sealed->set_sealed(active_.seal(base, now), std::make_shared<const SegmentIndexes>(active_.indexes()));
  auto list = std::make_shared<SegmentList>(*segments_);
  list->back() = sealed;
  segments_ = std::move(list);
  sealed_bytes_ += active_.bytes();
  unsynced_.push_back(std::move(sealed));
  snapshots_.push_back({file_path(segment_file_name(base, ".snapshot")), encode_producer_snapshot(producers_.entries())});
  return start_segment(base, *std::move(file), now);
}

// A file of that name may be left over from a crash: it is emptied.
Result<std::shared_ptr<File>> Log::open_segment(Offset base) {
  return disk_.open(file_path(segment_file_name(base, ".log")), Disk::Open::create_empty);
}

Status Log::start_segment(Offset base, std::shared_ptr<File> file, WallTime now) {
  auto segment = std::make_shared<Segment>(disk_, directory_, base);
  for (const char* suffix : {".index", ".timeindex", ".txnindex"})
    if (auto status = disk_.remove(segment->path(suffix)); !status) return fail(status.error());
  if (config_->preallocate) file->preallocate(0, config_->segment_bytes);
  segment->set_file(file);
  push_segment(segment);
  active_.reset(std::move(segment), std::move(file), 0, base, {});
  active_.set_created(now);
  active_.set_modified(now);
  preallocated_to_ = config_->preallocate ? config_->segment_bytes : 0;
  write_behind_from_ = 0;
  directory_dirty_ = true;
  files_dirty_ = true;
  return {};
}

void Log::push_segment(SegmentPtr segment) {
  auto list = std::make_shared<SegmentList>(*segments_);
  list->push_back(std::move(segment));
  segments_ = std::move(list);
}

bool Log::fully_flushed() const {
  return !flushing_ && recovery_point_ >= log_end() && unsynced_.empty() && snapshots_.empty() && !epochs_dirty_ && !directory_dirty_;
}

std::optional<Flush> Log::begin_flush() {
  if (flushing_ || fenced() || fully_flushed()) return std::nullopt;
  Flush flush(disk_, directory_);
  flush.end_ = log_end();
  flush.sealed_.swap(unsynced_);
  flush.active_ = active_.segment();
  flush.snapshots_.swap(snapshots_);
  if (epochs_dirty_) flush.epochs_ = epochs_.encode();
  flush.sync_directory_ = directory_dirty_ || !flush.snapshots_.empty();
  epochs_dirty_ = false;
  directory_dirty_ = false;
  flushing_ = true;
  cut_while_flushing_.reset();
  return flush;
}

void Log::end_flush(Flush flush, const Status& status) {
  flushing_ = false;
  const auto cut = cut_while_flushing_;
  // It may have written snapshots after the truncation looked for them, of batches that are gone.
  for (const PendingFile& snapshot : flush.snapshots_) {
    if (!cut || snapshot_offset(snapshot) <= *cut) continue;
    if (const Status removed = disk_.remove(snapshot.path); !removed) return static_cast<void>(fail(removed.error()));
  }
  if (status.ok()) {
    if (!cut) recovery_point_ = std::max(recovery_point_, flush.end_);
    return;
  }
  if (status.code() != kOutOfDescriptors) {
    (void)fail(status.error());
    return;
  }
  // No sync has failed. What was truncated or removed meanwhile is of no interest any more.
  health_->want_descriptors();
  // Nothing is written again for those it came to: a cleaner may have replaced them.
  std::erase_if(flush.sealed_, [](const SegmentPtr& segment) { return segment->stale() || segment->removed() || segment->persisted(); });
  unsynced_.insert(unsynced_.begin(), flush.sealed_.begin(), flush.sealed_.end());
  if (!cut)
    snapshots_.insert(snapshots_.begin(), std::make_move_iterator(flush.snapshots_.begin()), std::make_move_iterator(flush.snapshots_.end()));
  epochs_dirty_ = epochs_dirty_ || flush.epochs_.has_value();
  directory_dirty_ = true;
}

Status Log::close() {
  if (auto status = refuse_if_fenced(); !status) return status;
  // Every rolled segment and the active one's batches.
  if (auto flush = begin_flush()) {
    const Status status = flush->run();
    end_flush(*std::move(flush), status);
    if (!status) return Error{ErrorCode::KAFKA_STORAGE_ERROR, status.error().message};
  }
  if (!files_dirty_) return {};
  active_.finish_time_index();
  if (preallocated_to_ > active_.bytes())
    if (auto status = active_.file()->truncate(active_.bytes()); !status) return fail(status.error());
  Flush last(disk_, directory_);
  auto sealed = std::make_shared<Segment>(disk_, directory_, active_.base_offset());
  sealed->set_file(active_.file());
  sealed->set_sealed(active_.seal(log_end(), {}), std::make_shared<const SegmentIndexes>(active_.indexes()));
  last.sealed_.push_back(std::move(sealed));
  if (log_end() > Offset(0))
    last.snapshots_.push_back({file_path(segment_file_name(log_end(), ".snapshot")), encode_producer_snapshot(producers_.entries())});
  last.sync_directory_ = true;
  if (const Status status = last.run(); !status) return refuse(status.error());
  files_dirty_ = false;
  return {};
}

Status Log::set_topic_id(TopicId topic_id) {
  if (topic_id_ && *topic_id_ != topic_id)
    return Error{ErrorCode::INCONSISTENT_TOPIC_ID, "the log of " + partition_.str() + " in " + directory_ + " belongs to topic id " + topic_id_->str() +
                                                       ", not " + topic_id.str()};
  if (topic_id_) return {};
  if (auto status = disk_.replace_file(file_path("partition.metadata"), bytes_of(encode_partition_metadata(topic_id))); !status)
    return refuse(status.error());
  topic_id_ = topic_id;
  return {};
}

}  // namespace quokka
