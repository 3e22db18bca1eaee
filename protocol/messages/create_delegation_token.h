// CreateDelegationToken (key 38), versions 0-3, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct CreateDelegationTokenRequest {
  static constexpr const char* kName = "CreateDelegationTokenRequest";
  static constexpr ApiKey kApiKey = ApiKey::CREATE_DELEGATION_TOKEN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  struct CreatableRenewers {
    std::string_view principal_type;
    std::string_view principal_name;
  };
  std::optional<std::string_view> owner_principal_type = std::string_view();
  std::optional<std::string_view> owner_principal_name = std::string_view();
  Array<CreatableRenewers> renewers;
  int64_t max_lifetime_ms = 0;
};

inline void fields(Codec& c, CreateDelegationTokenRequest::CreatableRenewers& m) {
  c.field(m.principal_type, "principal_type");
  c.field(m.principal_name, "principal_name");
}
inline void fields(Codec& c, CreateDelegationTokenRequest& m) {
  c.field(m.owner_principal_type, "owner_principal_type", since(3), since(3));
  c.field(m.owner_principal_name, "owner_principal_name", since(3), since(3));
  c.field(m.renewers, "renewers");
  c.field(m.max_lifetime_ms, "max_lifetime_ms");
}

struct CreateDelegationTokenResponse {
  static constexpr const char* kName = "CreateDelegationTokenResponse";
  static constexpr ApiKey kApiKey = ApiKey::CREATE_DELEGATION_TOKEN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  ErrorCode error_code = ErrorCode::NONE;
  std::string_view principal_type;
  std::string_view principal_name;
  std::string_view token_requester_principal_type;
  std::string_view token_requester_principal_name;
  int64_t issue_timestamp_ms = 0;
  int64_t expiry_timestamp_ms = 0;
  int64_t max_timestamp_ms = 0;
  std::string_view token_id;
  Bytes hmac;
  int32_t throttle_time_ms = 0;
};

inline void fields(Codec& c, CreateDelegationTokenResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.principal_type, "principal_type");
  c.field(m.principal_name, "principal_name");
  c.field(m.token_requester_principal_type, "token_requester_principal_type", since(3));
  c.field(m.token_requester_principal_name, "token_requester_principal_name", since(3));
  c.field(m.issue_timestamp_ms, "issue_timestamp_ms");
  c.field(m.expiry_timestamp_ms, "expiry_timestamp_ms");
  c.field(m.max_timestamp_ms, "max_timestamp_ms");
  c.field(m.token_id, "token_id");
  c.field(m.hmac, "hmac");
  c.field(m.throttle_time_ms, "throttle_time_ms");
}

}  // namespace quokka
