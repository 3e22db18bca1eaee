// ListGroups (key 16), versions 0-5, flexible from 3.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ListGroupsRequest {
  static constexpr const char* kName = "ListGroupsRequest";
  static constexpr ApiKey kApiKey = ApiKey::LIST_GROUPS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 3;
  Array<std::string_view> states_filter;
  Array<std::string_view> types_filter;
};

inline void fields(Codec& c, ListGroupsRequest& m) {
  c.field(m.states_filter, "states_filter", since(4));
  c.field(m.types_filter, "types_filter", since(5));
}

struct ListGroupsResponse {
  static constexpr const char* kName = "ListGroupsResponse";
  static constexpr ApiKey kApiKey = ApiKey::LIST_GROUPS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 3;
  struct ListedGroup {
    std::string_view group_id;
    std::string_view protocol_type;
    std::string_view group_state;
    std::string_view group_type;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  Array<ListedGroup> groups;
};

inline void fields(Codec& c, ListGroupsResponse::ListedGroup& m) {
  c.field(m.group_id, "group_id");
  c.field(m.protocol_type, "protocol_type");
  c.field(m.group_state, "group_state", since(4).or_dropped());
  c.field(m.group_type, "group_type", since(5).or_dropped());
}
inline void fields(Codec& c, ListGroupsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms", since(1).or_dropped());
  c.field(m.error_code, "error_code");
  c.field(m.groups, "groups");
}

}  // namespace quokka
