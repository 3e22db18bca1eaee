#include "broker/net/request_head.h"

#include <cstdio>

namespace quokka {
namespace {

Error invalid(std::string what) { return {ErrorCode::INVALID_REQUEST, std::move(what)}; }

// A tag section: count, then (tag, size, bytes) each. Moves `at` behind it; false if it is cut off or a number is too long.
bool skip_tags(Bytes frame, size_t& at) {
  auto read_unsigned = [&](uint32_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      if (at == frame.size()) return false;
      uint8_t byte = frame[at++];
      if (shift == 28 && byte > 0x0f) return false;
      value |= static_cast<uint32_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  };
  uint32_t count = 0;
  if (!read_unsigned(count)) return false;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t tag = 0, size = 0;
    if (!read_unsigned(tag) || !read_unsigned(size) || size > frame.size() - at) return false;
    at += size;
  }
  return true;
}

}  // namespace

Result<RequestHead> parse_request_head(Bytes frame, const ServedApis& served) {
  if (frame.size() < 8) return invalid("a frame of " + std::to_string(frame.size()) + " bytes is too short for a request header");
  RequestHead head;
  head.api_key = load_be<int16_t>(frame.data());
  head.version = load_be<int16_t>(frame.data() + 2);
  head.correlation_id = load_be<int32_t>(frame.data() + 4);
  head.body_at = 8;
  auto api = served.find(head.api_key);
  if (api == served.end()) return invalid("api key " + std::to_string(head.api_key) + " is not served");
  bool known = head.version >= api->second.version_min && head.version <= api->second.version_max;
  if (!known && head.api_key != kApiVersionsKey)
    return invalid(api->second.name + " version " + std::to_string(head.version) + " is not served (" + std::to_string(api->second.version_min) +
                   " to " + std::to_string(api->second.version_max) + " are)");
  // ControlledShutdown version 0 is older than client ids.
  if (head.api_key == kControlledShutdownKey && head.version == 0) return head;

  if (frame.size() < 10) return invalid("the client id is cut off");
  auto length = load_be<int16_t>(frame.data() + 8);
  head.body_at = 10;
  if (length < -1 || (length > 0 && static_cast<size_t>(length) > frame.size() - 10)) return invalid("the client id is cut off");
  if (length > 0) {
    head.client_id = text_of(frame.subspan(10, static_cast<size_t>(length)));
    head.body_at += static_cast<size_t>(length);
  }
  bool flexible = head.version >= api->second.flexible_since;
  if (flexible && !skip_tags(frame, head.body_at)) return invalid("the tags of the request header are cut off");
  // A client that asks for a version of ApiVersions unknown here must be able to read the answer: always header v0 (KIP-511).
  head.flexible_answer = flexible && head.api_key != kApiVersionsKey;
  return head;
}

bool is_transactional(const RequestHead& head, Bytes body, const ServedApis& served) {
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
  auto api = served.find(kProduceKey);
  if (api != served.end() && head.version >= api->second.flexible_since) return body[0] != 0;
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
