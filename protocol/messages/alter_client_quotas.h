// AlterClientQuotas (key 49), versions 0-1, flexible from 1.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct AlterClientQuotasRequest {
  static constexpr const char* kName = "AlterClientQuotasRequest";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_CLIENT_QUOTAS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 1;
  struct EntryData {
    struct EntityData {
      std::string_view entity_type;
      std::optional<std::string_view> entity_name = std::string_view();
    };
    struct OpData {
      std::string_view key;
      double value = 0;
      bool remove = false;
    };
    Array<EntityData> entity;
    Array<OpData> ops;
  };
  Array<EntryData> entries;
  bool validate_only = false;
};

inline void fields(Codec& c, AlterClientQuotasRequest::EntryData::EntityData& m) {
  c.field(m.entity_type, "entity_type");
  c.field(m.entity_name, "entity_name", always(), always());
}
inline void fields(Codec& c, AlterClientQuotasRequest::EntryData::OpData& m) {
  c.field(m.key, "key");
  c.field(m.value, "value");
  c.field(m.remove, "remove");
}
inline void fields(Codec& c, AlterClientQuotasRequest::EntryData& m) {
  c.field(m.entity, "entity");
  c.field(m.ops, "ops");
}
inline void fields(Codec& c, AlterClientQuotasRequest& m) {
  c.field(m.entries, "entries");
  c.field(m.validate_only, "validate_only");
}

struct AlterClientQuotasResponse {
  static constexpr const char* kName = "AlterClientQuotasResponse";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_CLIENT_QUOTAS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 1;
  struct EntryData {
    struct EntityData {
      std::string_view entity_type;
      std::optional<std::string_view> entity_name = std::string_view();
    };
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message = std::string_view();
    Array<EntityData> entity;
  };
  int32_t throttle_time_ms = 0;
  Array<EntryData> entries;
};

inline void fields(Codec& c, AlterClientQuotasResponse::EntryData::EntityData& m) {
  c.field(m.entity_type, "entity_type");
  c.field(m.entity_name, "entity_name", always(), always());
}
inline void fields(Codec& c, AlterClientQuotasResponse::EntryData& m) {
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.entity, "entity");
}
inline void fields(Codec& c, AlterClientQuotasResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.entries, "entries");
}

}  // namespace quokka
