#include "broker/config/protocol_version.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace quokka {
namespace {

constexpr std::array<std::string_view, 57> versions = {
    "0.8.0",      "0.8.1",      "0.8.2",      "0.9.0",     "0.10.0-IV0", "0.10.0-IV1", "0.10.1-IV0", "0.10.1-IV1", "0.10.1-IV2", "0.10.2-IV0",
    "0.11.0-IV0", "0.11.0-IV1", "0.11.0-IV2", "1.0-IV0",   "1.1-IV0",    "2.0-IV0",    "2.0-IV1",    "2.1-IV0",    "2.1-IV1",    "2.1-IV2",
    "2.2-IV0",    "2.2-IV1",    "2.3-IV0",    "2.3-IV1",   "2.4-IV0",    "2.4-IV1",    "2.5-IV0",    "2.6-IV0",    "2.7-IV0",    "2.7-IV1",
    "2.7-IV2",    "2.8-IV0",    "2.8-IV1",    "3.0-IV0",   "3.0-IV1",    "3.1-IV0",    "3.2-IV0",    "3.3-IV0",    "3.3-IV1",    "3.3-IV2",
    "3.3-IV3",    "3.4-IV0",    "3.5-IV0",    "3.5-IV1",   "3.5-IV2",    "3.6-IV0",    "3.6-IV1",    "3.6-IV2",    "3.7-IV0",    "3.7-IV1",
    "3.7-IV2",    "3.7-IV3",    "3.7-IV4",    "3.8-IV0",   "3.9-IV0",    "4.0-IV0",    "4.0-IV1"};

auto find(std::string_view name) { return std::find(versions.begin(), versions.end(), name); }

}  // namespace

std::optional<std::string_view> full_protocol_version(std::string_view name) {
  // "2.5.1" is a release of 2.5; versions that begin with 0 have three numbers.
  int numbers = name.starts_with("0.") ? 3 : 2;
  size_t end = 0;
  for (int i = 0; i < numbers && end != std::string_view::npos; ++i) end = name.find('.', end == 0 ? 0 : end + 1);
  if (end != std::string_view::npos) name = name.substr(0, end);
  if (auto at = find(name); at != versions.end()) return *at;
  std::optional<std::string_view> highest;
  for (std::string_view version : versions)
    if (version.starts_with(name) && version.substr(name.size()).starts_with("-IV") && version < "4.0") highest = version;
  if (!highest && name == "4.0") return "4.0-IV1";
  return highest;
}

bool is_served_protocol_version(std::string_view full_name) {
  auto at = find(full_name);
  return at >= find("3.0-IV1") && at <= find("3.9-IV0");
}

}  // namespace quokka
