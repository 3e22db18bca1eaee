#include "tools/fetched_records.h"

#include <gtest/gtest.h>

#include "protocol/records/batch_builder.h"
#include "protocol/records/control_record.h"
#include "protocol/records/conversion.h"

namespace quokka {
namespace {

void append(std::vector<uint8_t>& log, std::vector<uint8_t> batch, int64_t offset) {
  patch_base_offset(batch, Offset(offset));
  log.insert(log.end(), batch.begin(), batch.end());
}
std::vector<uint8_t> batch_of(std::vector<std::string> values, ProducerId producer = {}, CompressionCodec codec = CompressionCodec::NONE) {
  BatchFields fields;
  fields.compression.codec = codec;
  fields.producer_id = producer;
  fields.is_transactional = producer.value >= 0;
  BatchBuilder builder(fields);
  for (const auto& value : values) builder.add(1000, std::nullopt, bytes_of(value));
  return builder.build();
}
std::vector<uint8_t> marker(ProducerId producer, ControlRecordType type) {
  return write_end_transaction_marker(producer, ProducerEpoch(0), {type, 1}, 1000);
}

struct Seen {
  std::string values;
  Offset next;
};
Seen read(Bytes log, Offset from, bool read_committed, std::vector<AbortedTransaction> aborted = {}, size_t records_max = 1000) {
  DecompressionScratch scratch;
  Seen seen;
  const auto next = visit_records(log, from, read_committed, std::move(aborted), true, scratch, [&](const FetchedRecord& fetched) {
    seen.values += text_of(*fetched.record.value);
    return seen.values.size() < records_max;
  });
  EXPECT_TRUE(next.ok()) << next.error().message;
  if (next.ok()) seen.next = *next;
  return seen;
}

// 0 a(p1) 1 b(p2) 2 c 3 abort p1 4 d(p1) 5 commit p2 6 e(p1) 7 commit p1
std::vector<uint8_t> transactions() {
  const ProducerId p1(1), p2(2);
  std::vector<uint8_t> log;
  append(log, batch_of({"a"}, p1), 0);
  append(log, batch_of({"b"}, p2), 1);
  append(log, batch_of({"c"}), 2);
  append(log, marker(p1, ControlRecordType::ABORT), 3);
  append(log, batch_of({"d"}, p1), 4);
  append(log, marker(p2, ControlRecordType::COMMIT), 5);
  append(log, batch_of({"e"}, p1), 6);
  append(log, marker(p1, ControlRecordType::COMMIT), 7);
  return log;
}

TEST(VisitRecords, uncommitted_reading_sees_all_but_markers) {
  const Seen seen = read(transactions(), Offset(0), false, {{ProducerId(1), Offset(0)}});
  EXPECT_EQ(seen.values, "abcde");
  EXPECT_EQ(seen.next, Offset(8));
}

TEST(VisitRecords, committed_reading_leaves_out_aborted_transactions_until_their_marker) {
  const Seen seen = read(transactions(), Offset(0), true, {{ProducerId(1), Offset(0)}});
  EXPECT_EQ(seen.values, "bcde");
  EXPECT_EQ(seen.next, Offset(8));
}

TEST(VisitRecords, begins_and_stops_inside_batches) {
  for (CompressionCodec codec : {CompressionCodec::NONE, CompressionCodec::GZIP}) {
    std::vector<uint8_t> log;
    append(log, batch_of({"a", "b", "c"}, {}, codec), 10);
    append(log, batch_of({"d", "e"}, {}, codec), 13);
    EXPECT_EQ(read(log, Offset(12), false).values, "cde");
    const Seen seen = read(log, Offset(11), false, {}, 3);
    EXPECT_EQ(seen.values, "bcd");
    EXPECT_EQ(seen.next, Offset(14));
    // A torn batch at the end is not there yet.
    EXPECT_EQ(read(Bytes(log).first(log.size() - 1), Offset(10), false).next, Offset(13));
  }
}

TEST(VisitRecords, old_messages_and_corrupt_batches) {
  std::vector<uint8_t> log, old;
  append(log, batch_of({"a", "b"}, {}, CompressionCodec::LZ4), 5);
  DecompressionScratch scratch;
  ASSERT_TRUE(convert_down(log, 1, Offset(0), {}, scratch, old).ok());
  EXPECT_EQ(read(old, Offset(6), true).values, "b");
  log[log.size() - 1] ^= 1;
  const auto next = visit_records(log, Offset(0), false, {}, true, scratch, [](const FetchedRecord&) { return true; });
  EXPECT_EQ(next.code(), ErrorCode::CORRUPT_MESSAGE);
}

}  // namespace
}  // namespace quokka
