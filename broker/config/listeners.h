// The listener keys: listeners, advertised.listeners, listener.security.protocol.map, inter.broker.listener.name,
// security.inter.broker.protocol, control.plane.listener.name, by Kafka's rules.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/properties.h"
#include "protocol/base/result.h"

namespace quokka {

enum class SecurityProtocol : uint8_t { PLAINTEXT = 0, SSL = 1, SASL_PLAINTEXT = 2, SASL_SSL = 3 };  // Kafka's numbers

std::string_view name(SecurityProtocol protocol);
std::optional<SecurityProtocol> parse_security_protocol(std::string_view text);

struct ListenerEndpoint {
  std::string listener;  // upper case
  SecurityProtocol protocol = SecurityProtocol::PLAINTEXT;
  std::string host;  // "" binds all interfaces; advertised, it stands for the machine's own name
  uint16_t port = 0;

  bool operator==(const ListenerEndpoint&) const = default;
  std::string str() const;  // "PLAINTEXT://host:9092"
};

struct Listeners {
  std::vector<ListenerEndpoint> bound;       // in the order of `listeners`
  std::vector<ListenerEndpoint> advertised;  // names are among those bound
  std::string inter_broker;          // name of the listener brokers use among themselves
  SecurityProtocol inter_broker_protocol = SecurityProtocol::PLAINTEXT;
  std::optional<std::string> control_plane;
};

// `effective` has a value for every key that is set or has a default; `given` are the keys the user set. INVALID_CONFIG has Kafka's sentence.
Result<Listeners> resolve_listeners(const Properties& effective, const Properties& given);

}  // namespace quokka
