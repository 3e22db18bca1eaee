// One shard of a coordinator (of groups, of transactions): a partition of an internal topic, and the state that its records make.
//
//   an operation yields records -> they are appended as one batch -> and applied, in the order of the log -> its answer waits for the high watermark
//   leadership arrives -> the partition is read from its start to its end, each record applied by the same function -> requests are served
//
// Persistent state changes in JournalState::apply only, and only with records that are in the log. What is applied and not committed yet is seen by
// nobody: answers wait for the high watermark, and so do reads (when_committed), which sees to it that no answer is taken back by a change of leaders.
// A write that was refused before it was written leaves no trace. One whose fate is unknown makes the state doubtful: the shard drops it and loads it
// again from the log.
//
// Everything here belongs to one loop. What comes back from log and pool carries the number of the load it belongs to, so that nothing of an earlier
// leadership reaches a later one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/journal/journal_log.h"
#include "protocol/base/loop.h"
#include "protocol/records/compression.h"
#include "protocol/records/control_record.h"

namespace quokka {

// One record in the log, where it lies.
struct JournalRecord {
  Bytes key;
  std::optional<Bytes> value;  // nullopt: a tombstone
  Offset batch_offset;         // of the first record of its batch
  ProducerId transaction;      // the producer whose open transaction it belongs to; -1 none
};

// One record to be written.
struct JournalEntry {
  std::vector<uint8_t> key;
  std::optional<std::vector<uint8_t>> value;
};

// What the records make: a coordinator. Called on the journal's loop.
class JournalState {
 public:
  // In the order of the log. A record that makes no sense is passed over.
  virtual void apply(const JournalRecord& record) = 0;
  // The transaction of `producer` is decided.
  virtual void apply_marker(ProducerId producer, bool committed) = 0;
  // Everything in the log was applied: requests may come.
  virtual void on_loaded() = 0;
  // The state is over: forget it and answer what waits. Also ends a load that was under way.
  virtual void on_unloaded() = 0;

 protected:
  ~JournalState() = default;
};

class Journal {
 public:
  struct Settings {
    TopicPartition partition;
    size_t load_bytes_max = 1 << 20;                // read at a time when loading
    Duration write_timeout = Duration::seconds(5);  // answers and reads wait for the high watermark at most so long
    Duration load_retry = Duration::seconds(1);     // after a load that failed while this broker leads
    Compression compression{};
    bool answer_when_committed = true;  // false: a write is answered when it is appended
  };
  // All outlive the journal; the loop and the pool run nothing any more when it is destroyed.
  struct Ports {
    Loop& loop;
    Pool& pool;
    JournalLogs& logs;
  };
  enum class Phase { idle, loading, active };
  using Done = Function<void(ErrorCode)>;

  Journal(Settings settings, Ports ports, JournalState& state);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  Phase phase() const { return phase_; }
  LeaderEpoch epoch() const { return epoch_; }

  // This broker leads the partition under `epoch`. While it leads already only the epoch changes: the log stayed its own.
  void lead(LeaderEpoch epoch);
  // It does not, since `epoch`; nullopt: the partition is gone. An epoch older than the one known is ignored.
  void resign(std::optional<LeaderEpoch> epoch);

  // What is in a batch's header beside the records.
  struct Terms {
    int32_t base_sequence = kNoSequence;  // Kafka gives offset commits 0 and everything else none
    ProducerId transaction{};             // set: the batch belongs to this producer's transaction
    ProducerEpoch producer_epoch{};
    TransactionGuard guard{};
  };
  // Appends `entries` as one batch, and applies them before this returns. `done` is called later, once: NONE when they are committed, else the
  // log's error, NOT_LEADER_OR_FOLLOWER when the shard was unloaded, or REQUEST_TIMED_OUT, after which they may yet be committed.
  void append(const std::vector<JournalEntry>& entries, const Terms& terms, Done done);
  // The same for the end of a transaction that has records here.
  void append_marker(ProducerId producer, ProducerEpoch producer_epoch, EndTransactionMarker marker, Done done);

  // `done` is called once, perhaps at once, when all that is applied by now is committed; else with the errors of append().
  void when_committed(Done done);

 private:
  struct Waiting {
    Offset end;  // committed when the high watermark is here
    MonoTime until;
    bool is_read = false;  // answered by any high watermark that is high enough; a write by its own outcome
    Done done;             // empty: answered before
  };

  void begin_load();
  void read_on(std::optional<Offset> from);
  void on_chunk(Result<JournalLog::Chunk> chunk);
  void apply_batch(Bytes batch, Offset from);
  void finish_load(Offset log_end, Offset high_watermark);
  void retry_load(const Error& error);
  void unload();
  void on_doubt(ErrorCode error);
  void on_settled(uint64_t number, Offset end, ErrorCode error);
  void on_committed_up_to(Offset end);
  void wait(uint64_t number, Waiting waiting);
  void answer(uint64_t number, ErrorCode error);
  void arm_timer();
  void on_timer();
  // Runs `f` on the loop unless the load it belongs to is over by then.
  template <class F>
  auto bound(F f);
  // Appends and calls `apply` with the batch's offset, both before it returns.
  void write(std::vector<uint8_t> batch, TransactionGuard guard, Function<void(Offset)> apply, Done done);

  const Settings settings_;
  const Ports ports_;
  JournalState& state_;

  Phase phase_ = Phase::idle;
  LeaderEpoch epoch_;
  uint64_t load_ = 0;  // number of the current load
  JournalLogPtr log_;
  Offset applied_end_{0};
  Offset committed_end_{0};
  MonoTime load_began_;
  uint64_t records_loaded_ = 0;

  uint64_t next_number_ = 1;
  std::map<uint64_t, Waiting> waiting_;  // in the order in which they time out
  Loop::TimerId timer_ = 0;
};

}  // namespace quokka
