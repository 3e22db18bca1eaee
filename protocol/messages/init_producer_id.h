// InitProducerId (key 22), versions 0-5, flexible from 2.
//
// 3: the producer's own id and epoch, to raise the epoch (KIP-360). 4: PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct InitProducerIdRequest {
  static constexpr const char* kName = "InitProducerIdRequest";
  static constexpr ApiKey kApiKey = ApiKey::INIT_PRODUCER_ID;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 2;
  std::optional<std::string_view> transactional_id = std::string_view();
  int32_t transaction_timeout_ms = 0;
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
};

inline void fields(Codec& c, InitProducerIdRequest& m) {
  c.field(m.transactional_id, "transactional_id", always(), always());
  c.field(m.transaction_timeout_ms, "transaction_timeout_ms");
  c.field(m.producer_id, "producer_id", since(3));
  c.field(m.producer_epoch, "producer_epoch", since(3));
}

struct InitProducerIdResponse {
  static constexpr const char* kName = "InitProducerIdResponse";
  static constexpr ApiKey kApiKey = ApiKey::INIT_PRODUCER_ID;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 2;
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  ProducerId producer_id;
  ProducerEpoch producer_epoch{0};
};

inline void fields(Codec& c, InitProducerIdResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.producer_id, "producer_id");
  c.field(m.producer_epoch, "producer_epoch");
}

}  // namespace quokka
