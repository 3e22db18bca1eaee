#include "tools/record_formatter.h"

#include <array>
#include <charconv>
#include <cmath>

#include "protocol/base/uuid.h"

namespace quokka {
namespace {

// The shortest text that reads back as the same number, in the form of Java's Double.toString and Float.toString.
template <class T>
std::string java_number(T value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  const bool plain = std::fabs(value) >= T(1e-3) && std::fabs(value) < T(1e7);
  std::array<char, 64> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer.data(), result.ptr);
  if (plain) return text.find('.') == std::string::npos ? text + ".0" : text;
  const size_t e = text.find('e');
  std::string digits = text.substr(0, e);
  if (digits.find('.') == std::string::npos) digits += ".0";
  return digits + "E" + std::to_string(std::stoi(text.substr(e + 1)));
}

constexpr std::string_view kSerialization = "org.apache.kafka.common.serialization.";

std::string_view last_part(std::string_view class_name) {
  const size_t dot = class_name.find_last_of(".$");
  return dot == std::string_view::npos ? class_name : class_name.substr(dot + 1);
}

Error bad(std::string message) { return Error{ErrorCode::INVALID_CONFIG, std::move(message)}; }

}  // namespace

Result<RecordFormatter::Reading> RecordFormatter::reading_of(const Properties& properties, const std::string& key) {
  const auto at = properties.find(key);
  if (at == properties.end()) return Reading::BYTES;
  std::string_view name = at->second;
  if (name.starts_with(kSerialization)) name.remove_prefix(kSerialization.size());
  constexpr std::pair<std::string_view, Reading> kKnown[] = {
      {"StringDeserializer", Reading::STRING},   {"ByteArrayDeserializer", Reading::BYTE_ARRAY},
      {"BytesDeserializer", Reading::BYTE_ARRAY}, {"ByteBufferDeserializer", Reading::BYTE_ARRAY},
      {"ShortDeserializer", Reading::SHORT},     {"IntegerDeserializer", Reading::INTEGER},
      {"LongDeserializer", Reading::LONG},       {"FloatDeserializer", Reading::FLOAT},
      {"DoubleDeserializer", Reading::DOUBLE},   {"UUIDDeserializer", Reading::UUID},
      {"VoidDeserializer", Reading::VOID}};
  for (const auto& [known, reading] : kKnown) {
    if (name == known) return reading;
  }
  return bad("unknown " + key + " '" + at->second + "': the deserializers of " + std::string(kSerialization) +
             "{String,ByteArray,Short,Integer,Long,Float,Double,UUID}Deserializer are built in");
}

Result<RecordFormatter> RecordFormatter::configured(const std::string& formatter, const Properties& properties) {
  RecordFormatter result;
  const std::string_view name = last_part(formatter);
  if (name == "NoOpMessageFormatter") {
    result.silent_ = true;
  } else if (name != "DefaultMessageFormatter" && name != "LoggingMessageFormatter") {
    return bad("unknown formatter '" + formatter +
               "': org.apache.kafka.tools.consumer.{DefaultMessageFormatter,LoggingMessageFormatter,NoOpMessageFormatter} are built in");
  }
  set_all(properties, {{"print.timestamp", &result.print_timestamp_},
                       {"print.key", &result.print_key_},
                       {"print.offset", &result.print_offset_},
                       {"print.partition", &result.print_partition_},
                       {"print.headers", &result.print_headers_},
                       {"print.value", &result.print_value_},
                       {"key.separator", &result.key_separator_},
                       {"line.separator", &result.line_separator_},
                       {"headers.separator", &result.headers_separator_},
                       {"null.literal", &result.null_literal_}});
  for (const auto& [key, reading] : {std::pair{"key.deserializer", &result.key_reading_},
                                     std::pair{"value.deserializer", &result.value_reading_},
                                     std::pair{"headers.deserializer", &result.headers_reading_}}) {
    const auto known = reading_of(properties, key);
    if (!known.ok()) return known.error();
    *reading = *known;
  }
  return result;
}

Status RecordFormatter::append(Reading reading, std::optional<Bytes> bytes, const char* what, std::string& out) const {
  // Null is shown as the literal, whatever the deserializer; Kafka hands the literal's bytes to it, which only texts survive.
  if (!bytes) {
    out += null_literal_;
    return {};
  }
  const auto fixed = [&](size_t size, auto write) -> Status {
    if (bytes->size() != size) {
      return bad("a " + std::string(what) + " of " + std::to_string(bytes->size()) + " bytes cannot be read by its deserializer, which takes " +
                 std::to_string(size));
    }
    out += write(bytes->data());
    return {};
  };
  switch (reading) {
    case Reading::BYTES:
    case Reading::STRING:
    case Reading::UUID: out += text_of(*bytes); return {};
    case Reading::BYTE_ARRAY: {
      constexpr char kDigits[] = "0123456789ABCDEF";
      for (const uint8_t byte : *bytes) {
        if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
          out += static_cast<char>(byte);
        } else {
          out += "\\x";
          out += kDigits[byte >> 4];
          out += kDigits[byte & 15];
        }
      }
      return {};
    }
    case Reading::SHORT: return fixed(2, [](const uint8_t* at) { return std::to_string(load_be<int16_t>(at)); });
    case Reading::INTEGER: return fixed(4, [](const uint8_t* at) { return std::to_string(load_be<int32_t>(at)); });
    case Reading::LONG: return fixed(8, [](const uint8_t* at) { return std::to_string(load_be<int64_t>(at)); });
    case Reading::FLOAT: return fixed(4, [](const uint8_t* at) { return java_number(load_be<float>(at)); });
    case Reading::DOUBLE: return fixed(8, [](const uint8_t* at) { return java_number(load_be<double>(at)); });
    case Reading::VOID: out += null_literal_; return {};
  }
  return {};
}

Status RecordFormatter::append_headers(const RecordView& record, std::string& out) const {
  if (record.headers_count == 0) {
    out += "NO_HEADERS";
    return {};
  }
  HeaderCursor headers = record.headers();
  bool first = true;
  while (const auto header = headers.next()) {
    if (!first) out += headers_separator_;
    first = false;
    out.append(header->key).append(":");
    if (Status status = append(headers_reading_, header->value, "header", out); !status.ok()) return status;
  }
  return {};
}

Status RecordFormatter::format(const ConsumedRecord& consumed, std::string& out) const {
  if (silent_) return {};
  const RecordView& record = consumed.record;
  const auto separator = [&](bool more) { out += more ? key_separator_ : line_separator_; };
  if (print_timestamp_) {
    if (consumed.timestamp_type) {
      out += *consumed.timestamp_type == TimestampType::CREATE_TIME ? "CreateTime:" : "LogAppendTime:";
      out += std::to_string(record.timestamp_ms);
    } else {
      out += "NO_TIMESTAMP";
    }
    separator(print_offset_ || print_partition_ || print_headers_ || print_key_ || print_value_);
  }
  if (print_partition_) {
    out += "Partition:" + std::to_string(consumed.partition.value);
    separator(print_offset_ || print_headers_ || print_key_ || print_value_);
  }
  if (print_offset_) {
    out += "Offset:" + std::to_string(record.offset.value);
    separator(print_headers_ || print_key_ || print_value_);
  }
  if (print_headers_) {
    if (Status status = append_headers(record, out); !status.ok()) return status;
    separator(print_key_ || print_value_);
  }
  if (print_key_) {
    if (Status status = append(key_reading_, record.key, "key", out); !status.ok()) return status;
    separator(print_value_);
  }
  if (print_value_) {
    if (Status status = append(value_reading_, record.value, "value", out); !status.ok()) return status;
    out += line_separator_;
  }
  return {};
}

}  // namespace quokka
