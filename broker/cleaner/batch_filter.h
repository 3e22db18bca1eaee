// What stays of one batch when its log is cleaned, and how the batch is written then. Pure: bytes in, bytes out.
//
// A record stays if it is the last of its key (OffsetMap), or lies behind what the map knows. A record without value (tombstone), and the marker of a
// transaction of which nothing is left, stay delete.retention.ms longer: the first cleaning that meets them writes the time of their end, the delete
// horizon, into their batch (KIP-534); the first one after that time drops them. Records without key, and those of aborted transactions, go. A batch
// keeps its base offset and its last offset; one that loses all its records goes, unless it is the last of a producer: then its header stays, which
// has the last sequence. Control batches are never matched by key.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "broker/cleaner/cleaned_transactions.h"
#include "broker/cleaner/offset_map.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"
#include "protocol/records/compression.h"
#include "protocol/records/record_batch.h"

namespace quokka {

struct FilterCounts {
  int64_t records_read = 0;
  int64_t records_kept = 0;
  int64_t records_without_key = 0;
};

// The last that a producer left in a log.
struct LastOfProducer {
  Offset last_data_offset;  // -1: markers only
  ProducerEpoch epoch;
};

class BatchFilter {
 public:
  struct Rules {
    WallTime now;
    int64_t delete_retention_ms = 0;
    // Formats 0 and 1 have no delete horizon: their tombstones stay where this is set.
    bool keep_legacy_tombstones = true;
  };
  // nullopt: the producer is not known any more.
  using LastOf = std::function<std::optional<LastOfProducer>(ProducerId)>;

  // References outlive it.
  BatchFilter(const OffsetMap& map, CleanedTransactions& transactions, LastOf last_of) : map_(map), transactions_(transactions), last_of_(std::move(last_of)) {}

  void set_rules(const Rules& rules) { rules_ = rules; }
  // The next batch of the log. What is to be written of it is appended to `out`; false: nothing. CORRUPT_MESSAGE and the offset if it cannot be read:
  // nothing may be written in its place. (A batch of format 0 or 1 of which only some records stay becomes one of format 2.)
  Result<bool> filter(const BatchView& batch, std::vector<uint8_t>& out);
  const FilterCounts& counts() const { return counts_; }

 private:
  bool keeps(const BatchView& batch, Offset offset, std::optional<Bytes> key, bool has_value);
  Result<bool> filter_legacy(const BatchView& batch, std::vector<uint8_t>& out);

  const OffsetMap& map_;
  CleanedTransactions& transactions_;
  const LastOf last_of_;
  Rules rules_;
  FilterCounts counts_;
  DecompressionScratch scratch_;
  std::vector<uint8_t> plain_;
};

// Calls `each` with offset and key of the batch's records that have a key, in order, until it returns false. CORRUPT_MESSAGE as above.
Status for_each_key(const BatchView& batch, DecompressionScratch& scratch, std::vector<uint8_t>& plain, const std::function<bool(Offset, Bytes)>& each);

}  // namespace quokka
