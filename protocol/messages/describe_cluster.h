// DescribeCluster (key 60), versions 0-1, flexible from 0.
//
// 1: brokers or controllers (KIP-919).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DescribeClusterRequest {
  static constexpr const char* kName = "DescribeClusterRequest";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_CLUSTER;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 0;
  bool include_cluster_authorized_operations = false;
  int8_t endpoint_type = 1;
};

inline void fields(Codec& c, DescribeClusterRequest& m) {
  c.field(m.include_cluster_authorized_operations, "include_cluster_authorized_operations");
  c.field(m.endpoint_type, "endpoint_type", since(1));
}

struct DescribeClusterResponse {
  static constexpr const char* kName = "DescribeClusterResponse";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_CLUSTER;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 0;
  struct DescribeClusterBroker {
    BrokerId broker_id{0};
    std::string_view host;
    int32_t port = 0;
    std::optional<std::string_view> rack;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  std::optional<std::string_view> error_message;
  int8_t endpoint_type = 1;
  std::string_view cluster_id;
  BrokerId controller_id;
  Array<DescribeClusterBroker> brokers;
  int32_t cluster_authorized_operations = INT32_MIN;
};

inline void fields(Codec& c, DescribeClusterResponse::DescribeClusterBroker& m) {
  c.field(m.broker_id, "broker_id");
  c.field(m.host, "host");
  c.field(m.port, "port");
  c.field(m.rack, "rack", always(), always());
}
inline void fields(Codec& c, DescribeClusterResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.endpoint_type, "endpoint_type", since(1));
  c.field(m.cluster_id, "cluster_id");
  c.field(m.controller_id, "controller_id");
  c.field(m.brokers, "brokers");
  c.field(m.cluster_authorized_operations, "cluster_authorized_operations");
}

}  // namespace quokka
