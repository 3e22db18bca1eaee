#include "broker/txn/transaction_records.h"

#include <utility>

#include "protocol/records/stored/transaction_log.h"
#include "protocol/records/stored/versioned.h"

namespace quokka {

namespace {

constexpr int16_t kKeyVersion = 0, kValueVersion = 0;

std::vector<uint8_t> value_of(const TransactionRecord& record) {
  TransactionLogValue value;
  value.producer_id = record.producer.id;
  value.producer_epoch = record.producer.epoch;
  value.transaction_timeout_ms = record.timeout_ms;
  value.transaction_status = static_cast<int8_t>(record.status);
  value.transaction_last_update_timestamp_ms = record.last_update_ms;
  value.transaction_start_timestamp_ms = record.start_ms;
  std::vector<TransactionLogValue::PartitionsSchema> topics;
  std::vector<std::vector<PartitionIndex>> indexes;
  for (const TopicPartition& each : record.partitions) {
    if (topics.empty() || topics.back().topic != each.topic) {
      topics.push_back({each.topic, {}});
      indexes.emplace_back();
    }
    indexes.back().push_back(each.partition);
  }
  for (size_t i = 0; i < topics.size(); ++i) topics[i].partition_ids = indexes[i];
  if (record.status == TransactionStatus::EMPTY) value.transaction_partitions = std::nullopt;
  else value.transaction_partitions = topics;
  return versioned(value, kValueVersion);
}

template <class M>
Result<M> body_of(Bytes bytes, const char* what, Arena& arena) {
  if (bytes.size() < 2) return Error{ErrorCode::CORRUPT_MESSAGE, std::string(what) + " without a version"};
  const auto version = load_be<int16_t>(bytes.data());
  if (version < M::kVersionMin || version > M::kVersionMax)
    return Error{ErrorCode::UNSUPPORTED_VERSION, std::string(what) + " of version " + std::to_string(version)};
  return decode<M>(bytes.subspan(2), version, arena);
}

}  // namespace

JournalEntry encode_transaction_record(const StoredTransaction& stored) {
  TransactionLogKey key;
  key.transactional_id = stored.id;
  JournalEntry entry;
  entry.key = versioned(key, kKeyVersion);
  if (stored.record) entry.value = value_of(*stored.record);
  return entry;
}

Result<std::optional<StoredTransaction>> decode_transaction_record(Bytes key, std::optional<Bytes> value) {
  if (key.size() >= 2 && load_be<int16_t>(key.data()) != kKeyVersion) return std::optional<StoredTransaction>();
  Arena arena = Arena::for_frame(key.size() + (value ? value->size() : 0));
  const Result<TransactionLogKey> name = body_of<TransactionLogKey>(key, "a key", arena);
  if (!name) return name.error();
  StoredTransaction stored;
  stored.id = name->transactional_id;
  if (!value) return std::optional(std::move(stored));
  const Result<TransactionLogValue> read = body_of<TransactionLogValue>(*value, "a value", arena);
  if (!read) return read.error();
  if (read->transaction_status < 0 || read->transaction_status > static_cast<int8_t>(TransactionStatus::COMPLETE_ABORT))
    return Error{ErrorCode::CORRUPT_MESSAGE, "transactional id " + stored.id + " with status " + std::to_string(read->transaction_status)};
  TransactionRecord& record = stored.record.emplace();
  record.producer = {read->producer_id, read->producer_epoch};
  record.timeout_ms = read->transaction_timeout_ms;
  record.status = static_cast<TransactionStatus>(read->transaction_status);
  record.last_update_ms = read->transaction_last_update_timestamp_ms;
  record.start_ms = read->transaction_start_timestamp_ms;
  if (read->transaction_partitions) {
    for (const auto& topic : *read->transaction_partitions) {
      for (const PartitionIndex partition : topic.partition_ids) record.partitions.insert({std::string(topic.topic), partition});
    }
  }
  return std::optional(std::move(stored));
}

}  // namespace quokka
