// Access control lists, /kafka-acl and /kafka-acl-extended, and the notifications of their changes; delegation tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace quokka::znodes {

// In the order in which the authorizer creates their parents.
inline constexpr std::string_view kAclResourceTypes[] = {"Cluster", "DelegationToken", "TransactionalId", "Topic", "Group", "User"};
inline constexpr std::string_view kAclChanges = "/kafka-acl-changes";
inline constexpr std::string_view kExtendedAclChanges = "/kafka-acl-extended-changes";

enum class PatternType { literal, prefixed };

// `type` as above. The name stands raw; one that holds a '/' has no znode and gives an empty path.
std::string acl_type_path(PatternType pattern, std::string_view type);
std::string acl_path(PatternType pattern, std::string_view type, std::string_view name);

struct AclEntry {
  std::string principal;        // "User:alice"
  std::string permission_type;  // "Allow", "Deny"
  std::string operation;        // "Read", "DescribeConfigs" ...
  std::string host;             // "*" or an address

  bool operator==(const AclEntry&) const = default;
};

std::string encode_acls(const std::vector<AclEntry>& entries);
Result<std::vector<AclEntry>> parse_acls(std::string_view path, std::string_view json);

struct AclChange {
  PatternType pattern = PatternType::literal;
  std::string type;  // "TOPIC", "TRANSACTIONAL_ID" ...
  std::string name;

  bool operator==(const AclChange&) const = default;
};
// Literal: text "TOPIC:name"; prefixed: JSON.
std::string encode(const AclChange& change);
Result<AclChange> parse_acl_change(PatternType pattern, std::string_view path, std::string_view data);

// /delegation_token/tokens/<id>
struct DelegationToken {
  std::string token_id;
  std::string owner;      // "User:alice"
  std::string requester;  // equals owner in versions 1 and 2
  std::vector<std::string> renewers;
  int64_t issue_timestamp_ms = 0;
  int64_t max_timestamp_ms = 0;
  int64_t expiry_timestamp_ms = 0;

  bool operator==(const DelegationToken&) const = default;
};
std::string encode(const DelegationToken& token);
Result<DelegationToken> parse_delegation_token(std::string_view path, std::string_view json);

}  // namespace quokka::znodes
