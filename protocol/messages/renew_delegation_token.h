// RenewDelegationToken (key 39), versions 0-2, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct RenewDelegationTokenRequest {
  static constexpr const char* kName = "RenewDelegationTokenRequest";
  static constexpr ApiKey kApiKey = ApiKey::RENEW_DELEGATION_TOKEN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  Bytes hmac;
  int64_t renew_period_ms = 0;
};

inline void fields(Codec& c, RenewDelegationTokenRequest& m) {
  c.field(m.hmac, "hmac");
  c.field(m.renew_period_ms, "renew_period_ms");
}

struct RenewDelegationTokenResponse {
  static constexpr const char* kName = "RenewDelegationTokenResponse";
  static constexpr ApiKey kApiKey = ApiKey::RENEW_DELEGATION_TOKEN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  ErrorCode error_code = ErrorCode::NONE;
  int64_t expiry_timestamp_ms = 0;
  int32_t throttle_time_ms = 0;
};

inline void fields(Codec& c, RenewDelegationTokenResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.expiry_timestamp_ms, "expiry_timestamp_ms");
  c.field(m.throttle_time_ms, "throttle_time_ms");
}

}  // namespace quokka
