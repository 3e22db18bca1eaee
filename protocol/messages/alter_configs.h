// AlterConfigs (key 33), versions 0-2, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct AlterConfigsRequest {
  static constexpr const char* kName = "AlterConfigsRequest";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_CONFIGS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  struct AlterConfigsResource {
    struct AlterableConfig {
      std::string_view name;
      std::optional<std::string_view> value = std::string_view();
    };
    int8_t resource_type = 0;
    std::string_view resource_name;
    Array<AlterableConfig> configs;
  };
  Array<AlterConfigsResource> resources;
  bool validate_only = false;
};

inline void fields(Codec& c, AlterConfigsRequest::AlterConfigsResource::AlterableConfig& m) {
  c.field(m.name, "name");
  c.field(m.value, "value", always(), always());
}
inline void fields(Codec& c, AlterConfigsRequest::AlterConfigsResource& m) {
  c.field(m.resource_type, "resource_type");
  c.field(m.resource_name, "resource_name");
  c.field(m.configs, "configs");
}
inline void fields(Codec& c, AlterConfigsRequest& m) {
  c.field(m.resources, "resources");
  c.field(m.validate_only, "validate_only");
}

struct AlterConfigsResponse {
  static constexpr const char* kName = "AlterConfigsResponse";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_CONFIGS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 2, kFlexibleFrom = 2;
  struct AlterConfigsResourceResponse {
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message = std::string_view();
    int8_t resource_type = 0;
    std::string_view resource_name;
  };
  int32_t throttle_time_ms = 0;
  Array<AlterConfigsResourceResponse> responses;
};

inline void fields(Codec& c, AlterConfigsResponse::AlterConfigsResourceResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.resource_type, "resource_type");
  c.field(m.resource_name, "resource_name");
}
inline void fields(Codec& c, AlterConfigsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.responses, "responses");
}

}  // namespace quokka
