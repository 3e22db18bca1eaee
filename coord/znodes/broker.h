// /brokers/ids/<id> and what identifies brokers: the cluster's id.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coord/view/cluster_view.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"

namespace quokka::znodes {

struct FeatureRange {
  int16_t min_version = 0;
  int16_t max_version = 0;
  bool operator==(const FeatureRange&) const = default;
};

struct Broker {
  int32_t version = 5;              // 5 is written with features, 4 without them; 1 to 5 are read
  std::vector<Endpoint> endpoints;  // advertised, in the order of advertised.listeners
  std::optional<std::string> rack;
  int32_t jmx_port = -1;  // -1: off
  WallTime timestamp;
  std::map<std::string, FeatureRange> features;
  bool has_consumer_protocol = false;  // of groups (KIP-848). A key of ours, the last one, which Kafka passes over

  bool operator==(const Broker&) const = default;
};

std::string encode(const Broker& broker);
Result<Broker> parse_broker(BrokerId id, std::string_view json);

// "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"; and back.
std::string_view security_protocol_name(int16_t protocol);
std::optional<int16_t> security_protocol(std::string_view name);
// "INTERNAL://host:9092", IPv6 addresses in brackets. Parsing leaves security_protocol as it is in `Endpoint`.
std::string endpoint_text(const Endpoint& endpoint);
std::optional<Endpoint> parse_endpoint(std::string_view text);

// /cluster/id
std::string encode_cluster_id(std::string_view id);
Result<std::string> parse_cluster_id(std::string_view json);

}  // namespace quokka::znodes
