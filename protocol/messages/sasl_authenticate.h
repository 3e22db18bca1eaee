// SaslAuthenticate (key 36), versions 0-2, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct SaslAuthenticateRequest {
  static constexpr const char* kName = "SaslAuthenticateRequest";
  static constexpr ApiKey kApiKey = ApiKey::SASL_AUTHENTICATE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  Bytes auth_bytes;
};

inline void fields(Codec& c, SaslAuthenticateRequest& m) {
  c.field(m.auth_bytes, "auth_bytes");
}

struct SaslAuthenticateResponse {
  static constexpr const char* kName = "SaslAuthenticateResponse";
  static constexpr ApiKey kApiKey = ApiKey::SASL_AUTHENTICATE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  ErrorCode error_code = ErrorCode::NONE;
  std::optional<std::string_view> error_message = std::string_view();
  Bytes auth_bytes;
  int64_t session_lifetime_ms = 0;
};

inline void fields(Codec& c, SaslAuthenticateResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.auth_bytes, "auth_bytes");
  c.field(m.session_lifetime_ms, "session_lifetime_ms", since(1).or_dropped());
}

}  // namespace quokka
