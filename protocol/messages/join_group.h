// JoinGroup (key 11), versions 0-9, flexible from 6.
//
// 1: rebalance timeout. 4: a member without an id is told one and asks again (MEMBER_ID_REQUIRED, KIP-394). 5: static members (KIP-345). 7: protocol
// type. 8: reason. 9: the leader may skip the assignment.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct JoinGroupRequest {
  static constexpr const char* kName = "JoinGroupRequest";
  static constexpr ApiKey kApiKey = ApiKey::JOIN_GROUP;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 9, kFlexibleFrom = 6;
  struct JoinGroupRequestProtocol {
    std::string_view name;
    Bytes metadata;
  };
  std::string_view group_id;
  int32_t session_timeout_ms = 0;
  int32_t rebalance_timeout_ms = -1;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::string_view protocol_type;
  Array<JoinGroupRequestProtocol> protocols;
  std::optional<std::string_view> reason;
};

inline void fields(Codec& c, JoinGroupRequest::JoinGroupRequestProtocol& m) {
  c.field(m.name, "name");
  c.field(m.metadata, "metadata");
}
inline void fields(Codec& c, JoinGroupRequest& m) {
  c.field(m.group_id, "group_id");
  c.field(m.session_timeout_ms, "session_timeout_ms");
  c.field(m.rebalance_timeout_ms, "rebalance_timeout_ms", since(1).or_dropped());
  c.field(m.member_id, "member_id");
  c.field(m.group_instance_id, "group_instance_id", since(5), since(5));
  c.field(m.protocol_type, "protocol_type");
  c.field(m.protocols, "protocols");
  c.field(m.reason, "reason", since(8).or_dropped(), since(8));
}

struct JoinGroupResponse {
  static constexpr const char* kName = "JoinGroupResponse";
  static constexpr ApiKey kApiKey = ApiKey::JOIN_GROUP;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 9, kFlexibleFrom = 6;
  struct JoinGroupResponseMember {
    std::string_view member_id;
    std::optional<std::string_view> group_instance_id;
    Bytes metadata;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  int32_t generation_id = -1;
  std::optional<std::string_view> protocol_type;
  std::optional<std::string_view> protocol_name = std::string_view();
  std::string_view leader;
  bool skip_assignment = false;
  std::string_view member_id;
  Array<JoinGroupResponseMember> members;
};

inline void fields(Codec& c, JoinGroupResponse::JoinGroupResponseMember& m) {
  c.field(m.member_id, "member_id");
  c.field(m.group_instance_id, "group_instance_id", since(5).or_dropped(), since(5));
  c.field(m.metadata, "metadata");
}
inline void fields(Codec& c, JoinGroupResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(2).or_dropped());
  c.field(m.error_code, "error_code");
  c.field(m.generation_id, "generation_id");
  c.field(m.protocol_type, "protocol_type", since(7).or_dropped(), since(7));
  c.field(m.protocol_name, "protocol_name", always(), since(7));
  c.field(m.leader, "leader");
  c.field(m.skip_assignment, "skip_assignment", since(9));
  c.field(m.member_id, "member_id");
  c.field(m.members, "members");
}

}  // namespace quokka
