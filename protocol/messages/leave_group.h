// LeaveGroup (key 13), versions 0-5, flexible from 4.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct LeaveGroupRequest {
  static constexpr const char* kName = "LeaveGroupRequest";
  static constexpr ApiKey kApiKey = ApiKey::LEAVE_GROUP;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 4;
  struct MemberIdentity {
    std::string_view member_id;
    std::optional<std::string_view> group_instance_id;
    std::optional<std::string_view> reason;
  };
  std::string_view group_id;
  std::string_view member_id;
  Array<MemberIdentity> members;
};

inline void fields(Codec& c, LeaveGroupRequest::MemberIdentity& m) {
  c.field(m.member_id, "member_id", since(3));
  c.field(m.group_instance_id, "group_instance_id", since(3), since(3));
  c.field(m.reason, "reason", since(5).or_dropped(), since(5));
}
inline void fields(Codec& c, LeaveGroupRequest& m) {
  c.field(m.group_id, "group_id");
  c.field(m.member_id, "member_id", until(2));
  c.field(m.members, "members", since(3));
}

struct LeaveGroupResponse {
  static constexpr const char* kName = "LeaveGroupResponse";
  static constexpr ApiKey kApiKey = ApiKey::LEAVE_GROUP;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 4;
  struct MemberResponse {
    std::string_view member_id;
    std::optional<std::string_view> group_instance_id = std::string_view();
    ErrorCode error_code = ErrorCode::NONE;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  Array<MemberResponse> members;
};

inline void fields(Codec& c, LeaveGroupResponse::MemberResponse& m) {
  c.field(m.member_id, "member_id", since(3));
  c.field(m.group_instance_id, "group_instance_id", since(3), since(3));
  c.field(m.error_code, "error_code", since(3));
}
inline void fields(Codec& c, LeaveGroupResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(1).or_dropped());
  c.field(m.error_code, "error_code");
  c.field(m.members, "members", since(3));
}

}  // namespace quokka
