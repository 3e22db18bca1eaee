#include "broker/log/segment.h"

#include <algorithm>
#include <iterator>

#include "broker/log/batch_scanner.h"
#include "broker/log/active_segment.h"
#include "broker/log/log_names.h"
#include "broker/log/producer_batches.h"
#include "broker/producer/producer_snapshot.h"

namespace quokka {

std::string Segment::path(std::string_view suffix) const {
  return directory_ + "/" + segment_file_name(base_offset_, suffix);
}

void Segment::set_sealed(Seal seal, std::shared_ptr<const SegmentIndexes> indexes) {
  seal_ = seal;
  MutexLock lock(mutex_);
  largest_timestamp_ = seal.largest_timestamp;
  persisted_ = indexes == nullptr;
  indexes_ = std::move(indexes);
}

Result<std::shared_ptr<File>> Segment::file() const {
  {
    MutexLock lock(mutex_);
    used_ = true;
    if (file_) return file_;
  }
  auto opened = disk_.open(path(".log"), Disk::Open::read_write);
  if (!opened) return opened.error();
  MutexLock lock(mutex_);
  if (!file_) file_ = *opened;
  return file_;
}

Result<std::shared_ptr<const SegmentIndexes>> Segment::indexes() const {
  QUOKKA_CHECK(sealed(), "the active segment's indexes belong to the log");
  {
    MutexLock lock(mutex_);
    used_ = true;
    if (indexes_) return indexes_;
  }
  auto loaded = load_indexes();
  if (!loaded) return loaded.error();
  MutexLock lock(mutex_);
  if (!indexes_) indexes_ = *loaded;
  return indexes_;
}

bool Segment::is_warm(Offset offset, int64_t hint, int64_t bytes) const {
  constexpr int64_t kSearchedMax = 1 << 20;  // a batch may be long, and headers lie between batches
  std::shared_ptr<const File> file;
  std::shared_ptr<const SegmentIndexes> known;
  {
    MutexLock lock(mutex_);
    file = file_;
    known = indexes_;
  }
  if (!file) return false;
  int64_t from = hint, to = bytes;
  if (sealed()) {
    if (!known) return false;
    const auto& entries = known->offsets.entries();
    const auto above = std::upper_bound(entries.begin(), entries.end(), offset - base_offset_,
                                        [](int64_t wanted, const OffsetIndex::Entry& entry) { return wanted < entry.relative_offset; });
    from = above == entries.begin() ? 0 : std::prev(above)->position;
    if (above != entries.end()) to = std::min<int64_t>(bytes, above->position + static_cast<int64_t>(kBatchHeaderBytes));
  }
  return file->is_cached(from, std::min(to - from, kSearchedMax));
}

Result<std::shared_ptr<const SegmentIndexes>> Segment::load_indexes() const {
  auto indexes = std::make_shared<SegmentIndexes>();
  bool rebuild = false;
  auto text = disk_.read_file(path(".index"));
  if (!text) return text.error();
  if (text->has_value()) {
    auto offsets = OffsetIndex::decode(bytes_of(**text), seal_->bytes);
    if (offsets.ok()) indexes->offsets = std::move(*offsets);
    rebuild = !offsets.ok();
  } else {
    rebuild = true;
  }
  text = disk_.read_file(path(".timeindex"));
  if (!text) return text.error();
  if (text->has_value()) {
    auto times = TimeIndex::decode(bytes_of(**text));
    if (times.ok()) indexes->times = std::move(*times);
    rebuild = rebuild || !times.ok();
  } else {
    rebuild = true;
  }
  text = disk_.read_file(path(".txnindex"));
  if (!text) return text.error();
  if (text->has_value()) {
    auto aborted = decode_txn_index(bytes_of(**text));
    if (!aborted) aborted = rebuild_aborted();
    if (!aborted) return aborted.error();
    indexes->aborted = std::move(*aborted);
  }
  if (rebuild) return rebuild_offsets_and_times(*indexes);
  return std::shared_ptr<const SegmentIndexes>(std::move(indexes));
}

Result<std::shared_ptr<const SegmentIndexes>> Segment::rebuild_offsets_and_times(const SegmentIndexes& damaged) const {
  auto opened = file();
  if (!opened) return opened.error();
  auto built = ActiveSegment::rebuild(*opened, base_offset_, seal_->bytes);
  if (!built) return built.error();
  built->aborted = damaged.aborted;
  return std::shared_ptr<const SegmentIndexes>(std::make_shared<const SegmentIndexes>(std::move(*built)));
}

Result<int64_t> Segment::position_before(Offset offset) const {
  auto known = indexes();
  if (!known) return known.error();
  const auto entry = (*known)->offsets.entry_before(offset - base_offset_);
  if (!entry) return int64_t{0};
  auto opened = file();
  if (!opened) return opened.error();
  uint8_t header[kBatchHeaderBytes];
  auto read = (*opened)->read_at(header, entry->position);
  if (!read) return read.error();
  if (*read >= kBatchMagicEndBytes) {
    std::fill(header + *read, header + sizeof header, uint8_t{0});
    if (BatchView(header).last_offset() - base_offset_ == entry->relative_offset) return int64_t{entry->position};
  }
  auto rebuilt = rebuild_offsets_and_times(**known);
  if (!rebuilt) return rebuilt.error();
  {
    MutexLock lock(mutex_);
    indexes_ = *rebuilt;
  }
  return int64_t{(*rebuilt)->offsets.lookup(offset - base_offset_)};
}

// What the segment's batches say, from the producers' state at its beginning on.
Result<std::vector<AbortedEntry>> Segment::rebuild_aborted() const {
  ProducerStates producers;
  auto snapshot = disk_.read_file(path(".snapshot"));
  if (!snapshot) return snapshot.error();
  if (snapshot->has_value())
    if (auto decoded = decode_producer_snapshot(bytes_of(**snapshot)); decoded.ok()) producers.load(*decoded, WallTime{INT64_MIN / 2});
  auto opened = file();
  if (!opened) return opened.error();
  std::vector<AbortedEntry> aborted;
  BatchScanner scanner(*opened, 0, seal_->bytes);
  while (const auto batch = scanner.next()) {
    const auto completed = apply_to_producers(*batch, producers);
    if (completed && completed->aborted)
      aborted.push_back({completed->producer_id, completed->first_offset, completed->last_offset, completed->last_stable_offset});
  }
  if (scanner.stop() == BatchScanner::Stop::failed || scanner.stop() == BatchScanner::Stop::corrupt) return scanner.error();
  return aborted;
}

Result<int64_t> Segment::largest_timestamp() const {
  {
    MutexLock lock(mutex_);
    if (largest_timestamp_ != kUnknownTimestamp) return largest_timestamp_;
  }
  // The last entry has it; one read instead of the whole index, of every segment of the disk.
  int64_t largest = kUnknownTimestamp;
  auto present = disk_.exists(path(".timeindex"));
  if (!present) return present.error();
  if (*present) {
    auto times = disk_.open(path(".timeindex"), Disk::Open::read);
    if (!times) return times.error();
    auto bytes = (*times)->size();
    if (!bytes) return bytes.error();
    uint8_t entry[TimeIndex::kEntryBytes];
    constexpr auto kEntry = static_cast<int64_t>(TimeIndex::kEntryBytes);
    if (*bytes >= kEntry && *bytes % kEntry == 0) {
      auto read = (*times)->read_at(entry, *bytes - kEntry);
      if (!read) return read.error();
      if (load_be<int64_t>(entry) > 0) largest = load_be<int64_t>(entry);
    }
  }
  if (largest == kUnknownTimestamp) {
    auto loaded = indexes();
    if (!loaded) return loaded.error();
    largest = (*loaded)->times.entries().empty() ? -1 : (*loaded)->times.entries().back().timestamp;
  }
  MutexLock lock(mutex_);
  largest_timestamp_ = largest;
  return largest;
}

void Segment::set_persisted() const {
  MutexLock lock(mutex_);
  persisted_ = true;
}

Status Segment::pin() const {
  {
    MutexLock lock(mutex_);
    pinned_ = true;
  }
  if (auto opened = file(); !opened) return opened.error();
  if (auto loaded = indexes(); !loaded) return loaded.error();
  if (auto largest = largest_timestamp(); !largest) return largest.error();
  return {};
}

void Segment::drop_if_idle() const {
  MutexLock lock(mutex_);
  if (!used_ && persisted_ && !pinned_ && sealed()) {
    indexes_.reset();
    file_.reset();
  }
  used_ = false;
}

}  // namespace quokka
