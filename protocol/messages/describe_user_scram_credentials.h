// DescribeUserScramCredentials (key 50), versions 0, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DescribeUserScramCredentialsRequest {
  static constexpr const char* kName = "DescribeUserScramCredentialsRequest";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_USER_SCRAM_CREDENTIALS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct UserName {
    std::string_view name;
  };
  std::optional<Array<UserName>> users = Array<UserName>();
};

inline void fields(Codec& c, DescribeUserScramCredentialsRequest::UserName& m) {
  c.field(m.name, "name");
}
inline void fields(Codec& c, DescribeUserScramCredentialsRequest& m) {
  c.field(m.users, "users", always(), always());
}

struct DescribeUserScramCredentialsResponse {
  static constexpr const char* kName = "DescribeUserScramCredentialsResponse";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_USER_SCRAM_CREDENTIALS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct DescribeUserScramCredentialsResult {
    struct CredentialInfo {
      int8_t mechanism = 0;
      int32_t iterations = 0;
    };
    std::string_view user;
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message = std::string_view();
    Array<CredentialInfo> credential_infos;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  std::optional<std::string_view> error_message = std::string_view();
  Array<DescribeUserScramCredentialsResult> results;
};

inline void fields(Codec& c, DescribeUserScramCredentialsResponse::DescribeUserScramCredentialsResult::CredentialInfo& m) {
  c.field(m.mechanism, "mechanism");
  c.field(m.iterations, "iterations");
}
inline void fields(Codec& c, DescribeUserScramCredentialsResponse::DescribeUserScramCredentialsResult& m) {
  c.field(m.user, "user");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.credential_infos, "credential_infos");
}
inline void fields(Codec& c, DescribeUserScramCredentialsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.results, "results");
}

}  // namespace quokka
