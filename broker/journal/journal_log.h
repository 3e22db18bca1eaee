// Port: a partition of an internal topic as a coordinator's journal needs it. Production is a replica's Partition (partition_journal_log.h), tests have
// a log in memory that refuses, forgets and changes hands.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "broker/producer/producer_states.h"
#include "protocol/base/function.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"

namespace quokka {

class JournalLog {
 public:
  using Reached = Function<void(ErrorCode)>;

  virtual ~JournalLog() = default;

  // Any thread. Appends one batch of magic 2 under `epoch`. `committed` is called once, on any thread, perhaps before this returns: NONE when the
  // high watermark has passed the batch; NOT_ENOUGH_REPLICAS_AFTER_APPEND when it has, with fewer in-sync replicas than min.insync.replicas; another
  // error when this broker stopped leading first. With an error as result it is not called.
  // NOT_ENOUGH_REPLICAS, MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_RECORD, INVALID_TIMESTAMP, FENCED_LEADER_EPOCH (this broker leads under a
  // later epoch, word of which is on its way) and what producers' states say (INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED,
  // INVALID_TXN_STATE) say that nothing was written; after any other error nobody knows.
  struct Appended {
    Offset base_offset;
    Offset end;  // behind the batch
  };
  virtual Result<Appended> append(LeaderEpoch epoch, std::vector<uint8_t> batch, TransactionGuard guard, Reached committed) = 0;

  // The journal's loop; one at a time. `reached` is called once, on any thread: NONE when the high watermark is at `end` or above it, an error if this broker stops leading first.
  virtual void await_high_watermark(LeaderEpoch epoch, Offset end, Reached reached) = 0;

  // Pool threads. Whole batches from the one that holds `from` (nullopt: the first) on: about `bytes_max`, at least one.
  // Errors: NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH (the epoch is over), KAFKA_STORAGE_ERROR.
  struct Chunk {
    std::vector<uint8_t> batches;
    Offset from;  // of the first record wanted
    Offset log_end;
    Offset high_watermark;
  };
  virtual Result<Chunk> read(LeaderEpoch epoch, std::optional<Offset> from, size_t bytes_max) = 0;
};

using JournalLogPtr = std::shared_ptr<JournalLog>;

// Finds the log of a partition. Any thread; nullptr if this broker has no replica of it.
class JournalLogs {
 public:
  virtual ~JournalLogs() = default;
  virtual JournalLogPtr find(const TopicPartition& partition) = 0;
};

}  // namespace quokka
