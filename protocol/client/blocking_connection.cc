#include "protocol/client/blocking_connection.h"

#include <algorithm>

#include "protocol/messages/api_versions.h"

namespace quokka {

Result<std::unique_ptr<BlockingConnection>> BlockingConnection::open(WaitingLoop& loop, Streams& streams, ClientSettings settings) {
  std::unique_ptr<BlockingConnection> connection(new BlockingConnection(loop, streams, std::move(settings)));
  if (Status status = connection->ask_versions(); !status.ok()) return status.error();
  return connection;
}

Result<ClientResponse> BlockingConnection::exchange(ClientRequest request, Duration timeout) {
  std::optional<Result<ClientResponse>> answer;
  connection_.send(std::move(request), timeout, [&answer](Result<ClientResponse> came) { answer.emplace(std::move(came)); });
  loop_.run_until([&answer] { return answer.has_value(); });
  return std::move(*answer);
}

Status BlockingConnection::ask_versions() {
  ApiVersionsRequest request;
  request.client_software_name = "quokka-tools";
  request.client_software_version = "3.9";
  // A broker that does not know the version answers in the form of version 0, with UNSUPPORTED_VERSION.
  for (const int16_t version : {int16_t{3}, int16_t{0}}) {
    Result<ClientRequest> bytes = encode_request(version == 0 ? ApiVersionsRequest{} : request, version);
    if (!bytes.ok()) return bytes.error();
    Result<ClientResponse> response = exchange(std::move(*bytes), connection_.settings().request_timeout);
    if (!response.ok()) return response.error();
    const Bytes body = response->body();
    const bool is_refused = body.size() >= 2 && load_be<int16_t>(body.data()) == static_cast<int16_t>(ErrorCode::UNSUPPORTED_VERSION);
    if (is_refused && version != 0) continue;
    const Result<Answer<ApiVersionsResponse>> answer = decode_response<ApiVersionsResponse>(std::move(*response), version);
    if (!answer.ok()) return Error{answer.code(), name() + ": " + answer.error().message};
    if (const ErrorCode code = answer->message.error_code; code != ErrorCode::NONE) {
      return Error{code, name() + ": the broker does not say which versions it serves: " + std::string(quokka::name(code))};
    }
    for (const auto& api : answer->message.api_keys) served_.push_back({api.api_key, api.min_version, api.max_version});
    return {};
  }
  return Error{ErrorCode::UNSUPPORTED_VERSION, name() + ": the broker serves no version of ApiVersions"};
}

bool BlockingConnection::serves(ApiKey key) const { return std::ranges::count(served_, static_cast<int16_t>(key), &ServedVersions::key) > 0; }

Result<int16_t> BlockingConnection::version_of(ApiKey key, int16_t version_min, int16_t version_max) const {
  const auto served = std::ranges::find(served_, static_cast<int16_t>(key), &ServedVersions::key);
  const std::string api(quokka::name(key));
  if (served == served_.end()) return Error{ErrorCode::UNSUPPORTED_VERSION, name() + ": the broker does not serve " + api};
  const int16_t version = std::min(served->version_max, version_max);
  if (version >= served->version_min && version >= version_min) return version;
  return Error{ErrorCode::UNSUPPORTED_VERSION, name() + ": the broker serves " + api + " in versions " + std::to_string(served->version_min) + " to " +
                                                   std::to_string(served->version_max) + ", and " + std::to_string(version_min) + " to " +
                                                   std::to_string(version_max) + " are known here"};
}

}  // namespace quokka
