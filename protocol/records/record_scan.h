// Goes over the records of a compressed batch without holding them: as much as a broker must see of each.
#pragma once

#include <cstdint>

#include "protocol/records/compression.h"
#include "protocol/records/record_batch.h"

namespace quokka {

// What a broker looks at. Sizes are -1 for null.
struct ScannedRecord {
  int64_t timestamp_delta = 0;
  int32_t offset_delta = 0;
  int32_t key_bytes = -1;
  int32_t value_bytes = -1;
};

enum class ScanResult {
  RECORD,
  DONE,        // `count` records and nothing behind them
  INVALID,     // records that are not well-formed, too few or too many
  UNREADABLE,  // cannot be decompressed
  TOO_LARGE,   // DecompressionLimits
};

class RecordScan {
 public:
  // `count`: of records, as the batch says.
  RecordScan(Decompressor& stream, int32_t count) : stream_(stream), count_(count) {}

  ScanResult next(ScannedRecord& record);

 private:
  bool scan(ScannedRecord& record);
  bool refill();
  bool take_byte(uint8_t& byte) {
    if (chunk_.empty() && !refill()) return false;
    byte = chunk_.front();
    chunk_ = chunk_.subspan(1);
    --record_left_;
    return true;
  }
  bool skip(int32_t bytes);
  bool varint(int32_t& value);
  bool varlong(int64_t& value);

  Decompressor& stream_;
  int32_t count_;
  int32_t read_ = 0;
  Bytes chunk_;
  int64_t record_left_ = 0;  // bytes until the current record's end; may go below 0
  StreamEnd end_ = StreamEnd::MORE;
};

}  // namespace quokka
