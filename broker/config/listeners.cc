#include "broker/config/listeners.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "protocol/base/text_parts.h"

namespace quokka {
namespace {

constexpr std::array<std::string_view, 4> kProtocolNames = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

using ProtocolMap = std::map<std::string, SecurityProtocol>;

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

Error invalid(std::string message) { return Error{ErrorCode::INVALID_CONFIG, std::move(message)}; }

std::string names_of(const std::vector<ListenerEndpoint>& endpoints) {
  std::string names;
  for (const ListenerEndpoint& endpoint : endpoints) names += (names.empty() ? "" : ",") + endpoint.listener;
  return names;
}

const ListenerEndpoint* find_listener(const std::vector<ListenerEndpoint>& endpoints, std::string_view listener) {
  for (const ListenerEndpoint& endpoint : endpoints)
    if (endpoint.listener == listener) return &endpoint;
  return nullptr;
}

Result<SecurityProtocol> protocol_of(std::string_view text, std::string_view key) {
  if (std::optional<SecurityProtocol> protocol = parse_security_protocol(text)) return *protocol;
  return invalid("Invalid security protocol `" + std::string(text) + "` defined in " + std::string(key) +
                 ": it is one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL");
}

Result<ProtocolMap> parse_protocol_map(std::string_view text) {
  ProtocolMap map;
  for (std::string_view entry : between_commas(text)) {
    size_t colon = entry.rfind(':');
    if (colon == std::string_view::npos)
      return invalid("Error parsing configuration property 'listener.security.protocol.map': '" + std::string(entry) +
                     "' is not of the form LISTENER:PROTOCOL");
    Result<SecurityProtocol> protocol = protocol_of(trimmed(entry.substr(colon + 1)), "listener.security.protocol.map");
    if (!protocol) return protocol.error();
    map[upper(trimmed(entry.substr(0, colon)))] = *protocol;
  }
  return map;
}

bool is_host_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("-%._:").find(c) != std::string_view::npos; }

// endpoint := name "://" host ":" port, an IPv6 host in brackets
Result<ListenerEndpoint> parse_endpoint(std::string_view entry, const ProtocolMap& protocols) {
  Error unparsable = invalid("Unable to parse " + std::string(entry) + " to a broker endpoint: it has the form NAME://host:port");
  size_t scheme = entry.rfind("://");
  if (scheme == std::string_view::npos) return unparsable;
  std::string_view place = entry.substr(scheme + 3);
  size_t colon = place.rfind(':');
  if (colon == std::string_view::npos) return unparsable;
  std::string_view host = place.substr(0, colon), port_text = place.substr(colon + 1);
  if (host.starts_with('[')) host.remove_prefix(1);
  if (host.ends_with(']')) host.remove_suffix(1);
  if (!std::all_of(host.begin(), host.end(), is_host_character)) return unparsable;
  const std::optional<int32_t> port = number_in<int32_t>(port_text);
  if (!port) return unparsable;
  if (*port < 0 || *port > 65535) return invalid("port " + std::string(port_text) + " of " + std::string(entry) + " is not within 0 to 65535");
  ListenerEndpoint endpoint;
  endpoint.listener = upper(entry.substr(0, scheme));
  auto protocol = protocols.find(endpoint.listener);
  if (protocol == protocols.end())
    return invalid("No security protocol defined for listener " + endpoint.listener + ": add it to listener.security.protocol.map");
  endpoint.protocol = protocol->second;
  endpoint.host = std::string(host);
  endpoint.port = static_cast<uint16_t>(*port);
  return endpoint;
}

int family_of(const std::string& host) {
  std::array<unsigned char, 16> address{};
  if (inet_pton(AF_INET, host.c_str(), address.data()) == 1) return AF_INET;
  return inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), address.data()) == 1 ? AF_INET6 : 0;
}

// One port may serve an IPv4 and an IPv6 address, nothing else twice.
Status check_ports(const std::vector<ListenerEndpoint>& endpoints, const std::string& text) {
  std::map<uint16_t, std::vector<const ListenerEndpoint*>> by_port;
  for (const ListenerEndpoint& endpoint : endpoints)
    if (endpoint.port != 0) by_port[endpoint.port].push_back(&endpoint);
  for (const auto& [port, same] : by_port) {
    if (same.size() < 2) continue;
    std::vector<int> families;
    for (const ListenerEndpoint* endpoint : same) families.push_back(family_of(endpoint->host));
    size_t addresses = families.size() - static_cast<size_t>(std::count(families.begin(), families.end(), 0));
    if (addresses == 0) return invalid("Each listener must have a different port, listeners: " + text);
    if (same.size() > 2)
      return invalid("Each listener must have a different port unless exactly one listener has an IPv4 address and the other IPv6 address, "
                     "listeners: " + text + ", port: " + std::to_string(port));
    if (addresses < 2 || families[0] == families[1])
      return invalid("If you have two listeners on the same port then one needs to be IPv4 and the other IPv6, listeners: " + text +
                     ", port: " + std::to_string(port));
  }
  return {};
}

Result<std::vector<ListenerEndpoint>> parse_endpoints(const std::string& text, const ProtocolMap& protocols, bool distinct_ports) {
  std::vector<ListenerEndpoint> endpoints;
  for (std::string_view entry : between_commas(text)) {
    Result<ListenerEndpoint> endpoint = parse_endpoint(entry, protocols);
    if (!endpoint) return invalid("Error creating broker listeners from '" + text + "': " + endpoint.error().message);
    if (find_listener(endpoints, endpoint->listener)) return invalid("Each listener must have a different name, listeners: " + text);
    endpoints.push_back(std::move(*endpoint));
  }
  if (distinct_ports) {
    Status ports = check_ports(endpoints, text);
    if (!ports) return ports.error();
  }
  return endpoints;
}

std::optional<std::string> value_in(const Properties& properties, const char* key) {
  auto at = properties.find(key);
  if (at == properties.end()) return std::nullopt;
  return at->second;
}

Status resolve_inter_broker(Listeners& listeners, const Properties& effective, const Properties& given, const ProtocolMap& protocols) {
  std::optional<std::string> name = value_in(effective, "inter.broker.listener.name");
  if (!name) {
    Result<SecurityProtocol> protocol =
        protocol_of(value_in(effective, "security.inter.broker.protocol").value_or("PLAINTEXT"), "security.inter.broker.protocol");
    if (!protocol) return protocol.error();
    listeners.inter_broker = std::string(quokka::name(*protocol));
    listeners.inter_broker_protocol = *protocol;
    return {};
  }
  if (given.contains("security.inter.broker.protocol"))
    return invalid("Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.");
  listeners.inter_broker = upper(trimmed(*name));
  auto protocol = protocols.find(listeners.inter_broker);
  if (protocol == protocols.end())
    return invalid("Listener with name " + listeners.inter_broker +
                   " defined in inter.broker.listener.name not found in listener.security.protocol.map.");
  listeners.inter_broker_protocol = protocol->second;
  return {};
}

Status resolve_control_plane(Listeners& listeners, const Properties& effective, const ProtocolMap& protocols) {
  std::optional<std::string> name = value_in(effective, "control.plane.listener.name");
  if (!name) return {};
  listeners.control_plane = upper(trimmed(*name));
  if (!protocols.contains(*listeners.control_plane))
    return invalid("Listener with " + *listeners.control_plane +
                   " defined in control.plane.listener.name not found in listener.security.protocol.map.");
  if (!find_listener(listeners.advertised, *listeners.control_plane))
    return invalid("control.plane.listener.name must be a listener name defined in advertised.listeners. The valid options based on "
                   "currently configured listeners are " + names_of(listeners.advertised));
  if (*listeners.control_plane == listeners.inter_broker)
    return invalid("control.plane.listener.name, when defined, should have a different value from the inter broker listener name. "
                   "Currently they both have the value " + listeners.inter_broker);
  return {};
}

Status check_advertised(const Listeners& listeners) {
  if (listeners.advertised.empty()) return invalid("There must be at least one broker advertised listener.");
  if (!find_listener(listeners.advertised, listeners.inter_broker))
    return invalid("inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on "
                   "currently configured listeners are " + names_of(listeners.advertised));
  for (const ListenerEndpoint& endpoint : listeners.advertised) {
    if (!find_listener(listeners.bound, endpoint.listener))
      return invalid("advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found " +
                     names_of(listeners.advertised) + ". The valid options based on the current configuration are " +
                     names_of(listeners.bound));
    if (endpoint.host == "0.0.0.0")
      return invalid("advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.");
  }
  return {};
}

}  // namespace

std::string_view name(SecurityProtocol protocol) { return kProtocolNames[static_cast<size_t>(protocol)]; }

std::optional<SecurityProtocol> parse_security_protocol(std::string_view text) {
  auto at = std::find(kProtocolNames.begin(), kProtocolNames.end(), upper(text));
  if (at == kProtocolNames.end()) return std::nullopt;
  return static_cast<SecurityProtocol>(at - kProtocolNames.begin());
}

std::string ListenerEndpoint::str() const {
  bool v6 = host.find(':') != std::string::npos;
  return listener + "://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Listeners> resolve_listeners(const Properties& effective, const Properties& given) {
  Result<ProtocolMap> protocols = parse_protocol_map(value_in(effective, "listener.security.protocol.map").value_or(""));
  if (!protocols) return protocols.error();
  Listeners listeners;
  Result<std::vector<ListenerEndpoint>> bound = parse_endpoints(value_in(effective, "listeners").value_or(""), *protocols, true);
  if (!bound) return bound.error();
  listeners.bound = std::move(*bound);
  listeners.advertised = listeners.bound;
  if (std::optional<std::string> text = value_in(effective, "advertised.listeners")) {
    Result<std::vector<ListenerEndpoint>> advertised = parse_endpoints(*text, *protocols, false);
    if (!advertised) return advertised.error();
    listeners.advertised = std::move(*advertised);
  }
  Status status = resolve_inter_broker(listeners, effective, given, *protocols);
  if (status) status = check_advertised(listeners);
  if (status) status = resolve_control_plane(listeners, effective, *protocols);
  if (!status) return status.error();
  return listeners;
}

}  // namespace quokka
