// The coordinator of the transactions of one shard: which producer owns a transactional id, and what becomes of its transaction. It decides and performs
// nothing. PURE.
//
//   Empty -> Ongoing: partitions are added, each before its first record -> PrepareCommit or PrepareAbort is written: this is the decision -> markers are
//   written to all partitions -> CompleteCommit or CompleteAbort is written -> Ongoing again
//
// State changes in apply() only, with records that are in the log. While a write of an id is under way, and from the decision until it is complete, whatever
// else comes for that id is answered CONCURRENT_TRANSACTIONS: nothing is built upon what is not committed, and there is one completion (KAFKA-10080).
//
// Fencing: InitProducerId raises the epoch; with a transaction open the transaction is aborted first, under an epoch above that of its producer, which
// nobody is ever given. So is one that exceeds its time-out. A raise that could not be written has not happened and consumes no epoch (KAFKA-9666).
//
// The protocol of 3.9 does not say which transaction an EndTxn means, only whose: one that is delayed into the next transaction of the same epoch would
// decide that (KAFKA-17754). What can be told is refused: an EndTxn that arrived here before the transaction began.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/txn/transaction.h"

namespace quokka {

struct TransactionSettings {
  int32_t timeout_max_ms = 900'000;           // transaction.max.timeout.ms
  int64_t id_expiration_ms = 604'800'000;     // transactional.id.expiration.ms
  size_t expiry_batch_bytes_max = 16'384;     // tombstones go in batches of about so much
  size_t ids_max = 1'000'000;                 // of a shard: beyond it new ones are refused
};

class TransactionCore {
 public:
  explicit TransactionCore(TransactionSettings settings) : settings_(settings) {}

  // --- Requests. An answer that is not in the effects comes with those of a later call. What is answered at once may rest on records that are not
  // committed yet: the caller waits until they are.
  // True if on_init has to be given a fresh producer id.
  bool needs_producer_id(const InitTransactions& init) const;
  TransactionEffects on_init(TransactionRequestId request, const InitTransactions& init, TransactionTime now);
  TransactionEffects on_add_partitions(TransactionRequestId request, const std::string& id, TransactionalProducer producer,
                                       const std::set<TopicPartition>& partitions, TransactionTime now);
  TransactionEffects on_end(TransactionRequestId request, const EndTransaction& end, TransactionTime now);
  // May the producer write to these partitions (KIP-890)? As asked.
  std::vector<ErrorCode> verify(const std::string& id, TransactionalProducer producer, const std::vector<TopicPartition>& partitions) const;
  // TRANSACTIONAL_ID_NOT_FOUND is nullptr.
  const TransactionRecord* find(const std::string& id) const;
  std::vector<TransactionOverview> list() const;
  size_t size() const { return transactions_.size(); }

  // --- Time.
  // Transactions over their time-out are aborted.
  TransactionEffects on_time_out_check(TransactionTime now);
  // Ids that were not used for long are forgotten.
  TransactionEffects on_expiry_check(TransactionTime now);
  // True if something failed that must be done: on_retry a little later.
  bool wants_retry() const { return !incomplete_.empty(); }
  TransactionEffects on_retry(TransactionTime now);

  // --- Writes and markers. Unknown numbers (of before an unload) are ignored.
  TransactionEffects on_written(uint64_t number, ErrorCode error, TransactionTime now);
  // It is in the log, but nobody knows yet whether it will be committed: who waits is told so, and on_written still comes.
  TransactionEffects on_write_slow(uint64_t number);
  // The marker is committed in that partition, or will never have to be (the partition is gone).
  TransactionEffects on_marker_written(uint64_t order, const TopicPartition& partition, TransactionTime now);

  // --- The log.
  void apply(const StoredTransaction& stored, TransactionTime now);
  // All that was loaded is committed: decided transactions are completed.
  TransactionEffects on_recovered(TransactionTime now);
  // Forgets everything; what waits is answered NOT_COORDINATOR.
  TransactionEffects on_unloaded();

 private:
  struct Transaction {
    TransactionRecord record;
    MonoTime began;                            // of the open transaction
    ProducerId last_producer_id;               // before the current one; not stored
    ProducerEpoch last_epoch;                  // that InitProducerId raised, if the producer itself asked; not stored
    std::optional<ProducerEpoch> next_last_epoch;  // the same once the write under way is applied
    uint64_t order = 0;                        // of the markers that are being written
    std::set<TopicPartition> markers_left;
  };
  using Transactions = std::map<std::string, Transaction>;
  struct Pending {
    enum class Kind { answer, decision, completion, expiry };
    Kind kind = Kind::answer;
    std::vector<std::string> ids;
    std::optional<TransactionRequestId> request;
    TransactionAnswer answer;  // if it is committed
  };

  bool is_busy(const std::string& id) const;
  uint64_t write(TransactionEffects& effects, const std::string& id, TransactionRecord record, Pending pending);
  void init_new(TransactionEffects& effects, TransactionRequestId request, const InitTransactions& init, TransactionTime now);
  void decide(TransactionEffects& effects, const std::string& id, bool commit, ProducerEpoch epoch, Pending pending, TransactionTime now);
  void complete(TransactionEffects& effects, const std::string& id, TransactionTime now);
  void send_markers(TransactionEffects& effects, const std::string& id, TransactionTime now);
  static TransactionEffects answer(TransactionRequestId request, ErrorCode error);

  const TransactionSettings settings_;
  Transactions transactions_;
  std::map<std::string, uint64_t> writing_;    // ids with a write under way
  std::map<uint64_t, Pending> pending_;        // writes
  std::map<uint64_t, std::string> orders_;     // markers under way
  std::set<std::string> incomplete_;           // whose completion could not be written
  uint64_t next_number_ = 1;
};

}  // namespace quokka
