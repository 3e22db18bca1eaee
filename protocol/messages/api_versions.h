// ApiVersions (key 18), versions 0-4, flexible from 3.
//
// 3: name and version of the client's software, features. 4: features may have a smallest version of 0. The answer always has response header 0, so
// that a client can read it whose version we lack (KIP-511).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ApiVersionsRequest {
  static constexpr const char* kName = "ApiVersionsRequest";
  static constexpr ApiKey kApiKey = ApiKey::API_VERSIONS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 3;
  std::string_view client_software_name;
  std::string_view client_software_version;
};

inline void fields(Codec& c, ApiVersionsRequest& m) {
  c.field(m.client_software_name, "client_software_name", since(3).or_dropped());
  c.field(m.client_software_version, "client_software_version", since(3).or_dropped());
}

struct ApiVersionsResponse {
  static constexpr const char* kName = "ApiVersionsResponse";
  static constexpr ApiKey kApiKey = ApiKey::API_VERSIONS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 3;
  struct ApiVersion {
    int16_t api_key = 0;
    int16_t min_version = 0;
    int16_t max_version = 0;
  };
  struct SupportedFeatureKey {
    std::string_view name;
    int16_t min_version = 0;
    int16_t max_version = 0;
  };
  struct FinalizedFeatureKey {
    std::string_view name;
    int16_t max_version_level = 0;
    int16_t min_version_level = 0;
  };
  ErrorCode error_code = ErrorCode::NONE;
  Array<ApiVersion> api_keys;
  int32_t throttle_time_ms = 0;
  Array<SupportedFeatureKey> supported_features;
  int64_t finalized_features_epoch = -1;
  Array<FinalizedFeatureKey> finalized_features;
  bool zk_migration_ready = false;
};

inline void fields(Codec& c, ApiVersionsResponse::ApiVersion& m) {
  c.field(m.api_key, "api_key");
  c.field(m.min_version, "min_version");
  c.field(m.max_version, "max_version");
}
inline void fields(Codec& c, ApiVersionsResponse::SupportedFeatureKey& m) {
  c.field(m.name, "name", since(3));
  c.field(m.min_version, "min_version", since(3));
  c.field(m.max_version, "max_version", since(3));
}
inline void fields(Codec& c, ApiVersionsResponse::FinalizedFeatureKey& m) {
  c.field(m.name, "name", since(3));
  c.field(m.max_version_level, "max_version_level", since(3));
  c.field(m.min_version_level, "min_version_level", since(3));
}
inline void fields(Codec& c, ApiVersionsResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.api_keys, "api_keys");
  c.field(m.throttle_time_ms, "throttle_time_ms", since(1).or_dropped());
  c.tag(m.supported_features, 0, "supported_features", since(3).or_dropped());
  c.tag(m.finalized_features_epoch, 1, "finalized_features_epoch", since(3).or_dropped());
  c.tag(m.finalized_features, 2, "finalized_features", since(3).or_dropped());
  c.tag(m.zk_migration_ready, 3, "zk_migration_ready", since(3).or_dropped());
}

}  // namespace quokka
