// What a connection needs to know of a request: its header (protocol/messages/headers.h) and what follows from it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/net/server_settings.h"
#include "protocol/base/bytes.h"
#include "protocol/base/result.h"

namespace quokka {

struct RequestHead {
  int16_t api_key = 0;
  int16_t version = 0;
  int32_t correlation_id = 0;
  std::string_view client_id;   // borrows the frame; "" for null
  bool flexible_answer = false;  // the response header ends with tags
  size_t body_at = 0;
};

constexpr int16_t kProduceKey = 0;
constexpr int16_t kFetchKey = 1;
constexpr int16_t kApiVersionsKey = 18;

// Any bytes. The error says what is wrong, for the log.
Result<RequestHead> parse_request_head(Bytes frame, const ServedKeys& served);

// Takes part in a transaction: EndTxn and its like, or a Produce with a transactional id. Such a request must not run once the peer is gone: it
// may have been sent again on another connection, and would end a later transaction (A10).
bool is_transactional(const RequestHead& head, Bytes body);

// For log lines: at most 128 characters; what is not printable ASCII as \xNN.
std::string loggable_client_id(std::string_view client_id);

}  // namespace quokka
