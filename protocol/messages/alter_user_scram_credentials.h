// AlterUserScramCredentials (key 51), versions 0, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct AlterUserScramCredentialsRequest {
  static constexpr const char* kName = "AlterUserScramCredentialsRequest";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_USER_SCRAM_CREDENTIALS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct ScramCredentialDeletion {
    std::string_view name;
    int8_t mechanism = 0;
  };
  struct ScramCredentialUpsertion {
    std::string_view name;
    int8_t mechanism = 0;
    int32_t iterations = 0;
    Bytes salt;
    Bytes salted_password;
  };
  Array<ScramCredentialDeletion> deletions;
  Array<ScramCredentialUpsertion> upsertions;
};

inline void fields(Codec& c, AlterUserScramCredentialsRequest::ScramCredentialDeletion& m) {
  c.field(m.name, "name");
  c.field(m.mechanism, "mechanism");
}
inline void fields(Codec& c, AlterUserScramCredentialsRequest::ScramCredentialUpsertion& m) {
  c.field(m.name, "name");
  c.field(m.mechanism, "mechanism");
  c.field(m.iterations, "iterations");
  c.field(m.salt, "salt");
  c.field(m.salted_password, "salted_password");
}
inline void fields(Codec& c, AlterUserScramCredentialsRequest& m) {
  c.field(m.deletions, "deletions");
  c.field(m.upsertions, "upsertions");
}

struct AlterUserScramCredentialsResponse {
  static constexpr const char* kName = "AlterUserScramCredentialsResponse";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_USER_SCRAM_CREDENTIALS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct AlterUserScramCredentialsResult {
    std::string_view user;
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message = std::string_view();
  };
  int32_t throttle_time_ms = 0;
  Array<AlterUserScramCredentialsResult> results;
};

inline void fields(Codec& c, AlterUserScramCredentialsResponse::AlterUserScramCredentialsResult& m) {
  c.field(m.user, "user");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
}
inline void fields(Codec& c, AlterUserScramCredentialsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.results, "results");
}

}  // namespace quokka
