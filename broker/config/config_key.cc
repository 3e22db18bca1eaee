#include "broker/config/config_key.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "broker/config/protocol_version.h"

namespace quokka {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

std::vector<std::string_view> list_of(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return {};
  std::vector<std::string_view> parts = split(text, ",");
  for (std::string_view& part : parts) part = trimmed(part);
  return parts;
}

std::optional<int64_t> integer_of(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  return number_in(text);
}

std::optional<double> real_of(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  if (text.size() > 1 && std::string_view("fFdD").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || std::isnan(value)) return std::nullopt;
  return value;
}

// As Java writes a double: 0.5, 100.0, 1.0E7, 1.7976931348623157E308.
std::string java_real(double value) {
  if (value == 0) return "0.0";
  std::array<char, 64> buffer{};
  auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<size_t>(written.ptr - buffer.data()));
  size_t e = text.find('e');
  if (e == std::string_view::npos) return std::string(text);
  int exponent = 0;
  std::string_view exponent_text = text.substr(e + 1);
  if (exponent_text.starts_with('+')) exponent_text.remove_prefix(1);
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  std::string sign(value < 0 ? "-" : "");
  std::string digits;
  for (char c : text.substr(0, e))
    if (c >= '0' && c <= '9') digits += c;
  if (exponent >= 7 || exponent < -3)
    return sign + digits.substr(0, 1) + "." + (digits.size() > 1 ? digits.substr(1) : "0") + "E" + std::to_string(exponent);
  if (exponent < 0) return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() < whole) digits.append(whole - digits.size(), '0');
  return sign + digits.substr(0, whole) + "." + (digits.size() > whole ? digits.substr(whole) : "0");
}

std::string_view type_name(ConfigType type) {
  switch (type) {
    case ConfigType::int16: return "SHORT";
    case ConfigType::int32: return "INT";
    case ConfigType::int64: return "LONG";
    case ConfigType::real: return "DOUBLE";
    case ConfigType::unknown:
    case ConfigType::boolean:
    case ConfigType::text:
    case ConfigType::list:
    case ConfigType::class_name:
    case ConfigType::password: return "";
  }
  return "";
}

Error invalid(const ConfigKey& key, std::string_view value, std::string_view why) {
  std::string shown = key.sensitive() ? "[hidden]" : std::string(value);
  return Error{ErrorCode::INVALID_CONFIG,
               "Invalid value " + shown + " for configuration " + key.name + (why.empty() ? "" : ": " + std::string(why))};
}

// "[1..9] or -1": bounds as written, empty if open.
struct Range {
  std::string_view low, high, other;
};

std::optional<Range> range_of(std::string_view valid) {
  size_t dots = valid.find("..");
  size_t close = valid.find(']');
  if (!valid.starts_with('[') || dots == std::string_view::npos || close == std::string_view::npos) return std::nullopt;
  Range range{valid.substr(1, dots - 1), valid.substr(dots + 2, close - dots - 2), {}};
  if (size_t at = valid.find(" or "); at != std::string_view::npos) range.other = valid.substr(at + 4);
  return range;
}

Status check_range(const ConfigKey& key, const Range& range, double value, const std::string& shown) {
  bool low_ok = range.low.empty() || value >= *real_of(range.low);
  bool high_ok = range.high.empty() || value <= *real_of(range.high);
  if (!range.other.empty()) {
    if ((low_ok && high_ok) || value == *real_of(range.other)) return {};
    std::string bounds = range.high.empty() ? "at least " + std::string(range.low)
                                            : "between " + std::string(range.low) + " and " + std::string(range.high);
    return invalid(key, shown, "Value must be " + bounds + " or equal to " + std::string(range.other));
  }
  if (!low_ok) return invalid(key, shown, "Value must be at least " + std::string(range.low));
  if (!high_ok) return invalid(key, shown, "Value must be no more than " + std::string(range.high));
  return {};
}

Status check_word(const ConfigKey& key, std::string_view word, std::string_view valid) {
  bool any_case = valid.starts_with("(case insensitive) ");
  if (any_case) valid.remove_prefix(std::string_view("(case insensitive) ").size());
  std::string_view words = valid.substr(1, valid.size() - 2);
  for (std::string_view allowed : split(words, ", "))
    if (any_case ? equal_ignoring_case(allowed, word) : allowed == word) return {};
  return invalid(key, word, (any_case ? "String must be one of (case insensitive): " : "String must be one of: ") + std::string(words));
}

bool is_throttled_replica(std::string_view text) {
  size_t colon = text.find(':');
  auto digits = [](std::string_view t) { return !t.empty() && t.find_first_not_of("0123456789") == std::string_view::npos; };
  return text.empty() || (colon != std::string_view::npos && digits(text.substr(0, colon)) && digits(text.substr(colon + 1)));
}

Status check_throttled_replicas(const ConfigKey& key, std::string_view text) {
  std::vector<std::string_view> parts = list_of(text);
  if ((parts.size() == 1 && parts[0] == "*") || std::all_of(parts.begin(), parts.end(), is_throttled_replica)) return {};
  return invalid(key, "[" + canonical_value(key, text) + "]",
                 std::string(key.name) + " must be the literal '*' or a list of replicas in the following format: "
                                         "[partitionId]:[brokerId],[partitionId]:[brokerId],...");
}

Status check_words(const ConfigKey& key, std::string_view text) {
  std::string_view valid = key.valid;
  if (valid == "list of int:int, or *") return check_throttled_replicas(key, text);
  if (valid == "non-empty list" || valid == "non-null string") return {};  // an empty list is the default, "unset"
  if (valid == "non-empty string") {
    if (!trimmed(text).empty()) return {};
    return invalid(key, text, "String must be non-empty");
  }
  if (valid == "any IBP version") {
    if (full_protocol_version(trimmed(text))) return {};
    return invalid(key, trimmed(text), "Version " + std::string(trimmed(text)) + " is not a valid version");
  }
  if (key.type != ConfigType::list) return check_word(key, trimmed(text), valid);
  for (std::string_view part : list_of(text)) {
    Status status = check_word(key, part, valid);
    if (!status) return status;
  }
  return {};
}

}  // namespace

Status check_value(const ConfigKey& key, std::string_view text) {
  switch (key.type) {
    case ConfigType::boolean:
      if (equal_ignoring_case(trimmed(text), "true") || equal_ignoring_case(trimmed(text), "false")) return {};
      return invalid(key, text, "Expected value to be either true or false");
    case ConfigType::int16:
    case ConfigType::int32:
    case ConfigType::int64: {
      std::optional<int64_t> value = integer_of(text);
      int64_t low = key.type == ConfigType::int16   ? std::numeric_limits<int16_t>::min()
                    : key.type == ConfigType::int32 ? std::numeric_limits<int32_t>::min()
                                                    : std::numeric_limits<int64_t>::min();
      int64_t high = key.type == ConfigType::int16   ? std::numeric_limits<int16_t>::max()
                     : key.type == ConfigType::int32 ? std::numeric_limits<int32_t>::max()
                                                     : std::numeric_limits<int64_t>::max();
      if (!value || *value < low || *value > high) return invalid(key, text, "Not a number of type " + std::string(type_name(key.type)));
      std::optional<Range> range = range_of(key.valid);
      return range ? check_range(key, *range, static_cast<double>(*value), std::to_string(*value)) : Status();
    }
    case ConfigType::real: {
      std::optional<double> value = real_of(text);
      if (!value) return invalid(key, text, "Not a number of type DOUBLE");
      std::optional<Range> range = range_of(key.valid);
      return range ? check_range(key, *range, *value, java_real(*value)) : Status();
    }
    case ConfigType::text:
    case ConfigType::list: return std::string_view(key.valid).empty() ? Status() : check_words(key, text);
    case ConfigType::unknown:
    case ConfigType::class_name:
    case ConfigType::password: return {};
  }
  return {};
}

std::string canonical_value(const ConfigKey& key, std::string_view text) {
  switch (key.type) {
    case ConfigType::boolean: return equal_ignoring_case(trimmed(text), "true") ? "true" : "false";
    case ConfigType::int16:
    case ConfigType::int32:
    case ConfigType::int64: return std::to_string(integer_of(text).value_or(0));
    case ConfigType::real: return java_real(real_of(text).value_or(0));
    case ConfigType::list: {
      std::string joined;
      for (std::string_view part : list_of(text)) {
        if (!joined.empty()) joined += ',';
        joined += part;
      }
      return joined;
    }
    case ConfigType::unknown:
    case ConfigType::text:
    case ConfigType::class_name:
    case ConfigType::password: break;
  }
  return std::string(trimmed(text));
}

}  // namespace quokka
