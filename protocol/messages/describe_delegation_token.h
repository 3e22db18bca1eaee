// DescribeDelegationToken (key 41), versions 0-3, flexible from 2.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DescribeDelegationTokenRequest {
  static constexpr const char* kName = "DescribeDelegationTokenRequest";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_DELEGATION_TOKEN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  struct DescribeDelegationTokenOwner {
    std::string_view principal_type;
    std::string_view principal_name;
  };
  std::optional<Array<DescribeDelegationTokenOwner>> owners = Array<DescribeDelegationTokenOwner>();
};

inline void fields(Codec& c, DescribeDelegationTokenRequest::DescribeDelegationTokenOwner& m) {
  c.field(m.principal_type, "principal_type");
  c.field(m.principal_name, "principal_name");
}
inline void fields(Codec& c, DescribeDelegationTokenRequest& m) {
  c.field(m.owners, "owners", always(), always());
}

struct DescribeDelegationTokenResponse {
  static constexpr const char* kName = "DescribeDelegationTokenResponse";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_DELEGATION_TOKEN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  struct DescribedDelegationToken {
    struct DescribedDelegationTokenRenewer {
      std::string_view principal_type;
      std::string_view principal_name;
    };
    std::string_view principal_type;
    std::string_view principal_name;
    std::string_view token_requester_principal_type;
    std::string_view token_requester_principal_name;
    int64_t issue_timestamp = 0;
    int64_t expiry_timestamp = 0;
    int64_t max_timestamp = 0;
    std::string_view token_id;
    Bytes hmac;
    Array<DescribedDelegationTokenRenewer> renewers;
  };
  ErrorCode error_code = ErrorCode::NONE;
  Array<DescribedDelegationToken> tokens;
  int32_t throttle_time_ms = 0;
};

inline void fields(Codec& c, DescribeDelegationTokenResponse::DescribedDelegationToken::DescribedDelegationTokenRenewer& m) {
  c.field(m.principal_type, "principal_type");
  c.field(m.principal_name, "principal_name");
}
inline void fields(Codec& c, DescribeDelegationTokenResponse::DescribedDelegationToken& m) {
  c.field(m.principal_type, "principal_type");
  c.field(m.principal_name, "principal_name");
  c.field(m.token_requester_principal_type, "token_requester_principal_type", since(3));
  c.field(m.token_requester_principal_name, "token_requester_principal_name", since(3));
  c.field(m.issue_timestamp, "issue_timestamp");
  c.field(m.expiry_timestamp, "expiry_timestamp");
  c.field(m.max_timestamp, "max_timestamp");
  c.field(m.token_id, "token_id");
  c.field(m.hmac, "hmac");
  c.field(m.renewers, "renewers");
}
inline void fields(Codec& c, DescribeDelegationTokenResponse& m) {
  c.field(m.error_code, "error_code");
  c.field(m.tokens, "tokens");
  c.field(m.throttle_time_ms, "throttle_time_ms");
}

}  // namespace quokka
