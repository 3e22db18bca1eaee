// Heartbeat (key 12), versions 0-4, flexible from 4.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct HeartbeatRequest {
  static constexpr const char* kName = "HeartbeatRequest";
  static constexpr ApiKey kApiKey = ApiKey::HEARTBEAT;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 4;
  std::string_view group_id;
  int32_t generation_id = 0;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
};

inline void fields(Codec& c, HeartbeatRequest& m) {
  c.field(m.group_id, "group_id");
  c.field(m.generation_id, "generation_id");
  c.field(m.member_id, "member_id");
  c.field(m.group_instance_id, "group_instance_id", since(3), since(3));
}

struct HeartbeatResponse {
  static constexpr const char* kName = "HeartbeatResponse";
  static constexpr ApiKey kApiKey = ApiKey::HEARTBEAT;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 4;
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
};

inline void fields(Codec& c, HeartbeatResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(1).or_dropped());
  c.field(m.error_code, "error_code");
}

}  // namespace quokka
