#include "protocol/client/host_port.h"

#include <algorithm>
#include <charconv>

namespace quokka {

Result<std::vector<HostPort>> parse_servers(const std::string& text) {
  std::vector<HostPort> servers;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    part.erase(0, part.find_first_not_of(" \t"));
    part.erase(part.find_last_not_of(" \t") + 1);
    if (part.empty()) continue;
    const size_t scheme = part.find("://");
    const std::string address = scheme == std::string::npos ? part : part.substr(scheme + 3);
    const size_t colon = address.rfind(':');
    HostPort server;
    if (colon != std::string::npos) {
      server.host = address.substr(0, colon);
      if (server.host.size() > 2 && server.host.front() == '[' && server.host.back() == ']') server.host = server.host.substr(1, server.host.size() - 2);
      const char* const last = address.data() + address.size();
      const auto [stop, error] = std::from_chars(address.data() + colon + 1, last, server.port);
      if (error != std::errc() || stop != last) server.port = 0;
    }
    if (server.host.empty() || server.port == 0) {
      return Error{ErrorCode::INVALID_CONFIG, "Invalid url in bootstrap.servers: " + part + " (write host:port, and commas between several)"};
    }
    servers.push_back(std::move(server));
  }
  if (servers.empty()) return Error{ErrorCode::INVALID_CONFIG, "no bootstrap server is given: write host:port"};
  return servers;
}

}  // namespace quokka
