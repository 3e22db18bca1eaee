// Log: what makes it shorter, at the end (truncation) and at the start (retention, DeleteRecords).
#include <algorithm>

#include "broker/log/batch_scanner.h"
#include "broker/log/log.h"
#include "broker/log/log_names.h"
#include "broker/log/producer_batches.h"
#include "broker/producer/producer_snapshot.h"

namespace quokka {

namespace {

constexpr const char* kSegmentSuffixes[] = {".log", ".index", ".timeindex", ".txnindex"};

}  // namespace

Status Log::remove_files(const Segment& segment) {
  for (const char* suffix : kSegmentSuffixes)
    if (auto status = disk_.remove(segment.path(suffix)); !status) return status;
  directory_dirty_ = true;
  return {};
}

// `old`'s file, `bytes` long, becomes the active segment. What lies above the last index entry is read once more.
Status Log::adopt(SegmentPtr old, int64_t bytes, Offset next_offset, SegmentIndexes indexes) {
  auto file = old->file();
  if (!file) return file.error();
  auto segment = std::make_shared<Segment>(disk_, directory_, old->base_offset());
  segment->set_file(*file);
  auto list = std::make_shared<SegmentList>(*segments_);
  list->back() = segment;
  segments_ = std::move(list);
  const int64_t tail = indexes.offsets.entries().empty() ? 0 : indexes.offsets.entries().back().position;
  active_.reset(segment, *file, bytes, next_offset, std::move(indexes));
  BatchScanner scanner(*file, tail, bytes, 64 << 10);
  while (const auto batch = scanner.next())
    active_.on_found({batch->base_offset(), batch->last_offset(), static_cast<int32_t>(batch->size()), batch->max_timestamp_ms()}, scanner.position());
  if (scanner.stop() != BatchScanner::Stop::end) return Error{ErrorCode::CORRUPT_MESSAGE, (*file)->path() + " ends with something else than a batch"};
  active_.set_end(bytes, std::max(next_offset, active_.next_offset()));
  BatchScanner first(*file, 0, bytes, 4 << 10);
  if (const auto batch = first.next()) active_.set_first_timestamp(batch->max_timestamp_ms());
  write_behind_from_ = bytes;
  preallocated_to_ = 0;
  files_dirty_ = true;
  return {};
}

// What a truncation to `offset` will open, and one descriptor more for what it reads: it must not find none half-way.
Status Log::open_segment_of(Offset offset) const {
  const auto above = std::upper_bound(segments_->begin(), segments_->end(), offset,
                                      [](Offset wanted, const SegmentPtr& segment) { return wanted < segment->base_offset(); });
  const Segment& segment = **std::prev(above);
  auto file = segment.file();
  if (!file) return file.error();
  if (segment.sealed())
    if (auto indexes = segment.indexes(); !indexes) return indexes.error();
  auto spare = disk_.open((*file)->path(), Disk::Open::read);
  return spare ? Status() : spare.error();
}

Status Log::truncate_to(Offset offset, WallTime now) {
  if (auto status = refuse_if_fenced(); !status) return status;
  if (offset < segments_->front()->base_offset()) return truncate_fully_and_start_at(offset, now);
  if (offset < log_end())
    if (auto status = open_segment_of(offset); !status) return refuse(status.error());
  if (epochs_.truncate_from_end(offset)) epochs_dirty_ = true;
  if (offset >= log_end()) return {};
  if (auto status = undo_replacement(); !status) return status;
  note_cut(offset);
  // From the newest on, so that a crash between two leaves a beginning of the log.
  while (segments_->back()->base_offset() > offset) {
    const SegmentPtr dropped = segments_->back();
    if (dropped->sealed()) sealed_bytes_ -= dropped->seal()->bytes;
    auto list = std::make_shared<SegmentList>(*segments_);
    list->pop_back();
    segments_ = std::move(list);
    dropped->mark_stale();
    if (auto status = remove_files(*dropped); !status) return fail(status.error());
  }
  const SegmentPtr last = segments_->back();
  SegmentIndexes indexes;
  int64_t bytes = active_.bytes();
  if (last->sealed()) {
    // Makes sure of the entry that is used below.
    if (auto checked = last->position_before(offset); !checked) return fail(checked.error());
    auto loaded = last->indexes();
    if (!loaded) return fail(loaded.error());
    indexes = **loaded;
    bytes = last->seal()->bytes;
    sealed_bytes_ -= bytes;
  } else {
    indexes = active_.indexes();
  }
  auto file = last->file();
  if (!file) return fail(file.error());
  auto found = find_batch(**file, indexes.offsets.lookup(offset - last->base_offset()), bytes, offset);
  if (!found) return fail(found.error());
  // A batch that holds the offset goes as a whole. The log ends where its batches end, also if `offset` lies in a gap behind them: a restart would see
  // no other end.
  const int64_t position = *found ? (*found)->position : bytes;
  const Offset cut = *found ? std::min(offset, (*found)->base_offset) : offset;
  last->mark_stale();
  if (auto status = (*file)->truncate(position); !status) return fail(status.error());
  indexes.offsets.truncate(cut - last->base_offset());
  indexes.times.truncate(cut - last->base_offset());
  std::erase_if(indexes.aborted, [&](const AbortedEntry& entry) { return entry.last_offset >= cut; });
  if (auto status = adopt(last, position, last->base_offset(), std::move(indexes)); !status) return fail(status.error());
  const Offset end = log_end();
  note_cut(end);
  if (epochs_.truncate_from_end(end)) epochs_dirty_ = true;
  active_.set_created(now);
  active_.set_modified(now);

  std::erase_if(unsynced_, [](const SegmentPtr& segment) { return segment->stale(); });
  log_start_ = std::min(log_start_, end);
  recovery_point_ = std::min(recovery_point_, end);
  if (first_dirty_) first_dirty_ = std::min(*first_dirty_, active_.base_offset());
  high_watermark_ = std::min(high_watermark_, end);
  directory_dirty_ = true;
  if (producers_.touches(end) || end < producers_loaded_at_) return rebuild_producers(now);
  return remove_snapshots_above(end);
}

Status Log::truncate_fully_and_start_at(Offset offset, WallTime now) {
  if (auto status = refuse_if_fenced(); !status) return status;
  if (auto spare = disk_.open(segments_->back()->path(".log"), Disk::Open::read); !spare) return refuse(spare.error());
  if (auto status = undo_replacement(); !status) return status;
  note_cut(Offset(-1));
  while (!segments_->empty()) {
    const SegmentPtr dropped = segments_->back();
    auto list = std::make_shared<SegmentList>(*segments_);
    list->pop_back();
    segments_ = std::move(list);
    dropped->mark_stale();
    if (auto status = remove_files(*dropped); !status) return fail(status.error());
  }
  sealed_bytes_ = 0;
  first_dirty_.reset();
  unsynced_.clear();
  snapshots_.clear();
  producers_.clear();
  producers_loaded_at_ = offset;
  epochs_.clear();
  epochs_dirty_ = true;
  log_start_ = high_watermark_ = recovery_point_ = offset;
  if (auto status = remove_snapshots_above(Offset(-1)); !status) return status;
  auto file = open_segment(offset);
  if (!file) return fail(file.error());
  return start_segment(offset, *std::move(file), now);
}

void Log::note_cut(Offset end) {
  if (flushing_) cut_while_flushing_ = std::min(end, cut_while_flushing_.value_or(end));
}

Offset Log::snapshot_offset(const PendingFile& snapshot) {
  return parse_segment_file_name(snapshot.path.substr(snapshot.path.rfind('/') + 1), ".snapshot").value_or(Offset(-1));
}

// `end` -1: all of them.
Status Log::remove_snapshots_above(Offset end) {
  std::erase_if(snapshots_, [&](const PendingFile& file) { return snapshot_offset(file) > end; });
  auto entries = disk_.list(directory_);
  if (!entries) return fail(entries.error());
  for (const DirectoryEntry& entry : *entries) {
    const auto offset = parse_segment_file_name(entry.name, ".snapshot");
    if (!offset || *offset <= end) continue;
    if (auto status = disk_.remove(file_path(entry.name)); !status) return fail(status.error());
  }
  return {};
}

// From the newest whole snapshot at or below the log end, and the batches behind it.
Status Log::rebuild_producers(WallTime now) {
  if (auto status = remove_snapshots_above(log_end()); !status) return status;
  for (const PendingFile& pending : snapshots_) {
    auto file = disk_.open(pending.path, Disk::Open::create_empty);
    if (!file) return fail(file.error());
    if (auto status = (*file)->write_at(bytes_of(pending.content), 0); !status) return fail(status.error());
  }
  auto entries = disk_.list(directory_);
  if (!entries) return fail(entries.error());
  // Also below the log start: producers are remembered beyond the retention of their batches.
  Offset from = segments_->front()->base_offset();
  producers_.clear();
  for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
    const auto offset = parse_segment_file_name(entry->name, ".snapshot");
    if (!offset || *offset > log_end()) continue;  // the flush under way writes it just now
    auto content = disk_.read_file(file_path(entry->name));
    if (!content) return fail(content.error());
    auto decoded = decode_producer_snapshot(bytes_of(**content));
    if (!decoded) {
      if (auto status = disk_.remove(file_path(entry->name)); !status) return fail(status.error());
      continue;
    }
    producers_.load(*decoded, now);
    from = *offset;
    break;
  }
  producers_loaded_at_ = from;
  return replay_producers(from, log_end());
}

// Batches in [from, to). A damaged batch below the recovery point is the reader's to report; the rest of its segment tells nothing then.
Status Log::replay_producers(Offset from, Offset to) {
  for (const SegmentPtr& segment : *segments_) {
    if (segment->base_offset() >= to) break;
    const bool active = segment == active_.segment();
    const Offset end = active ? active_.next_offset() : segment->seal()->next_offset;
    if (end <= from) continue;
    const int64_t bytes = active ? active_.bytes() : segment->seal()->bytes;
    int64_t position = 0;
    if (from > segment->base_offset()) {
      if (active) {
        position = active_.position_before(from);
      } else {
        auto before = segment->position_before(from);
        if (!before) return before.error();
        position = *before;
      }
    }
    auto file = segment->file();
    if (!file) return file.error();
    BatchScanner scanner(*file, position, bytes);
    while (const auto batch = scanner.next())
      if (batch->base_offset() >= from && batch->base_offset() < to) (void)apply_to_producers(*batch, producers_);
    if (scanner.stop() == BatchScanner::Stop::failed) return scanner.error();
  }
  // What was decided below the high watermark is decided for good.
  producers_.on_high_watermark(high_watermark_);
  return {};
}

Status Log::raise_log_start(Offset offset) {
  if (offset > high_watermark_)
    return Error{ErrorCode::OFFSET_OUT_OF_RANGE, "the log start of " + partition_.str() + " cannot pass its high watermark " +
                                                     std::to_string(high_watermark_.value) + " to " + std::to_string(offset.value)};
  if (offset <= log_start_) return {};
  log_start_ = offset;
  if (epochs_.truncate_from_start(offset)) epochs_dirty_ = true;
  producers_.on_log_start(offset);
  return {};
}

// How many of the oldest segments may go. The active one counts if it holds anything.
size_t Log::expired_segments(WallTime now) const {
  const auto& list = *segments_;
  const auto end_of = [&](size_t i) { return i + 1 < list.size() ? list[i + 1]->base_offset() : log_end(); };
  const auto bytes_of_segment = [&](size_t i) { return i + 1 < list.size() ? list[i]->seal()->bytes : active_.bytes(); };
  const auto last_write = [&](size_t i) -> int64_t {
    if (i + 1 == list.size()) return active_.largest_timestamp() >= 0 ? active_.largest_timestamp() : active_.modified().ms;
    const auto largest = list[i]->largest_timestamp();
    if (!largest) return now.ms;  // cannot be read: kept
    return *largest >= 0 ? *largest : list[i]->seal()->modified_ms;
  };
  size_t by_start = 0;
  while (by_start + 1 < list.size() && end_of(by_start) <= log_start_) ++by_start;
  if (!config_->cleanup_delete) return by_start;

  const size_t deletable = active_.bytes() == 0 ? list.size() - 1 : list.size();
  size_t by_time = 0;
  if (config_->retention_ms >= 0)
    while (by_time < deletable && end_of(by_time) <= high_watermark_ && now.ms - last_write(by_time) > config_->retention_ms) ++by_time;
  size_t by_size = 0;
  if (config_->retention_bytes >= 0) {
    int64_t above = size_bytes() - config_->retention_bytes;
    while (by_size < deletable && end_of(by_size) <= high_watermark_ && above - bytes_of_segment(by_size) >= 0) above -= bytes_of_segment(by_size++);
  }
  return std::max({by_start, by_time, by_size});
}

Result<RemovedSegments> Log::apply_retention(WallTime now) {
  RemovedSegments removed;
  if (auto status = refuse_if_fenced(); !status) return status.error();
  if (replacing_) return removed;  // it ends within milliseconds
  const size_t count = expired_segments(now);
  if (count == 0) return removed;
  // The log keeps an active segment, an empty one if need be: its name tells where the log ends.
  if (count == segments_->size())
    if (auto status = roll_at(log_end(), now); !status) return status.error();
  const std::shared_ptr<const SegmentList> before = segments_;
  segments_ = std::make_shared<SegmentList>(before->begin() + static_cast<ptrdiff_t>(count), before->end());
  for (size_t i = 0; i < count; ++i) {
    const Segment& segment = *(*before)[i];
    sealed_bytes_ -= segment.seal()->bytes;
    removed.bytes += segment.seal()->bytes;
    ++removed.segments;
    segment.mark_removed();
    if (auto status = rename_deleted(segment, removed); !status) return fail(status.error());
  }
  std::erase_if(unsynced_, [](const SegmentPtr& segment) { return segment->removed(); });
  if (segments_->front()->base_offset() > log_start_) {
    log_start_ = segments_->front()->base_offset();
    if (epochs_.truncate_from_start(log_start_)) epochs_dirty_ = true;
    producers_.on_log_start(log_start_);
  }
  return removed;
}

// Readers that have the file open go on; it is gone for good after file.delete.delay.ms.
Status Log::rename_deleted(const Segment& segment, RemovedSegments& removed, bool with_snapshot) {
  for (const std::string_view suffix : {".log", ".index", ".timeindex", ".txnindex", ".snapshot"}) {
    if (suffix == ".snapshot" && !with_snapshot) continue;
    const std::string path = segment.path(suffix);
    auto present = disk_.exists(path);
    if (!present) return present.error();
    if (!*present) continue;
    if (auto status = disk_.rename(path, path + ".deleted"); !status) return status;
    removed.paths.push_back(path + ".deleted");
  }
  return {};
}

}  // namespace quokka
