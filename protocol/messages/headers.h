// The headers before every request (versions 0-2) and response (0-1). Which goes with which API and version: api_table.h.
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

namespace quokka {

struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string_view> client_id;  // borrows the frame; its length keeps 16 bits in every version
};

struct ResponseHeader {
  int32_t correlation_id = 0;
};

// `bytes` begins at the header; `position` is set behind it. Errors: INVALID_REQUEST naming the field.
Result<RequestHeader> decode_request_header(Bytes bytes, int16_t header_version, size_t& position);
Result<ResponseHeader> decode_response_header(Bytes bytes, int16_t header_version, size_t& position);

std::vector<uint8_t> encode_request_header(const RequestHeader& header, int16_t header_version);
std::vector<uint8_t> encode_response_header(const ResponseHeader& header, int16_t header_version);

}  // namespace quokka
