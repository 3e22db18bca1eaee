// SyncGroup (key 14), versions 0-5, flexible from 4.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct SyncGroupRequest {
  static constexpr const char* kName = "SyncGroupRequest";
  static constexpr ApiKey kApiKey = ApiKey::SYNC_GROUP;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 4;
  struct SyncGroupRequestAssignment {
    std::string_view member_id;
    Bytes assignment;
  };
  std::string_view group_id;
  int32_t generation_id = 0;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::optional<std::string_view> protocol_type;
  std::optional<std::string_view> protocol_name;
  Array<SyncGroupRequestAssignment> assignments;
};

inline void fields(Codec& c, SyncGroupRequest::SyncGroupRequestAssignment& m) {
  c.field(m.member_id, "member_id");
  c.field(m.assignment, "assignment");
}
inline void fields(Codec& c, SyncGroupRequest& m) {
  c.field(m.group_id, "group_id");
  c.field(m.generation_id, "generation_id");
  c.field(m.member_id, "member_id");
  c.field(m.group_instance_id, "group_instance_id", since(3), since(3));
  c.field(m.protocol_type, "protocol_type", since(5).or_dropped(), since(5));
  c.field(m.protocol_name, "protocol_name", since(5).or_dropped(), since(5));
  c.field(m.assignments, "assignments");
}

struct SyncGroupResponse {
  static constexpr const char* kName = "SyncGroupResponse";
  static constexpr ApiKey kApiKey = ApiKey::SYNC_GROUP;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 4;
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  std::optional<std::string_view> protocol_type;
  std::optional<std::string_view> protocol_name;
  Bytes assignment;
};

inline void fields(Codec& c, SyncGroupResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(1).or_dropped());
  c.field(m.error_code, "error_code");
  c.field(m.protocol_type, "protocol_type", since(5).or_dropped(), since(5));
  c.field(m.protocol_name, "protocol_name", since(5).or_dropped(), since(5));
  c.field(m.assignment, "assignment");
}

}  // namespace quokka
