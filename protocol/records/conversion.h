// Down-conversion for old consumers: batches as Fetch v0-1 (magic 0) and v2-3 (magic 1) want them.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/records/compression.h"

namespace quokka {

// Appends what `batches`, the bytes of a fetch, hold to `out`, in entries of magic `to_magic` (0 or 1) or lower. A torn batch at the end is
// left out. Headers, producer fields and control batches are dropped; records below `first_offset` of a batch that is not compressed are
// dropped, too, as old librdkafka needs it.
// Errors: UNSUPPORTED_COMPRESSION_TYPE for a zstd batch, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE.
Status convert_down(Bytes batches, int8_t to_magic, Offset first_offset, const DecompressionLimits& limits,
                    DecompressionScratch& scratch, std::vector<uint8_t>& out);

}  // namespace quokka
