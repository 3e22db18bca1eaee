// Envelope (key 58), versions 0, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct EnvelopeRequest {
  static constexpr const char* kName = "EnvelopeRequest";
  static constexpr ApiKey kApiKey = ApiKey::ENVELOPE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  Bytes request_data;
  std::optional<Bytes> request_principal = Bytes();
  Bytes client_host_address;
};

inline void fields(Codec& c, EnvelopeRequest& m) {
  c.field(m.request_data, "request_data");
  c.field(m.request_principal, "request_principal", always(), always());
  c.field(m.client_host_address, "client_host_address");
}

struct EnvelopeResponse {
  static constexpr const char* kName = "EnvelopeResponse";
  static constexpr ApiKey kApiKey = ApiKey::ENVELOPE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  std::optional<Bytes> response_data;
  ErrorCode error_code = ErrorCode::NONE;
};

inline void fields(Codec& c, EnvelopeResponse& m) {
  c.field(m.response_data, "response_data", always(), always());
  c.field(m.error_code, "error_code");
}

}  // namespace quokka
