#include "broker/net/request_head.h"

#include <cstdio>

#include "protocol/messages/api_table.h"
#include "protocol/messages/headers.h"

namespace quokka {
namespace {

Error invalid(std::string what) { return {ErrorCode::INVALID_REQUEST, std::move(what)}; }

}  // namespace

Result<RequestHead> parse_request_head(Bytes frame, const ServedKeys& served) {
  if (frame.size() < 4) return invalid("a frame of " + std::to_string(frame.size()) + " bytes is too short for a request header");
  auto key = load_be<int16_t>(frame.data());
  auto version = load_be<int16_t>(frame.data() + 2);
  const ApiEntry* api = api_entry(key);
  if (api == nullptr || !served.contains(key)) return invalid("api key " + std::to_string(key) + " is not served");
  if ((version < api->version_min || version > api->version_max) && key != kApiVersionsKey)
    return invalid(std::string(api->name) + " version " + std::to_string(version) + " is not served (" + std::to_string(api->version_min) + " to " +
                   std::to_string(api->version_max) + " are)");
  RequestHead head;
  Result<RequestHeader> header = decode_request_header(frame, api->request_header_version(version), head.body_at);
  if (!header) return header.error();
  head.api_key = key;
  head.version = version;
  head.correlation_id = header->correlation_id;
  head.client_id = header->client_id.value_or("");
  // ApiVersions is answered with header v0 always: a client that asks for a version unknown here must be able to read the answer (KIP-511).
  head.flexible_answer = api->response_header_version(version) > 0;
  return head;
}

bool is_transactional(const RequestHead& head, Bytes body) {
  constexpr int16_t kAddPartitionsToTxn = 24, kAddOffsetsToTxn = 25, kEndTxn = 26, kTxnOffsetCommit = 28;
  switch (head.api_key) {
    case kAddPartitionsToTxn:
    case kAddOffsetsToTxn:
    case kEndTxn:
    case kTxnOffsetCommit: return true;
    case kProduceKey: break;
    default: return false;
  }
  // Produce begins with its transactional id since version 3.
  if (head.version < 3 || body.size() < 2) return false;
  if (api_entry(kProduceKey)->flexible(head.version)) return body[0] != 0;
  return load_be<int16_t>(body.data()) >= 0;
}

std::string loggable_client_id(std::string_view client_id) {
  constexpr size_t kShownMax = 128;
  std::string shown;
  for (char c : client_id) {
    if (shown.size() >= kShownMax) return shown + "...";
    if (c >= 0x20 && c < 0x7f) {
      shown.push_back(c);
      continue;
    }
    char escaped[5];
    std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    shown += escaped;
  }
  return shown;
}

}  // namespace quokka
