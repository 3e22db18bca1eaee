// Records as text: what kafka-console-consumer prints.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/records/record_batch.h"
#include "tools/tool_properties.h"

namespace quokka {

// A record as a consumer hands it on.
struct ConsumedRecord {
  std::string_view topic;
  PartitionIndex partition;
  std::optional<TimestampType> timestamp_type;  // nullopt: a message of magic 0 has no timestamp
  RecordView record;
};

class RecordFormatter {
 public:
  // `formatter` is a class name as Kafka's tools take it: the default, the logging and the no-op formatter are known. Properties:
  // print.timestamp print.key print.offset print.partition print.headers print.value key.separator line.separator
  // headers.separator null.literal key.deserializer value.deserializer headers.deserializer.
  static Result<RecordFormatter> configured(const std::string& formatter, const Properties& properties);

  // Appends the text to `out`. An error says why a key, value or header cannot be read by its deserializer.
  Status format(const ConsumedRecord& record, std::string& out) const;

 private:
  // How bytes become text, by the class name of Kafka's deserializer.
  enum class Reading { BYTES, STRING, BYTE_ARRAY, SHORT, INTEGER, LONG, FLOAT, DOUBLE, UUID, VOID };

  static Result<Reading> reading_of(const Properties& properties, const std::string& key);
  Status append(Reading reading, std::optional<Bytes> bytes, const char* what, std::string& out) const;
  Status append_headers(const RecordView& record, std::string& out) const;

  bool silent_ = false;
  bool print_timestamp_ = false;
  bool print_key_ = false;
  bool print_offset_ = false;
  bool print_partition_ = false;
  bool print_headers_ = false;
  bool print_value_ = true;
  std::string key_separator_ = "\t";
  std::string line_separator_ = "\n";
  std::string headers_separator_ = ",";
  std::string null_literal_ = "null";
  Reading key_reading_ = Reading::BYTES;
  Reading value_reading_ = Reading::BYTES;
  Reading headers_reading_ = Reading::BYTES;
};

}  // namespace quokka
