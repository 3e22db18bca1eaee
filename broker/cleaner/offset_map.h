// For each key of the dirty part of a log the offset of its last record, in bounded memory. Pure.
//
// A key is kept as a hash of 128 bits under a secret of this process (SipHash-2-4): two keys that collide by chance do not occur, and a client cannot
// make them collide, which would lose records. 24 bytes a key, open addressing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"

namespace quokka {

struct HashSecret {
  uint64_t first = 0;
  uint64_t second = 0;
};

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
};

Hash128 siphash128(Bytes bytes, HashSecret secret);

class OffsetMap {
 public:
  static constexpr size_t kEntryBytes = 24;
  static constexpr double kLoadMax = 0.95;  // above it a search takes too long

  // As large as `keys_max` keys need, within `bytes_max`. `load` of it is filled at most.
  OffsetMap(size_t bytes_max, double load, uint64_t keys_max, HashSecret secret);

  // False, and nothing is changed, if the key is not there and the map is full.
  bool put(Bytes key, Offset offset);
  std::optional<Offset> find(Bytes key) const;

  // Every record with a key up to and including this offset is in the map; -1 while nothing is.
  Offset latest() const { return latest_; }
  void set_latest(Offset offset) { latest_ = offset; }

  size_t size() const { return size_; }
  size_t keys_max() const { return keys_max_; }
  double utilization() const { return static_cast<double>(size_) / static_cast<double>(entries_.size()); }

 private:
  struct Entry {
    Hash128 hash;
    int64_t offset = -1;  // -1: free
  };
  static_assert(sizeof(Entry) == kEntryBytes);

  size_t place_of(const Hash128& hash) const;

  const HashSecret secret_;
  std::vector<Entry> entries_;
  size_t keys_max_ = 0;
  size_t size_ = 0;
  Offset latest_;
};

}  // namespace quokka
