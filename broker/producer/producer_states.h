// What a partition remembers about its producers: the last batches of each (for duplicates and gaps), and which transactions are open (for the
// last stable offset). Pure; its snapshot has Kafka's bytes (producer_snapshot.h).
//
// An append goes check() -> bytes are written -> apply(): state changes only after the write (KAFKA-6683). What a leader has checked, a follower and
// a recovery apply as it comes.
#pragma once

#include <array>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"
#include "protocol/records/validate.h"

namespace quokka {

// The producer's side of one batch, as its header tells. Offsets are those it has, or will have, in the log.
struct ProducerBatch {
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  int32_t base_sequence = -1;
  int32_t last_sequence = -1;
  Offset base_offset;
  Offset last_offset;
  int64_t max_timestamp = -1;
  bool transactional = false;
};

// The end of a transaction, from a control batch.
struct TransactionMarker {
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  int32_t coordinator_epoch = -1;
  bool abort = false;
  Offset offset;
  int64_t timestamp = -1;
};

// What a transactional batch that would open a transaction must show (KIP-890): that since the last marker of its producer here the coordinator was asked
// and knew the partition to be part of the transaction. Without it a batch that was delayed beyond its marker would open a transaction that nobody ends.
struct TransactionGuard {
  uint64_t number = 0;  // 0: nobody was asked

  static constexpr TransactionGuard trusted() { return {UINT64_MAX}; }  // transaction.partition.verification.enable=false
  bool operator==(const TransactionGuard&) const = default;
};

// A batch that was appended: kept to recognise it when it comes again.
struct RememberedBatch {
  int32_t last_sequence = -1;
  Offset last_offset;
  int32_t offset_delta = 0;  // last - first offset, also last - first sequence
  int64_t timestamp = -1;    // max timestamp of the batch
  bool aborted = false;      // its transaction was aborted: never answered as a duplicate

  Offset base_offset() const { return last_offset + -int64_t{offset_delta}; }
  int32_t base_sequence() const;  // wraps below 0
};

// One producer as a snapshot stores it.
struct ProducerEntry {
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  int32_t last_sequence = -1;
  Offset last_offset;
  int32_t offset_delta = 0;
  int64_t timestamp = -1;
  int32_t coordinator_epoch = -1;
  Offset open_transaction_start;  // -1 none

  bool operator==(const ProducerEntry&) const = default;
};

// A transaction that ended at a marker; aborted ones go to the transaction index.
struct CompletedTransaction {
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;  // of the marker
  bool aborted = false;
  // What the last stable offset is once the marker counts: the start of the oldest other open transaction, else last_offset + 1.
  Offset last_stable_offset;
};

class ProducerStates {
 public:
  static constexpr size_t kBatchesRemembered = 5;

  struct Limits {
    size_t producers_max = 100'000;         // per partition; beyond it the longest silent one without an open transaction is forgotten
    int64_t expiration_ms = 86'400'000;     // producer.id.expiration.ms
    size_t verifications_max = 10'000;      // per partition; beyond it the longest silent one is forgotten, and its producer asks again
  };
  struct Verdict {
    // Set: the batch is in the log already, nothing is to be written and this is its answer.
    std::optional<RememberedBatch> duplicate_of;
  };

  ProducerStates() = default;
  explicit ProducerStates(Limits limits) : limits_(limits) {}

  // A client's batch: sequence, epoch and duplicates; a coordinator's: the epoch. Of both the guard, if the batch opens a transaction.
  // Errors: OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE.
  Result<Verdict> check(const ProducerBatch& batch, AppendOrigin origin, TransactionGuard guard = {}) const;
  // A transactional batch has come. nullopt: its producer's transaction is open, nobody need be asked. Else what to append with after the coordinator
  // has confirmed; the same for all that come until one is appended or a marker comes. Of those only the one with the lowest sequence may be the first
  // (KAFKA-14884: a failed verification must not let its successor overtake it).
  std::optional<TransactionGuard> begin_verification(const ProducerBatch& batch, WallTime now);
  // Errors: INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED.
  Status check(const TransactionMarker& marker) const;

  // The batch is in the log.
  void apply(const ProducerBatch& batch);
  // nullopt if the producer had nothing open here.
  std::optional<CompletedTransaction> apply(const TransactionMarker& marker);

  // The offset below which every transaction is decided and the decision is below `high_watermark`; nullopt if there is none undecided.
  std::optional<Offset> first_unstable_offset(Offset high_watermark) const;
  // Decisions below it need not be kept any more.
  void on_high_watermark(Offset high_watermark);
  // Start of the oldest open transaction.
  std::optional<Offset> oldest_open_transaction() const;
  bool has_open_transaction(ProducerId producer) const;
  size_t verification_count() const { return verifications_.size(); }

  void on_log_start(Offset log_start);
  // Forgets producers that were silent for expiration_ms and have nothing open; silence counts from the timestamp of the last batch or marker.
  void expire(WallTime now);
  void clear();

  size_t size() const { return producers_.size(); }
  bool empty() const { return producers_.empty(); }
  std::optional<ProducerEntry> find(ProducerId producer) const;
  // True if any producer has a batch, marker or open transaction at or above `offset`.
  bool touches(Offset offset) const;

  // Longest silent first.
  std::vector<ProducerEntry> entries() const;
  // Replaces everything; entries that have expired are dropped.
  void load(const std::vector<ProducerEntry>& entries, WallTime now);

  void set_limits(Limits limits) { limits_ = limits; }

 private:
  struct Producer {
    ProducerId id;
    ProducerEpoch epoch;
    std::array<RememberedBatch, kBatchesRemembered> batches;  // a ring: oldest at begin
    uint8_t batches_begin = 0;
    uint8_t batches_count = 0;
    int32_t coordinator_epoch = -1;
    int64_t last_timestamp = -1;
    Offset last_touched;            // highest offset of a batch or marker
    Offset open_transaction_start;  // -1 none

    const RememberedBatch* last() const;
    RememberedBatch& push();
  };
  using Producers = std::list<Producer>;  // longest silent first

  // Asked for and not used yet.
  struct Verification {
    TransactionGuard guard;
    ProducerEpoch epoch;
    int32_t lowest_sequence = -1;
    WallTime asked;
  };

  const Producer* find_producer(ProducerId id) const;
  Status check_guard(const ProducerBatch& batch, AppendOrigin origin, TransactionGuard guard) const;
  Producer& touch(ProducerId id);
  void forget_beyond_limit();

  Limits limits_;
  Producers producers_;
  std::unordered_map<ProducerId, Producers::iterator> by_id_;
  std::map<Offset, ProducerId> open_;            // by start
  std::map<Offset, Offset> decided_unreplicated_;  // start -> offset of the marker
  std::map<ProducerId, Verification> verifications_;
  uint64_t next_guard_ = 1;
};

}  // namespace quokka
