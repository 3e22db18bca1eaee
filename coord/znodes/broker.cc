#include "coord/znodes/broker.h"

#include <charconv>
#include <limits>

#include "coord/znodes/json.h"
#include "coord/znodes/paths.h"

namespace quokka::znodes {
namespace {

constexpr std::string_view kConsumerProtocolKey = "quokka_consumer_protocol";

constexpr std::string_view kProtocolNames[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

FeatureRange read_feature(JsonReader& reader, const std::string& feature, const JsonValue& value) {
  constexpr int64_t kMax = std::numeric_limits<int16_t>::max();
  if (!std::holds_alternative<JsonValue::Object>(value.value)) {
    reader.fail("features." + feature, "not an object");
    return {};
  }
  FeatureRange range;
  range.min_version = static_cast<int16_t>(reader.integer(value, "min_version", 0, kMax));
  range.max_version = static_cast<int16_t>(reader.integer(value, "max_version", 0, kMax));
  return range;
}

void read_endpoints(JsonReader& reader, Broker& broker) {
  std::map<std::string, std::string> protocols;
  for (const auto& [listener, protocol] : reader.fields(reader.root(), "listener_security_protocol_map")) {
    const auto* text = std::get_if<std::string>(&protocol.value);
    if (text == nullptr) return reader.fail("listener_security_protocol_map", "not a map of strings");
    protocols[listener] = *text;
  }
  for (const JsonValue& each : reader.array(reader.root(), "endpoints")) {
    const auto* text = std::get_if<std::string>(&each.value);
    std::optional<Endpoint> endpoint = text == nullptr ? std::nullopt : parse_endpoint(*text);
    if (!endpoint) return reader.fail("endpoints", "not a list of listener://host:port");
    // Before version 4 a listener was named after its protocol.
    const auto mapped = protocols.find(endpoint->listener);
    const std::string& wanted = mapped == protocols.end() ? endpoint->listener : mapped->second;
    const std::optional<int16_t> protocol = security_protocol(wanted);
    if (!protocol) return reader.fail("listener_security_protocol_map", "unknown security protocol '" + wanted + "'");
    endpoint->security_protocol = *protocol;
    broker.endpoints.push_back(std::move(*endpoint));
  }
}

}  // namespace

std::string_view security_protocol_name(int16_t protocol) {
  if (protocol < 0 || protocol > 3) return "";
  return kProtocolNames[protocol];
}

std::optional<int16_t> security_protocol(std::string_view name) {
  for (int16_t i = 0; i < 4; ++i) {
    if (name == kProtocolNames[i]) return i;
  }
  return std::nullopt;
}

std::string endpoint_text(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return endpoint.listener + "://" + (is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const size_t scheme = text.find("://");
  const size_t colon = text.rfind(':');
  if (scheme == std::string_view::npos || colon < scheme + 3) return std::nullopt;
  std::string_view host = text.substr(scheme + 3, colon - scheme - 3);
  if (!host.empty() && host.front() == '[') {
    if (host.back() != ']') return std::nullopt;
    host = host.substr(1, host.size() - 2);
  }
  const std::string_view port = text.substr(colon + 1);
  Endpoint endpoint;
  endpoint.listener = std::string(text.substr(0, scheme));
  endpoint.host = std::string(host);
  const auto [stop, problem] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (problem != std::errc() || stop != port.data() + port.size()) return std::nullopt;
  return endpoint;
}

std::string encode(const Broker& broker) {
  const Endpoint* plaintext = nullptr;
  for (const Endpoint& each : broker.endpoints) {
    if (plaintext == nullptr && each.security_protocol == 0) plaintext = &each;
  }
  JsonWriter json;
  json.open();
  if (broker.version >= 5) {
    json.open("features");
    for (const auto& [feature, range] : broker.features) {
      json.open(feature).field("min_version", range.min_version).field("max_version", range.max_version).close();
    }
    json.close();
  }
  json.open("listener_security_protocol_map");
  for (const Endpoint& each : broker.endpoints) json.field(each.listener, security_protocol_name(each.security_protocol));
  json.close();
  json.open_array("endpoints");
  for (const Endpoint& each : broker.endpoints) json.element(endpoint_text(each));
  json.close_array();
  if (broker.rack) json.field("rack", *broker.rack);
  json.field("jmx_port", broker.jmx_port).field("port", plaintext == nullptr ? -1 : plaintext->port);
  if (plaintext == nullptr) {
    json.null("host");
  } else {
    json.field("host", plaintext->host);
  }
  json.field("version", broker.version).field("timestamp", std::to_string(broker.timestamp.ms));
  if (broker.has_consumer_protocol) json.field(kConsumerProtocolKey, 1);
  return json.close().take();
}

Result<Broker> parse_broker(BrokerId id, std::string_view text) {
  JsonReader reader(broker_path(id), text);
  const JsonValue& root = reader.root();
  Broker broker;
  broker.version = reader.int32(root, "version");
  if (reader.ok() && broker.version < 1) reader.fail("version", std::to_string(broker.version) + " is not supported");
  broker.jmx_port = reader.int32(root, "jmx_port", -1);
  broker.has_consumer_protocol = reader.int32(root, kConsumerProtocolKey, 0) > 0;
  broker.timestamp.ms = reader.quoted_integer(root, "timestamp", 0);
  if (const JsonValue* rack = reader.find(root, "rack"); rack != nullptr) broker.rack = reader.string(root, "rack");
  if (reader.ok() && broker.version == 1) {
    Endpoint only;
    only.listener = "PLAINTEXT";
    only.host = reader.string(root, "host");
    only.port = reader.int32(root, "port");
    broker.endpoints.push_back(std::move(only));
  } else {
    read_endpoints(reader, broker);
  }
  for (const auto& [feature, range] : reader.fields(root, "features")) broker.features[feature] = read_feature(reader, feature, range);
  if (!reader.ok()) return reader.error();
  return broker;
}

std::string encode_cluster_id(std::string_view id) { return JsonWriter().open().field("version", "1").field("id", id).close().take(); }

Result<std::string> parse_cluster_id(std::string_view text) {
  JsonReader reader(kClusterId, text);
  std::string id = reader.string(reader.root(), "id");
  if (reader.ok() && id.empty()) reader.fail("id", "empty");
  if (!reader.ok()) return reader.error();
  return id;
}

}  // namespace quokka::znodes
