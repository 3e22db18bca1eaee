#include "protocol/records/validate.h"

#include <gtest/gtest.h>

#include "protocol/records/conversion.h"
#include "protocol/records/legacy.h"
#include "protocol/records/test_records.h"

namespace quokka {
namespace {

using namespace quokka::testing;
using enum ErrorCode;

constexpr int64_t kNow = 1'700'000'000'000;
const TopicPartition kPartition{"t", PartitionIndex(3)};

// What a produce request of one partition is answered.
struct Answer {
  ErrorCode code = NONE;
  BatchToAppend batch;
  AppendRefused refusal;
};

Answer append(std::vector<uint8_t>& bytes, const AppendRules& rules = {}, AppendOrigin origin = AppendOrigin::CLIENT,
              DecompressionLimits limits = {}) {
  DecompressionScratch scratch;
  Answer answer;
  Validation result = validate_append(bytes, kPartition, rules, origin, WallTime{kNow}, limits, scratch);
  if (auto* refused = std::get_if<AppendRefused>(&result)) {
    answer.code = refused->code;
    answer.refusal = std::move(*refused);
  } else {
    answer.batch = std::move(std::get<BatchToAppend>(result));
  }
  return answer;
}

// All three steps, as the handler takes them.
ErrorCode produce(std::vector<uint8_t> bytes, int16_t version, const AppendRules& rules = {}) {
  const FirstBatch first = peek_first_batch(bytes);
  if (first.error != NONE) return first.error;
  if (const auto refusal = check_produce_version(bytes, version)) return refusal->code;
  return append(bytes, rules).code;
}

std::vector<PlainRecord> read(Bytes bytes) {
  const BatchView batch(bytes);
  EXPECT_TRUE(batch.crc_is_valid());
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

constexpr CompressionCodec kRealCodecs[] = {CompressionCodec::GZIP, CompressionCodec::SNAPPY, CompressionCodec::LZ4,
                                            CompressionCodec::ZSTD};

// Records at kNow, kNow + 1 ... with keys k0, k1 ...
std::vector<uint8_t> batch_of(int count, CompressionCodec codec = CompressionCodec::NONE, int64_t timestamp_ms = kNow,
                              BatchFields fields = {}) {
  fields.compression.codec = codec;
  BatchBuilder builder(fields);
  for (int i = 0; i < count; ++i) {
    const std::string key = "k" + std::to_string(i);
    builder.add(timestamp_ms + i, bytes_of(key), bytes_of("value"));
  }
  return builder.build();
}

std::vector<uint8_t> joined(std::vector<uint8_t> a, const std::vector<uint8_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<uint8_t> without_key(CompressionCodec codec = CompressionCodec::NONE) {
  BatchFields fields;
  fields.compression.codec = codec;
  BatchBuilder builder(fields);
  builder.add(kNow, bytes_of("k"), bytes_of("v"));
  builder.add(kNow, std::nullopt, bytes_of("v"));
  builder.add(kNow, std::nullopt, std::nullopt);
  return builder.build();
}

// Payload with the given offset deltas.
std::vector<uint8_t> with_deltas(std::vector<int64_t> deltas, int32_t last_delta, CompressionCodec codec = CompressionCodec::NONE) {
  std::vector<uint8_t> payload;
  for (int64_t delta : deltas) {
    const auto one = batch_of(1);
    auto record = std::vector<uint8_t>(one.begin() + kBatchHeaderBytes, one.end());
    record[3] = static_cast<uint8_t>(delta * 2);  // zigzag
    payload = joined(payload, record);
  }
  std::vector<uint8_t> packed;
  compress({codec}, payload, 2, packed);
  auto batch = with_payload(batch_of(1, codec), packed);
  batch = with_field<int32_t>(batch, 57, static_cast<int32_t>(deltas.size()));
  return with_field<int32_t>(batch, 23, last_delta);
}

struct Bad {
  std::string name;
  std::vector<uint8_t> bytes;
  ErrorCode v2;  // in a produce request of version 2
  ErrorCode v9;  // of version 9
};

std::vector<Bad> bad_batches() {
  const auto good = batch_of(3);
  const auto flipped = [](std::vector<uint8_t> b, size_t at) {
    b[at] ^= 1;
    return b;
  };
  const auto cut = [](std::vector<uint8_t> b, size_t size) {
    b.resize(size);
    return b;
  };
  const auto attributes = [&](int16_t bits) { return with_field<int16_t>(good, 21, bits); };
  return {
      {"crc off", flipped(good, 20), CORRUPT_MESSAGE, CORRUPT_MESSAGE},
      {"payload bit flipped", flipped(good, good.size() - 2), CORRUPT_MESSAGE, CORRUPT_MESSAGE},
      {"magic 0", with_field<int8_t>(good, 16, 0), CORRUPT_MESSAGE, INVALID_RECORD},
      {"magic 1", with_field<int8_t>(good, 16, 1), CORRUPT_MESSAGE, INVALID_RECORD},
      {"magic 3", with_field<int8_t>(good, 16, 3), CORRUPT_MESSAGE, CORRUPT_MESSAGE},
      {"magic -1", with_field<int8_t>(good, 16, -1), CORRUPT_MESSAGE, CORRUPT_MESSAGE},
      {"count too high", with_field<int32_t>(good, 57, 5), INVALID_RECORD, INVALID_RECORD},
      {"count too low", with_field<int32_t>(good, 57, 2), INVALID_RECORD, INVALID_RECORD},
      {"count 0", with_field<int32_t>(good, 57, 0), INVALID_RECORD, INVALID_RECORD},
      {"count -1", with_field<int32_t>(good, 57, -1), INVALID_RECORD, INVALID_RECORD},
      {"count too high, last delta agrees", with_field<int32_t>(with_field<int32_t>(good, 57, 5), 23, 4), INVALID_RECORD, INVALID_RECORD},
      {"count too low, last delta agrees", with_field<int32_t>(with_field<int32_t>(good, 57, 2), 23, 1), INVALID_RECORD, INVALID_RECORD},
      {"last delta too high", with_field<int32_t>(good, 23, 9), INVALID_RECORD, INVALID_RECORD},
      {"last delta -1", with_field<int32_t>(good, 23, -1), INVALID_RECORD, INVALID_RECORD},
      {"last delta 2^31-1", with_field<int32_t>(good, 23, INT32_MAX), INVALID_RECORD, INVALID_RECORD},
      {"no records", with_payload(with_field<int32_t>(with_field<int32_t>(good, 57, 0), 23, 0), {}), INVALID_RECORD, INVALID_RECORD},
      {"no records but a count", with_payload(good, {}), INVALID_RECORD, INVALID_RECORD},
      {"offsets not rising", with_deltas({0, 0, 0}, 2), NONE, NONE},
      {"offsets with a gap", with_deltas({0, 2, 5}, 5), INVALID_RECORD, INVALID_RECORD},
      {"offsets from 1", with_deltas({1, 2}, 2), INVALID_RECORD, INVALID_RECORD},
      {"base offset 77", with_field<int64_t>(good, 0, 77), INVALID_RECORD, INVALID_RECORD},
      {"base offset -5", with_field<int64_t>(good, 0, -5), INVALID_RECORD, INVALID_RECORD},
      {"leader epoch 9", with_field<int32_t>(good, 12, 9), NONE, NONE},
      {"length too long", with_field<int32_t>(good, 8, 500), NONE, INVALID_RECORD},
      {"length too short", with_field<int32_t>(good, 8, static_cast<int32_t>(good.size()) - 12 - 7), CORRUPT_MESSAGE, CORRUPT_MESSAGE},
      {"length 0", with_field<int32_t>(good, 8, 0), CORRUPT_MESSAGE, CORRUPT_MESSAGE},
      {"length -1", with_field<int32_t>(good, 8, -1), CORRUPT_MESSAGE, CORRUPT_MESSAGE},
      {"length huge", with_field<int32_t>(good, 8, INT32_MAX), UNKNOWN_SERVER_ERROR, UNKNOWN_SERVER_ERROR},
      {"cut in the header", cut(good, 40), NONE, INVALID_RECORD},
      {"cut in the records", cut(good, good.size() - 3), NONE, INVALID_RECORD},
      {"11 bytes", cut(good, 11), NONE, INVALID_RECORD},
      {"1 byte", {0}, NONE, INVALID_RECORD},
      {"nothing", {}, NONE, INVALID_RECORD},
      {"byte after the batch", joined(good, {0}), NONE, NONE},
      {"two batches", joined(good, good), INVALID_RECORD, INVALID_RECORD},
      {"good batch and a corrupt one", joined(good, flipped(good, 20)), CORRUPT_MESSAGE, INVALID_RECORD},
      {"a batch and a message", joined(good, golden_batches().at("batch_v1_none")), INVALID_RECORD, INVALID_RECORD},
      {"codec 5", attributes(5), UNKNOWN_SERVER_ERROR, UNKNOWN_SERVER_ERROR},
      {"codec 7", attributes(7), UNKNOWN_SERVER_ERROR, UNKNOWN_SERVER_ERROR},
      {"attributes high bits", attributes(0x7f80), NONE, NONE},
      {"log append time flag", attributes(8), NONE, NONE},
      {"delete horizon flag", attributes(64), NONE, NONE},
      {"control batch", attributes(32), INVALID_RECORD, INVALID_RECORD},
      {"control batch of a producer", with_field<int64_t>(attributes(48), 43, 77), INVALID_RECORD, INVALID_RECORD},
      {"sequence -1 of a producer", with_field<int64_t>(good, 43, 77), INVALID_RECORD, INVALID_RECORD},
      {"sequence -2 without a producer", with_field<int32_t>(good, 53, -2), NONE, NONE},
      {"timestamp -1", batch_of(1, CompressionCodec::NONE, -1), NONE, NONE},
      {"timestamp -5", batch_of(2, CompressionCodec::NONE, -5), NONE, NONE},
      {"timestamp 0", batch_of(2, CompressionCodec::NONE, 0), NONE, NONE},
      {"timestamp least", batch_of(1, CompressionCodec::NONE, INT64_MIN), NONE, NONE},
      {"timestamp largest", batch_of(1, CompressionCodec::NONE, INT64_MAX), NONE, NONE},
      {"max timestamp too low", with_field<int64_t>(good, 35, kNow - 100), NONE, NONE},
      {"max timestamp too high", with_field<int64_t>(good, 35, kNow + 100), NONE, NONE},
      {"null key and value", without_key(), NONE, NONE},
      {"record length too long", with_payload(batch_of(1), std::vector<uint8_t>{0x7e, 0, 0, 0, 1, 1, 0}), INVALID_RECORD, INVALID_RECORD},
      {"record length negative", with_payload(batch_of(1), std::vector<uint8_t>{1, 0, 0, 0, 1, 1, 0}), INVALID_RECORD, INVALID_RECORD},
      {"null header key", with_payload(batch_of(1), std::vector<uint8_t>{16, 0, 0, 0, 1, 1, 2, 1, 1}), INVALID_RECORD, INVALID_RECORD},
      {"bytes after the last record", with_payload(batch_of(1), std::vector<uint8_t>{12, 0, 0, 0, 1, 1, 0, 0, 0}), INVALID_RECORD, INVALID_RECORD},
  };
}

TEST(Produce, invalid_batches_are_answered_as_kafka_answers_them) {
  for (const Bad& bad : bad_batches()) {
    EXPECT_EQ(name(produce(bad.bytes, 2)), name(bad.v2)) << bad.name;
    for (int16_t version : {int16_t{3}, int16_t{7}, int16_t{9}, int16_t{11}}) {
      EXPECT_EQ(name(produce(bad.bytes, version)), name(bad.v9)) << bad.name << ", v" << version;
    }
  }
}

TEST(Produce, compressed_payloads_that_are_not_what_they_say) {
  for (CompressionCodec codec : kRealCodecs) {
    const auto good = batch_of(2, codec);
    const Bytes payload = BatchView(good).payload();
    EXPECT_EQ(produce(good, 9), NONE) << name(codec);
    EXPECT_EQ(produce(with_payload(good, bytes_of("this is not compressed at all")), 9), UNKNOWN_SERVER_ERROR) << name(codec);
    EXPECT_EQ(produce(with_payload(good, {}), 9), codec == CompressionCodec::ZSTD ? INVALID_RECORD : UNKNOWN_SERVER_ERROR);
    EXPECT_EQ(produce(with_payload(good, payload.first(payload.size() - 5)), 9), UNKNOWN_SERVER_ERROR) << name(codec);
    EXPECT_EQ(produce(with_field<int32_t>(with_field<int32_t>(good, 57, 5), 23, 4), 9), INVALID_RECORD) << name(codec);
    EXPECT_EQ(produce(with_field<int32_t>(with_field<int32_t>(good, 57, 1), 23, 0), 9), INVALID_RECORD) << name(codec);
    EXPECT_EQ(produce(with_field<int16_t>(batch_of(2), 21, static_cast<int16_t>(codec)), 9), UNKNOWN_SERVER_ERROR) << name(codec);
    EXPECT_EQ(produce(with_deltas({0, 2, 5}, 5, codec), 9), INVALID_RECORD) << name(codec);
    EXPECT_EQ(produce(with_deltas({0, 0, 0}, 2, codec), 9), INVALID_RECORD) << name(codec);
  }
}

TEST(Produce, zstd_needs_version_7) {
  const auto batch = batch_of(2, CompressionCodec::ZSTD);
  for (int16_t version = 3; version < 7; ++version) EXPECT_EQ(produce(batch, version), UNSUPPORTED_COMPRESSION_TYPE);
  EXPECT_EQ(produce(batch, 7), NONE);
}

TEST(Produce, the_first_batch_says_whether_a_transactional_id_is_needed) {
  BatchFields fields;
  fields.is_transactional = true;
  fields.producer_id = ProducerId(5);
  fields.producer_epoch = ProducerEpoch(1);
  fields.base_sequence = 0;
  const FirstBatch first = peek_first_batch(batch_of(1, CompressionCodec::NONE, kNow, fields));
  EXPECT_EQ(first.error, NONE);
  EXPECT_TRUE(first.is_transactional);
  EXPECT_EQ(first.producer_id, ProducerId(5));
  EXPECT_EQ(first.producer_epoch, ProducerEpoch(1));
  EXPECT_FALSE(peek_first_batch(batch_of(1)).is_transactional);
  EXPECT_FALSE(peek_first_batch({}).is_transactional);
}

TEST(Validate, a_good_batch_is_used_where_it_lies) {
  for (CompressionCodec codec : {CompressionCodec::NONE, CompressionCodec::GZIP, CompressionCodec::SNAPPY,
                                 CompressionCodec::LZ4, CompressionCodec::ZSTD}) {
    auto bytes = batch_of(300, codec);
    const auto before = bytes;
    Answer answer = append(bytes);
    ASSERT_EQ(answer.code, NONE) << name(codec);
    EXPECT_FALSE(answer.batch.is_rewritten());
    EXPECT_EQ(answer.batch.bytes().data(), bytes.data());
    EXPECT_EQ(bytes, before);
    EXPECT_EQ(answer.batch.max_timestamp_ms(), kNow + 299);
    EXPECT_EQ(answer.batch.log_append_time_ms(), -1);
    answer.batch.assign(Offset(1000), LeaderEpoch(4));
    EXPECT_EQ(answer.batch.view().base_offset(), Offset(1000));
    EXPECT_EQ(answer.batch.view().last_offset(), Offset(1299));
    EXPECT_EQ(answer.batch.view().leader_epoch(), LeaderEpoch(4));
    EXPECT_TRUE(answer.batch.view().crc_is_valid());
  }
}

TEST(Validate, what_follows_the_batch_is_not_appended) {
  const auto good = batch_of(2);
  auto bytes = joined(good, {1, 2, 3});
  const Answer answer = append(bytes);
  EXPECT_EQ(answer.batch.bytes().size(), good.size());
}

TEST(Validate, an_old_request_without_a_whole_message_appends_nothing) {
  auto bytes = batch_of(2);
  bytes.pop_back();
  const Answer answer = append(bytes);
  EXPECT_EQ(answer.code, NONE);
  EXPECT_TRUE(answer.batch.is_empty());
}

TEST(Validate, a_wrong_max_timestamp_is_mended) {
  for (CompressionCodec codec : {CompressionCodec::NONE, CompressionCodec::LZ4}) {
    auto bytes = with_field<int64_t>(batch_of(3, codec), 35, 5);
    const Answer answer = append(bytes);
    ASSERT_EQ(answer.code, NONE);
    EXPECT_FALSE(answer.batch.is_rewritten());
    EXPECT_EQ(answer.batch.view().max_timestamp_ms(), kNow + 2);
    EXPECT_TRUE(answer.batch.view().crc_is_valid());
  }
}

TEST(Validate, a_refused_batch_is_left_as_it_was) {
  auto bytes = with_field<int64_t>(without_key(), 35, 5);
  const auto before = bytes;
  AppendRules rules;
  rules.compacted = true;
  EXPECT_EQ(append(bytes, rules).code, INVALID_RECORD);
  EXPECT_EQ(bytes, before);
}

TEST(Validate, log_append_time_is_set_in_place) {
  AppendRules rules;
  rules.timestamp_type = TimestampType::LOG_APPEND_TIME;
  for (CompressionCodec codec : {CompressionCodec::NONE, CompressionCodec::ZSTD}) {
    auto bytes = batch_of(3, codec, kNow - 5000);
    const Answer answer = append(bytes, rules);
    ASSERT_EQ(answer.code, NONE);
    EXPECT_FALSE(answer.batch.is_rewritten());
    EXPECT_EQ(answer.batch.max_timestamp_ms(), kNow);
    EXPECT_EQ(answer.batch.log_append_time_ms(), kNow);
    EXPECT_EQ(answer.batch.view().timestamp_type(), TimestampType::LOG_APPEND_TIME);
    for (const auto& record : read(answer.batch.bytes())) EXPECT_EQ(record.timestamp_ms, kNow);
    // A producer may not claim it.
    bytes = with_field<int16_t>(batch_of(3, codec), 21, static_cast<int16_t>(static_cast<int>(codec) | 8));
    EXPECT_EQ(append(bytes, rules).code, INVALID_TIMESTAMP);
  }
}

TEST(Validate, null_keys_are_refused_by_compacted_topics_record_by_record) {
  AppendRules rules;
  rules.compacted = true;
  for (auto target : {std::optional<Compression>(), std::optional<Compression>(Compression{CompressionCodec::LZ4})}) {
    rules.compression = target;
    for (CompressionCodec codec : {CompressionCodec::NONE, CompressionCodec::GZIP}) {
      auto bytes = without_key(codec);
      const Answer answer = append(bytes, rules);
      EXPECT_EQ(answer.code, INVALID_RECORD);
      EXPECT_TRUE(answer.refusal.message_in_response);
      const std::string text = "Compacted topic cannot accept message without key in topic partition t-3";
      EXPECT_EQ(answer.refusal.record_errors, (std::vector<RecordError>{{1, text}, {2, text}}));
      EXPECT_EQ(answer.refusal.message,
                "One or more records have been rejected due to 2 record errors in total, and only showing the first three errors "
                "at most: [RecordError(batchIndex=1, message='" + text + "'), RecordError(batchIndex=2, message='" + text + "')]");
      bytes = batch_of(2, codec);
      EXPECT_EQ(append(bytes, rules).code, NONE);
    }
  }
}

TEST(Validate, record_errors_are_bounded) {
  AppendRules rules;
  rules.compacted = true;
  BatchBuilder builder(BatchFields{});
  for (int i = 0; i < 5000; ++i) builder.add(kNow, std::nullopt, std::nullopt);
  auto bytes = builder.build();
  const Answer answer = append(bytes, rules);
  EXPECT_EQ(answer.code, INVALID_RECORD);
  EXPECT_EQ(answer.refusal.record_errors.size(), kRecordErrorsMax);
  EXPECT_NE(answer.refusal.message.find("5000 record errors"), std::string::npos);
}

TEST(Validate, timestamps_outside_the_topics_range) {
  AppendRules rules;
  rules.timestamp_before_max_ms = 60'000;
  rules.timestamp_after_max_ms = 1'000;
  for (CompressionCodec codec : {CompressionCodec::NONE, CompressionCodec::SNAPPY}) {
    for (const auto& [timestamp, expected] : std::vector<std::pair<int64_t, ErrorCode>>{
             {kNow, NONE},
             {kNow - 60'000, NONE},
             {kNow - 60'001, INVALID_TIMESTAMP},
             {kNow + 1'000, NONE},
             {kNow + 1'001, INVALID_TIMESTAMP},
             {0, INVALID_TIMESTAMP},
             {-1, NONE},  // no timestamp
             {-5, INVALID_TIMESTAMP},
             {INT64_MAX, INVALID_TIMESTAMP},
             {INT64_MIN, INVALID_TIMESTAMP}}) {
      auto bytes = batch_of(1, codec, timestamp);
      EXPECT_EQ(append(bytes, rules).code, expected) << timestamp;
    }
  }
  auto bytes = batch_of(3, CompressionCodec::NONE, kNow + 999);
  const Answer answer = append(bytes, rules);
  ASSERT_EQ(answer.refusal.record_errors.size(), 1u);
  EXPECT_EQ(answer.refusal.record_errors[0].batch_index, 2);
  EXPECT_EQ(answer.refusal.record_errors[0].message,
            "Timestamp 1700000001001 of message with offset 2 is out of range. The timestamp should be within [1699999940000, "
            "1700000001000]");
  EXPECT_EQ(answer.refusal.message, "One or more records have been rejected due to invalid timestamp");
}

TEST(Validate, another_codec_rewrites_and_renumbers) {
  for (CompressionCodec from : {CompressionCodec::NONE, CompressionCodec::GZIP, CompressionCodec::ZSTD}) {
    for (CompressionCodec to : {CompressionCodec::NONE, CompressionCodec::LZ4, CompressionCodec::SNAPPY}) {
      if (from == to) continue;
      AppendRules rules;
      rules.compression = Compression{to};
      BatchFields fields;
      fields.producer_id = ProducerId(9);
      fields.producer_epoch = ProducerEpoch(2);
      fields.base_sequence = 40;
      fields.is_transactional = true;
      auto bytes = batch_of(100, from, kNow, fields);
      const Answer answer = append(bytes, rules);
      ASSERT_EQ(answer.code, NONE);
      EXPECT_TRUE(answer.batch.is_rewritten());
      const BatchView batch = answer.batch.view();
      EXPECT_EQ(batch.codec(), to);
      EXPECT_EQ(batch.producer_id(), ProducerId(9));
      EXPECT_EQ(batch.producer_epoch(), ProducerEpoch(2));
      EXPECT_EQ(batch.base_sequence(), 40);
      EXPECT_TRUE(batch.is_transactional());
      EXPECT_EQ(answer.batch.max_timestamp_ms(), kNow + 99);
      EXPECT_EQ(read(answer.batch.bytes()), read(bytes));
    }
  }
  AppendRules rules;
  rules.compression = Compression{CompressionCodec::LZ4};
  auto bytes = with_deltas({0, 0, 0}, 2, CompressionCodec::GZIP);
  const Answer answer = append(bytes, rules);
  ASSERT_EQ(answer.code, NONE);
  EXPECT_EQ(read(answer.batch.bytes())[2].offset, 2);
  // What Kafka cannot write anew.
  bytes = batch_of(1, CompressionCodec::NONE, -5);
  EXPECT_EQ(append(bytes, rules).code, UNKNOWN_SERVER_ERROR);
}

TEST(Validate, a_rewritten_batch_keeps_headers) {
  AppendRules rules;
  rules.compression = Compression{CompressionCodec::GZIP};
  const HeaderView headers[] = {{"h", bytes_of("1")}, {"h", std::nullopt}, {"", bytes_of("")}};
  BatchBuilder builder(BatchFields{});
  builder.add(kNow, bytes_of("k"), bytes_of("v"), headers);
  auto bytes = builder.build();
  const Answer answer = append(bytes, rules);
  DecompressionScratch scratch;
  std::vector<uint8_t> plain;
  ASSERT_TRUE(decompress(CompressionCodec::GZIP, answer.batch.view().payload(), 2, {}, scratch, plain).ok());
  EXPECT_TRUE(std::equal(plain.begin(), plain.end(), bytes.begin() + kBatchHeaderBytes, bytes.end()));
}

TEST(Validate, control_batches_of_coordinators_pass_and_are_never_compressed) {
  AppendRules rules;
  rules.compression = Compression{CompressionCodec::GZIP};
  rules.compacted = true;
  auto bytes = golden_batches().at("control_batch_commit");
  const Answer answer = append(bytes, rules, AppendOrigin::COORDINATOR);
  ASSERT_EQ(answer.code, NONE);
  EXPECT_FALSE(answer.batch.is_rewritten());
}

TEST(Validate, old_message_sets_become_one_batch) {
  for (const auto& [name, golden] : golden_batches()) {
    if (!name.starts_with("batch_v0") && !name.starts_with("batch_v1")) continue;
    for (auto target : {std::optional<Compression>(), std::optional<Compression>(Compression{CompressionCodec::ZSTD})}) {
      AppendRules rules;
      rules.compression = target;
      auto bytes = golden;
      Answer answer = append(bytes, rules);
      ASSERT_EQ(answer.code, NONE) << name << answer.refusal.message;
      const int64_t first = name.starts_with("batch_v0") ? -1 : 1000;
      EXPECT_EQ(answer.batch.max_timestamp_ms(), first < 0 ? -1 : 1005);
      EXPECT_EQ(answer.batch.view().codec(), target ? CompressionCodec::ZSTD : BatchView(golden).codec());
      answer.batch.assign(Offset(50), LeaderEpoch(1));
      EXPECT_EQ(read(answer.batch.bytes()),
                (std::vector<PlainRecord>{{50, first, "k1", "value-one"},
                                          {51, first < 0 ? -1 : 1005, {}, "value-two"},
                                          {52, first < 0 ? -1 : 1003, "k3", {}}}));
    }
  }
}

TEST(Validate, old_message_sets_that_are_wrong) {
  const auto golden = golden_batches();
  auto bytes = golden.at("batch_v1_gzip");
  bytes[20] ^= 1;
  EXPECT_EQ(produce(bytes, 2), CORRUPT_MESSAGE);
  EXPECT_EQ(produce(golden.at("batch_v1_gzip"), 3), INVALID_RECORD);
  // Two wrappers; two magics.
  EXPECT_EQ(produce(joined(golden.at("batch_v1_gzip"), golden.at("batch_v1_gzip")), 2), INVALID_RECORD);
  EXPECT_EQ(produce(joined(golden.at("batch_v1_none"), golden.at("batch_v0_none")), 2), INVALID_RECORD);
  AppendRules rules;
  rules.compacted = true;
  bytes = golden.at("batch_v1_snappy");
  EXPECT_EQ(append(bytes, rules).refusal.record_errors.size(), 1u);
}

// A message of magic 1 whose value is `value`, with a good CRC.
std::vector<uint8_t> message_v1(int8_t attributes, std::optional<Bytes> value, int64_t offset = 0) {
  std::vector<uint8_t> out;
  DecompressionScratch scratch;
  BatchBuilder builder(BatchFields{});
  builder.add(kNow, std::nullopt, value);
  EXPECT_TRUE(convert_down(builder.build(), 1, Offset(0), {}, scratch, out).ok());
  out[17] = static_cast<uint8_t>(attributes);
  store_be<int64_t>(out.data(), offset);
  uint32_t crc = 0xffffffff;  // CRC-32 of IEEE, bit by bit
  for (size_t i = 16; i < out.size(); ++i) {
    crc ^= out[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
  }
  store_be<uint32_t>(out.data() + 12, ~crc);
  return out;
}

TEST(Validate, wrappers_that_are_wrong_inside) {
  const auto packed = [](const std::vector<uint8_t>& inner) {
    std::vector<uint8_t> out;
    compress({CompressionCodec::GZIP}, inner, 1, out);
    return out;
  };
  EXPECT_EQ(produce(message_v1(4, bytes_of("x")), 2), INVALID_RECORD);        // zstd
  EXPECT_EQ(produce(message_v1(5, bytes_of("x")), 2), UNKNOWN_SERVER_ERROR);  // no codec
  EXPECT_EQ(produce(message_v1(1, bytes_of("x")), 2), UNKNOWN_SERVER_ERROR);  // not gzip
  EXPECT_EQ(produce(message_v1(1, std::nullopt), 2), INVALID_RECORD);
  EXPECT_EQ(produce(message_v1(1, packed({})), 2), INVALID_RECORD);
  const auto inner = message_v1(0, bytes_of("v"), 5);
  EXPECT_EQ(produce(message_v1(1, packed(inner)), 2), NONE);             // wrapper offset 0: some clients do so
  EXPECT_EQ(produce(message_v1(1, packed(inner), 4), 2), INVALID_RECORD);  // below its last message's
  EXPECT_EQ(produce(message_v1(1, packed(message_v1(1, packed(inner)))), 2), INVALID_RECORD);
  auto corrupt = inner;
  corrupt.back() ^= 1;
  EXPECT_EQ(produce(message_v1(1, packed(corrupt)), 2), CORRUPT_MESSAGE);
  auto tiny = inner;
  store_be<int32_t>(tiny.data() + 8, 13);
  EXPECT_EQ(produce(message_v1(1, packed(tiny)), 2), CORRUPT_MESSAGE);
  // Another magic inside is the record's fault.
  EXPECT_EQ(produce(message_v1(1, packed(golden_batches().at("batch_v0_none"))), 2), INVALID_RECORD);
}

TEST(Validate, sizes_above_max_message_bytes) {
  const auto good = batch_of(2);
  AppendRules rules;
  rules.batch_bytes_max = static_cast<int64_t>(good.size());
  auto bytes = good;
  EXPECT_EQ(append(bytes, rules).code, NONE);
  rules.batch_bytes_max -= 1;
  bytes = good;
  EXPECT_EQ(append(bytes, rules).code, MESSAGE_TOO_LARGE);
  // Checked before the CRC, and once more when rewriting made it grow.
  bytes[20] ^= 1;
  EXPECT_EQ(append(bytes, rules).code, MESSAGE_TOO_LARGE);
  BatchFields fields;
  fields.compression.codec = CompressionCodec::GZIP;
  BatchBuilder builder(fields);
  builder.add(kNow, bytes_of("k"), bytes_of(std::string(1000, 'a')));
  bytes = builder.build();
  rules.batch_bytes_max = 500;
  rules.compression = Compression{CompressionCodec::NONE};
  EXPECT_EQ(append(bytes, rules).code, MESSAGE_TOO_LARGE);
  rules.compression.reset();
  EXPECT_EQ(append(bytes, rules).code, NONE);
}

TEST(Validate, bombs_are_refused_within_the_limit) {
  for (CompressionCodec codec : kRealCodecs) {
    BatchFields fields;
    fields.compression.codec = codec;
    BatchBuilder builder(fields);
    builder.add(kNow, bytes_of("k"), bytes_of(std::string(8 << 20, 'a')));
    auto bytes = builder.build();
    EXPECT_EQ(append(bytes, {}, AppendOrigin::CLIENT, {.decompressed_bytes_max = 1 << 20}).code, MESSAGE_TOO_LARGE) << name(codec);
    AppendRules rules;
    rules.compression = Compression{CompressionCodec::NONE};
    EXPECT_EQ(append(bytes, rules, AppendOrigin::CLIENT, {.decompressed_bytes_max = 1 << 20}).code, MESSAGE_TOO_LARGE);
    EXPECT_EQ(append(bytes).code, NONE) << name(codec);
  }
}

TEST(Validate, a_compressed_payload_is_read_across_chunks) {
  // Records larger and smaller than a chunk, so that every field once lies across an edge.
  for (CompressionCodec codec : kRealCodecs) {
    BatchFields fields;
    fields.compression.codec = codec;
    BatchBuilder builder(fields);
    const std::string large(70'000, 'x');
    for (int i = 0; i < 3000; ++i) {
      const std::string value(static_cast<size_t>(i % 97), 'v');
      const HeaderView header{"name", bytes_of(value)};
      builder.add(kNow + i, bytes_of("key"), bytes_of(i % 500 == 0 ? large : value), std::span(&header, 1));
    }
    auto bytes = builder.build();
    const Answer answer = append(bytes);
    EXPECT_EQ(answer.code, NONE) << name(codec) << " " << answer.refusal.message;
    EXPECT_EQ(answer.batch.max_timestamp_ms(), kNow + 2999);
  }
}

TEST(Validate, flipped_and_cut_bytes_with_good_checksums_never_crash) {
  for (const auto& [name, golden] : golden_batches()) {
    if (!BatchView(golden).is_v2()) continue;
    auto base = with_field<int64_t>(golden, 0, 0);
    for (size_t bit = 21 * 8; bit < base.size() * 8; ++bit) {
      auto bad = base;
      bad[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      mend_crc(bad);
      for (auto target : {std::optional<Compression>(), std::optional<Compression>(Compression{CompressionCodec::LZ4})}) {
        AppendRules rules;
        rules.compression = target;
        auto copy = bad;
        append(copy, rules);
      }
    }
    for (size_t cut = 0; cut < base.size() - kBatchHeaderBytes; ++cut) {
      EXPECT_NE(produce(with_payload(base, BatchView(base).payload().first(cut)), 9), NONE) << name << " cut at " << cut;
    }
  }
}

}  // namespace
}  // namespace quokka
