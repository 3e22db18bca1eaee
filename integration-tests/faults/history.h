// Decides what is wrong with the history of a run: what producers sent and were told, what consumers read, and what lies in the replicas' files
// afterwards. Pure. Made after the vocabulary of Jepsen's checker for Kafka; what is added for transactions, groups and compacted topics has files of its own.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "integration-tests/faults/payload.h"

namespace quokka {

enum class Outcome {
  acknowledged,
  failed,   // the error says that nothing was appended
  unknown,  // timed out, disconnected, or an error that leaves it open
};

struct Send {
  RecordId id;
  int32_t partition = 0;
  Outcome outcome = Outcome::unknown;
  int64_t offset = -1;  // acknowledged; -1 where the broker knew it as a duplicate and no longer knew where
  int64_t invoked_ns = 0, completed_ns = 0;  // of one monotonic clock
};

// A record as a consumer got it. Its payload: nullopt if it was not what any producer writes.
struct Polled {
  int32_t partition = 0;
  int64_t offset = 0;
  std::optional<Payload> payload;
  int64_t at_ns = 0;  // 0: nobody asked
};

// What one consumer, which was assigned all partitions and began at their starts, got in this order.
using Polls = std::vector<Polled>;

// One batch in a replica's files.
struct StoredBatch {
  int64_t base_offset = 0, last_offset = 0;
  int32_t leader_epoch = -1;
  bool crc_valid = true;
  uint32_t fingerprint = 0;  // of all its bytes
  int64_t producer_id = -1;
  int32_t base_sequence = -1;

  bool operator==(const StoredBatch&) const = default;
};

struct ReplicaLog {
  int32_t broker = 0;
  int32_t partition = 0;
  int64_t high_watermark = 0;  // as checkpointed
  std::vector<StoredBatch> batches;  // as they lie in the files
};

struct ControllerClaim {
  int32_t broker = 0;
  int32_t epoch = 0;
};

struct History {
  uint32_t run = 0;
  std::vector<Send> sends;
  std::vector<Polls> consumers;      // during the run
  Polls final_read;                  // everything, after all faults were healed
  std::vector<ReplicaLog> replicas;  // after all brokers stopped
  std::vector<ControllerClaim> controllers;
  std::map<int32_t, int64_t> log_starts;  // partition -> where retention or deletion left its beginning; 0 where missing
};

enum class Anomaly {
  lost,                 // acknowledged, and neither read in the end nor in any replica's files
  undelivered,          // acknowledged and in a replica's files at its offset, but not read in the end
  duplicate,            // one record at two offsets
  inconsistent_offset,  // two records at one offset
  reordered,            // sent after another's acknowledgement and placed before it; or one producer's records out of order: a stale leader
  phantom,              // read, but never written so, or refused when it was sent
  poll_skip,            // a consumer went past a record
  nonmonotonic_poll,    // a consumer went back
  divergence,           // replicas differ below their high watermarks, or one is damaged in itself
  two_controllers,      // one controller epoch, two brokers
  // Of transactions (transaction_history.h).
  aborted_read,  // a record of a transaction that was not committed is read as committed
  early_read,    // a record is read as committed before its commit was asked for
  torn,          // of a transaction only a part is there: some of its records, or its records without its offsets
  copied_twice,  // one record of the input has two copies in the output
  not_copied,    // the group's offset is behind a record of the input that has no copy
  // Of groups (group_history.h).
  offset_went_back,  // an acknowledged offset of a group, or one that was told, is followed by a lower one
  two_owners,        // one partition, one generation, two members
  not_given,         // acknowledged, and the group never was given it
  // Of compacted topics (compacted_history.h). There `lost` is the latest value of a key, and `poll_skip` one that a reader was to get.
  resurrected,           // a key that was deleted last has an older value
  tombstone_gone_early,  // a reader does not get a tombstone that is younger than delete.retention.ms
  deleted_early,         // a log begins behind a record that neither its age nor a DeleteRecords let go
};
inline constexpr std::array all_anomalies = {
    Anomaly::lost,       Anomaly::undelivered,       Anomaly::duplicate,  Anomaly::inconsistent_offset, Anomaly::reordered,    Anomaly::phantom,
    Anomaly::poll_skip,  Anomaly::nonmonotonic_poll, Anomaly::divergence, Anomaly::two_controllers,     Anomaly::aborted_read, Anomaly::early_read,
    Anomaly::torn,       Anomaly::copied_twice,      Anomaly::not_copied, Anomaly::offset_went_back,    Anomaly::two_owners,   Anomaly::not_given,
    Anomaly::resurrected, Anomaly::tombstone_gone_early, Anomaly::deleted_early};
const char* name(Anomaly anomaly);

// Counts by class, and the first few of each in words.
class Findings {
 public:
  static constexpr size_t examples_max = 5;

  void add(Anomaly anomaly, std::string words);
  void add(const Findings& more);
  int64_t count(Anomaly anomaly) const;
  bool empty() const { return found_.empty(); }
  const std::vector<std::string>& examples(Anomaly anomaly) const;
  std::string str() const;  // "lost 3: ...; ..." a line a class

 private:
  struct Found {
    int64_t count = 0;
    std::vector<std::string> examples;
  };
  std::map<Anomaly, Found> found_;
};

Findings check_history(const History& history);

}  // namespace quokka
