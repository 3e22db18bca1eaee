#include "broker/log/log_loader.h"

#include <algorithm>

#include "broker/log/batch_scanner.h"
#include "broker/log/checkpoints.h"
#include "broker/log/log_names.h"
#include "broker/log/producer_batches.h"
#include "broker/producer/producer_snapshot.h"

namespace quokka {

namespace {

constexpr std::string_view kIndexSuffixes[] = {".index", ".timeindex", ".txnindex"};

bool is_segment_file(std::string_view name, Offset& base) {
  for (const std::string_view suffix : {".log", ".index", ".timeindex", ".txnindex"}) {
    if (const auto offset = parse_segment_file_name(name, suffix)) {
      base = *offset;
      return true;
    }
  }
  return false;
}

std::optional<std::string_view> without(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  return name.substr(0, name.size() - suffix.size());
}

}  // namespace

struct LogLoader::Names {
  std::vector<std::string> plain;
  std::vector<std::string> cleaned;
  std::vector<std::string> swaps;  // without the suffix
  Offset lowest_cleaned{INT64_MAX};
};

Result<std::unique_ptr<Log>> Log::open(Disk& disk, Opening opening, Recovery* recovery) {
  Recovery ignored;
  LogLoader loader(disk, std::move(opening), recovery != nullptr ? *recovery : ignored);
  return loader.open();
}

Result<std::unique_ptr<Log>> LogLoader::open() {
  log_.reset(new Log(disk_, opening_));
  log_->log_start_ = opening_.log_start;
  if (auto status = make_order(); !status) return status.error();
  if (auto status = read_small_files(); !status) return status.error();
  if (auto status = find_segments(); !status) return status.error();
  if (auto status = load_segments(); !status) return status.error();
  if (auto status = finish(); !status) return status.error();
  return std::move(log_);
}

// Removes what was on its way out or not finished, completes what was.
Status LogLoader::make_order() {
  auto entries = disk_.list(opening_.directory);
  if (!entries) return entries.error();
  Names names;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory) continue;
    if (const auto unfinished = without(entry.name, ".cleaned")) {
      Offset base;
      if (is_segment_file(*unfinished, base)) names.lowest_cleaned = std::min(names.lowest_cleaned, base);
      names.cleaned.push_back(entry.name);
    } else if (entry.name.ends_with(".deleted") || entry.name.ends_with(".tmp")) {
      if (auto status = disk_.remove(path(entry.name)); !status) return status;
    } else if (const auto plain = without(entry.name, ".swap")) {
      names.swaps.emplace_back(*plain);
    } else {
      names.plain.push_back(entry.name);
    }
  }
  if (auto status = complete_swap(names); !status) return status;
  for (const std::string& name : names.plain) {
    for (const std::string_view suffix : kIndexSuffixes) {
      const auto base = parse_segment_file_name(name, suffix);
      if (!base) continue;
      const std::string log = segment_file_name(*base, ".log");
      const bool has_log = std::find(names.plain.begin(), names.plain.end(), log) != names.plain.end() ||
                           std::find(names.swaps.begin(), names.swaps.end(), log) != names.swaps.end();
      if (has_log) continue;
      note("removed the index file " + name + " without a segment");
      if (auto status = disk_.remove(path(name)); !status) return status;
    }
  }
  return {};
}

// A cleaner or a split renames its finished files from .cleaned to .swap, lowest base last, then removes what they replace, then drops the suffix.
// A .cleaned file that is left means that not all were renamed: the swaps at or above it are incomplete and go, before it does; others are completed.
Status LogLoader::complete_swap(Names& names) {
  Offset lowest(INT64_MAX);
  Offset end(-1);
  std::vector<std::string> good;
  for (const std::string& name : names.swaps) {
    Offset base;
    if (!is_segment_file(name, base) || base >= names.lowest_cleaned) {
      if (auto status = disk_.remove(path(name + ".swap")); !status) return status;
      continue;
    }
    good.push_back(name);
    if (!name.ends_with(".log")) continue;
    lowest = std::min(lowest, base);
    auto file = disk_.open(path(name + ".swap"), Disk::Open::read);
    if (!file) return file.error();
    auto bytes = (*file)->size();
    if (!bytes) return bytes.error();
    BatchScanner scanner(*file, 0, *bytes);
    end = std::max(end, base.next());
    while (const auto batch = scanner.next()) end = std::max(end, batch->next_offset());
  }
  for (const std::string& name : names.cleaned)
    if (auto status = disk_.remove(path(name)); !status) return status;
  for (const std::string& name : names.plain) {
    Offset base;
    if (!is_segment_file(name, base) || base < lowest || base >= end) continue;
    if (auto status = disk_.remove(path(name)); !status) return status;
  }
  for (const std::string& name : good)
    if (auto status = disk_.rename(path(name + ".swap"), path(name)); !status) return status;
  if (!good.empty()) note("completed the replacement of segments from offset " + std::to_string(lowest.value) + " on");
  names.swaps = std::move(good);
  return {};
}

Status LogLoader::read_small_files() {
  auto metadata = disk_.read_file(path("partition.metadata"));
  if (!metadata) return metadata.error();
  if (metadata->has_value() && !(*metadata)->empty()) {
    auto topic_id = decode_partition_metadata(**metadata);
    if (!topic_id)
      return Error{ErrorCode::KAFKA_STORAGE_ERROR, path("partition.metadata") + ": " + topic_id.error().message +
                                                       "; if the partition is right, remove the file: the broker writes it anew"};
    log_->topic_id_ = *topic_id;
  }
  auto epochs = disk_.read_file(path("leader-epoch-checkpoint"));
  if (!epochs) return epochs.error();
  if (!epochs->has_value()) return {};
  auto decoded = LeaderEpochs::decode(**epochs);
  if (decoded.ok()) {
    log_->epochs_ = std::move(*decoded);
    epochs_known_ = true;
  } else {
    note(decoded.error().message + "; rebuilt from the batches");
  }
  return {};
}

Status LogLoader::find_segments() {
  auto entries = disk_.list(opening_.directory);
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries)
    if (const auto base = parse_segment_file_name(entry.name, ".log")) found_.push_back({*base, entry.size, entry.modified_ms});
  if (!found_.empty()) log_->log_start_ = std::max(log_->log_start_, found_.front().base);
  return {};
}

// Those named by a segment's base, and the newest other one above the last base; none above the end.
Status LogLoader::keep_useful_snapshots() {
  auto entries = disk_.list(opening_.directory);
  if (!entries) return entries.error();
  std::vector<Offset> strays;
  for (const DirectoryEntry& entry : *entries) {
    const auto offset = parse_segment_file_name(entry.name, ".snapshot");
    if (offset && std::none_of(found_.begin(), found_.end(), [&](const Found& f) { return f.base == *offset; })) strays.push_back(*offset);
  }
  std::erase_if(strays, [&](Offset offset) { return offset > log_->log_end(); });
  const Offset last_base = log_->segments_->back()->base_offset();
  for (const Offset offset : strays) {
    if (offset == strays.back() && offset > last_base) continue;
    if (auto status = disk_.remove(path(segment_file_name(offset, ".snapshot"))); !status) return status;
  }
  return {};
}

Status LogLoader::load_segments() {
  if (found_.empty()) {
    auto file = log_->open_segment(log_->log_start_);
    if (!file) return file.error();
    return log_->start_segment(log_->log_start_, *std::move(file), opening_.now);
  }
  auto list = std::make_shared<SegmentList>();
  for (size_t i = 0; i < found_.size(); ++i) {
    auto segment = std::make_shared<Segment>(disk_, opening_.directory, found_[i].base);
    const bool last = i + 1 == found_.size();
    segment->set_sealed({found_[i].bytes, last ? Offset(INT64_MAX) : found_[i + 1].base, Segment::kUnknownTimestamp, found_[i].modified_ms}, nullptr);
    list->push_back(std::move(segment));
    if (!last) log_->sealed_bytes_ += found_[i].bytes;
  }
  log_->segments_ = std::move(list);
  if (!epochs_known_)
    if (auto status = rebuild_epochs(); !status) return status;
  if (opening_.clean) {
    auto status = open_last_as_it_is();
    // A clean stop leaves a snapshot of every log that ever had a producer.
    if (status.ok()) return load_producers(log_->log_end(), /*skip_without_snapshot=*/true);
    if (status.code() != ErrorCode::CORRUPT_MESSAGE) return status;
    note("was shut down cleanly, yet " + status.error().message);
    return recover_from(found_.size() - 1);
  }
  auto reaches = reaches_recovery_point();
  if (!reaches) return reaches.error();
  size_t first = 0;
  if (!*reaches)
    note("ends below its recovery point " + std::to_string(opening_.recovery_point.value) + ": all of it is read again");
  else
    // A segment that ends at the recovery point may have been sealed after the flush: its index files are not known to be written.
    while (first + 1 < found_.size() && found_[first + 1].base < opening_.recovery_point) ++first;
  return recover_from(first);
}

// Whether the log reaches up to the recovery point, as it must.
Result<bool> LogLoader::reaches_recovery_point() {
  if (opening_.recovery_point <= found_.back().base) return true;
  auto file = log_->segments_->back()->file();
  if (!file) return file.error();
  auto found = find_batch(**file, 0, found_.back().bytes, Offset(opening_.recovery_point.value - 1));
  if (!found && found.code() == ErrorCode::KAFKA_STORAGE_ERROR) return found.error();
  return found.ok() && found->has_value();
}

// The last segment of a log that was closed in order: its indexes are right unless somebody damaged them.
Status LogLoader::open_last_as_it_is() {
  const SegmentPtr last = log_->segments_->back();
  auto indexes = last->indexes();
  if (!indexes) return indexes.error();
  return log_->adopt(last, found_.back().bytes, last->base_offset(), **indexes);
}

Status LogLoader::recover_from(size_t first) {
  recovery_.recovered = true;
  // The producer state as it was where recovery begins: the snapshot of that segment, or one before it and the batches between.
  if (auto status = load_producers(found_[first].base, /*skip_without_snapshot=*/false); !status) return status;
  bool cut = false;
  for (size_t i = first; i < log_->segments_->size() && !cut; ++i) {
    SegmentIndexes indexes;
    Offset next_offset;
    int64_t largest = -1;
    if (i > first)
      log_->snapshots_.push_back({path(segment_file_name(found_[i].base, ".snapshot")), encode_producer_snapshot(log_->producers_.entries())});
    if (auto status = recover_segment(i, cut, indexes, next_offset, largest); !status) return status;
    auto list = std::make_shared<SegmentList>(*log_->segments_);
    if (cut) {
      // What follows a hole is not the log any more.
      for (size_t later = list->size(); later-- > i + 1;) {
        note("removed the segment at " + std::to_string(found_[later].base.value) + " behind a damaged one");
        recovery_.truncated_bytes += found_[later].bytes;
        if (auto status = log_->remove_files(*(*list)[later]); !status) return status;
      }
      list->resize(i + 1);
      found_.resize(i + 1);
    }
    const bool last = i + 1 == list->size();
    log_->segments_ = list;
    if (last) {
      log_->sealed_bytes_ = 0;
      for (size_t sealed = 0; sealed < i; ++sealed) log_->sealed_bytes_ += found_[sealed].bytes;
      if (auto status = log_->adopt(list->back(), found_[i].bytes, next_offset, std::move(indexes)); !status) return status;
      break;
    }
    auto sealed = std::make_shared<Segment>(disk_, opening_.directory, found_[i].base);
    sealed->set_sealed({found_[i].bytes, found_[i + 1].base, largest, found_[i].modified_ms},
                       std::make_shared<const SegmentIndexes>(std::move(indexes)));
    (*list)[i] = sealed;
    log_->unsynced_.push_back(std::move(sealed));
  }
  return {};
}

Status LogLoader::recover_segment(size_t index, bool& cut, SegmentIndexes& indexes, Offset& next_offset, int64_t& largest_timestamp) {
  const Offset base = found_[index].base;
  const SegmentPtr segment = (*log_->segments_)[index];
  auto file = segment->file();
  if (!file) return file.error();
  ActiveSegment builder;
  builder.reset(segment, *file, 0, base, {});
  BatchScanner scanner(*file, 0, found_[index].bytes);
  std::string why;
  next_offset = base;
  while (const auto batch = scanner.next()) {
    // A split or a crash within one: the next segment has the batch.
    if (index + 1 < found_.size() && batch->base_offset() == found_[index + 1].base) {
      found_[index].bytes = scanner.position();
      if (auto status = (*file)->truncate(scanner.position()); !status) return status;
      break;
    }
    const auto invalid = why_invalid(*batch, index, scanner.end(), next_offset);
    if (!invalid) return invalid.error();
    why = *invalid;
    if (!why.empty()) break;
    if (batch->last_offset() - base > INT32_MAX) {
      if (auto status = split_overflow(index, scanner.position(), found_[index].bytes, batch->base_offset()); !status) return status;
      break;
    }
    next_offset = batch->next_offset();
    builder.on_written({batch->base_offset(), batch->last_offset(), static_cast<int32_t>(batch->size()), batch->max_timestamp_ms()},
                       log_->config_->index_interval_bytes);
    note_epoch(*batch);
    if (batch->is_v2()) epoch_before_ = batch->leader_epoch();
    const auto completed = apply_to_producers(*batch, log_->producers_);
    if (completed && completed->aborted)
      builder.on_aborted({completed->producer_id, completed->first_offset, completed->last_offset, completed->last_stable_offset});
  }
  recovery_.bytes_read += builder.bytes();
  if (scanner.stop() == BatchScanner::Stop::failed) return scanner.error();
  if (scanner.stop() == BatchScanner::Stop::torn) why = "it is cut off";
  if (scanner.stop() == BatchScanner::Stop::corrupt) why = "no batch begins there";
  if (!why.empty()) {
    cut = true;
    recovery_.truncated_bytes += found_[index].bytes - builder.bytes();
    note("cut segment " + std::to_string(base.value) + " at position " + std::to_string(builder.bytes()) + ", offset " +
         std::to_string(next_offset.value) + ", " + std::to_string(found_[index].bytes - builder.bytes()) + " bytes lost: the next batch is not valid, " + why);
    if (auto status = (*file)->truncate(builder.bytes()); !status) return status;
    found_[index].bytes = builder.bytes();
  }
  builder.finish_time_index();
  largest_timestamp = builder.largest_timestamp();
  indexes = builder.indexes();
  return {};
}

Status LogLoader::look_behind(size_t index, int64_t position, BatchSurroundings& around) {
  if (position >= found_[index].bytes) {
    if (index + 1 < found_.size()) around.following = found_[index + 1].base;
    return {};
  }
  auto file = (*log_->segments_)[index]->file();
  if (!file) return file.error();
  auto found = find_batch(**file, position, found_[index].bytes, Offset(INT64_MIN));
  // What is torn there, or is no batch, is cut when its turn comes: nothing is behind then.
  if (!found) return found.code() == ErrorCode::CORRUPT_MESSAGE ? Status() : found.error();
  if (!*found) return {};
  around.following = (*found)->base_offset;
  around.epoch_behind = (*found)->leader_epoch;
  return {};
}

// Why a batch is not part of the log; empty if it is.
Result<std::string_view> LogLoader::why_invalid(const BatchView& batch, size_t index, int64_t end_position, Offset due) {
  if (!batch.crc_is_valid()) return std::string_view("its CRC is wrong");
  const bool is_synced = due < opening_.recovery_point;
  const LeaderEpoch epoch_before = is_synced ? LeaderEpoch() : epoch_before_;
  // Topics cease to be compacted; the gaps stay.
  const bool has_gaps = log_->config_->cleanup_compact || opening_.first_dirty || is_synced;
  BatchSurroundings around{due, epoch_before, {}, {}, has_gaps};
  if (is_doubtful(batch, due, epoch_before))
    if (auto status = look_behind(index, end_position, around); !status) return status.error();
  if (index + 1 < found_.size() && batch.last_offset() >= found_[index + 1].base) return std::string_view("its offsets are the next segment's");
  return why_misplaced(batch, around);
}

// Offsets that do not fit 32 bits relative to the base (KAFKA-6264): the rest of the segment becomes one of its own. First the copy, durable under its
// name, then the cut: a crash between leaves both, and the next recovery cuts.
Status LogLoader::split_overflow(size_t index, int64_t position, int64_t bytes, Offset base) {
  note("split segment " + std::to_string(found_[index].base.value) + " at offset " + std::to_string(base.value) + ", too far from its base");
  auto from = (*log_->segments_)[index]->file();
  if (!from) return from.error();
  const std::string name = path(segment_file_name(base, ".log"));
  auto into = disk_.open(name + ".cleaned", Disk::Open::create_empty);
  if (!into) return into.error();
  std::vector<uint8_t> buffer(1 << 20);
  for (int64_t at = position; at < bytes;) {
    auto read = (*from)->read_at({buffer.data(), static_cast<size_t>(std::min<int64_t>(bytes - at, static_cast<int64_t>(buffer.size())))}, at);
    if (!read) return read.error();
    if (*read == 0) break;
    if (auto status = (*into)->write_at({buffer.data(), *read}, at - position); !status) return status;
    at += static_cast<int64_t>(*read);
  }
  if (auto status = (*into)->sync(); !status) return status;
  if (auto status = disk_.rename(name + ".cleaned", name); !status) return status;
  if (auto status = disk_.sync_directory(opening_.directory); !status) return status;
  if (auto status = (*from)->truncate(position); !status) return status;
  found_[index].bytes = position;
  found_.insert(found_.begin() + static_cast<ptrdiff_t>(index) + 1, Found{base, bytes - position, found_[index].modified_ms});
  auto list = std::make_shared<SegmentList>(*log_->segments_);
  list->insert(list->begin() + static_cast<ptrdiff_t>(index) + 1, std::make_shared<Segment>(disk_, opening_.directory, base));
  log_->segments_ = std::move(list);
  return {};
}

// Where the checkpoint says something else than a batch, the batch is right.
void LogLoader::note_epoch(const BatchView& batch) {
  if (!batch.is_v2() || batch.leader_epoch().value < 0 || batch.last_offset() < log_->log_start_) return;
  const Offset start = std::max(batch.base_offset(), log_->log_start_);
  if (log_->epochs_.epoch_at(start) >= batch.leader_epoch()) return;
  if (log_->epochs_.assign(batch.leader_epoch(), start)) log_->epochs_dirty_ = true;
}

Status LogLoader::rebuild_epochs() {
  for (size_t i = 0; i < found_.size(); ++i) {
    auto file = (*log_->segments_)[i]->file();
    if (!file) return file.error();
    BatchScanner scanner(*file, 0, found_[i].bytes);
    while (const auto batch = scanner.next()) note_epoch(*batch);
    if (scanner.stop() == BatchScanner::Stop::failed) return scanner.error();
    if (scanner.stop() != BatchScanner::Stop::end) break;
  }
  return {};
}

// The producers' state at `end`: the newest whole snapshot at or below it, and the batches between.
Status LogLoader::load_producers(Offset end, bool skip_without_snapshot) {
  auto entries = disk_.list(opening_.directory);
  if (!entries) return entries.error();
  Offset from(-1);
  for (auto entry = entries->rbegin(); entry != entries->rend() && from.value < 0; ++entry) {
    const auto offset = parse_segment_file_name(entry->name, ".snapshot");
    if (!offset || *offset > end) continue;
    auto content = disk_.read_file(path(entry->name));
    if (!content) return content.error();
    auto decoded = decode_producer_snapshot(bytes_of(**content));
    if (decoded.ok()) {
      log_->producers_.load(*decoded, opening_.now);
      from = *offset;
      continue;
    }
    note(entry->name + " is damaged and was removed: " + decoded.error().message);
    skip_without_snapshot = false;
    if (auto status = disk_.remove(path(entry->name)); !status) return status;
  }
  log_->producers_loaded_at_ = end;
  if (from.value < 0 && skip_without_snapshot) return {};
  if (from.value < 0) from = log_->segments_->front()->base_offset();
  if (from < end) return log_->replay_producers(from, end);
  return {};
}

Status LogLoader::finish() {
  Log& log = *log_;
  if (log.log_end() < log.log_start_) {
    note("ends at " + std::to_string(log.log_end().value) + ", below its log start " + std::to_string(log.log_start_.value) + "; begins anew there");
    return log.truncate_fully_and_start_at(log.log_start_, opening_.now);
  }
  if (auto status = log.remove_snapshots_above(log.log_end()); !status) return status;
  if (auto status = keep_useful_snapshots(); !status) return status;
  const bool cut_end = log.epochs_.truncate_from_end(log.log_end());
  const bool cut_start = log.epochs_.truncate_from_start(log.log_start_);
  log.epochs_dirty_ = log.epochs_dirty_ || cut_end || cut_start;
  const bool as_closed = opening_.clean && !recovery_.recovered && !found_.empty();
  log.recovery_point_ = as_closed ? log.log_end() : std::min(opening_.recovery_point, log.log_end());
  if (as_closed) log.files_dirty_ = false;
  log.active_.set_created(opening_.now);
  if (!found_.empty()) log.active_.set_modified({found_.back().modified_ms});
  log.set_high_watermark(opening_.high_watermark);
  return {};
}

}  // namespace quokka
