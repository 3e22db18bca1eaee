#include "coord/znodes/acl.h"

#include "coord/znodes/config.h"
#include "coord/znodes/json.h"
#include "coord/znodes/paths.h"

namespace quokka::znodes {
namespace {

Error bad_change(std::string_view path, std::string_view what) {
  return Error{ErrorCode::UNKNOWN_SERVER_ERROR, "znode " + std::string(path) + ": " + std::string(what)};
}

}  // namespace

std::string acl_type_path(PatternType pattern, std::string_view type) {
  return child_path(pattern == PatternType::literal ? "/kafka-acl" : "/kafka-acl-extended/prefixed", type);
}

std::string acl_path(PatternType pattern, std::string_view type, std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos) return {};
  return child_path(acl_type_path(pattern, type), name);
}

std::string encode_acls(const std::vector<AclEntry>& entries) {
  JsonWriter json;
  json.open().open_array("acls");
  for (const AclEntry& each : entries) {
    json.open()
        .field("principal", each.principal)
        .field("permissionType", each.permission_type)
        .field("host", each.host)
        .field("operation", each.operation)
        .close();
  }
  return json.close_array().field("version", 1).close().take();
}

Result<std::vector<AclEntry>> parse_acls(std::string_view path, std::string_view text) {
  JsonReader reader(path, text);
  const int32_t version = reader.int32(reader.root(), "version");
  if (reader.ok() && version != 1) reader.fail("version", std::to_string(version) + " is not supported");
  std::vector<AclEntry> entries;
  for (const JsonValue& value : reader.array(reader.root(), "acls")) {
    AclEntry entry;
    entry.principal = reader.string(value, "principal");
    entry.permission_type = reader.string(value, "permissionType");
    entry.operation = reader.string(value, "operation");
    entry.host = reader.string(value, "host");
    if (!reader.ok()) break;
    entries.push_back(std::move(entry));
  }
  if (!reader.ok()) return reader.error();
  return entries;
}

std::string encode(const AclChange& change) {
  if (change.pattern == PatternType::literal) return change.type + ":" + change.name;
  return JsonWriter()
      .open()
      .field("version", 1)
      .field("resourceType", change.type)
      .field("name", change.name)
      .field("patternType", "PREFIXED")
      .close()
      .take();
}

Result<AclChange> parse_acl_change(PatternType pattern, std::string_view path, std::string_view data) {
  AclChange change;
  change.pattern = pattern;
  if (pattern == PatternType::literal) {
    const size_t colon = data.find(':');
    if (colon == 0 || colon == std::string_view::npos) return bad_change(path, "not TYPE:name");
    change.type = std::string(data.substr(0, colon));
    change.name = std::string(data.substr(colon + 1));
    return change;
  }
  JsonReader reader(path, data);
  change.type = reader.string(reader.root(), "resourceType");
  change.name = reader.string(reader.root(), "name");
  const std::string read_pattern = reader.string(reader.root(), "patternType");
  if (reader.ok() && read_pattern == "LITERAL") change.pattern = PatternType::literal;
  if (reader.ok() && read_pattern != "LITERAL" && read_pattern != "PREFIXED") reader.fail("patternType", "'" + read_pattern + "' is not supported");
  if (!reader.ok()) return reader.error();
  return change;
}

std::string encode(const DelegationToken& token) {
  JsonWriter json;
  json.open()
      .field("version", 3)
      .field("owner", sanitize(token.owner))
      .field("tokenRequester", sanitize(token.requester))
      .open_array("renewers");
  for (const std::string& each : token.renewers) json.element(sanitize(each));
  return json.close_array()
      .field("issueTimestamp", token.issue_timestamp_ms)
      .field("maxTimestamp", token.max_timestamp_ms)
      .field("expiryTimestamp", token.expiry_timestamp_ms)
      .field("tokenId", token.token_id)
      .close()
      .take();
}

Result<DelegationToken> parse_delegation_token(std::string_view path, std::string_view text) {
  JsonReader reader(path, text);
  const JsonValue& root = reader.root();
  const auto principal = [&](std::string_view field, const std::string& encoded) {
    std::optional<std::string> plain = desanitize(encoded);
    if (!plain) reader.fail(field, "not percent-encoded");
    return plain.value_or("");
  };
  DelegationToken token;
  const int32_t version = reader.int32(root, "version");
  token.token_id = reader.string(root, "tokenId");
  token.owner = principal("owner", reader.string(root, "owner"));
  token.requester = version < 3 ? token.owner : principal("tokenRequester", reader.string(root, "tokenRequester"));
  for (const JsonValue& each : reader.array(root, "renewers")) {
    const auto* renewer = std::get_if<std::string>(&each.value);
    if (renewer == nullptr) {
      reader.fail("renewers", "not an array of strings");
      break;
    }
    token.renewers.push_back(principal("renewers", *renewer));
  }
  token.issue_timestamp_ms = reader.quoted_integer(root, "issueTimestamp");
  token.max_timestamp_ms = reader.quoted_integer(root, "maxTimestamp");
  token.expiry_timestamp_ms = reader.quoted_integer(root, "expiryTimestamp");
  if (!reader.ok()) return reader.error();
  return token;
}

}  // namespace quokka::znodes
