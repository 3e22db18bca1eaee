// Metadata (key 3), versions 0-12, flexible from 9.
//
// 1: null asks for all topics, an empty list for none; rack, controller, internal topics. 2: cluster id. 4: automatic creation can be refused. 5: offline
// replicas. 7: leader epoch. 8: authorised operations; those of the cluster end with 10. 10: topic ids; 12: topics may be asked for by id.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct MetadataRequest {
  static constexpr const char* kName = "MetadataRequest";
  static constexpr ApiKey kApiKey = ApiKey::METADATA;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 12, kFlexibleFrom = 9;
  struct MetadataRequestTopic {
    Uuid topic_id;
    std::optional<std::string_view> name = std::string_view();
  };
  std::optional<Array<MetadataRequestTopic>> topics = Array<MetadataRequestTopic>();
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;
};

inline void fields(Codec& c, MetadataRequest::MetadataRequestTopic& m) {
  c.field(m.topic_id, "topic_id", since(10).or_dropped());
  c.field(m.name, "name", always(), since(10));
}
inline void fields(Codec& c, MetadataRequest& m) {
  c.field(m.topics, "topics", always(), since(1));
  c.field(m.allow_auto_topic_creation, "allow_auto_topic_creation", since(4));
  c.field(m.include_cluster_authorized_operations, "include_cluster_authorized_operations", between(8, 10));
  c.field(m.include_topic_authorized_operations, "include_topic_authorized_operations", since(8));
}

struct MetadataResponse {
  static constexpr const char* kName = "MetadataResponse";
  static constexpr ApiKey kApiKey = ApiKey::METADATA;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 12, kFlexibleFrom = 9;
  struct MetadataResponseBroker {
    BrokerId node_id{0};
    std::string_view host;
    int32_t port = 0;
    std::optional<std::string_view> rack;
  };
  struct MetadataResponseTopic {
    struct MetadataResponsePartition {
      ErrorCode error_code = ErrorCode::NONE;
      PartitionIndex partition_index;
      BrokerId leader_id{0};
      LeaderEpoch leader_epoch;
      Array<BrokerId> replica_nodes;
      Array<BrokerId> isr_nodes;
      Array<BrokerId> offline_replicas;
    };
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> name = std::string_view();
    Uuid topic_id;
    bool is_internal = false;
    Array<MetadataResponsePartition> partitions;
    int32_t topic_authorized_operations = INT32_MIN;
  };
  int32_t throttle_time_ms = 0;
  Array<MetadataResponseBroker> brokers;
  std::optional<std::string_view> cluster_id;
  BrokerId controller_id;
  Array<MetadataResponseTopic> topics;
  int32_t cluster_authorized_operations = INT32_MIN;
};

inline void fields(Codec& c, MetadataResponse::MetadataResponseBroker& m) {
  c.field(m.node_id, "node_id");
  c.field(m.host, "host");
  c.field(m.port, "port");
  c.field(m.rack, "rack", since(1).or_dropped(), since(1));
}
inline void fields(Codec& c, MetadataResponse::MetadataResponseTopic::MetadataResponsePartition& m) {
  c.field(m.error_code, "error_code");
  c.field(m.partition_index, "partition_index");
  c.field(m.leader_id, "leader_id");
  c.field(m.leader_epoch, "leader_epoch", since(7).or_dropped());
  c.field(m.replica_nodes, "replica_nodes");
  c.field(m.isr_nodes, "isr_nodes");
  c.field(m.offline_replicas, "offline_replicas", since(5).or_dropped());
}
inline void fields(Codec& c, MetadataResponse::MetadataResponseTopic& m) {
  c.field(m.error_code, "error_code");
  c.field(m.name, "name", always(), since(12));
  c.field(m.topic_id, "topic_id", since(10).or_dropped());
  c.field(m.is_internal, "is_internal", since(1).or_dropped());
  c.field(m.partitions, "partitions");
  c.field(m.topic_authorized_operations, "topic_authorized_operations", since(8));
}
inline void fields(Codec& c, MetadataResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(3).or_dropped());
  c.field(m.brokers, "brokers");
  c.field(m.cluster_id, "cluster_id", since(2).or_dropped(), since(2));
  c.field(m.controller_id, "controller_id", since(1).or_dropped());
  c.field(m.topics, "topics");
  c.field(m.cluster_authorized_operations, "cluster_authorized_operations", between(8, 10));
}

}  // namespace quokka
