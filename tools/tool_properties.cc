#include "tools/tool_properties.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "protocol/base/text_parts.h"

namespace quokka {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::INVALID_CONFIG, std::move(message)}; }

}  // namespace

Result<Properties> properties_of(const Options& options, const std::string& file_option, const std::string& words_option) {
  Properties properties;
  if (const auto path = options.text(file_option)) {
    std::ifstream file(*path, std::ios::binary);
    std::ostringstream text;
    file.peek();  // a directory opens, and cannot be read
    if (!file.is_open() || file.bad()) return invalid("--" + file_option + ": cannot read " + *path + ": " + std::strerror(errno));
    text << file.rdbuf();
    auto parsed = parse_properties(text.str());
    if (!parsed.ok()) return invalid("--" + file_option + ": " + *path + ", " + parsed.error().message);
    properties = std::move(*parsed);
  }
  if (!words_option.empty()) add_arguments(properties, options.texts(words_option));
  return properties;
}

void add_arguments(Properties& properties, const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) warn("'" + word + "' has no value: write key=value");
    properties[word.substr(0, equals)] = equals == std::string::npos ? std::string() : word.substr(equals + 1);
  }
}

bool is_true(std::string_view text) {
  std::string lower(trimmed(text));
  for (char& c : lower) c = static_cast<char>(c | 0x20);
  return lower == "true";
}

void set_text(const Properties& properties, const std::string& key, std::string& value) {
  if (const auto at = properties.find(key); at != properties.end()) value = at->second;
}

void set_flag(const Properties& properties, const std::string& key, bool& value) {
  if (const auto at = properties.find(key); at != properties.end()) value = is_true(at->second);
}

void set_all(const Properties& properties, const std::vector<NamedSetting>& settings) {
  for (const auto& [key, value] : settings) {
    if (bool* const* flag = std::get_if<bool*>(&value)) set_flag(properties, key, **flag);
    else set_text(properties, key, *std::get<std::string*>(value));
  }
}

Status set_number(const Properties& properties, const std::string& key, int64_t least, int64_t& value) {
  const auto at = properties.find(key);
  if (at == properties.end()) return {};
  const auto number = number_in(at->second);
  const std::string refused = "Invalid value " + at->second + " for configuration " + key;
  if (!number) return invalid(refused + ": Not a number");
  if (*number < least) return invalid(refused + ": Value must be at least " + std::to_string(least));
  value = *number;
  return {};
}

Status set_millis(const Properties& properties, const std::string& key, Duration& value) {
  int64_t ms = value.to_millis();
  const Status status = set_number(properties, key, 0, ms);
  // A time beyond this would not fit the clock's microseconds.
  value = Duration::millis(std::min<int64_t>(ms, INT64_MAX / 4000));
  return status;
}

}  // namespace quokka
