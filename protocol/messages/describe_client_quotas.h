// DescribeClientQuotas (key 48), versions 0-1, flexible from 1.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DescribeClientQuotasRequest {
  static constexpr const char* kName = "DescribeClientQuotasRequest";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_CLIENT_QUOTAS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 1;
  struct ComponentData {
    std::string_view entity_type;
    int8_t match_type = 0;
    std::optional<std::string_view> match = std::string_view();
  };
  Array<ComponentData> components;
  bool strict = false;
};

inline void fields(Codec& c, DescribeClientQuotasRequest::ComponentData& m) {
  c.field(m.entity_type, "entity_type");
  c.field(m.match_type, "match_type");
  c.field(m.match, "match", always(), always());
}
inline void fields(Codec& c, DescribeClientQuotasRequest& m) {
  c.field(m.components, "components");
  c.field(m.strict, "strict");
}

struct DescribeClientQuotasResponse {
  static constexpr const char* kName = "DescribeClientQuotasResponse";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_CLIENT_QUOTAS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 1;
  struct EntryData {
    struct EntityData {
      std::string_view entity_type;
      std::optional<std::string_view> entity_name = std::string_view();
    };
    struct ValueData {
      std::string_view key;
      double value = 0;
    };
    Array<EntityData> entity;
    Array<ValueData> values;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  std::optional<std::string_view> error_message = std::string_view();
  std::optional<Array<EntryData>> entries = Array<EntryData>();
};

inline void fields(Codec& c, DescribeClientQuotasResponse::EntryData::EntityData& m) {
  c.field(m.entity_type, "entity_type");
  c.field(m.entity_name, "entity_name", always(), always());
}
inline void fields(Codec& c, DescribeClientQuotasResponse::EntryData::ValueData& m) {
  c.field(m.key, "key");
  c.field(m.value, "value");
}
inline void fields(Codec& c, DescribeClientQuotasResponse::EntryData& m) {
  c.field(m.entity, "entity");
  c.field(m.values, "values");
}
inline void fields(Codec& c, DescribeClientQuotasResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.entries, "entries", always(), always());
}

}  // namespace quokka
