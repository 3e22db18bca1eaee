#include "broker/cleaner/cleaning.h"

#include <algorithm>

#include "broker/cleaner/log_choice.h"

namespace quokka {

namespace {

constexpr int64_t kWindowBytes = 1 << 20;
constexpr const char* kSuffixes[] = {".log", ".index", ".timeindex", ".txnindex"};

// Every offset of the dirty part may be a key.
uint64_t keys_max(const CleaningPlan& plan) {
  uint64_t keys = 0;
  for (size_t i = 0; i < plan.segments; ++i) {
    const Segment& segment = *(*plan.view.segments)[i];
    const Offset from = std::max(segment.base_offset(), plan.first_dirty);
    if (segment.seal()->next_offset > from) keys += static_cast<uint64_t>(segment.seal()->next_offset - from);
  }
  return keys;
}

}  // namespace

Cleaning::Cleaning(Disk& disk, LogDirectories& directories, CleaningPlan plan, const Settings& settings, WallTime now)
    : disk_(disk),
      directories_(directories),
      plan_(std::move(plan)),
      settings_(settings),
      now_(now),
      map_(settings.map_bytes_max, settings.map_load, keys_max(plan_), settings.secret) {
  for (size_t i = 0; i < plan_.segments && segment(i).base_offset() < plan_.first_dirty; ++i)
    legacy_horizon_ms_ = segment(i).seal()->modified_ms - plan_.view.config->delete_retention_ms;
}

Cleaning::~Cleaning() { unpin(); }

Result<Cleaning::State> Cleaning::step() {
  step_bytes_ = 0;
  Result<State> state = take_step();
  if (state && *state == State::going_on) return state;
  phase_ = Phase::finished;
  const bool superseded = !state && is_superseded();
  abandon();
  if (superseded) return State::superseded;
  return state;
}

void Cleaning::abandon() {
  source_.reset();
  drop_copy();
  unpin();
}

Result<Cleaning::State> Cleaning::take_step() {
  switch (phase_) {
    case Phase::map: return map_step();
    case Phase::copy: return copy_step();
    case Phase::finished: break;
  }
  return State::done;
}

// --- The map

Status Cleaning::begin_map() {
  map_begun_ = true;
  if (plan_.segments == 0) return {};
  auto aborted = aborted_in(plan_.first_dirty, segment(plan_.segments - 1).seal()->next_offset);
  if (!aborted) return aborted.error();
  transactions_.add_aborted(*aborted);
  return {};
}

Result<Cleaning::State> Cleaning::map_step() {
  if (!map_begun_)
    if (auto status = begin_map(); !status) return status.error();
  if (!source_) {
    while (next_segment_ < plan_.segments && segment(next_segment_).seal()->next_offset <= plan_.first_dirty) ++next_segment_;
    if (next_segment_ == plan_.segments || map_full_) {
      begin_copy();
      return State::going_on;
    }
    if (auto status = open_source(plan_.first_dirty); !status) return status.error();
  }
  const int64_t before = step_bytes_;
  if (auto status = read_source([this](const BatchView& batch) { return map_batch(batch); }); !status) return status.error();
  counts_.map_bytes_read += step_bytes_ - before;
  if (map_full_) close_source();
  // Also what lies in the gap behind the last batch is known now.
  else if (!source_) map_.set_latest(Offset(segment(next_segment_ - 1).seal()->next_offset.value - 1));
  return State::going_on;
}

Status Cleaning::map_batch(const BatchView& batch) {
  if (batch.is_control()) {
    (void)transactions_.on_marker(batch);
  } else if (!transactions_.on_batch(batch)) {
    const auto status = for_each_key(batch, scratch_, plain_, [this](Offset offset, Bytes key) {
      if (offset < plan_.first_dirty) return true;
      map_full_ = !map_.put(key, offset);
      return !map_full_;
    });
    if (!status) return status;
  }
  if (!map_full_ && batch.last_offset() >= plan_.first_dirty) map_.set_latest(batch.last_offset());
  return {};
}

// --- The copy

void Cleaning::begin_copy() {
  phase_ = Phase::copy;
  counts_.map_utilization = map_.utilization();
  transactions_ = {};
  filter_.emplace(map_, transactions_, [this](ProducerId producer) { return last_of(producer); });
  std::vector<DirtySegment> segments;
  for (size_t i = 0; i < plan_.segments && segment(i).base_offset() < end(); ++i) {
    const Segment::Seal& seal = *segment(i).seal();
    segments.push_back({segment(i).base_offset(), seal.next_offset, seal.bytes});
  }
  groups_ = group_segments(segments, {plan_.view.config->segment_bytes});
  next_segment_ = 0;
}

Result<Cleaning::State> Cleaning::copy_step() {
  if (group_ == groups_.size()) return State::done;
  if (!copy_) {
    auto begun = begin_group();
    if (!begun) return begun.error();
    return *begun ? State::going_on : State::superseded;
  }
  if (!source_) {
    if (next_segment_ == group_first_ + groups_[group_]) return finish_group();
    const Segment& next = segment(next_segment_);
    // From the whole segment, so that its part of the transaction index comes out whole (KAFKA-13727).
    auto aborted = aborted_in(next.base_offset(), next.seal()->next_offset);
    if (!aborted) return aborted.error();
    transactions_.add_aborted(*aborted);
    filter_->set_rules({now_, plan_.view.config->delete_retention_ms, next.seal()->modified_ms > legacy_horizon_ms_});
    if (auto status = open_source(next.base_offset()); !status) return status.error();
    copy_->windows += source_->cached.size();
    copy_->cold_windows += static_cast<size_t>(std::count(source_->cached.begin(), source_->cached.end(), false));
  }
  const int64_t before = step_bytes_;
  if (auto status = read_source([this](const BatchView& batch) { return copy_batch(batch); }); !status) return status.error();
  counts_.bytes_read += step_bytes_ - before;
  if (auto status = flush_copy(); !status) return status.error();
  return State::going_on;
}

Result<bool> Cleaning::begin_group() {
  group_first_ = next_segment_;
  pinned_ = row(group_first_, group_first_ + groups_[group_]);
  std::string directory;
  {
    MutexLock lock(*plan_.log->mutex);
    if (!plan_.log->log->holds(pinned_)) return false;
    directory = plan_.log->log->directory();
  }
  for (const SegmentPtr& each : pinned_)
    if (auto status = each->pin(); !status) return status.error();
  Copy copy;
  copy.segment = std::make_shared<Segment>(disk_, directory, pinned_.front()->base_offset());
  auto file = disk_.open(copy.segment->path(".log.cleaned"), Disk::Open::create_empty);
  if (!file) return file.error();
  copy.file = *file;
  copy.indexes.reset(copy.segment, *file, 0, copy.segment->base_offset(), {});
  copy_ = std::move(copy);
  return true;
}

Status Cleaning::copy_batch(const BatchView& batch) {
  if (batch.last_offset() - copy_->segment->base_offset() > INT32_MAX)
    return Error{ErrorCode::CORRUPT_MESSAGE, "offset " + std::to_string(batch.last_offset().value) + " is too far from the base of its segment"};
  const size_t at = copy_->buffer.size();
  auto kept = filter_->filter(batch, copy_->buffer);
  if (!kept) return kept.error();
  for (const AbortedEntry& entry : transactions_.take_kept()) copy_->aborted.push_back(entry);
  if (!*kept) return {};
  const BatchView written(Bytes(copy_->buffer).subspan(at));
  copy_->indexes.on_written({written.base_offset(), written.last_offset(), static_cast<int32_t>(written.size()), written.max_timestamp_ms()},
                            plan_.view.config->index_interval_bytes);
  return {};
}

Status Cleaning::flush_copy() {
  if (copy_->buffer.empty()) return {};
  const auto bytes = static_cast<int64_t>(copy_->buffer.size());
  if (auto status = copy_->file->write_at(copy_->buffer, copy_->bytes); !status) return status;
  copy_->file->start_writeback(copy_->bytes, bytes);
  copy_->bytes += bytes;
  counts_.bytes_written += bytes;
  step_bytes_ += bytes;
  copy_->buffer.clear();
  return {};
}

Result<Cleaning::State> Cleaning::finish_group() {
  auto has_aborted = write_files();
  if (!has_aborted) return has_aborted.error();
  Segment::Seal seal = copy_->indexes.seal(pinned_.back()->seal()->next_offset, WallTime{pinned_.back()->seal()->modified_ms});
  copy_->segment->set_sealed(seal, nullptr);
  if (copy_->cold_windows * 2 > copy_->windows) copy_->file->forget_cached(0, copy_->bytes);
  return replace(*has_aborted);
}

Status Cleaning::write_file(const std::string& path, const std::string& content) {
  auto file = disk_.open(path, Disk::Open::create_empty);
  if (!file) return file.error();
  if (auto status = (*file)->write_at(bytes_of(content), 0); !status) return status;
  return sync((*file)->sync());
}

// Makes the copy whole and durable. True: it has a transaction index.
Result<bool> Cleaning::write_files() {
  copy_->indexes.finish_time_index();
  const SegmentIndexes& indexes = copy_->indexes.indexes();
  const Segment& segment = *copy_->segment;
  if (auto status = copy_->file->set_modified(WallTime{pinned_.back()->seal()->modified_ms}); !status) return status.error();
  if (auto status = sync(copy_->file->sync()); !status) return status.error();
  if (auto status = write_file(segment.path(".index.cleaned"), indexes.offsets.encode()); !status) return status.error();
  if (auto status = write_file(segment.path(".timeindex.cleaned"), indexes.times.encode()); !status) return status.error();
  if (copy_->aborted.empty()) return false;
  if (auto status = write_file(segment.path(".txnindex.cleaned"), encode_txn_index(copy_->aborted)); !status) return status.error();
  return true;
}

// A failed sync says that the device loses data: the directory is offline, whoever asked.
Status Cleaning::sync(const Status& synced) {
  if (!synced && synced.code() != kOutOfDescriptors) plan_.log->health->fail(synced.error().message);
  return synced;
}

Result<Cleaning::State> Cleaning::replace(bool has_aborted) {
  const PartitionLogPtr& log = plan_.log;
  const std::string directory = parent_directory(copy_->segment->path(".log"));
  {
    MutexLock lock(*log->mutex);
    // Also what lies behind the group: the map says that records there are newer than those that were left out here.
    if (!log->log->holds(row(group_first_, plan_.segments))) return State::superseded;
    auto begun = log->log->begin_replacement({pinned_, copy_->segment, has_aborted});
    if (!begun) return begun.error();
    if (!*begun) return State::superseded;
  }
  if (auto status = disk_.sync_directory(directory); !status) {
    // If it was deleted meanwhile, there is no such directory.
    if (is_superseded()) return State::superseded;
    return sync(status).error();
  }
  std::optional<RemovedSegments> removed;
  {
    MutexLock lock(*log->mutex);
    auto finished = log->log->finish_replacement();
    if (!finished) return finished.error();
    removed = std::move(*finished);
  }
  if (!removed) return State::superseded;
  if (auto status = disk_.sync_directory(directory); !status && !is_superseded()) return sync(status).error();
  directories_.remove_later(std::move(removed->paths), Duration::millis(plan_.view.config->file_delete_delay_ms));
  copy_.reset();
  pinned_.clear();  // they stay pinned: readers may hold them
  group_first_ = next_segment_;
  ++group_;
  return State::going_on;
}

// --- Reading

Status Cleaning::open_source(Offset from) {
  Source source;
  source.segment = (*plan_.view.segments)[next_segment_];
  auto file = source.segment->file();
  if (!file) return file.error();
  source.file = *file;
  int64_t position = 0;
  if (from > source.segment->base_offset()) {
    auto before = source.segment->position_before(from);
    if (!before) return before.error();
    position = *before;
  }
  const int64_t bytes = source.segment->seal()->bytes;
  for (int64_t at = 0; at < bytes; at += kWindowBytes) source.cached.push_back(source.file->is_cached(at, std::min(kWindowBytes, bytes - at)));
  source.scanner = std::make_unique<BatchScanner>(source.file, position, bytes, settings_.buffer_bytes);
  source_ = std::move(source);
  return {};
}

Status Cleaning::read_source(const std::function<Status(const BatchView&)>& each) {
  BatchScanner& scanner = *source_->scanner;
  const int64_t from = scanner.end();
  while (scanner.end() - from < static_cast<int64_t>(settings_.buffer_bytes) && !(phase_ == Phase::map && map_full_)) {
    const auto batch = scanner.next();
    if (!batch) break;
    if (auto status = each(*batch); !status) return Error{status.code(), source_->file->path() + ": " + status.error().message};
  }
  step_bytes_ += scanner.end() - from;
  forget_read(false);
  switch (scanner.stop()) {
    case BatchScanner::Stop::not_yet: return {};
    case BatchScanner::Stop::end: close_source(); return {};
    case BatchScanner::Stop::torn:
      return Error{ErrorCode::CORRUPT_MESSAGE, source_->file->path() + " ends inside a batch at position " + std::to_string(scanner.end())};
    case BatchScanner::Stop::corrupt:
    case BatchScanner::Stop::failed: break;
  }
  return scanner.error();
}

void Cleaning::close_source() {
  forget_read(true);
  source_.reset();
  ++next_segment_;
}

void Cleaning::forget_read(bool all) {
  const int64_t end = source_->scanner->end();
  for (size_t& window = source_->forgotten; window < source_->cached.size(); ++window) {
    const int64_t at = static_cast<int64_t>(window) * kWindowBytes;
    if (!all && at + kWindowBytes > end) return;
    if (!source_->cached[window]) source_->file->forget_cached(at, kWindowBytes);
  }
}

// Of the aborted transactions that have something in [from, upper); the entry of one lies where its marker does, maybe far behind.
Result<std::vector<AbortedEntry>> Cleaning::aborted_in(Offset from, Offset upper) const {
  std::vector<AbortedEntry> found;
  const auto take = [&](const std::vector<AbortedEntry>& entries) {
    for (const AbortedEntry& entry : entries) {
      if (entry.last_offset >= from && entry.first_offset < upper) found.push_back(entry);
      if (entry.last_stable_offset >= upper) return true;
    }
    return false;
  };
  for (const SegmentPtr& each : *plan_.view.segments) {
    if (!each->sealed()) {
      take(plan_.view.aborted_in_active);
      break;
    }
    if (each->seal()->next_offset <= from) continue;
    auto indexes = each->indexes();
    if (!indexes) return indexes.error();
    if (take((*indexes)->aborted)) break;
  }
  return found;
}

std::optional<LastOfProducer> Cleaning::last_of(ProducerId producer) const {
  MutexLock lock(*plan_.log->mutex);
  const auto entry = plan_.log->log->producers().find(producer);
  if (!entry) return std::nullopt;
  return LastOfProducer{entry->last_offset, entry->producer_epoch};
}

SegmentList Cleaning::row(size_t first, size_t end) const {
  const auto begin = plan_.view.segments->begin();
  return {begin + static_cast<ptrdiff_t>(first), begin + static_cast<ptrdiff_t>(end)};
}

// --- The end

bool Cleaning::is_superseded() const {
  MutexLock lock(*plan_.log->mutex);
  return group_first_ < plan_.segments && !plan_.log->log->holds(row(group_first_, plan_.segments));
}

void Cleaning::drop_copy() {
  if (!copy_) return;
  for (const char* suffix : kSuffixes) (void)disk_.remove(copy_->segment->path(suffix) + std::string(".cleaned"));
  copy_.reset();
}

void Cleaning::unpin() {
  for (const SegmentPtr& each : pinned_) each->unpin();
  pinned_.clear();
}

Cleaning::Counts Cleaning::counts() const {
  Counts counts = counts_;
  if (filter_) counts.records = filter_->counts();
  return counts;
}

}  // namespace quokka
