// DeleteAcls (key 31), versions 0-3, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DeleteAclsRequest {
  static constexpr const char* kName = "DeleteAclsRequest";
  static constexpr ApiKey kApiKey = ApiKey::DELETE_ACLS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  struct DeleteAclsFilter {
    int8_t resource_type_filter = 0;
    std::optional<std::string_view> resource_name_filter = std::string_view();
    int8_t pattern_type_filter = 3;
    std::optional<std::string_view> principal_filter = std::string_view();
    std::optional<std::string_view> host_filter = std::string_view();
    int8_t operation = 0;
    int8_t permission_type = 0;
  };
  Array<DeleteAclsFilter> filters;
};

inline void fields(Codec& c, DeleteAclsRequest::DeleteAclsFilter& m) {
  c.field(m.resource_type_filter, "resource_type_filter");
  c.field(m.resource_name_filter, "resource_name_filter", always(), always());
  c.field(m.pattern_type_filter, "pattern_type_filter", since(1));
  c.field(m.principal_filter, "principal_filter", always(), always());
  c.field(m.host_filter, "host_filter", always(), always());
  c.field(m.operation, "operation");
  c.field(m.permission_type, "permission_type");
}
inline void fields(Codec& c, DeleteAclsRequest& m) {
  c.field(m.filters, "filters");
}

struct DeleteAclsResponse {
  static constexpr const char* kName = "DeleteAclsResponse";
  static constexpr ApiKey kApiKey = ApiKey::DELETE_ACLS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  struct DeleteAclsFilterResult {
    struct DeleteAclsMatchingAcl {
      ErrorCode error_code = ErrorCode::NONE;
      std::optional<std::string_view> error_message = std::string_view();
      int8_t resource_type = 0;
      std::string_view resource_name;
      int8_t pattern_type = 3;
      std::string_view principal;
      std::string_view host;
      int8_t operation = 0;
      int8_t permission_type = 0;
    };
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message = std::string_view();
    Array<DeleteAclsMatchingAcl> matching_acls;
  };
  int32_t throttle_time_ms = 0;
  Array<DeleteAclsFilterResult> filter_results;
};

inline void fields(Codec& c, DeleteAclsResponse::DeleteAclsFilterResult::DeleteAclsMatchingAcl& m) {
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.resource_type, "resource_type");
  c.field(m.resource_name, "resource_name");
  c.field(m.pattern_type, "pattern_type", since(1));
  c.field(m.principal, "principal");
  c.field(m.host, "host");
  c.field(m.operation, "operation");
  c.field(m.permission_type, "permission_type");
}
inline void fields(Codec& c, DeleteAclsResponse::DeleteAclsFilterResult& m) {
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.matching_acls, "matching_acls");
}
inline void fields(Codec& c, DeleteAclsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.filter_results, "filter_results");
}

}  // namespace quokka
