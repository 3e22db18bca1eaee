// CreateTopics (key 19), versions 0-7, flexible from 5.
//
// 1: validate only, error messages. 4: -1 for partitions and replication factor takes the broker's defaults (KIP-464). 5: the answer holds the topic's
// configs. 7: topic ids.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct CreateTopicsRequest {
  static constexpr const char* kName = "CreateTopicsRequest";
  static constexpr ApiKey kApiKey = ApiKey::CREATE_TOPICS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 7, kFlexibleFrom = 5;
  struct CreatableTopic {
    struct CreatableReplicaAssignment {
      PartitionIndex partition_index;
      Array<BrokerId> broker_ids;
    };
    struct CreatableTopicConfig {
      std::string_view name;
      std::optional<std::string_view> value = std::string_view();
    };
    std::string_view name;
    int32_t num_partitions = 0;
    int16_t replication_factor = 0;
    Array<CreatableReplicaAssignment> assignments;
    Array<CreatableTopicConfig> configs;
  };
  Array<CreatableTopic> topics;
  int32_t timeout_ms = 60000;
  bool validate_only = false;
};

inline void fields(Codec& c, CreateTopicsRequest::CreatableTopic::CreatableReplicaAssignment& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.broker_ids, "broker_ids");
}
inline void fields(Codec& c, CreateTopicsRequest::CreatableTopic::CreatableTopicConfig& m) {
  c.field(m.name, "name");
  c.field(m.value, "value", always(), always());
}
inline void fields(Codec& c, CreateTopicsRequest::CreatableTopic& m) {
  c.field(m.name, "name");
  c.field(m.num_partitions, "num_partitions");
  c.field(m.replication_factor, "replication_factor");
  c.field(m.assignments, "assignments");
  c.field(m.configs, "configs");
}
inline void fields(Codec& c, CreateTopicsRequest& m) {
  c.field(m.topics, "topics");
  c.field(m.timeout_ms, "timeout_ms");
  c.field(m.validate_only, "validate_only", since(1));
}

struct CreateTopicsResponse {
  static constexpr const char* kName = "CreateTopicsResponse";
  static constexpr ApiKey kApiKey = ApiKey::CREATE_TOPICS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 7, kFlexibleFrom = 5;
  struct CreatableTopicResult {
    struct CreatableTopicConfigs {
      std::string_view name;
      std::optional<std::string_view> value = std::string_view();
      bool read_only = false;
      int8_t config_source = -1;
      bool is_sensitive = false;
    };
    std::string_view name;
    Uuid topic_id;
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message = std::string_view();
    ErrorCode topic_config_error_code = ErrorCode::NONE;
    int32_t num_partitions = -1;
    int16_t replication_factor = -1;
    std::optional<Array<CreatableTopicConfigs>> configs = Array<CreatableTopicConfigs>();
  };
  int32_t throttle_time_ms = 0;
  Array<CreatableTopicResult> topics;
};

inline void fields(Codec& c, CreateTopicsResponse::CreatableTopicResult::CreatableTopicConfigs& m) {
  c.field(m.name, "name", since(5));
  c.field(m.value, "value", since(5), since(5));
  c.field(m.read_only, "read_only", since(5));
  c.field(m.config_source, "config_source", since(5).or_dropped());
  c.field(m.is_sensitive, "is_sensitive", since(5));
}
inline void fields(Codec& c, CreateTopicsResponse::CreatableTopicResult& m) {
  c.field(m.name, "name");
  c.field(m.topic_id, "topic_id", since(7).or_dropped());
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", since(1).or_dropped(), always());
  c.tag(m.topic_config_error_code, 0, "topic_config_error_code", since(5).or_dropped());
  c.field(m.num_partitions, "num_partitions", since(5).or_dropped());
  c.field(m.replication_factor, "replication_factor", since(5).or_dropped());
  c.field(m.configs, "configs", since(5).or_dropped(), since(5));
}
inline void fields(Codec& c, CreateTopicsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(2).or_dropped());
  c.field(m.topics, "topics");
}

}  // namespace quokka
