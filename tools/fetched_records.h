// The records a consumer sees in what a fetch returned for one partition: batches taken apart, control records and, when only committed
// records are wanted, those of aborted transactions left out.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/records/compression.h"
#include "protocol/records/record_batch.h"

namespace quokka {

struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;
};

struct FetchedRecord {
  std::optional<TimestampType> timestamp_type;  // nullopt: magic 0 has no timestamps
  RecordView record;                            // lives until the visitor returns
};

// Visits the records from `from` on, in order, until the visitor returns false; returns the offset to go on at, which is behind batches that
// hold nothing to see, too. Errors: CORRUPT_MESSAGE naming the offset.
Result<Offset> visit_records(Bytes fetched, Offset from, bool read_committed, std::vector<AbortedTransaction> aborted, bool check_crcs,
                             DecompressionScratch& scratch, const std::function<bool(const FetchedRecord&)>& visit);

}  // namespace quokka
