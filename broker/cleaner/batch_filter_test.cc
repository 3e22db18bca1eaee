#include "broker/cleaner/batch_filter.h"

#include "broker/cleaner/test_cleaner.h"
#include "protocol/records/conversion.h"
#include "protocol/records/test_records.h"

namespace quokka {
namespace {

using testing::bytes_of_batch;
using testing::KeyedBatch;
using testing::kNow;

class BatchFilterTest : public ::testing::Test {
 protected:
  // What a cleaning writes of the batch, with the map as it is; empty: nothing.
  std::vector<uint8_t> filtered(const std::vector<uint8_t>& batch, WallTime now = kNow) {
    filter.set_rules({now, 1000, keep_legacy});
    std::vector<uint8_t> out;
    auto kept = filter.filter(BatchView(batch), out);
    EXPECT_TRUE(kept.ok()) << (kept.ok() ? "" : kept.error().message);
    EXPECT_EQ(kept.ok() && *kept, !out.empty());
    return out;
  }
  void map_batch(const std::vector<uint8_t>& batch) {
    DecompressionScratch scratch;
    std::vector<uint8_t> plain;
    ASSERT_TRUE(for_each_key(BatchView(batch), scratch, plain, [&](Offset offset, Bytes key) { return map.put(key, offset); }).ok());
  }
  static std::vector<testing::PlainRecord> records_of(const std::vector<uint8_t>& batch) {
    const BatchView view(batch);
    EXPECT_TRUE(view.crc_is_valid());
    DecompressionScratch scratch;
    std::vector<uint8_t> plain(view.payload().begin(), view.payload().end());
    if (view.is_compressed()) {
      EXPECT_TRUE(decompress(view.codec(), view.payload(), 2, {}, scratch, plain).ok());
    }
    std::vector<testing::PlainRecord> records;
    RecordCursor cursor(view, plain);
    RecordView record;
    while (cursor.next(record))
      records.push_back({record.offset.value, record.timestamp_ms, testing::text_of_optional(record.key), testing::text_of_optional(record.value)});
    EXPECT_TRUE(cursor.ok());
    return records;
  }

  OffsetMap map{1 << 20, 0.9, 1000, {1, 2}};
  CleanedTransactions transactions;
  std::optional<LastOfProducer> last;
  bool keep_legacy = true;
  BatchFilter filter{map, transactions, [this](ProducerId) { return last; }};
};

TEST_F(BatchFilterTest, TheLastRecordOfAKeyStaysWithItsOffsetTimeAndCodec) {
  for (const auto codec : {CompressionCodec::NONE, CompressionCodec::GZIP, CompressionCodec::SNAPPY, CompressionCodec::LZ4, CompressionCodec::ZSTD}) {
    const auto batch = bytes_of_batch({.records = {{"a", "1"}, {"b", "2"}, {"a", "3"}, {"c", "4"}}, .compression = {codec, {}}}, Offset(100));
    map_batch(batch);
    map.put(bytes_of("c"), Offset(105));
    const auto out = filtered(batch);
    ASSERT_FALSE(out.empty());
    const BatchView view(out);
    EXPECT_EQ(view.base_offset(), Offset(100));
    EXPECT_EQ(view.last_offset(), Offset(103));  // as it was
    EXPECT_EQ(view.leader_epoch(), LeaderEpoch(0));
    EXPECT_EQ(view.codec(), codec);
    EXPECT_FALSE(view.delete_horizon_ms());
    EXPECT_EQ(records_of(out), (std::vector<testing::PlainRecord>{{101, kNow.ms, "b", "2"}, {102, kNow.ms, "a", "3"}}));
    // Once more: nothing to do, so not a byte changes.
    EXPECT_EQ(filtered(out), out);
  }
}

TEST_F(BatchFilterTest, WhatTheMapDoesNotReachStays) {
  const auto batch = bytes_of_batch({.records = {{"a", "1"}, {"a", "2"}, {"a", "3"}}}, Offset(10));
  map.put(bytes_of("a"), Offset(11));
  EXPECT_EQ(records_of(filtered(batch)), (std::vector<testing::PlainRecord>{{11, kNow.ms, "a", "2"}, {12, kNow.ms, "a", "3"}}));
}

TEST_F(BatchFilterTest, ATombstoneStaysUntilItsHorizonWhichTheFirstCleaningWrites) {
  const auto batch = bytes_of_batch({.records = {{"a", std::nullopt}, {"b", "2"}}}, Offset(5));
  map_batch(batch);
  const auto marked = filtered(batch);
  EXPECT_EQ(BatchView(marked).delete_horizon_ms(), kNow.ms + 1000);
  EXPECT_EQ(records_of(marked), records_of(batch));  // times, too
  EXPECT_EQ(BatchView(marked).max_timestamp_ms(), kNow.ms);
  EXPECT_EQ(filtered(marked, {kNow.ms + 999}), marked);
  const auto rid = filtered(marked, {kNow.ms + 1000});
  EXPECT_EQ(records_of(rid), (std::vector<testing::PlainRecord>{{6, kNow.ms, "b", "2"}}));
  EXPECT_EQ(BatchView(rid).delete_horizon_ms(), kNow.ms + 1000);
}

TEST_F(BatchFilterTest, ABatchWithoutRecordsGoesUnlessItIsTheLastOfItsProducer) {
  const auto batch = bytes_of_batch(
      {.records = {{"a", "1"}, {"b", "2"}}, .producer_id = ProducerId(7), .producer_epoch = ProducerEpoch(3), .base_sequence = 40,
       .compression = {CompressionCodec::LZ4, {}}}, Offset(10));
  map.put(bytes_of("a"), Offset(20));
  map.put(bytes_of("b"), Offset(21));
  EXPECT_TRUE(filtered(batch).empty());
  last = {Offset(9), ProducerEpoch(3)};
  EXPECT_TRUE(filtered(batch).empty());
  last = {Offset(11), ProducerEpoch(3)};
  const auto empty = filtered(batch);
  ASSERT_EQ(empty.size(), kBatchHeaderBytes);
  const BatchView view(empty), was(batch);
  EXPECT_TRUE(view.crc_is_valid());
  EXPECT_EQ(view.records_count(), 0);
  EXPECT_EQ(view.base_offset(), Offset(10));
  EXPECT_EQ(view.last_offset(), Offset(11));
  EXPECT_EQ(view.last_sequence(), was.last_sequence());
  EXPECT_EQ(view.producer_epoch(), ProducerEpoch(3));
  EXPECT_EQ(view.max_timestamp_ms(), was.max_timestamp_ms());
  EXPECT_EQ(view.base_timestamp_ms(), -1);
  EXPECT_FALSE(view.is_compressed());
  EXPECT_EQ(filtered(empty), empty);
  last.reset();
  EXPECT_TRUE(filtered(empty).empty());
}

// KAFKA-5490, KAFKA-8335: markers were removed because another marker has the same key, or kept for ever.
TEST_F(BatchFilterTest, H56AMarkerStaysWhileItsTransactionDoesAndThenUntilItsHorizon) {
  const ProducerId id(7);
  auto data = bytes_of_batch({.records = {{"a", "1"}}, .producer_id = id, .producer_epoch = ProducerEpoch(0), .base_sequence = 0, .transactional = true}, Offset(10));
  auto marker = write_end_transaction_marker(id, ProducerEpoch(0), {ControlRecordType::COMMIT, 0}, kNow.ms);
  patch_base_offset(marker, Offset(11));
  map.put(bytes_of("a"), Offset(50));
  const std::vector<uint8_t> markers_key = {0, 0, 0, 1};
  map.put(markers_key, Offset(60));  // a client's record, or a later marker: no matter
  // The batch is met, and goes; the marker stays as it is.
  EXPECT_TRUE(filtered(data).empty());
  EXPECT_EQ(filtered(marker), marker);
  // Nothing of the transaction is met any more.
  const auto marked = filtered(marker);
  ASSERT_FALSE(marked.empty());
  EXPECT_EQ(BatchView(marked).delete_horizon_ms(), kNow.ms + 1000);
  EXPECT_TRUE(read_end_transaction_marker(BatchView(marked)));
  EXPECT_EQ(filtered(marked, {kNow.ms + 999}), marked);
  EXPECT_TRUE(filtered(marked, {kNow.ms + 1000}).empty());
  // The only thing that is left of its producer.
  last = {Offset(), ProducerEpoch(0)};
  EXPECT_EQ(BatchView(filtered(marked, {kNow.ms + 1000})).records_count(), 0);
  last = {Offset(), ProducerEpoch(1)};
  EXPECT_TRUE(filtered(marked, {kNow.ms + 1000}).empty());
}

TEST_F(BatchFilterTest, H56RecordsOfAnAbortedTransactionGoWhateverTheirKey) {
  const ProducerId id(7);
  auto data = bytes_of_batch({.records = {{"a", "1"}}, .producer_id = id, .producer_epoch = ProducerEpoch(0), .base_sequence = 0, .transactional = true}, Offset(10));
  auto marker = write_end_transaction_marker(id, ProducerEpoch(0), {ControlRecordType::ABORT, 0}, kNow.ms);
  patch_base_offset(marker, Offset(11));
  auto later = bytes_of_batch({.records = {{"b", "2"}}, .producer_id = id, .producer_epoch = ProducerEpoch(0), .base_sequence = 1, .transactional = true}, Offset(12));
  map.put(bytes_of("x"), Offset(50));
  const AbortedEntry entry{id, Offset(10), Offset(11), Offset(12)};
  transactions.add_aborted({entry});
  transactions.add_aborted({entry});  // the next segment tells it again
  EXPECT_TRUE(filtered(data).empty());
  EXPECT_EQ(filtered(marker), marker);
  EXPECT_EQ(transactions.take_kept(), std::vector{entry});
  EXPECT_EQ(filtered(later), later);  // of the next transaction, which is not aborted
  EXPECT_TRUE(transactions.take_kept().empty());
}

TEST_F(BatchFilterTest, WhatCannotBeReadIsNamedAndNotWritten) {
  auto batch = bytes_of_batch({.records = {{"a", "1"}}}, Offset(10));
  batch[batch.size() - 2] ^= 1;  // of the value: nothing but the CRC tells
  std::vector<uint8_t> out;
  auto kept = filter.filter(BatchView(batch), out);
  EXPECT_EQ(kept.code(), ErrorCode::CORRUPT_MESSAGE);
  EXPECT_NE(kept.error().message.find("offset 10"), std::string::npos);
  EXPECT_TRUE(out.empty());
  const auto unknown = testing::with_field<int16_t>(bytes_of_batch({.records = {{"a", "1"}}}), 21, 7);
  EXPECT_EQ(filter.filter(BatchView(unknown), out).code(), ErrorCode::CORRUPT_MESSAGE);
  const auto compressed = testing::with_field<int16_t>(bytes_of_batch({.records = {{"a", "1"}}}), 21, 4);
  EXPECT_EQ(filter.filter(BatchView(compressed), out).code(), ErrorCode::CORRUPT_MESSAGE);
}

TEST_F(BatchFilterTest, OldFormatsAreCleanedToo) {
  const auto batch = bytes_of_batch({.records = {{"a", "1"}, {"b", std::nullopt}, {"a", "3"}}, .compression = {CompressionCodec::GZIP, {}}}, Offset(10));
  for (const int8_t magic : {int8_t{0}, int8_t{1}}) {
    DecompressionScratch scratch;
    std::vector<uint8_t> old;
    ASSERT_TRUE(convert_down(batch, magic, Offset(0), {}, scratch, old).ok());
    ASSERT_EQ(BatchView(old).magic(), magic);
    map.set_latest(Offset(9));
    EXPECT_EQ(filtered(old), old);  // the map does not know of it
    map_batch(old);
    ASSERT_EQ(map.find(bytes_of("a")), Offset(12));
    const int64_t time = magic == 0 ? -1 : kNow.ms;
    const auto some = filtered(old);
    EXPECT_EQ(BatchView(some).magic(), 2);
    EXPECT_EQ(BatchView(some).codec(), CompressionCodec::GZIP);
    EXPECT_EQ(records_of(some), (std::vector<testing::PlainRecord>{{11, time, "b", std::nullopt}, {12, time, "a", "3"}}));
    keep_legacy = false;
    EXPECT_EQ(records_of(filtered(old)), (std::vector<testing::PlainRecord>{{12, time, "a", "3"}}));
    keep_legacy = true;
  }
}

TEST_F(BatchFilterTest, RecordsWithoutKeyGoAndAreCounted) {
  BatchBuilder builder({.base_offset = Offset(3)});
  builder.add(kNow.ms, std::nullopt, bytes_of("v"));
  map.set_latest(Offset(3));
  EXPECT_TRUE(filtered(builder.build()).empty());
  EXPECT_EQ(filter.counts().records_without_key, 1);
}

}  // namespace
}  // namespace quokka
