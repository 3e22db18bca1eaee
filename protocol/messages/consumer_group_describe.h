// ConsumerGroupDescribe (key 69), versions 0, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ConsumerGroupDescribeRequest {
  static constexpr const char* kName = "ConsumerGroupDescribeRequest";
  static constexpr ApiKey kApiKey = ApiKey::CONSUMER_GROUP_DESCRIBE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  Array<std::string_view> group_ids;
  bool include_authorized_operations = false;
};

inline void fields(Codec& c, ConsumerGroupDescribeRequest& m) {
  c.field(m.group_ids, "group_ids");
  c.field(m.include_authorized_operations, "include_authorized_operations");
}

struct ConsumerGroupDescribeResponse {
  static constexpr const char* kName = "ConsumerGroupDescribeResponse";
  static constexpr ApiKey kApiKey = ApiKey::CONSUMER_GROUP_DESCRIBE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct TopicPartitions {
    Uuid topic_id;
    std::string_view topic_name;
    Array<PartitionIndex> partitions;

    bool operator==(const TopicPartitions&) const = default;
  };
  struct Assignment {
    Array<TopicPartitions> topic_partitions;

    bool operator==(const Assignment&) const = default;
  };
  struct DescribedGroup {
    struct Member {
      std::string_view member_id;
      std::optional<std::string_view> instance_id;
      std::optional<std::string_view> rack_id;
      int32_t member_epoch = 0;
      std::string_view client_id;
      std::string_view client_host;
      Array<std::string_view> subscribed_topic_names;
      std::optional<std::string_view> subscribed_topic_regex;
      Assignment assignment;
      Assignment target_assignment;
    };
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message;
    std::string_view group_id;
    std::string_view group_state;
    int32_t group_epoch = 0;
    int32_t assignment_epoch = 0;
    std::string_view assignor_name;
    Array<Member> members;
    int32_t authorized_operations = INT32_MIN;
  };
  int32_t throttle_time_ms = 0;
  Array<DescribedGroup> groups;
};

inline void fields(Codec& c, ConsumerGroupDescribeResponse::TopicPartitions& m) {
  c.field(m.topic_id, "topic_id");
  c.field(m.topic_name, "topic_name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, ConsumerGroupDescribeResponse::Assignment& m) {
  c.field(m.topic_partitions, "topic_partitions");
}
inline void fields(Codec& c, ConsumerGroupDescribeResponse::DescribedGroup::Member& m) {
  c.field(m.member_id, "member_id");
  c.field(m.instance_id, "instance_id", always(), always());
  c.field(m.rack_id, "rack_id", always(), always());
  c.field(m.member_epoch, "member_epoch");
  c.field(m.client_id, "client_id");
  c.field(m.client_host, "client_host");
  c.field(m.subscribed_topic_names, "subscribed_topic_names");
  c.field(m.subscribed_topic_regex, "subscribed_topic_regex", always(), always());
  c.field(m.assignment, "assignment");
  c.field(m.target_assignment, "target_assignment");
}
inline void fields(Codec& c, ConsumerGroupDescribeResponse::DescribedGroup& m) {
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.group_id, "group_id");
  c.field(m.group_state, "group_state");
  c.field(m.group_epoch, "group_epoch");
  c.field(m.assignment_epoch, "assignment_epoch");
  c.field(m.assignor_name, "assignor_name");
  c.field(m.members, "members");
  c.field(m.authorized_operations, "authorized_operations");
}
inline void fields(Codec& c, ConsumerGroupDescribeResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.groups, "groups");
}

}  // namespace quokka
