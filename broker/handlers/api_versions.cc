// ApiVersions (key 18), versions 0-4: what this broker serves.
//
// A version above ours is answered in version 0 with UNSUPPORTED_VERSION and only this API's range, so that the client asks again (KIP-511); its
// body is not looked at. Version 3 brought the client's software name and version, which are kept with the connection.
#include <algorithm>
#include <cctype>
#include <vector>

#include "broker/handlers/dispatch.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "protocol/messages/api_versions.h"

namespace quokka {

namespace {

// [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
bool is_software_word(std::string_view text) {
  const auto letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  if (text.empty() || !letter(text.front()) || !letter(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || c == '-' || c == '.'; });
}

void answer_unsupported(CallPtr call) {
  const ApiEntry& own = *api_entry(static_cast<int16_t>(ApiKey::API_VERSIONS));
  std::vector<ApiVersionsResponse::ApiVersion> ranges(1);
  ranges[0].api_key = static_cast<int16_t>(own.key);
  ranges[0].min_version = own.version_min;
  ranges[0].max_version = own.version_max;
  ApiVersionsResponse response;
  response.error_code = ErrorCode::UNSUPPORTED_VERSION;
  response.api_keys = ranges;
  Result<Encoded> encoded = encode(response, 0);
  call->answer({*std::move(encoded), {}});
}

}  // namespace

void handle_api_versions(Services& services, CallPtr call) {
  const ApiEntry& own = *api_entry(static_cast<int16_t>(ApiKey::API_VERSIONS));
  if (call->version() < own.version_min || call->version() > own.version_max) return answer_unsupported(std::move(call));
  const auto decoded = decode_call<ApiVersionsRequest>(call);
  if (!decoded) return;

  ApiVersionsResponse response;
  std::vector<ApiVersionsResponse::ApiVersion> ranges;
  const ApiVersionsRequest& request = decoded->request;
  if (call->version() >= 3 && !(is_software_word(request.client_software_name) && is_software_word(request.client_software_version))) {
    response.error_code = ErrorCode::INVALID_REQUEST;
  } else {
    call->peer().software_name = request.client_software_name;
    call->peer().software_version = request.client_software_version;
    for (const HandledApi& api : handled_apis()) {
      ApiVersionsResponse::ApiVersion range;
      range.api_key = static_cast<int16_t>(api.key);
      range.min_version = api.version_min();
      range.max_version = api.version_max();
      ranges.push_back(range);
    }
    response.finalized_features_epoch = services.features_epoch.load();
  }
  response.api_keys = ranges;
  reply(std::move(call), response);
}

}  // namespace quokka
