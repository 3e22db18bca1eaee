// The headers before every request (versions 0-2, flexible from 2) and response (0-1, flexible from 1). Which goes with which API and version:
// api_table.h.
//
//   request  := api_key:int16 api_version:int16 correlation_id:int32 [client_id:nullable string, since 1] [tags, since 2]
//   response := correlation_id:int32 [tags, since 1]
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/result.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct RequestHeader {
  static constexpr const char* kName = "RequestHeader";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string_view> client_id;  // borrows the frame
};

inline void fields(Codec& c, RequestHeader& m) {
  c.field(m.api_key, "api_key");
  c.field(m.api_version, "api_version");
  c.field(m.correlation_id, "correlation_id");
  // Its length keeps 16 bits, so that a broker can read it before it knows the version.
  c.inflexible_text(m.client_id, "client_id", since(1).or_dropped());
}

struct ResponseHeader {
  static constexpr const char* kName = "ResponseHeader";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 1;
  int32_t correlation_id = 0;
};

inline void fields(Codec& c, ResponseHeader& m) { c.field(m.correlation_id, "correlation_id"); }

// `bytes` begins at the header; `position` is set behind it. Errors: INVALID_REQUEST naming the field.
Result<RequestHeader> decode_request_header(Bytes bytes, int16_t header_version, size_t& position);
Result<ResponseHeader> decode_response_header(Bytes bytes, int16_t header_version, size_t& position);

// A client id is at most 32767 bytes.
std::vector<uint8_t> encode_request_header(const RequestHeader& header, int16_t header_version);
std::vector<uint8_t> encode_response_header(const ResponseHeader& header, int16_t header_version);

}  // namespace quokka
