// Message sets of magic 0 and 1, read only: old produce requests bring them and old segments hold them. Written only by conversion.h.
//
// entry   := offset:int64 size:int32 message
// message := crc:uint32 magic:int8 attributes:int8 [timestamp:int64 (magic 1)] key_length:int32 key value_length:int32 value
// The CRC (CRC-32 of IEEE) covers magic to the end. A compressed set is one wrapper entry whose value is the compressed inner set and
// whose offset is that of the last inner entry. Inner offsets of magic 0 are absolute; those of magic 1 count from the wrapper's first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/result.h"
#include "protocol/records/compression.h"
#include "protocol/records/record_batch.h"

namespace quokka {

// One message, where it lies.
struct LegacyMessage {
  BatchView entry;  // of the message itself: magic, attributes, CRC
  Offset offset;    // absolute
  int64_t timestamp_ms = kNoTimestamp;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
};

// The message of an entry that BatchCursor yielded, its value as stored. False: lengths that do not fit.
bool read_legacy_message(const BatchView& entry, LegacyMessage& message);

// Goes over the messages of one entry: itself, or what it wraps. `while (cursor.next(message))`, then status().
// CRCs are not checked here. Inner messages whose magic is not the wrapper's are yielded: the reader decides.
class LegacyCursor {
 public:
  // `plain` receives the decompressed inner set and must outlive the cursor.
  LegacyCursor(const BatchView& entry, const DecompressionLimits& limits, DecompressionScratch& scratch,
               std::vector<uint8_t>& plain);

  bool next(LegacyMessage& message);
  // Errors: INVALID_RECORD, CORRUPT_MESSAGE (sizes), UNKNOWN_SERVER_ERROR (not decompressible, as Kafka answers), MESSAGE_TOO_LARGE.
  const std::optional<Error>& error() const { return error_; }

 private:
  bool fail(ErrorCode code, std::string text);
  bool open_wrapper(const DecompressionLimits& limits, DecompressionScratch& scratch);
  // The entry at the front of `left`; nullopt at the end, which a cut entry is, too.
  std::optional<BatchView> take_inner(Bytes& left);

  BatchView entry_;
  std::vector<uint8_t>& plain_;
  Bytes left_;
  int64_t first_offset_ = 0;  // magic 1: added to inner offsets
  bool done_ = false;
  std::optional<Error> error_;
};

}  // namespace quokka
