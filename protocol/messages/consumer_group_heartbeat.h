// ConsumerGroupHeartbeat (key 68), versions 0-1, flexible from 0. Version 1 is that of Kafka 4.0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ConsumerGroupHeartbeatRequest {
  static constexpr const char* kName = "ConsumerGroupHeartbeatRequest";
  static constexpr ApiKey kApiKey = ApiKey::CONSUMER_GROUP_HEARTBEAT;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 0;
  struct TopicPartitions {
    Uuid topic_id;
    Array<PartitionIndex> partitions;
  };
  std::string_view group_id;
  std::string_view member_id;
  int32_t member_epoch = 0;
  std::optional<std::string_view> instance_id;
  std::optional<std::string_view> rack_id;
  int32_t rebalance_timeout_ms = -1;
  std::optional<Array<std::string_view>> subscribed_topic_names;
  std::optional<std::string_view> subscribed_topic_regex;
  std::optional<std::string_view> server_assignor;
  std::optional<Array<TopicPartitions>> topic_partitions;
};

inline void fields(Codec& c, ConsumerGroupHeartbeatRequest::TopicPartitions& m) {
  c.field(m.topic_id, "topic_id");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, ConsumerGroupHeartbeatRequest& m) {
  c.field(m.group_id, "group_id");
  c.field(m.member_id, "member_id");
  c.field(m.member_epoch, "member_epoch");
  c.field(m.instance_id, "instance_id", always(), always());
  c.field(m.rack_id, "rack_id", always(), always());
  c.field(m.rebalance_timeout_ms, "rebalance_timeout_ms");
  c.field(m.subscribed_topic_names, "subscribed_topic_names", always(), always());
  c.field(m.subscribed_topic_regex, "subscribed_topic_regex", since(1), since(1));
  c.field(m.server_assignor, "server_assignor", always(), always());
  c.field(m.topic_partitions, "topic_partitions", always(), always());
}

struct ConsumerGroupHeartbeatResponse {
  static constexpr const char* kName = "ConsumerGroupHeartbeatResponse";
  static constexpr ApiKey kApiKey = ApiKey::CONSUMER_GROUP_HEARTBEAT;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 0;
  struct TopicPartitions {
    Uuid topic_id;
    Array<PartitionIndex> partitions;

    bool operator==(const TopicPartitions&) const = default;
  };
  struct Assignment {
    Array<TopicPartitions> topic_partitions;

    bool operator==(const Assignment&) const = default;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  std::optional<std::string_view> error_message;
  std::optional<std::string_view> member_id;
  int32_t member_epoch = 0;
  int32_t heartbeat_interval_ms = 0;
  std::optional<Assignment> assignment;
};

inline void fields(Codec& c, ConsumerGroupHeartbeatResponse::TopicPartitions& m) {
  c.field(m.topic_id, "topic_id");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, ConsumerGroupHeartbeatResponse::Assignment& m) {
  c.field(m.topic_partitions, "topic_partitions");
}
inline void fields(Codec& c, ConsumerGroupHeartbeatResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.member_id, "member_id", always(), always());
  c.field(m.member_epoch, "member_epoch");
  c.field(m.heartbeat_interval_ms, "heartbeat_interval_ms");
  c.field(m.assignment, "assignment", always(), always());
}

}  // namespace quokka
