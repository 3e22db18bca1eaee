// Addresses of brokers as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/base/result.h"

namespace quokka {

struct HostPort {
  std::string host;
  uint16_t port = 0;

  // IPv6 addresses in brackets.
  std::string str() const { return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port); }
  bool operator==(const HostPort&) const = default;
};

// "host:port,[::1]:9092", a listener's name as in PLAINTEXT://host:port allowed. INVALID_CONFIG names the part that is no address.
Result<std::vector<HostPort>> parse_servers(const std::string& text);

}  // namespace quokka
