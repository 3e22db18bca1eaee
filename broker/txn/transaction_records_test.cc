#include "broker/txn/transaction_records.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

std::string hex(const std::vector<uint8_t>& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

StoredTransaction stored(TransactionStatus status, std::set<TopicPartition> partitions) {
  TransactionRecord record;
  record.producer = {ProducerId(1000), ProducerEpoch(3)};
  record.timeout_ms = 60'000;
  record.status = status;
  record.partitions = std::move(partitions);
  record.last_update_ms = 0x0102;
  record.start_ms = status == TransactionStatus::EMPTY ? -1 : 0x0101;
  return {"id", record};
}

void expect_round_trip(const StoredTransaction& wanted) {
  const JournalEntry entry = encode_transaction_record(wanted);
  const auto read = decode_transaction_record(Bytes(entry.key), entry.value ? std::optional<Bytes>(*entry.value) : std::nullopt);
  ASSERT_TRUE(read.ok());
  ASSERT_TRUE(*read);
  EXPECT_EQ(**read, wanted);
}

// As in a log that Kafka 3.9.1 wrote.
TEST(TransactionRecords, HaveKafkasBytes) {
  const JournalEntry open = encode_transaction_record(stored(TransactionStatus::ONGOING, {{"a", PartitionIndex(0)}, {"a", PartitionIndex(2)}, {"b", PartitionIndex(1)}}));
  EXPECT_EQ(hex(open.key), "000000026964");
  EXPECT_EQ(hex(*open.value),
            "0000"
            "00000000000003e8" "0003" "0000ea60" "01"
            "00000002" "0001" "61" "00000002" "00000000" "00000002" "0001" "62" "00000001" "00000001"
            "0000000000000102" "0000000000000101");
}

TEST(TransactionRecords, EmptyHasNullAndCompleteHasNoPartitions) {
  EXPECT_EQ(hex(*encode_transaction_record(stored(TransactionStatus::EMPTY, {})).value).substr(34, 8), "ffffffff");
  EXPECT_EQ(hex(*encode_transaction_record(stored(TransactionStatus::COMPLETE_COMMIT, {})).value).substr(34, 8), "00000000");
}

TEST(TransactionRecords, AreReadAsTheyWereWritten) {
  expect_round_trip(stored(TransactionStatus::EMPTY, {}));
  expect_round_trip(stored(TransactionStatus::PREPARE_ABORT, {{"a", PartitionIndex(0)}, {"b", PartitionIndex(7)}}));
  expect_round_trip({"gone", std::nullopt});
}

TEST(TransactionRecords, DamageIsNamed) {
  const JournalEntry whole = encode_transaction_record(stored(TransactionStatus::ONGOING, {{"a", PartitionIndex(0)}}));
  for (size_t size = 0; size < whole.value->size(); ++size)
    EXPECT_FALSE(decode_transaction_record(Bytes(whole.key), Bytes(*whole.value).first(size)).ok()) << size;
  std::vector<uint8_t> dead = *whole.value;
  dead[16] = 6;
  EXPECT_FALSE(decode_transaction_record(Bytes(whole.key), Bytes(dead)).ok());
  std::vector<uint8_t> other_key = whole.key;
  other_key[1] = 9;
  const auto unknown = decode_transaction_record(Bytes(other_key), std::nullopt);
  ASSERT_TRUE(unknown.ok());
  EXPECT_FALSE(*unknown);
}

}  // namespace
}  // namespace quokka
