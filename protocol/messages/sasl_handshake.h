// SaslHandshake (key 17), versions 0-1, never flexible.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct SaslHandshakeRequest {
  static constexpr const char* kName = "SaslHandshakeRequest";
  static constexpr ApiKey kApiKey = ApiKey::SASL_HANDSHAKE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = kNeverFlexible;
  std::string_view mechanism;
};

inline void fields(Codec& c, SaslHandshakeRequest& m) {
  c.field(m.mechanism, "mechanism");
}

struct SaslHandshakeResponse {
  static constexpr const char* kName = "SaslHandshakeResponse";
  static constexpr ApiKey kApiKey = ApiKey::SASL_HANDSHAKE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = kNeverFlexible;
  ErrorCode error_code = ErrorCode::NONE;
  Array<std::string_view> mechanisms;
};

inline void fields(Codec& c, SaslHandshakeResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.mechanisms, "mechanisms");
}

}  // namespace quokka
