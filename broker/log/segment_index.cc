#include "broker/log/segment_index.h"

#include <algorithm>

namespace quokka {

namespace {

Error corrupt(const std::string& what) { return Error{ErrorCode::CORRUPT_MESSAGE, what}; }

// Length without the zeros that fill the file of an active segment, in whole entries.
size_t without_zero_entries(Bytes bytes, size_t entry_bytes) {
  size_t length = bytes.size();
  while (length >= entry_bytes &&
         std::all_of(bytes.begin() + static_cast<ptrdiff_t>(length - entry_bytes), bytes.begin() + static_cast<ptrdiff_t>(length),
                     [](uint8_t byte) { return byte == 0; }))
    length -= entry_bytes;
  return length;
}

}  // namespace

int32_t OffsetIndex::lookup(int64_t relative_offset) const {
  const auto entry = entry_before(relative_offset);
  return entry ? entry->position : 0;
}

std::optional<OffsetIndex::Entry> OffsetIndex::entry_before(int64_t relative_offset) const {
  const auto above = std::upper_bound(entries_.begin(), entries_.end(), relative_offset,
                                      [](int64_t wanted, const Entry& entry) { return wanted < entry.relative_offset; });
  if (above == entries_.begin()) return std::nullopt;
  return *std::prev(above);
}

std::optional<int32_t> OffsetIndex::offset_at_or_behind(int64_t position) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), position,
                                      [](const Entry& entry, int64_t wanted) { return entry.position < wanted; });
  if (found == entries_.end()) return std::nullopt;
  return found->relative_offset;
}

void OffsetIndex::truncate(int64_t relative_offset) {
  while (!entries_.empty() && entries_.back().relative_offset >= relative_offset) entries_.pop_back();
}

std::string OffsetIndex::encode() const {
  std::string out(entries_.size() * kEntryBytes, '\0');
  auto* at = reinterpret_cast<uint8_t*>(out.data());
  for (const Entry& entry : entries_) {
    store_be(at, entry.relative_offset);
    store_be(at + 4, entry.position);
    at += kEntryBytes;
  }
  return out;
}

Result<OffsetIndex> OffsetIndex::decode(Bytes bytes, int64_t log_bytes) {
  if (bytes.size() % kEntryBytes != 0) return corrupt("the offset index is not a whole number of entries");
  const size_t length = without_zero_entries(bytes, kEntryBytes);
  OffsetIndex index;
  index.entries_.reserve(length / kEntryBytes);
  Entry last{-1, -1};
  for (size_t at = 0; at < length; at += kEntryBytes) {
    const Entry entry{load_be<int32_t>(bytes.data() + at), load_be<int32_t>(bytes.data() + at + 4)};
    if (entry.relative_offset <= last.relative_offset || entry.position <= last.position || entry.position >= log_bytes)
      return corrupt("entry " + std::to_string(at / kEntryBytes) + " of the offset index does not fit");
    index.entries_.push_back(entry);
    last = entry;
  }
  return index;
}

void TimeIndex::append(int64_t timestamp, int32_t relative_offset) {
  if (timestamp < 0) return;
  if (!entries_.empty() && (timestamp <= entries_.back().timestamp || relative_offset <= entries_.back().relative_offset)) return;
  entries_.push_back({timestamp, relative_offset});
}

std::optional<TimeIndex::Entry> TimeIndex::lookup(int64_t timestamp) const {
  const auto above = std::upper_bound(entries_.begin(), entries_.end(), timestamp,
                                      [](int64_t wanted, const Entry& entry) { return wanted < entry.timestamp; });
  if (above == entries_.begin()) return std::nullopt;
  return *std::prev(above);
}

void TimeIndex::truncate(int64_t relative_offset) {
  while (!entries_.empty() && entries_.back().relative_offset >= relative_offset) entries_.pop_back();
}

std::string TimeIndex::encode() const {
  std::string out(entries_.size() * kEntryBytes, '\0');
  auto* at = reinterpret_cast<uint8_t*>(out.data());
  for (const Entry& entry : entries_) {
    store_be(at, entry.timestamp);
    store_be(at + 8, entry.relative_offset);
    at += kEntryBytes;
  }
  return out;
}

Result<TimeIndex> TimeIndex::decode(Bytes bytes) {
  if (bytes.size() % kEntryBytes != 0) return corrupt("the time index is not a whole number of entries");
  const size_t length = without_zero_entries(bytes, kEntryBytes);
  TimeIndex index;
  index.entries_.reserve(length / kEntryBytes);
  Entry last{-1, -1};
  for (size_t at = 0; at < length; at += kEntryBytes) {
    const Entry entry{load_be<int64_t>(bytes.data() + at), load_be<int32_t>(bytes.data() + at + 8)};
    if (entry.timestamp <= last.timestamp || entry.relative_offset < last.relative_offset)
      return corrupt("entry " + std::to_string(at / kEntryBytes) + " of the time index does not fit");
    index.entries_.push_back(entry);
    last = entry;
  }
  return index;
}

std::string encode_txn_index(const std::vector<AbortedEntry>& entries) {
  std::string out(entries.size() * kAbortedEntryBytes, '\0');
  auto* at = reinterpret_cast<uint8_t*>(out.data());
  for (const AbortedEntry& entry : entries) {
    store_be<int16_t>(at, 0);
    store_be(at + 2, entry.producer_id.value);
    store_be(at + 10, entry.first_offset.value);
    store_be(at + 18, entry.last_offset.value);
    store_be(at + 26, entry.last_stable_offset.value);
    at += kAbortedEntryBytes;
  }
  return out;
}

Result<std::vector<AbortedEntry>> decode_txn_index(Bytes bytes) {
  if (bytes.size() % kAbortedEntryBytes != 0) return corrupt("the transaction index is not a whole number of entries");
  std::vector<AbortedEntry> entries;
  entries.reserve(bytes.size() / kAbortedEntryBytes);
  for (size_t at = 0; at < bytes.size(); at += kAbortedEntryBytes) {
    const uint8_t* from = bytes.data() + at;
    const AbortedEntry entry{ProducerId(load_be<int64_t>(from + 2)), Offset(load_be<int64_t>(from + 10)), Offset(load_be<int64_t>(from + 18)),
                             Offset(load_be<int64_t>(from + 26))};
    const bool rises = entries.empty() || entry.last_offset > entries.back().last_offset;
    if (load_be<int16_t>(from) != 0 || entry.producer_id.value < 0 || entry.first_offset > entry.last_offset || !rises)
      return corrupt("entry " + std::to_string(entries.size()) + " of the transaction index does not fit");
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace quokka
