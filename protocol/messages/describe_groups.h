// DescribeGroups (key 15), versions 0-5, flexible from 5.
//
// Not in Kafka: tag 31 asks for the last rebalances and answers them. Whoever does not know it passes over it, and is never sent it unasked.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DescribeGroupsRequest {
  static constexpr const char* kName = "DescribeGroupsRequest";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_GROUPS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 5;
  Array<std::string_view> groups;
  bool include_authorized_operations = false;
  bool include_rebalances = false;
};

inline void fields(Codec& c, DescribeGroupsRequest& m) {
  c.field(m.groups, "groups");
  c.field(m.include_authorized_operations, "include_authorized_operations", since(3));
  c.tag(m.include_rebalances, 31, "include_rebalances", since(5).or_dropped());
}

struct DescribeGroupsResponse {
  static constexpr const char* kName = "DescribeGroupsResponse";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_GROUPS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 5;
  struct DescribedGroup {
    struct DescribedGroupMember {
      std::string_view member_id;
      std::optional<std::string_view> group_instance_id;
      std::string_view client_id;
      std::string_view client_host;
      Bytes member_metadata;
      Bytes member_assignment;
    };
    struct Rebalance {
      int64_t began_ms = 0;
      int64_t ended_ms = -1;     // -1: under way
      int32_t generation = -1;  // -1: members are joining
      int32_t members = 0;
      std::string_view reason;
    };
    ErrorCode error_code = ErrorCode::NONE;
    std::string_view group_id;
    std::string_view group_state;
    std::string_view protocol_type;
    std::string_view protocol_data;
    Array<DescribedGroupMember> members;
    int32_t authorized_operations = INT32_MIN;
    Array<Rebalance> rebalances;  // oldest first
  };
  int32_t throttle_time_ms = 0;
  Array<DescribedGroup> groups;
};

inline void fields(Codec& c, DescribeGroupsResponse::DescribedGroup::DescribedGroupMember& m) {
  c.field(m.member_id, "member_id");
  c.field(m.group_instance_id, "group_instance_id", since(4).or_dropped(), since(4));
  c.field(m.client_id, "client_id");
  c.field(m.client_host, "client_host");
  c.field(m.member_metadata, "member_metadata");
  c.field(m.member_assignment, "member_assignment");
}
inline void fields(Codec& c, DescribeGroupsResponse::DescribedGroup::Rebalance& m) {
  c.field(m.began_ms, "began_ms", since(5));
  c.field(m.ended_ms, "ended_ms", since(5));
  c.field(m.generation, "generation", since(5));
  c.field(m.members, "members", since(5));
  c.field(m.reason, "reason", since(5));
}
inline void fields(Codec& c, DescribeGroupsResponse::DescribedGroup& m) {
  c.field(m.error_code, "error_code");
  c.field(m.group_id, "group_id");
  c.field(m.group_state, "group_state");
  c.field(m.protocol_type, "protocol_type");
  c.field(m.protocol_data, "protocol_data");
  c.field(m.members, "members");
  c.field(m.authorized_operations, "authorized_operations", since(3));
  c.tag(m.rebalances, 31, "rebalances", since(5).or_dropped());
}
inline void fields(Codec& c, DescribeGroupsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(1).or_dropped());
  c.field(m.groups, "groups");
}

}  // namespace quokka
