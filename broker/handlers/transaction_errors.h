// What older clients of the transaction coordinator understand.
#pragma once

#include "protocol/base/error_code.h"

namespace quokka {

// AddPartitionsToTxn, AddOffsetsToTxn, EndTxn: PRODUCER_FENCED came with version 2.
inline ErrorCode fenced_error(ErrorCode error, int16_t version) {
  return error == ErrorCode::PRODUCER_FENCED && version < 2 ? ErrorCode::INVALID_PRODUCER_EPOCH : error;
}

}  // namespace quokka
