// AllocateProducerIds (key 67), versions 0, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct AllocateProducerIdsRequest {
  static constexpr const char* kName = "AllocateProducerIdsRequest";
  static constexpr ApiKey kApiKey = ApiKey::ALLOCATE_PRODUCER_IDS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  BrokerId broker_id{0};
  BrokerEpoch broker_epoch;
};

inline void fields(Codec& c, AllocateProducerIdsRequest& m) {
  c.field(m.broker_id, "broker_id");
  c.field(m.broker_epoch, "broker_epoch");
}

struct AllocateProducerIdsResponse {
  static constexpr const char* kName = "AllocateProducerIdsResponse";
  static constexpr ApiKey kApiKey = ApiKey::ALLOCATE_PRODUCER_IDS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  ProducerId producer_id_start{0};
  int32_t producer_id_len = 0;
};

inline void fields(Codec& c, AllocateProducerIdsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.producer_id_start, "producer_id_start");
  c.field(m.producer_id_len, "producer_id_len");
}

}  // namespace quokka
