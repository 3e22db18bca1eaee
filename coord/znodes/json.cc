#include "coord/znodes/json.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>
#include <limits>

namespace quokka::znodes {
namespace {

JsonValue converted(const boost::json::value& from) {
  JsonValue to;
  switch (from.kind()) {
    case boost::json::kind::null: break;
    case boost::json::kind::bool_: to.value = from.get_bool(); break;
    case boost::json::kind::int64: to.value = from.get_int64(); break;
    case boost::json::kind::uint64: to.value = static_cast<double>(from.get_uint64()); break;
    case boost::json::kind::double_: to.value = from.get_double(); break;
    case boost::json::kind::string: to.value = std::string(from.get_string()); break;
    case boost::json::kind::array: {
      JsonValue::Array array;
      array.reserve(from.get_array().size());
      for (const auto& each : from.get_array()) array.push_back(converted(each));
      to.value = std::move(array);
      break;
    }
    case boost::json::kind::object: {
      JsonValue::Object object;
      object.reserve(from.get_object().size());
      for (const auto& each : from.get_object()) object.emplace_back(std::string(each.key()), converted(each.value()));
      to.value = std::move(object);
      break;
    }
  }
  return to;
}

// String.hashCode of Java: over UTF-16 units.
uint32_t java_hash(std::string_view text) {
  uint32_t hash = 0;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t point = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (size_t k = 1; k < length && i + k < text.size(); ++k) point = point << 6 | (static_cast<uint8_t>(text[i + k]) & 0x3fu);
    i += length;
    if (point >= 0x10000) {
      point -= 0x10000;
      hash = hash * 31 + (0xd800 + (point >> 10));
      hash = hash * 31 + (0xdc00 + (point & 0x3ff));
    } else {
      hash = hash * 31 + point;
    }
  }
  return hash;
}

uint32_t spread_hash(std::string_view text) {
  const uint32_t hash = java_hash(text);
  return hash ^ (hash >> 16);
}

struct Hashed {
  uint32_t bucket;
  int32_t hash;  // orders within a bucket; equal ones keep their order
  std::string key;
};

std::vector<std::string> in_bucket_order(std::vector<std::string> keys, uint32_t buckets, bool sorted_buckets) {
  std::vector<Hashed> hashed;
  hashed.reserve(keys.size());
  for (std::string& key : keys) {
    const uint32_t hash = spread_hash(key);
    hashed.push_back({hash & (buckets - 1), sorted_buckets ? static_cast<int32_t>(hash) : 0, std::move(key)});
  }
  std::stable_sort(hashed.begin(), hashed.end(), [](const Hashed& a, const Hashed& b) {
    return a.bucket != b.bucket ? a.bucket < b.bucket : a.hash < b.hash;
  });
  keys.clear();
  for (Hashed& each : hashed) keys.push_back(std::move(each.key));
  return keys;
}

const JsonValue::Array kNoElements;
const JsonValue::Object kNoFields;

}  // namespace

JsonReader::JsonReader(std::string_view path, std::string_view text) : path_(path) {
  root_.value = JsonValue::Object{};
  if (text.size() > kJsonBytesMax) {
    fail("", "larger than " + std::to_string(kJsonBytesMax) + " bytes");
    return;
  }
  boost::json::error_code problem;
  const boost::json::value parsed = boost::json::parse(boost::json::string_view(text.data(), text.size()), problem);
  if (problem) {
    fail("", "not JSON: " + problem.message());
  } else if (!parsed.is_object()) {
    fail("", "not a JSON object");
  } else {
    root_ = converted(parsed);
  }
}

void JsonReader::fail(std::string_view field, std::string_view what) {
  if (error_) return;
  std::string message = "znode " + path_;
  if (!field.empty()) message += ", field '" + std::string(field) + "'";
  error_ = Error{ErrorCode::UNKNOWN_SERVER_ERROR, message + ": " + std::string(what)};
}

const JsonValue* JsonReader::find(const JsonValue& object, std::string_view key) {
  const auto* fields = std::get_if<JsonValue::Object>(&object.value);
  if (fields == nullptr) {
    fail(key, "its parent is not an object");
    return nullptr;
  }
  for (const auto& [name, value] : *fields) {
    if (name == key) return value.is_null() ? nullptr : &value;
  }
  return nullptr;
}

int64_t JsonReader::integer(const JsonValue& object, std::string_view key, int64_t min, int64_t max, std::optional<int64_t> absent) {
  const JsonValue* found = find(object, key);
  if (found == nullptr) {
    if (!absent) fail(key, "missing");
    return absent.value_or(0);
  }
  const auto* number = std::get_if<int64_t>(&found->value);
  if (number == nullptr) {
    fail(key, "not an integer");
  } else if (*number < min || *number > max) {
    fail(key, std::to_string(*number) + " is out of range");
  } else {
    return *number;
  }
  return 0;
}

int32_t JsonReader::int32(const JsonValue& object, std::string_view key, std::optional<int32_t> absent) {
  using Limits = std::numeric_limits<int32_t>;
  return static_cast<int32_t>(integer(object, key, Limits::min(), Limits::max(), absent));
}

int64_t JsonReader::quoted_integer(const JsonValue& object, std::string_view key, std::optional<int64_t> absent) {
  const JsonValue* found = find(object, key);
  const auto* text = found == nullptr ? nullptr : std::get_if<std::string>(&found->value);
  if (text == nullptr) {
    using Limits = std::numeric_limits<int64_t>;
    return integer(object, key, Limits::min(), Limits::max(), absent);
  }
  int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [stop, problem] = std::from_chars(text->data(), end, number);
  if (problem != std::errc() || stop != end) {
    fail(key, "'" + *text + "' is not an integer");
    return 0;
  }
  return number;
}

std::string JsonReader::string(const JsonValue& object, std::string_view key, std::optional<std::string> absent) {
  const JsonValue* found = find(object, key);
  if (found == nullptr) {
    if (!absent) fail(key, "missing");
    return absent.value_or("");
  }
  const auto* text = std::get_if<std::string>(&found->value);
  if (text != nullptr) return *text;
  fail(key, "not a string");
  return {};
}

const JsonValue::Array& JsonReader::array(const JsonValue& object, std::string_view key) {
  const JsonValue* found = find(object, key);
  if (found == nullptr) return kNoElements;
  if (const auto* array = std::get_if<JsonValue::Array>(&found->value)) return *array;
  fail(key, "not an array");
  return kNoElements;
}

const JsonValue::Object& JsonReader::fields(const JsonValue& object, std::string_view key) {
  const JsonValue* found = find(object, key);
  if (found == nullptr) return kNoFields;
  if (const auto* fields = std::get_if<JsonValue::Object>(&found->value)) return *fields;
  fail(key, "not an object");
  return kNoFields;
}

std::vector<int32_t> JsonReader::int32s(const JsonValue& array, std::string_view field) {
  std::vector<int32_t> numbers;
  const auto* elements = std::get_if<JsonValue::Array>(&array.value);
  if (elements == nullptr) {
    fail(field, "not an array");
    return numbers;
  }
  for (const JsonValue& each : *elements) {
    const auto* number = std::get_if<int64_t>(&each.value);
    if (number == nullptr || *number != static_cast<int32_t>(*number)) {
      fail(field, "not an array of 32-bit integers");
      return {};
    }
    numbers.push_back(static_cast<int32_t>(*number));
  }
  return numbers;
}

void JsonWriter::comma() {
  if (!text_.empty() && text_.back() != '{' && text_.back() != '[' && text_.back() != ':') text_ += ',';
}

void JsonWriter::quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  text_ += '"';
  for (const char c : text) {
    switch (c) {
      case '"': text_ += "\\\""; break;
      case '\\': text_ += "\\\\"; break;
      case '\b': text_ += "\\b"; break;
      case '\t': text_ += "\\t"; break;
      case '\n': text_ += "\\n"; break;
      case '\f': text_ += "\\f"; break;
      case '\r': text_ += "\\r"; break;
      default:
        if (static_cast<uint8_t>(c) < 0x20) {
          text_ += "\\u00";
          text_ += kHex[static_cast<uint8_t>(c) >> 4];
          text_ += kHex[static_cast<uint8_t>(c) & 15];
        } else {
          text_ += c;
        }
    }
  }
  text_ += '"';
}

void JsonWriter::key(std::string_view key) {
  comma();
  quoted(key);
  text_ += ':';
}

JsonWriter& JsonWriter::open() {
  comma();
  text_ += '{';
  return *this;
}

JsonWriter& JsonWriter::open(std::string_view name) {
  key(name);
  text_ += '{';
  return *this;
}

JsonWriter& JsonWriter::close() {
  text_ += '}';
  return *this;
}

JsonWriter& JsonWriter::open_array(std::string_view name) {
  key(name);
  text_ += '[';
  return *this;
}

JsonWriter& JsonWriter::close_array() {
  text_ += ']';
  return *this;
}

JsonWriter& JsonWriter::field(std::string_view name, int64_t value) {
  key(name);
  text_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::field(std::string_view name, std::string_view value) {
  key(name);
  quoted(value);
  return *this;
}

JsonWriter& JsonWriter::null(std::string_view name) {
  key(name);
  text_ += "null";
  return *this;
}

JsonWriter& JsonWriter::element(int64_t value) {
  comma();
  text_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::element(std::string_view value) {
  comma();
  quoted(value);
  return *this;
}

std::vector<std::string> in_scala_map_order(std::vector<std::string> keys) {
  // Doubles when the key to come would reach three quarters; a bucket is ordered by hash.
  uint32_t buckets = 16;
  while (keys.size() * 4 >= size_t{buckets} * 3) buckets *= 2;
  return in_bucket_order(std::move(keys), buckets, true);
}

std::vector<std::string> in_java_properties_order(std::vector<std::string> keys) {
  // A concurrent map made for 8 keys has 16 buckets, and doubles when it holds three quarters.
  uint32_t buckets = 16;
  while (keys.size() * 4 >= size_t{buckets} * 3) buckets *= 2;
  return in_bucket_order(std::move(keys), buckets, false);
}

}  // namespace quokka::znodes
