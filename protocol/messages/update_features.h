// UpdateFeatures (key 57), versions 0-1, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct UpdateFeaturesRequest {
  static constexpr const char* kName = "UpdateFeaturesRequest";
  static constexpr ApiKey kApiKey = ApiKey::UPDATE_FEATURES;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 0;
  struct FeatureUpdateKey {
    std::string_view feature;
    int16_t max_version_level = 0;
    bool allow_downgrade = false;
    int8_t upgrade_type = 1;
  };
  int32_t timeout_ms = 60000;
  Array<FeatureUpdateKey> feature_updates;
  bool validate_only = false;
};

inline void fields(Codec& c, UpdateFeaturesRequest::FeatureUpdateKey& m) {
  c.field(m.feature, "feature");
  c.field(m.max_version_level, "max_version_level");
  c.field(m.allow_downgrade, "allow_downgrade", until(0));
  c.field(m.upgrade_type, "upgrade_type", since(1));
}
inline void fields(Codec& c, UpdateFeaturesRequest& m) {
  c.field(m.timeout_ms, "timeout_ms");
  c.field(m.feature_updates, "feature_updates");
  c.field(m.validate_only, "validate_only", since(1));
}

struct UpdateFeaturesResponse {
  static constexpr const char* kName = "UpdateFeaturesResponse";
  static constexpr ApiKey kApiKey = ApiKey::UPDATE_FEATURES;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 0;
  struct UpdatableFeatureResult {
    std::string_view feature;
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message = std::string_view();
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  std::optional<std::string_view> error_message = std::string_view();
  Array<UpdatableFeatureResult> results;
};

inline void fields(Codec& c, UpdateFeaturesResponse::UpdatableFeatureResult& m) {
  c.field(m.feature, "feature");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
}
inline void fields(Codec& c, UpdateFeaturesResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.results, "results");
}

}  // namespace quokka
