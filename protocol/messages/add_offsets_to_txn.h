// AddOffsetsToTxn (key 25), versions 0-4, flexible from 3.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct AddOffsetsToTxnRequest {
  static constexpr const char* kName = "AddOffsetsToTxnRequest";
  static constexpr ApiKey kApiKey = ApiKey::ADD_OFFSETS_TO_TXN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 3;
  std::string_view transactional_id;
  ProducerId producer_id{0};
  ProducerEpoch producer_epoch{0};
  std::string_view group_id;
};

inline void fields(Codec& c, AddOffsetsToTxnRequest& m) {
  c.field(m.transactional_id, "transactional_id");
  c.field(m.producer_id, "producer_id");
  c.field(m.producer_epoch, "producer_epoch");
  c.field(m.group_id, "group_id");
}

struct AddOffsetsToTxnResponse {
  static constexpr const char* kName = "AddOffsetsToTxnResponse";
  static constexpr ApiKey kApiKey = ApiKey::ADD_OFFSETS_TO_TXN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 3;
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
};

inline void fields(Codec& c, AddOffsetsToTxnResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
}

}  // namespace quokka
