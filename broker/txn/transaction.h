// What goes into the core of the transaction coordinator and what comes out: requests and answers without the wire, records without their bytes. PURE.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/error_code.h"
#include "protocol/base/ids.h"
#include "protocol/base/time.h"

namespace quokka {

// Time-outs are measured by the monotonic clock, what is stored and expires by the wall clock.
struct TransactionTime {
  MonoTime mono;
  WallTime wall;
};

// As stored.
enum class TransactionStatus : int8_t { EMPTY = 0, ONGOING = 1, PREPARE_COMMIT = 2, PREPARE_ABORT = 3, COMPLETE_COMMIT = 4, COMPLETE_ABORT = 5 };
std::string_view name(TransactionStatus status);  // Kafka's: "PrepareCommit"
std::optional<TransactionStatus> transaction_status_of(std::string_view name);

// One instance of a producer. An epoch that is not the current one is a zombie's.
struct TransactionalProducer {
  ProducerId id;
  ProducerEpoch epoch;

  bool operator==(const TransactionalProducer&) const = default;
};

// A transactional id as it is stored.
struct TransactionRecord {
  TransactionalProducer producer;
  int32_t timeout_ms = 0;
  TransactionStatus status = TransactionStatus::EMPTY;
  std::set<TopicPartition> partitions;  // of the transaction; none once it is complete
  int64_t last_update_ms = -1;
  int64_t start_ms = -1;  // of the transaction, kept when it is complete; -1 when Empty

  bool operator==(const TransactionRecord&) const = default;
};

struct StoredTransaction {
  std::string id;
  std::optional<TransactionRecord> record;  // nullopt: a tombstone

  bool operator==(const StoredTransaction&) const = default;
};

// Names a request whose answer may come later.
using TransactionRequestId = uint64_t;

struct TransactionAnswer {
  ErrorCode error = ErrorCode::NONE;
  TransactionalProducer producer{};  // of InitProducerId
};

struct InitTransactions {
  std::string id;
  int32_t timeout_ms = 0;
  std::optional<TransactionalProducer> expected;  // what the producer is, if it wants to go on after an error (KIP-360)
  std::optional<ProducerId> fresh_id;             // never given out before
};

struct EndTransaction {
  std::string id;
  TransactionalProducer producer;
  bool commit = false;
  MonoTime arrived;  // at this broker
};

struct TransactionWrite {
  uint64_t number = 0;  // for on_written
  std::vector<StoredTransaction> records;
};

// The end of a transaction that is to be written to each of its partitions.
struct MarkerOrder {
  std::string id;
  uint64_t number = 0;  // for on_marker_written
  TransactionalProducer producer;
  bool commit = false;
  std::vector<TopicPartition> partitions;
};

// In the order of performance.
struct TransactionEffects {
  std::vector<TransactionWrite> writes;  // each one batch; its records are applied when it is appended
  std::vector<std::pair<TransactionRequestId, TransactionAnswer>> answers;
  std::vector<MarkerOrder> markers;
  std::vector<std::string> notes;  // for the log: each a sentence
};

struct TransactionOverview {
  std::string id;
  ProducerId producer_id;
  TransactionStatus status = TransactionStatus::EMPTY;
  int64_t start_ms = -1;
};

// What a failed write means to the producer that waits for it.
ErrorCode transaction_write_error(ErrorCode error);

}  // namespace quokka
