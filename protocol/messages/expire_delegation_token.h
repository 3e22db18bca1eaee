// ExpireDelegationToken (key 40), versions 0-2, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ExpireDelegationTokenRequest {
  static constexpr const char* kName = "ExpireDelegationTokenRequest";
  static constexpr ApiKey kApiKey = ApiKey::EXPIRE_DELEGATION_TOKEN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  Bytes hmac;
  int64_t expiry_time_period_ms = 0;
};

inline void fields(Codec& c, ExpireDelegationTokenRequest& m) {
  c.field(m.hmac, "hmac");
  c.field(m.expiry_time_period_ms, "expiry_time_period_ms");
}

struct ExpireDelegationTokenResponse {
  static constexpr const char* kName = "ExpireDelegationTokenResponse";
  static constexpr ApiKey kApiKey = ApiKey::EXPIRE_DELEGATION_TOKEN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  ErrorCode error_code = ErrorCode::NONE;
  int64_t expiry_timestamp_ms = 0;
  int32_t throttle_time_ms = 0;
};

inline void fields(Codec& c, ExpireDelegationTokenResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.expiry_timestamp_ms, "expiry_timestamp_ms");
  c.field(m.throttle_time_ms, "throttle_time_ms");
}

}  // namespace quokka
