#include "protocol/records/record_batch.h"

#include <gtest/gtest.h>

#include "protocol/records/compression.h"
#include "protocol/records/control_record.h"
#include "protocol/records/legacy.h"
#include "protocol/records/test_records.h"

namespace quokka {
namespace {

using namespace quokka::testing;

const auto kGolden = golden_batches();

const std::vector<PlainRecord> kThree = {{100, 1000, "k1", "value-one"}, {101, 1005, {}, "value-two"}, {102, 1003, "k3", {}}};

std::vector<PlainRecord> read_v2(const BatchView& batch) {
  DecompressionScratch scratch;
  std::vector<uint8_t> plain;
  EXPECT_TRUE(decompress(batch.codec(), batch.payload(), 2, {}, scratch, plain).ok());
  RecordCursor cursor(batch, plain);
  RecordView record;
  std::vector<PlainRecord> records;
  while (cursor.next(record)) {
    records.push_back({record.offset.value, record.timestamp_ms, text_of_optional(record.key), text_of_optional(record.value)});
  }
  EXPECT_TRUE(cursor.ok()) << cursor.error();
  return records;
}

std::vector<PlainRecord> read_legacy(Bytes bytes) {
  DecompressionScratch scratch;
  std::vector<uint8_t> plain;
  std::vector<PlainRecord> records;
  BatchCursor entries(bytes);
  while (const auto entry = entries.next()) {
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

TEST(RecordBatch, reads_every_field_of_kafkas_batch) {
  const auto& bytes = kGolden.at("batch_v2_none");
  BatchCursor cursor(bytes);
  const auto batch = cursor.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->base_offset(), Offset(100));
  EXPECT_EQ(batch->last_offset(), Offset(102));
  EXPECT_EQ(batch->next_offset(), Offset(103));
  EXPECT_EQ(batch->leader_epoch(), LeaderEpoch(5));
  EXPECT_EQ(batch->magic(), 2);
  EXPECT_TRUE(batch->crc_is_valid());
  EXPECT_EQ(batch->codec(), CompressionCodec::NONE);
  EXPECT_EQ(batch->timestamp_type(), TimestampType::CREATE_TIME);
  EXPECT_FALSE(batch->is_transactional());
  EXPECT_FALSE(batch->is_control());
  EXPECT_EQ(batch->delete_horizon_ms(), std::nullopt);
  EXPECT_EQ(batch->base_timestamp_ms(), 1000);
  EXPECT_EQ(batch->max_timestamp_ms(), 1005);
  EXPECT_EQ(batch->producer_id(), ProducerId(4000));
  EXPECT_EQ(batch->producer_epoch(), ProducerEpoch(7));
  EXPECT_EQ(batch->base_sequence(), 11);
  EXPECT_EQ(batch->last_sequence(), 13);
  EXPECT_EQ(batch->records_count(), 3);
  EXPECT_EQ(read_v2(*batch), kThree);
  EXPECT_FALSE(cursor.next());
  EXPECT_EQ(cursor.stop(), BatchCursor::Stop::END);
  EXPECT_EQ(cursor.position(), bytes.size());

  RecordCursor records(*batch, batch->payload());
  RecordView record;
  ASSERT_TRUE(records.next(record));
  ASSERT_EQ(record.headers_count, 2);
  HeaderCursor headers = record.headers();
  auto header = headers.next();
  ASSERT_TRUE(header);
  EXPECT_EQ(header->key, "h");
  EXPECT_EQ(text_of_optional(header->value), "x");
  header = headers.next();
  ASSERT_TRUE(header);
  EXPECT_EQ(header->key, "n");
  EXPECT_EQ(header->value, std::nullopt);
  EXPECT_FALSE(headers.next());
  ASSERT_TRUE(records.next(record));
  EXPECT_EQ(record.headers_count, 0);
}

TEST(RecordBatch, reads_kafkas_batches_of_every_codec_and_magic) {
  for (const auto& [name, bytes] : kGolden) {
    if (name.starts_with("control")) continue;
    BatchCursor cursor(bytes);
    const auto batch = cursor.next();
    ASSERT_TRUE(batch) << name;
    EXPECT_TRUE(batch->crc_is_valid()) << name;
    auto expected = kThree;
    if (batch->is_v2()) {
      if (batch->is_transactional()) {
        for (auto& record : expected) record.offset -= 100;
      }
      EXPECT_EQ(batch->is_transactional(), name == "batch_v2_none_txn");
      EXPECT_EQ(read_v2(*batch), expected) << name;
    } else {
      if (batch->magic() == 0) {
        for (auto& record : expected) record.timestamp_ms = -1;
      }
      EXPECT_EQ(read_legacy(bytes), expected) << name;
    }
  }
}

TEST(RecordBatch, control_records_are_those_of_kafka) {
  for (auto type : {ControlRecordType::ABORT, ControlRecordType::COMMIT}) {
    auto bytes = write_end_transaction_marker(ProducerId(4000), ProducerEpoch(7), {type, 9}, 1234);
    patch_base_offset(bytes, Offset(55));
    patch_leader_epoch(bytes, LeaderEpoch(3));
    EXPECT_EQ(bytes, kGolden.at(type == ControlRecordType::ABORT ? "control_batch_abort" : "control_batch_commit"));
    EXPECT_EQ(read_end_transaction_marker(BatchView(bytes)), (EndTransactionMarker{type, 9}));
    auto other = bytes;
    other[kBatchHeaderBytes + 8] = 2;  // the low byte of the type: a leader change
    mend_crc(other);
    EXPECT_EQ(read_end_transaction_marker(BatchView(other)), std::nullopt);
  }
  EXPECT_EQ(read_end_transaction_marker(BatchView(kGolden.at("batch_v2_none"))), std::nullopt);
}

TEST(RecordBatch, the_builder_writes_kafkas_bytes) {
  BatchFields fields;
  fields.base_offset = Offset(100);
  fields.leader_epoch = LeaderEpoch(5);
  fields.producer_id = ProducerId(4000);
  fields.producer_epoch = ProducerEpoch(7);
  fields.base_sequence = 11;
  const HeaderView headers[] = {{"h", bytes_of("x")}, {"n", std::nullopt}};
  BatchBuilder builder(fields);
  builder.add(1000, bytes_of("k1"), bytes_of("value-one"), headers);
  builder.add(1005, std::nullopt, bytes_of("value-two"));
  builder.add(1003, bytes_of("k3"), std::nullopt);
  EXPECT_EQ(builder.build(), kGolden.at("batch_v2_none"));
}

TEST(RecordBatch, the_builder_round_trips_every_codec_and_flag) {
  for (int8_t codec = 0; codec <= 4; ++codec) {
    BatchFields fields;
    fields.base_offset = Offset(int64_t{1} << 40);
    fields.compression.codec = static_cast<CompressionCodec>(codec);
    fields.log_append_time_ms = 77;
    fields.is_transactional = true;
    BatchBuilder builder(fields);
    for (int i = 0; i < 500; ++i) {
      const std::string value(static_cast<size_t>(i * 7 % 300), static_cast<char>('a' + i % 26));
      builder.add(1'700'000'000'000 - i * 1000, bytes_of("key"), bytes_of(value));
    }
    const auto bytes = builder.build();
    const BatchView batch(bytes);
    EXPECT_TRUE(batch.crc_is_valid());
    EXPECT_EQ(batch.records_count(), 500);
    EXPECT_EQ(batch.timestamp_type(), TimestampType::LOG_APPEND_TIME);
    EXPECT_EQ(batch.max_timestamp_ms(), 77);
    const auto records = read_v2(batch);
    ASSERT_EQ(records.size(), 500u);
    EXPECT_EQ(records[499].offset, (int64_t{1} << 40) + 499);
    EXPECT_EQ(records[499].timestamp_ms, 77);
    EXPECT_EQ(records[499].value, std::string(499 * 7 % 300, static_cast<char>('a' + 499 % 26)));
  }
}

TEST(RecordBatch, a_compacted_batch_keeps_its_last_offset_and_may_be_empty) {
  BatchFields fields;
  fields.base_offset = Offset(10);
  fields.delete_horizon_ms = 5000;
  BatchBuilder builder(fields);
  builder.add_at(Offset(12), 4000, bytes_of("k"), bytes_of("v"));
  builder.set_last_offset(Offset(19));
  auto bytes = builder.build();
  BatchView batch(bytes);
  EXPECT_EQ(batch.last_offset(), Offset(19));
  EXPECT_EQ(batch.delete_horizon_ms(), 5000);
  EXPECT_EQ(read_v2(batch), (std::vector<PlainRecord>{{12, 4000, "k", "v"}}));

  BatchBuilder empty(fields);
  empty.set_last_offset(Offset(19));
  bytes = empty.build();
  batch = BatchView(bytes);
  EXPECT_EQ(batch.records_count(), 0);
  EXPECT_EQ(batch.last_offset(), Offset(19));
  EXPECT_TRUE(batch.crc_is_valid());
  RecordCursor records(batch, batch.payload());
  RecordView record;
  EXPECT_FALSE(records.next(record));
  EXPECT_TRUE(records.ok());
}

TEST(RecordBatch, patches_leave_the_crc_valid) {
  auto bytes = kGolden.at("batch_v2_none");
  patch_base_offset(bytes, Offset(int64_t{1} << 50));
  patch_leader_epoch(bytes, LeaderEpoch(12));
  EXPECT_EQ(BatchView(bytes).base_offset(), Offset(int64_t{1} << 50));
  EXPECT_EQ(BatchView(bytes).leader_epoch(), LeaderEpoch(12));
  EXPECT_TRUE(BatchView(bytes).crc_is_valid());
  patch_max_timestamp(bytes, TimestampType::LOG_APPEND_TIME, 99);
  EXPECT_EQ(BatchView(bytes).max_timestamp_ms(), 99);
  EXPECT_EQ(BatchView(bytes).timestamp_type(), TimestampType::LOG_APPEND_TIME);
  EXPECT_TRUE(BatchView(bytes).crc_is_valid());
}

TEST(RecordBatch, an_unchanged_timestamp_leaves_reserved_attributes_alone) {
  auto bytes = with_field<int16_t>(kGolden.at("batch_v2_none"), 21, 0x7f80);
  const auto before = bytes;
  patch_max_timestamp(bytes, TimestampType::CREATE_TIME, 1005);
  EXPECT_EQ(bytes, before);
}

TEST(BatchCursor, stops_at_a_cut_anywhere) {
  const auto& first = kGolden.at("batch_v2_none");
  auto two = first;
  const auto& second = kGolden.at("batch_v1_none");
  two.insert(two.end(), second.begin(), second.end());
  for (size_t cut = 0; cut <= two.size(); ++cut) {
    BatchCursor cursor(Bytes(two).first(cut));
    size_t count = 0;
    while (cursor.next()) ++count;
    EXPECT_EQ(count > 0, cut >= first.size());
    EXPECT_NE(cursor.stop(), BatchCursor::Stop::CORRUPT);
    EXPECT_EQ(cursor.stop() == BatchCursor::Stop::END, cursor.position() == cut);
    EXPECT_FALSE(cursor.next());
  }
}

TEST(BatchCursor, names_lengths_and_magics_that_cannot_be) {
  const auto good = kGolden.at("batch_v2_none");
  for (int32_t length : {0, -1, 13, INT32_MIN, 48, INT32_MAX}) {
    const auto bad = with_field<int32_t>(good, 8, length);
    BatchCursor cursor(bad);
    EXPECT_FALSE(cursor.next());
    EXPECT_EQ(cursor.stop(), BatchCursor::Stop::CORRUPT) << length;
    EXPECT_FALSE(cursor.why().empty());
  }
  for (int magic : {3, -1, 127}) {
    const auto bad = with_field<int8_t>(good, 16, static_cast<int8_t>(magic));
    BatchCursor cursor(bad);
    EXPECT_FALSE(cursor.next());
    EXPECT_EQ(cursor.stop(), BatchCursor::Stop::CORRUPT) << magic;
  }
  BatchCursor limited(good, 110);
  EXPECT_FALSE(limited.next());
  EXPECT_EQ(limited.stop(), BatchCursor::Stop::CORRUPT);
}

TEST(RecordCursor, flipped_bits_never_crash) {
  for (const auto& [name, good] : kGolden) {
    for (size_t bit = 12 * 8; bit < good.size() * 8; ++bit) {
      auto bad = good;
      bad[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      BatchCursor cursor(bad);
      while (const auto batch = cursor.next()) {
        EXPECT_FALSE(bit / 8 >= 21 && batch->crc_is_valid() && bad.size() == batch->size()) << name << " bit " << bit;
        if (!batch->is_v2() || !batch->attributes().codec_is_known()) continue;
        RecordCursor records(*batch, batch->payload());
        RecordView record;
        while (records.next(record)) {
          HeaderCursor headers = record.headers();
          while (headers.next()) {}
        }
      }
    }
  }
}

TEST(RecordCursor, a_payload_cut_anywhere_is_an_error) {
  const BatchView batch(kGolden.at("batch_v2_none"));
  for (size_t cut = 0; cut < batch.payload().size(); ++cut) {
    RecordCursor cursor(batch, batch.payload().first(cut));
    RecordView record;
    while (cursor.next(record)) {}
    EXPECT_FALSE(cursor.ok()) << cut;
  }
}

TEST(RecordCursor, hostile_lengths_and_counts_are_errors) {
  const auto one = [](std::vector<uint8_t> record) {
    BatchBuilder builder(BatchFields{});
    builder.add(1, std::nullopt, std::nullopt);
    return with_payload(builder.build(), record);
  };
  // A record without key and value is: length 6, attributes, two deltas, -1, -1, 0 headers.
  ASSERT_TRUE([&] {
    const auto bytes = one({12, 0, 0, 0, 1, 1, 0});
    const BatchView batch(bytes);
    RecordCursor cursor(batch, batch.payload());
    RecordView record;
    while (cursor.next(record)) {}
    return cursor.ok();
  }());
  const std::vector<std::vector<uint8_t>> bad = {
      {},                                                     // fewer records than counted
      {0},                                                    // a record of no bytes
      {1, 0, 0, 0, 1, 1, 0},                                  // length -1
      {14, 0, 0, 0, 1, 1, 0},                                 // longer than what is left
      {14, 0, 0, 0, 1, 1, 0, 0},                              // longer than what it holds
      {0xff, 0xff, 0xff, 0xff, 0xff, 0x01},                   // a varint of six bytes
      {12, 0, 0, 0, 1, 1, 1},                                 // -1 headers
      {20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f},      // 2^31-1 headers
      {20, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0},      // a key of 2^31-1 bytes
      {16, 0, 0, 0, 1, 1, 2, 1, 1},                           // a header with null key
      {12, 0, 0, 0, 1, 1, 0, 0},                              // a byte after the last record
      {30, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 1, 1},  // a varlong of eleven bytes
  };
  for (size_t i = 0; i < bad.size(); ++i) {
    const auto bytes = one(bad[i]);
    const BatchView batch(bytes);
    RecordCursor cursor(batch, batch.payload());
    RecordView record;
    while (cursor.next(record)) {}
    EXPECT_FALSE(cursor.ok()) << i;
  }
}

TEST(Sequence, wraps_at_the_largest_int) {
  EXPECT_EQ(sequence_add(INT32_MAX, 1), 0);
  EXPECT_EQ(sequence_add(INT32_MAX - 1, 1), INT32_MAX);
  EXPECT_EQ(sequence_add(INT32_MAX, 3), 2);
  EXPECT_EQ(sequence_subtract(0, 1), INT32_MAX);
  EXPECT_EQ(sequence_subtract(5, 5), 0);
}

}  // namespace
}  // namespace quokka
