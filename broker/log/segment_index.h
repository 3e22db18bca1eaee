// The sparse indexes of one segment, in memory, with Kafka's bytes on disk. They are plain files read and appended as a whole: no mapping (a full
// disk or a truncation under a map would kill the process).
//   offset index := (relative_offset:int32 position:int32)*            last offset of the batch at the position; strictly rising
//   time index   := (timestamp:int64 relative_offset:int32)*           largest timestamp so far and the last offset of its batch; rising timestamps
//   txn index    := (version:int16=0 producer_id:int64 first_offset:int64 last_offset:int64 last_stable_offset:int64)*
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"

namespace quokka {

class OffsetIndex {
 public:
  static constexpr size_t kEntryBytes = 8;
  struct Entry {
    int32_t relative_offset;
    int32_t position;
  };

  // The caller has checked that the relative offset is above the last one and fits.
  void append(int32_t relative_offset, int32_t position) { entries_.push_back({relative_offset, position}); }
  // Position of the last entry whose offset is at or below `relative_offset`; 0 if there is none.
  int32_t lookup(int64_t relative_offset) const;
  // The last entry at or below the relative offset; nullopt if there is none.
  std::optional<Entry> entry_before(int64_t relative_offset) const;
  // Relative offset of the first entry at or behind the position; nullopt if there is none.
  std::optional<int32_t> offset_at_or_behind(int64_t position) const;
  // Forgets entries at or above the relative offset.
  void truncate(int64_t relative_offset);
  const std::vector<Entry>& entries() const { return entries_; }
  std::string encode() const;
  // Error: not a whole number of entries, or not rising. A tail of zeros, as in the file of an active segment, is left out.
  static Result<OffsetIndex> decode(Bytes bytes, int64_t log_bytes);

 private:
  std::vector<Entry> entries_;
};

class TimeIndex {
 public:
  static constexpr size_t kEntryBytes = 12;
  struct Entry {
    int64_t timestamp;
    int32_t relative_offset;
  };

  // Does nothing unless both the timestamp and the offset rise.
  void append(int64_t timestamp, int32_t relative_offset);
  // Relative offset of the last entry whose timestamp is below or at `timestamp`; nullopt if there is none.
  std::optional<Entry> lookup(int64_t timestamp) const;
  void truncate(int64_t relative_offset);
  const std::vector<Entry>& entries() const { return entries_; }
  std::string encode() const;
  static Result<TimeIndex> decode(Bytes bytes);

 private:
  std::vector<Entry> entries_;
};

// An aborted transaction as the transaction index stores it.
struct AbortedEntry {
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;  // of the marker
  Offset last_stable_offset;

  bool operator==(const AbortedEntry&) const = default;
};

inline constexpr size_t kAbortedEntryBytes = 34;
std::string encode_txn_index(const std::vector<AbortedEntry>& entries);
Result<std::vector<AbortedEntry>> decode_txn_index(Bytes bytes);

}  // namespace quokka
