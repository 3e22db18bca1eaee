// Lines to records and records to lines.
#include <gtest/gtest.h>

#include "protocol/records/batch_builder.h"
#include "tools/line_reader.h"
#include "tools/record_formatter.h"

namespace quokka {
namespace {

LineReader reader(const Properties& properties) {
  auto made = LineReader::configured(properties);
  EXPECT_TRUE(made.ok()) << made.error().message;
  return *made;
}

TEST(LineReader, a_line_is_a_value) {
  LineReader lines = reader({});
  EXPECT_EQ(*lines.parse("a\tb"), (LineRecord{{}, "a\tb", {}}));
  EXPECT_EQ(*lines.parse(""), (LineRecord{{}, "", {}}));
}

TEST(LineReader, keys_and_headers) {
  LineReader lines = reader({{"parse.key", "true"}, {"parse.headers", " TRUE "}});
  EXPECT_EQ(*lines.parse("h1:v1,h2:v2\tk\tvalue"), (LineRecord{"k", "value", {{"h1", "v1"}, {"h2", "v2"}}}));
  EXPECT_EQ(*lines.parse("h:\tk\t"), (LineRecord{"k", "", {{"h", ""}}}));
  EXPECT_EQ(*lines.parse("h:v,,\tk\t"), (LineRecord{"k", "", {{"h", "v"}}}));
  EXPECT_EQ(lines.parse("\tk\t").error().message, "No header key separator found in pair '' on line number 4");
  EXPECT_EQ(lines.parse("no tab").error().message, "No headers delimiter found on line number 5: 'no tab'");
  EXPECT_EQ(lines.parse("h:v\tno more").error().message, "No key separator found on line number 6: 'h:v\tno more'");
  EXPECT_EQ(lines.parse("h\tk\tv").error().message, "No header key separator found in pair 'h' on line number 7");
}

TEST(LineReader, errors_may_be_ignored) {
  LineReader lines = reader({{"parse.key", "true"}, {"parse.headers", "true"}, {"ignore.error", "true"}});
  EXPECT_EQ(*lines.parse("value"), (LineRecord{{}, "value", {}}));
  EXPECT_EQ(*lines.parse("h\tvalue"), (LineRecord{{}, "value", {{"h", std::nullopt}}}));
}

TEST(LineReader, the_null_marker) {
  LineReader lines = reader({{"parse.key", "true"}, {"key.separator", ":"}, {"null.marker", "NULL"}});
  EXPECT_EQ(*lines.parse("NULL:NULL"), (LineRecord{{}, {}, {}}));
  EXPECT_EQ(*lines.parse("k:"), (LineRecord{"k", "", {}}));
  EXPECT_EQ(LineReader::configured({{"null.marker", ":"}, {"key.separator", ":"}}).error().message, "null.marker and key.separator may not be equal");
  EXPECT_EQ(LineReader::configured({{"headers.delimiter", ","}}).error().message, "headers.delimiter and headers.separator may not be equal");
}

std::string formatted(const Properties& properties, std::optional<Bytes> key, std::optional<Bytes> value,
                      std::span<const HeaderView> headers = {}, std::optional<TimestampType> type = TimestampType::CREATE_TIME) {
  BatchFields fields;
  fields.base_offset = Offset(42);
  BatchBuilder builder(fields);
  builder.add(1000, key, value, headers);
  const auto bytes = builder.build();
  const BatchView batch(bytes);
  RecordCursor cursor(batch, batch.payload());
  ConsumedRecord record{"t", PartitionIndex(3), type, {}};
  EXPECT_TRUE(cursor.next(record.record));
  const auto formatter = RecordFormatter::configured("kafka.tools.DefaultMessageFormatter", properties);
  EXPECT_TRUE(formatter.ok()) << formatter.error().message;
  std::string out;
  const Status status = formatter->format(record, out);
  return status.ok() ? out : "error: " + status.error().message;
}

TEST(RecordFormatter, fields_in_kafkas_order) {
  EXPECT_EQ(formatted({}, bytes_of("k"), bytes_of("v")), "v\n");
  const Properties all{{"print.timestamp", "true"}, {"print.partition", "true"}, {"print.offset", "true"}, {"print.headers", "true"}, {"print.key", "true"}};
  EXPECT_EQ(formatted(all, bytes_of("k"), bytes_of("v")), "CreateTime:1000\tPartition:3\tOffset:42\tNO_HEADERS\tk\tv\n");
  const HeaderView headers[] = {{"a", bytes_of("1")}, {"b", std::nullopt}};
  EXPECT_EQ(formatted(all, std::nullopt, std::nullopt, headers, TimestampType::LOG_APPEND_TIME), "LogAppendTime:1000\tPartition:3\tOffset:42\ta:1,b:null\tnull\tnull\n");
  EXPECT_EQ(formatted({{"print.timestamp", "true"}}, {}, bytes_of("v"), {}, std::nullopt), "NO_TIMESTAMP\tv\n");
  EXPECT_EQ(formatted({{"print.key", "true"}, {"print.value", "false"}, {"line.separator", ";"}}, bytes_of("k"), bytes_of("v")), "k;");
  EXPECT_EQ(formatted({{"print.key", "true"}, {"key.separator", "|"}, {"null.literal", "-"}}, {}, bytes_of("v")), "-|v\n");
}

TEST(RecordFormatter, numbers_by_kafkas_deserializers) {
  const std::string package = "org.apache.kafka.common.serialization.";
  const uint8_t number[8] = {0x3f, 0xf8, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(formatted({{"value.deserializer", package + "LongDeserializer"}}, {}, Bytes(number)), std::to_string(0x3ff8000000000000) + "\n");
  EXPECT_EQ(formatted({{"value.deserializer", package + "DoubleDeserializer"}}, {}, Bytes(number)), "1.5\n");
  EXPECT_EQ(formatted({{"value.deserializer", package + "IntegerDeserializer"}}, {}, Bytes(number).first(4)), std::to_string(0x3ff80000) + "\n");
  EXPECT_NE(formatted({{"value.deserializer", package + "LongDeserializer"}}, {}, bytes_of("abc")).find("3 bytes"), std::string::npos);
  EXPECT_FALSE(RecordFormatter::configured("DefaultMessageFormatter", {{"key.deserializer", "com.example.Mine"}}).ok());
  EXPECT_FALSE(RecordFormatter::configured("com.example.Mine", {}).ok());
}

TEST(ToolProperties, words_are_keys_and_values) {
  Properties more;
  add_arguments(more, {"key.separator=:=", "x=", "nothing"});
  EXPECT_EQ(more, (Properties{{"key.separator", ":="}, {"nothing", ""}, {"x", ""}}));
}

TEST(ToolProperties, settings_say_what_is_possible) {
  const Properties properties{{"a", "5"}, {"b", "x"}, {"c", " True\t"}, {"d", "-1"}};
  int64_t number = 7;
  EXPECT_TRUE(set_number(properties, "missing", 0, number).ok());
  EXPECT_EQ(number, 7);
  EXPECT_TRUE(set_number(properties, "a", 5, number).ok());
  EXPECT_EQ(number, 5);
  EXPECT_EQ(set_number(properties, "b", 0, number).error().message, "Invalid value x for configuration b: Not a number");
  EXPECT_EQ(set_number(properties, "d", 0, number).error().message, "Invalid value -1 for configuration d: Value must be at least 0");
  bool flag = false;
  set_flag(properties, "c", flag);
  EXPECT_TRUE(flag);
  set_flag(properties, "a", flag);
  EXPECT_FALSE(flag);
}

}  // namespace
}  // namespace quokka
