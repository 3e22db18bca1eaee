#include "tools/client_settings.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>

namespace quokka {
namespace {

// Names are looked up again for every connection; one that is wrong is better said at once than after a minute of attempts.
bool resolves(const HostPort& server) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(server.host.c_str(), nullptr, &hints, &found);
  if (failed != 0) {
    warn("Couldn't resolve server " + server.str() + " from bootstrap.servers: " + gai_strerror(failed));
    return false;
  }
  freeaddrinfo(found);
  return true;
}

}  // namespace

Result<BlockingClientSettings> client_settings(const std::string& servers, const Properties& properties, const std::string& client_id) {
  BlockingClientSettings settings;
  auto parsed = parse_servers(servers);
  if (!parsed.ok()) return parsed.error();
  settings.servers = std::move(*parsed);
  settings.client_id = client_id;
  set_text(properties, "client.id", settings.client_id);
  if (const auto at = properties.find("security.protocol"); at != properties.end() && at->second != "PLAINTEXT") {
    return Error{ErrorCode::INVALID_CONFIG, "security.protocol=" + at->second + " is not implemented by these tools: only PLAINTEXT is"};
  }
  for (const auto& [key, duration] : {std::pair{"request.timeout.ms", &settings.request_timeout},
                                      std::pair{"default.api.timeout.ms", &settings.api_timeout},
                                      std::pair{"retry.backoff.ms", &settings.retry_backoff}}) {
    if (Status status = set_millis(properties, key, *duration); !status.ok()) return status.error();
  }
  if (std::erase_if(settings.servers, [](const HostPort& server) { return !resolves(server); }) > 0 && settings.servers.empty()) {
    return Error{ErrorCode::INVALID_CONFIG, "No resolvable bootstrap urls given in bootstrap.servers: " + servers};
  }
  return settings;
}

}  // namespace quokka
