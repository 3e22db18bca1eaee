#include "protocol/client/host_port.h"

#include "protocol/base/text_parts.h"

namespace quokka {

Result<std::vector<HostPort>> parse_servers(const std::string& text) {
  std::vector<HostPort> servers;
  for (const std::string_view part : between_commas(text)) {
    const size_t scheme = part.find("://");
    const std::string_view address = scheme == std::string::npos ? part : part.substr(scheme + 3);
    const size_t colon = address.rfind(':');
    HostPort server;
    if (colon != std::string::npos) {
      server.host = address.substr(0, colon);
      if (server.host.size() > 2 && server.host.front() == '[' && server.host.back() == ']') server.host = server.host.substr(1, server.host.size() - 2);
      server.port = number_in<uint16_t>(address.substr(colon + 1)).value_or(0);
    }
    if (server.host.empty() || server.port == 0) {
      return Error{ErrorCode::INVALID_CONFIG, "Invalid url in bootstrap.servers: " + std::string(part) + " (write host:port, and commas between several)"};
    }
    servers.push_back(std::move(server));
  }
  if (servers.empty()) return Error{ErrorCode::INVALID_CONFIG, "no bootstrap server is given: write host:port"};
  return servers;
}

}  // namespace quokka
