// DescribeConfigs (key 32), versions 0-4, flexible from 4.
//
// 1: synonyms, the source of each value. 3: type and documentation.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DescribeConfigsRequest {
  static constexpr const char* kName = "DescribeConfigsRequest";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_CONFIGS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 4;
  struct DescribeConfigsResource {
    int8_t resource_type = 0;
    std::string_view resource_name;
    std::optional<Array<std::string_view>> configuration_keys = Array<std::string_view>();
  };
  Array<DescribeConfigsResource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;
};

inline void fields(Codec& c, DescribeConfigsRequest::DescribeConfigsResource& m) {
  c.field(m.resource_type, "resource_type");
  c.field(m.resource_name, "resource_name");
  c.field(m.configuration_keys, "configuration_keys", always(), always());
}
inline void fields(Codec& c, DescribeConfigsRequest& m) {
  c.field(m.resources, "resources");
  c.field(m.include_synonyms, "include_synonyms", since(1));
  c.field(m.include_documentation, "include_documentation", since(3));
}

struct DescribeConfigsResponse {
  static constexpr const char* kName = "DescribeConfigsResponse";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_CONFIGS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 4;
  struct DescribeConfigsResult {
    struct DescribeConfigsResourceResult {
      struct DescribeConfigsSynonym {
        std::string_view name;
        std::optional<std::string_view> value = std::string_view();
        int8_t source = 0;
      };
      std::string_view name;
      std::optional<std::string_view> value = std::string_view();
      bool read_only = false;
      bool is_default = false;
      int8_t config_source = -1;
      bool is_sensitive = false;
      Array<DescribeConfigsSynonym> synonyms;
      int8_t config_type = 0;
      std::optional<std::string_view> documentation = std::string_view();
    };
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message = std::string_view();
    int8_t resource_type = 0;
    std::string_view resource_name;
    Array<DescribeConfigsResourceResult> configs;
  };
  int32_t throttle_time_ms = 0;
  Array<DescribeConfigsResult> results;
};

inline void fields(Codec& c, DescribeConfigsResponse::DescribeConfigsResult::DescribeConfigsResourceResult::DescribeConfigsSynonym& m) {
  c.field(m.name, "name", since(1));
  c.field(m.value, "value", since(1), always());
  c.field(m.source, "source", since(1));
}
inline void fields(Codec& c, DescribeConfigsResponse::DescribeConfigsResult::DescribeConfigsResourceResult& m) {
  c.field(m.name, "name");
  c.field(m.value, "value", always(), always());
  c.field(m.read_only, "read_only");
  c.field(m.is_default, "is_default", until(0));
  c.field(m.config_source, "config_source", since(1).or_dropped());
  c.field(m.is_sensitive, "is_sensitive");
  c.field(m.synonyms, "synonyms", since(1).or_dropped());
  c.field(m.config_type, "config_type", since(3).or_dropped());
  c.field(m.documentation, "documentation", since(3).or_dropped(), always());
}
inline void fields(Codec& c, DescribeConfigsResponse::DescribeConfigsResult& m) {
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.resource_type, "resource_type");
  c.field(m.resource_name, "resource_name");
  c.field(m.configs, "configs");
}
inline void fields(Codec& c, DescribeConfigsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.results, "results");
}

}  // namespace quokka
