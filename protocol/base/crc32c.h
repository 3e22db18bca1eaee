// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of record batches and producer snapshots. ISA-L picks the SIMD form at run time.
#pragma once

#include <cstdint>

#include "protocol/base/bytes.h"

namespace quokka {

uint32_t crc32c(Bytes bytes);
// The CRC of a sequence whose first part has the CRC `crc`.
uint32_t crc32c_extend(uint32_t crc, Bytes bytes);

}  // namespace quokka
