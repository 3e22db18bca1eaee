#include "protocol/base/topic_name.h"

#include <algorithm>

namespace quokka {
namespace {

bool is_legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string reason_against(std::string_view name) {
  if (name.empty()) return "the empty string is not allowed";
  if (name == "." || name == "..") return "'" + std::string(name) + "' is not allowed";
  if (name.size() > kTopicNameBytesMax) {
    return "the length of '" + std::string(name) + "' is longer than the max allowed length " + std::to_string(kTopicNameBytesMax);
  }
  if (!std::all_of(name.begin(), name.end(), is_legal)) {
    return "'" + std::string(name) + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
  }
  return {};
}

char unified(char c) { return c == '.' ? '_' : c; }

}  // namespace

bool is_valid_topic_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= kTopicNameBytesMax && std::all_of(name.begin(), name.end(), is_legal);
}

Status validate_topic_name(std::string_view name) {
  if (is_valid_topic_name(name)) return {};
  return Error{ErrorCode::INVALID_TOPIC_EXCEPTION, "Topic name is invalid: " + reason_against(name)};
}

bool is_internal_topic(std::string_view name) { return name == kGroupMetadataTopic || name == kTransactionStateTopic; }

bool topic_names_collide(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return unified(x) == unified(y); });
}

bool has_collision_characters(std::string_view name) { return name.find_first_of("._") != std::string_view::npos; }

}  // namespace quokka
