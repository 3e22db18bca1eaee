#include "protocol/records/conversion.h"

#include <gtest/gtest.h>

#include "protocol/records/control_record.h"
#include "protocol/records/legacy.h"
#include "protocol/records/test_records.h"

namespace quokka {
namespace {

using namespace quokka::testing;

const auto kGolden = golden_batches();

std::vector<PlainRecord> read_entries(Bytes bytes, int8_t magic) {
  DecompressionScratch scratch;
  std::vector<uint8_t> plain;
  std::vector<PlainRecord> records;
  BatchCursor entries(bytes);
  while (const auto entry = entries.next()) {
    EXPECT_EQ(entry->magic(), magic);
    EXPECT_TRUE(entry->crc_is_valid());
    LegacyCursor cursor(*entry, {}, scratch, plain);
    LegacyMessage message;
    while (cursor.next(message)) {
      EXPECT_TRUE(message.entry.crc_is_valid());
      records.push_back({message.offset.value, message.timestamp_ms, text_of_optional(message.key), text_of_optional(message.value)});
    }
    EXPECT_FALSE(cursor.error()) << cursor.error()->message;
  }
  EXPECT_EQ(entries.stop(), BatchCursor::Stop::END);
  return records;
}

std::vector<uint8_t> converted(Bytes batches, int8_t magic, Offset first = Offset(0), ErrorCode expected = ErrorCode::NONE) {
  DecompressionScratch scratch;
  std::vector<uint8_t> out;
  EXPECT_EQ(convert_down(batches, magic, first, {}, scratch, out).code(), expected);
  return out;
}

TEST(ConvertDown, writes_kafkas_bytes_for_plain_batches) {
  EXPECT_EQ(converted(kGolden.at("batch_v2_none"), 1), kGolden.at("batch_v1_none"));
  EXPECT_EQ(converted(kGolden.at("batch_v2_none"), 0), kGolden.at("batch_v0_none"));
  EXPECT_EQ(converted(kGolden.at("batch_v1_none"), 0), kGolden.at("batch_v0_none"));
}

TEST(ConvertDown, compressed_batches_become_wrappers_of_the_same_codec) {
  for (const std::string codec : {"gzip", "snappy", "lz4"}) {
    for (int8_t magic : {int8_t{0}, int8_t{1}}) {
      const auto out = converted(kGolden.at("batch_v2_" + codec), magic);
      EXPECT_EQ(read_entries(out, magic), read_entries(kGolden.at(magic == 0 ? "batch_v0_none" : "batch_v1_none"), magic));
      // One wrapper, with the offset and time of its last and latest message.
      const BatchView wrapper(out);
      EXPECT_EQ(wrapper.size(), out.size());
      EXPECT_EQ(wrapper.base_offset(), Offset(102));
      EXPECT_EQ(wrapper.max_timestamp_ms(), magic == 0 ? -1 : 1005);
    }
    EXPECT_EQ(read_entries(converted(kGolden.at("batch_v1_" + codec), 0), 0), read_entries(kGolden.at("batch_v0_none"), 0));
  }
}

TEST(ConvertDown, what_is_old_enough_stays_as_it_is) {
  for (const char* name : {"batch_v1_gzip", "batch_v0_lz4", "batch_v1_none"}) {
    EXPECT_EQ(converted(kGolden.at(name), 1), kGolden.at(name));
  }
}

TEST(ConvertDown, records_below_the_wanted_offset_are_dropped_of_plain_batches_only) {
  EXPECT_EQ(read_entries(converted(kGolden.at("batch_v2_none"), 1, Offset(102)), 1).size(), 1u);
  EXPECT_EQ(read_entries(converted(kGolden.at("batch_v2_gzip"), 1, Offset(102)), 1).size(), 3u);
  EXPECT_TRUE(converted(kGolden.at("batch_v2_none"), 1, Offset(103)).empty());
}

TEST(ConvertDown, control_batches_and_torn_tails_are_left_out) {
  auto bytes = write_end_transaction_marker(ProducerId(1), ProducerEpoch(0), {}, 5);
  const auto& batch = kGolden.at("batch_v2_none");
  bytes.insert(bytes.end(), batch.begin(), batch.end());
  bytes.insert(bytes.end(), batch.begin(), batch.end() - 1);
  EXPECT_EQ(converted(bytes, 1), kGolden.at("batch_v1_none"));
}

TEST(ConvertDown, log_append_time_survives_in_magic_1) {
  auto bytes = kGolden.at("batch_v2_gzip");
  patch_max_timestamp(bytes, TimestampType::LOG_APPEND_TIME, 5555);
  const auto out = converted(bytes, 1);
  EXPECT_EQ(BatchView(out).timestamp_type(), TimestampType::LOG_APPEND_TIME);
  for (const auto& record : read_entries(out, 1)) EXPECT_EQ(record.timestamp_ms, 5555);
}

TEST(ConvertDown, zstd_is_refused_with_76) {
  converted(kGolden.at("batch_v2_zstd"), 1, Offset(0), ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
  converted(kGolden.at("batch_v2_zstd"), 0, Offset(0), ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
}

TEST(ConvertDown, corrupt_batches_are_named) {
  auto bytes = kGolden.at("batch_v2_none");
  bytes[bytes.size() - 20] = 0xff;
  converted(bytes, 1, Offset(0), ErrorCode::CORRUPT_MESSAGE);
  bytes = kGolden.at("batch_v2_gzip");
  bytes[80] ^= 0xff;
  converted(bytes, 1, Offset(0), ErrorCode::CORRUPT_MESSAGE);
  converted(with_field<int8_t>(kGolden.at("batch_v2_none"), 16, 3), 1, Offset(0), ErrorCode::CORRUPT_MESSAGE);
}

}  // namespace
}  // namespace quokka
