// JSON as znodes hold it: a value tree with checked access, and a writer that keeps Kafka's order of keys. For this folder only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/base/result.h"

namespace quokka::znodes {

// Above ZooKeeper's own default limit (jute.maxbuffer, 1 MiB); Kafka's brokers raise theirs to this.
inline constexpr size_t kJsonBytesMax = 4 * 1024 * 1024;

struct JsonValue {
  using Array = std::vector<JsonValue>;
  using Object = std::vector<std::pair<std::string, JsonValue>>;  // in the order of the text
  std::variant<std::nullptr_t, bool, int64_t, double, std::string, Array, Object> value = nullptr;

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value); }
};

// Reads one document. The first thing that is wrong sticks; after it every access returns a default. Keys that nobody asks for are ignored.
class JsonReader {
 public:
  // `path`: the znode, for the error's text. The document must be an object.
  JsonReader(std::string_view path, std::string_view text);

  const JsonValue& root() const { return root_; }
  bool ok() const { return !error_; }
  Error error() const { return *error_; }
  void fail(std::string_view field, std::string_view what);

  // nullptr if the key is absent or null. `object` must be one.
  const JsonValue* find(const JsonValue& object, std::string_view key);
  int64_t integer(const JsonValue& object, std::string_view key, int64_t min, int64_t max, std::optional<int64_t> absent = std::nullopt);
  int32_t int32(const JsonValue& object, std::string_view key, std::optional<int32_t> absent = std::nullopt);
  // Kafka writes some numbers as strings; both forms are read.
  int64_t quoted_integer(const JsonValue& object, std::string_view key, std::optional<int64_t> absent = std::nullopt);
  std::string string(const JsonValue& object, std::string_view key, std::optional<std::string> absent = std::nullopt);
  // Empty when absent.
  const JsonValue::Array& array(const JsonValue& object, std::string_view key);
  const JsonValue::Object& fields(const JsonValue& object, std::string_view key);
  std::vector<int32_t> int32s(const JsonValue& array, std::string_view field);

 private:
  std::string path_;
  JsonValue root_;
  std::optional<Error> error_;
};

// Appends compact JSON. Commas are its own affair; the caller nests.
class JsonWriter {
 public:
  JsonWriter& open();                      // {
  JsonWriter& open(std::string_view key);  // "key":{
  JsonWriter& close();                     // }
  JsonWriter& open_array(std::string_view key);
  JsonWriter& close_array();

  JsonWriter& field(std::string_view key, int64_t value);
  JsonWriter& field(std::string_view key, std::string_view value);
  JsonWriter& null(std::string_view key);
  template <class Ids>
  JsonWriter& ids(std::string_view key, const Ids& list) {
    open_array(key);
    for (const auto& each : list) element(each.value);
    return close_array();
  }
  JsonWriter& element(int64_t value);
  JsonWriter& element(std::string_view value);

  std::string take() { return std::move(text_); }

 private:
  void comma();
  void key(std::string_view key);
  void quoted(std::string_view text);

  std::string text_;
};

// Kafka's maps are hash maps, and their order is seen in the znodes. These give keys in the order in which such a map is written.
// A Scala mutable map (partitions of a topic) that grew one key at a time:
std::vector<std::string> in_scala_map_order(std::vector<std::string> keys);
// java.util.Properties (configs):
std::vector<std::string> in_java_properties_order(std::vector<std::string> keys);

}  // namespace quokka::znodes
