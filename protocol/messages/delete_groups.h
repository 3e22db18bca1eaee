// DeleteGroups (key 42), versions 0-2, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DeleteGroupsRequest {
  static constexpr const char* kName = "DeleteGroupsRequest";
  static constexpr ApiKey kApiKey = ApiKey::DELETE_GROUPS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  Array<std::string_view> groups_names;
};

inline void fields(Codec& c, DeleteGroupsRequest& m) {
  c.field(m.groups_names, "groups_names");
}

struct DeleteGroupsResponse {
  static constexpr const char* kName = "DeleteGroupsResponse";
  static constexpr ApiKey kApiKey = ApiKey::DELETE_GROUPS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  struct DeletableGroupResult {
    std::string_view group_id;
    ErrorCode error_code = ErrorCode::NONE;
  };
  int32_t throttle_time_ms = 0;
  Array<DeletableGroupResult> results;
};

inline void fields(Codec& c, DeleteGroupsResponse::DeletableGroupResult& m) {
  c.field(m.group_id, "group_id");
  c.field(m.error_code, "error_code");
}
inline void fields(Codec& c, DeleteGroupsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.results, "results");
}

}  // namespace quokka
