// CreateAcls (key 30), versions 0-3, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct CreateAclsRequest {
  static constexpr const char* kName = "CreateAclsRequest";
  static constexpr ApiKey kApiKey = ApiKey::CREATE_ACLS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  struct AclCreation {
    int8_t resource_type = 0;
    std::string_view resource_name;
    int8_t resource_pattern_type = 3;
    std::string_view principal;
    std::string_view host;
    int8_t operation = 0;
    int8_t permission_type = 0;
  };
  Array<AclCreation> creations;
};

inline void fields(Codec& c, CreateAclsRequest::AclCreation& m) {
  c.field(m.resource_type, "resource_type");
  c.field(m.resource_name, "resource_name");
  c.field(m.resource_pattern_type, "resource_pattern_type", since(1));
  c.field(m.principal, "principal");
  c.field(m.host, "host");
  c.field(m.operation, "operation");
  c.field(m.permission_type, "permission_type");
}
inline void fields(Codec& c, CreateAclsRequest& m) {
  c.field(m.creations, "creations");
}

struct CreateAclsResponse {
  static constexpr const char* kName = "CreateAclsResponse";
  static constexpr ApiKey kApiKey = ApiKey::CREATE_ACLS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  struct AclCreationResult {
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message = std::string_view();
  };
  int32_t throttle_time_ms = 0;
  Array<AclCreationResult> results;
};

inline void fields(Codec& c, CreateAclsResponse::AclCreationResult& m) {
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
}
inline void fields(Codec& c, CreateAclsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.results, "results");
}

}  // namespace quokka
