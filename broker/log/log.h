// The log of one partition: segments, indexes, leader epochs, producer state, in Kafka's files.
//
// Log has no lock of its own. "Lock": the method needs the lock of the partition (PartitionLog::mutex), is quick and touches at most the page
// cache. "Pool": it may wait for the device and runs on a pool thread, with the lock where it says so. "Any": it works on immutable things and runs
// on any thread without the lock: a read is planned under the lock and performed outside it, and so is a flush.
//
// After an I/O error of an append the log is fenced: every further append and flush answers KAFKA_STORAGE_ERROR, and its whole directory is
// offline (DirectoryHealth). It is opened anew by the next start only. An operation that finds no descriptor (kOutOfDescriptors) before it has
// changed anything answers KAFKA_STORAGE_ERROR and may be tried again; a truncation that finds none half-way fences this log alone.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/disk/disk.h"
#include "broker/disk/file_slice.h"
#include "broker/epochs/leader_epochs.h"
#include "broker/log/active_segment.h"
#include "broker/log/directory_health.h"
#include "broker/log/flush.h"
#include "broker/log/log_config.h"
#include "broker/log/log_read.h"
#include "broker/log/segment.h"
#include "broker/producer/producer_states.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"
#include "protocol/base/uuid.h"
#include "protocol/records/validate.h"

namespace quokka {

struct AppendResult {
  Offset base_offset;             // of the first batch; of the batch appended before if duplicate
  Offset last_offset;
  int64_t log_append_time = -1;   // ms; -1 unless the topic's timestamps are append times (of a duplicate: the timestamp of the original)
  Offset log_start;
  Offset log_end;
  bool duplicate = false;         // nothing was written: the batch was in the log
  bool rolled = false;            // a segment began: a flush is due (LogDirectories does it within a second)
  // To be handed to LogDirectories::write_behind after unlocking.
  std::optional<FileSlice> write_behind;
};

// Segments that left the log and whose files carry the suffix .deleted: removed for good after file.delete.delay.ms.
struct RemovedSegments {
  std::vector<std::string> paths;
  size_t segments = 0;
  int64_t bytes = 0;
};

// What a cleaner (broker/cleaner) goes by, as of one moment.
struct CompactionView {
  std::shared_ptr<const SegmentList> segments;
  size_t rewritable = 0;             // so many from the first on are sealed, below the last stable offset, and on the device
  std::vector<AbortedEntry> aborted_in_active;
  Offset log_start;
  Offset log_end;
  std::optional<Offset> first_dirty;  // everything below it was compacted; nullopt: never
  LogConfigPtr config;
};

// Sealed segments in a row, and the one with the first one's base offset that takes their place: its files lie there whole, durable and with .cleaned
// behind their names.
struct SegmentReplacement {
  SegmentList old;  // pinned
  SegmentPtr by;
  bool has_aborted = false;  // there is a .txnindex
};

class Log {
 public:
  struct Opening {
    std::string directory;            // ".../<topic>-<partition>"; must exist
    TopicPartition partition;
    LogConfigPtr config;
    std::shared_ptr<DirectoryHealth> health;
    bool clean = false;               // the directory was shut down cleanly: no recovery
    Offset recovery_point{0};         // from the checkpoints, clamped here
    Offset log_start{0};
    Offset high_watermark{0};
    std::optional<Offset> first_dirty;  // see CompactionView
    WallTime now;
    uint64_t jitter_draw = 0;         // random: takes part in segment.jitter.ms
  };
  // What opening found out.
  struct Recovery {
    bool recovered = false;           // batches were re-read
    int64_t truncated_bytes = 0;      // torn tail
    int64_t bytes_read = 0;
    std::vector<std::string> notes;   // for the log, each a sentence
  };

  // Pool. Reads what the directory holds; creates the first segment in an empty one. Torn tails are cut at the last whole valid batch, missing or
  // damaged indexes rebuilt, the producer state rebuilt from snapshots and batches.
  static Result<std::unique_ptr<Log>> open(Disk& disk, Opening opening, Recovery* recovery = nullptr);

  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  // Constant: any thread.
  const TopicPartition& partition() const { return partition_; }
  const std::shared_ptr<DirectoryHealth>& health() const { return health_; }

  // --- State. Lock.
  const std::string& directory() const { return directory_; }
  Offset log_start() const { return log_start_; }
  Offset log_end() const { return active_.next_offset(); }
  Offset recovery_point() const { return recovery_point_; }  // everything below is on the device
  Offset high_watermark() const { return high_watermark_; }
  // The replica publishes it here; kept within [log_start, log_end].
  void set_high_watermark(Offset high_watermark);
  // Below it every transaction is decided, and it is not above the high watermark.
  Offset last_stable_offset() const;
  const LeaderEpochs& epochs() const { return epochs_; }
  EpochEnd end_of_epoch(LeaderEpoch asked) const { return epochs_.end_of(asked, log_end()); }
  const ProducerStates& producers() const { return producers_; }
  const LogConfigPtr& config() const { return config_; }
  void set_config(LogConfigPtr config);
  std::optional<TopicId> topic_id() const { return topic_id_; }
  int64_t size_bytes() const { return sealed_bytes_ + active_.bytes(); }
  size_t segment_count() const { return segments_->size(); }
  bool fenced() const { return fenced_ || health_->offline(); }
  // No flush is running and none is due: what a truncation changed is durable.
  bool fully_flushed() const;
  bool flushing() const { return flushing_; }
  int64_t unflushed_messages() const { return log_end() - recovery_point_; }

  // --- Append. Lock.
  // `batch`: validated outside the lock (validate_append). It gets its offsets and leader epoch in place and is written as it stands.
  // Errors: RECORD_LIST_TOO_LARGE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, TRANSACTION_COORDINATOR_FENCED,
  // CORRUPT_MESSAGE (nothing was written), KAFKA_STORAGE_ERROR.
  Result<AppendResult> append_as_leader(BatchToAppend& batch, LeaderEpoch leader_epoch, AppendOrigin origin, WallTime now, TransactionGuard guard = {});
  // See ProducerStates::begin_verification.
  std::optional<TransactionGuard> begin_verification(const ProducerBatch& batch, WallTime now) {
    return producers_.begin_verification(batch, now);
  }
  // `batches`: as the leader sent them, CRC checked by the caller; an incomplete batch at the end is left out. Errors: OFFSET_OUT_OF_RANGE if they do
  // not begin at or after the log end, KAFKA_STORAGE_ERROR.
  Result<AppendResult> append_as_follower(Bytes batches, WallTime now);
  // Leadership of `epoch` begins at the log end.
  void assign_epoch(LeaderEpoch epoch);
  // Rolls if the active segment has anything in it.
  Status roll(WallTime now);

  // --- Read. Plan: lock. Perform: any thread, see log_read.h.
  // Error: OFFSET_OUT_OF_RANGE outside [log_start, log_end].
  Result<ReadPlan> plan_read(const ReadRequest& request) const;
  // ListOffsets by timestamp; nullopt: the record with the largest one.
  TimestampPlan plan_timestamp_search(std::optional<int64_t> timestamp) const;
  TimestampedOffset earliest() const;  // timestamp -1
  TimestampedOffset latest(Offset end) const;  // timestamp -1; `end`: high watermark, last stable offset or log end

  // --- Truncate. Pool, with the lock, though it reads files: a truncating follower serves nobody. Afterwards, and before the next append,
  // LogDirectories::finish_truncation makes it durable.
  // Drops everything at and above `offset`. Does nothing to segments if the log ends there, but always trims the epochs.
  Status truncate_to(Offset offset, WallTime now);
  // Drops everything; the log is empty at `offset`.
  Status truncate_fully_and_start_at(Offset offset, WallTime now);

  // --- Retention. Lock.
  // DeleteRecords, or the leader's log start in a follower. OFFSET_OUT_OF_RANGE above the high watermark. Segments go with the next retention.
  Status raise_log_start(Offset offset);
  // By size, time (cleanup.policy=delete) and log start; never above the high watermark. The files are renamed here and removed by the caller.
  Result<RemovedSegments> apply_retention(WallTime now);
  void expire_producers(WallTime now) { producers_.expire(now); }

  // --- Compaction. Lock. A replacement begins, its directory is synced without the lock, and it ends: a crash before the sync leaves the old segments,
  // one after it the new one. What takes one of the old segments out of the log meanwhile undoes it; while it is under way retention waits.
  CompactionView compaction_view() const;
  void set_first_dirty(Offset offset) { first_dirty_ = offset; }
  std::optional<Offset> first_dirty() const { return first_dirty_; }
  // The segments are those of the log still, in a row, and it may be changed.
  bool holds(const SegmentList& row) const;
  // False: it does not hold them, nothing was done. KAFKA_STORAGE_ERROR: the directory is offline.
  Result<bool> begin_replacement(SegmentReplacement replacement);
  // nullopt: it was undone. The files of the old segments were renamed, and are removed by the caller, who syncs the directory.
  Result<std::optional<RemovedSegments>> finish_replacement();

  // --- Flush. One at a time; a second begin_flush while one runs gives nullopt.
  std::optional<Flush> begin_flush();                      // lock
  // (Flush::run: any thread, no lock)
  // Lock. Raises the recovery point, or fences the log for good; without a descriptor all of it is due again.
  void end_flush(Flush flush, const Status& status);

  // Pool, with the lock (nobody uses the log any more): indexes trimmed, snapshot written, everything synced; the directory can be handed to Kafka.
  Status close();
  // Lock. No more appends; for a log whose partition is deleted or whose directory failed.
  void fence() { fenced_ = true; }

  // Pool, with the lock. Writes partition.metadata durably. INCONSISTENT_TOPIC_ID if there is another.
  Status set_topic_id(TopicId topic_id);
  // Lock. The directory was renamed (deletion).
  void moved_to(std::string directory);
  // Lock: a copy of the list, for sizes and idle sweeps.
  std::shared_ptr<const SegmentList> segments() const { return segments_; }

 private:
  friend class LogLoader;

  Log(Disk& disk, Opening opening);
  // What an append does to the log, batch by batch.
  struct Run {
    Bytes bytes;
    Offset first_offset;
    Offset last_offset;
    int64_t max_timestamp = -1;
    int batches = 1;
  };

  bool must_roll(const Run& run, WallTime now) const;
  Status write(const Run& run, WallTime now);
  void note_batch(const BatchView& batch);
  std::optional<FileSlice> due_write_behind();
  Status roll_at(Offset base, WallTime now);
  Result<std::shared_ptr<File>> open_segment(Offset base);
  Status start_segment(Offset base, std::shared_ptr<File> file, WallTime now);
  Status open_segment_of(Offset offset) const;
  Status adopt(SegmentPtr old, int64_t bytes, Offset next_offset, SegmentIndexes indexes);
  Status refuse_if_fenced() const;
  Error fail(const Error& error);
  Error refuse(const Error& error);
  void push_segment(SegmentPtr segment);
  Status rebuild_producers(WallTime now);
  Status replay_producers(Offset from, Offset to);
  void note_cut(Offset end);
  static Offset snapshot_offset(const PendingFile& snapshot);
  Status remove_snapshots_above(Offset end);
  Status remove_files(const Segment& segment);
  Status rename_deleted(const Segment& segment, RemovedSegments& removed, bool with_snapshot = true);
  Status undo_replacement();
  size_t expired_segments(WallTime now) const;
  std::string file_path(std::string_view name) const { return directory_ + "/" + std::string(name); }

  Disk& disk_;
  const TopicPartition partition_;
  const std::shared_ptr<DirectoryHealth> health_;
  const uint64_t jitter_draw_;

  // Guarded by the lock of the partition.
  std::string directory_;
  LogConfigPtr config_;
  std::optional<TopicId> topic_id_;
  std::shared_ptr<const SegmentList> segments_;  // the last is active_'s
  int64_t sealed_bytes_ = 0;
  ActiveSegment active_;
  LeaderEpochs epochs_;
  ProducerStates producers_;
  Offset log_start_{0};
  Offset high_watermark_{0};
  Offset recovery_point_{0};
  std::optional<Offset> first_dirty_;
  std::optional<SegmentReplacement> replacing_;  // under way: its files end in .swap
  bool fenced_ = false;
  bool flushing_ = false;
  bool epochs_dirty_ = false;     // the checkpoint file is behind
  bool directory_dirty_ = false;  // names were made or changed since the last sync
  bool files_dirty_ = true;       // index files or snapshot of the active segment are behind: close() writes them
  std::optional<Offset> cut_while_flushing_;  // the least end that a truncation made since the flush under way began
  Offset producers_loaded_at_{0};  // the state below it came from a snapshot
  int64_t write_behind_from_ = 0;  // in the active segment
  int64_t preallocated_to_ = 0;    // in the active segment
  std::vector<PendingFile> snapshots_;  // of rolls, written by the next flush
  std::vector<SegmentPtr> unsynced_;    // sealed since the last flush
};

}  // namespace quokka
