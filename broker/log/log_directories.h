// The entries of log.dirs and the logs in them: found and recovered at start, created, deleted, flushed, kept within retention, and closed.
//
// One directory that fails (an I/O error, a failed sync) goes offline until the next start; the others live on. Threads are the caller's: what
// waits for a disk runs on the Pool, timers and reports on the Loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/disk/disk.h"
#include "broker/log/checkpoints.h"
#include "broker/log/log.h"
#include "protocol/base/loop.h"
#include "protocol/base/mutex.h"

namespace quokka {

// A log and the lock of its partition: the replica's partition takes this mutex as its own.
struct PartitionLog {
  PartitionLog(std::shared_ptr<Mutex> lock, std::unique_ptr<Log> opened, bool is_future = false)
      : mutex(std::move(lock)), partition(opened->partition()), health(opened->health()), future(is_future), log(std::move(opened)) {}

  const std::shared_ptr<Mutex> mutex;
  const TopicPartition partition;
  const DirectoryHealthPtr health;
  const bool future;  // on its way to another directory
  const std::unique_ptr<Log> log PT_GUARDED_BY(*mutex);
  // Group commit: a flush was asked for and has not begun, so that it covers what is appended meanwhile.
  bool flush_wanted GUARDED_BY(*mutex) = false;
  MonoTime last_flush GUARDED_BY(*mutex);
  // Called after every flush, whoever ran it and however it ended, on its thread and without the lock.
  std::function<void()> on_flushed GUARDED_BY(*mutex);
};
using PartitionLogPtr = std::shared_ptr<PartitionLog>;

class LogDirectories {
 public:
  struct Settings {
    std::vector<std::string> log_dirs;                           // log.dirs
    int32_t recovery_threads_per_directory = 1;                  // num.recovery.threads.per.data.dir
    Duration flush_interval = Duration::seconds(1);              // data and recovery points reach the device about so often
    Duration flush_check_interval = Duration::seconds(1);        // log.flush.scheduler.interval.ms, for flush.ms below the above
    Duration high_watermark_interval = Duration::millis(5000);   // replica.high.watermark.checkpoint.interval.ms
    Duration log_start_interval = Duration::millis(60000);       // log.flush.start.offset.checkpoint.interval.ms
    Duration retention_interval = Duration::millis(300000);      // log.retention.check.interval.ms
    Duration producer_expiry_interval = Duration::millis(600000);  // producer.id.expiration.check.interval.ms
    Duration initial_delay = Duration::seconds(30);              // before the first retention (log.initial.task.delay.ms)
    Duration file_delete_delay = Duration::millis(60000);        // of deleted partitions: the default topic's file.delete.delay.ms
  };
  // Settings of a topic; called on pool threads, several at once.
  using ConfigOf = std::function<LogConfigPtr(const std::string& topic)>;

  struct Progress {
    std::string directory;
    size_t partitions_done = 0;   // in this directory
    size_t partitions_total = 0;
    TopicPartition partition;     // the one just done
    Log::Recovery recovery;       // what it took
  };
  struct Failed {
    std::string directory;
    std::string reason;
    std::vector<TopicPartition> partitions;
  };
  struct LoadReport {
    size_t partitions = 0;
    std::vector<Failed> offline;               // directories that cannot be used
    std::vector<std::string> notes;            // for the log, each a sentence: what was ignored, removed, repaired
  };
  // What DescribeLogDirs tells.
  struct DirectoryView {
    std::string path;
    bool offline = false;
    int64_t total_bytes = -1;
    int64_t free_bytes = -1;
    struct Partition {
      TopicPartition partition;
      int64_t bytes = 0;
      Offset log_end;
      bool future = false;
    };
    std::vector<Partition> partitions;
  };

  // All references outlive this. `random` draws segment jitter and names of deleted directories.
  LogDirectories(Disk& disk, Pool& pool, Loop& loop, Random& random, Settings settings);
  ~LogDirectories();
  LogDirectories(const LogDirectories&) = delete;
  LogDirectories& operator=(const LogDirectories&) = delete;

  // --- Start, in this order. Each on the start-up thread or the loop.
  // Creates and locks the directories and reads their meta.properties. An error stops the start: another process holds a directory (.lock), or two
  // directories contradict each other. Directories that cannot be read or written are offline; if all are, that is an error too. Blocks.
  struct Identity {
    std::optional<std::string> cluster_id;
    std::optional<BrokerId> broker_id;
  };
  Result<Identity> open();
  // Refuses identities that differ from what meta.properties says, and writes the file where it is missing. Blocks.
  Status bind_identity(const std::string& cluster_id, BrokerId broker_id);
  // Loads every partition, on the pool, directories and partitions in parallel. `progress` and `done` run on the loop.
  void load(ConfigOf config_of, Function<void(const Progress&)> progress, Function<void(Result<LoadReport>)> done);
  // Begins the timers: flush, checkpoints, retention, expiry. `offline` runs on the loop when a directory fails. Loop.
  void start(Function<void(const Failed&)> offline);

  // --- Any thread.
  PartitionLogPtr find(const TopicPartition& partition) const EXCLUDES(mutex_);
  std::vector<PartitionLogPtr> all() const EXCLUDES(mutex_);
  std::vector<DirectoryHealthPtr> directories() const EXCLUDES(mutex_);
  // True if a directory is offline, so that a partition that is not found may be there and must not be created elsewhere.
  bool any_offline() const EXCLUDES(mutex_);
  // Begins to write what append_as_leader reported. After unlocking.
  void write_behind(FileSlice slice);
  // Flushes the log on the pool.
  void flush_soon(PartitionLogPtr log);
  // Files, or whole directories whose name ends in -delete.
  void remove_later(std::vector<std::string> paths, Duration delay);
  // Reports failed directories now instead of at the next flush.
  void check_health();

  // --- Pool threads; they wait for the device, and take the partition's lock themselves.
  // In the online directory with the most free space, unless `directory` names one. Existing: returned as it is. `mutex`: the partition's lock; nullptr
  // makes one. Errors: KAFKA_STORAGE_ERROR, LOG_DIR_NOT_FOUND, INVALID_TOPIC_EXCEPTION, INCONSISTENT_TOPIC_ID.
  Result<PartitionLogPtr> create(const TopicPartition& partition, std::optional<TopicId> topic_id, LogConfigPtr config,
                                 std::shared_ptr<Mutex> mutex = nullptr, std::optional<std::string> directory = std::nullopt);
  // The directory is renamed at once and removed after file.delete.delay.ms. UNKNOWN_TOPIC_OR_PARTITION if there is none.
  Status remove(const TopicPartition& partition);
  // The same, kept for a person to look at: a replica that this broker should not have.
  Status set_aside_stray(const TopicPartition& partition);
  // After truncate_to or truncate_fully_and_start_at and before the next append: epochs and recovery point are durable when it returns.
  Status finish_truncation(const PartitionLogPtr& log);
  // Flushes one log and returns its recovery point: its end at the time of the call, or below it if another flush was running. KAFKA_STORAGE_ERROR: its
  // directory is offline now.
  Result<Offset> flush(const PartitionLogPtr& log);
  // The first dirty offsets of the logs in its directory are durable when it returns.
  Status checkpoint_first_dirty(const PartitionLogPtr& log);
  std::vector<DirectoryView> describe() const;

  // --- What the timers do; callable at once. Pool threads.
  void flush_all();
  void flush_due();  // those whose flush.ms has passed
  void checkpoint_high_watermarks();
  void checkpoint_log_starts();
  void apply_retention(WallTime now);

  // Stops the timers. Loop.
  void stop();
  // Closes every log, writes checkpoints and the clean shutdown marks of directories where all went well (or where loading never changed a clean
  // one). Blocks; nobody uses a log any more.
  void close();

 private:
  struct Directory;
  struct Loading;
  using DirectoryPtr = std::shared_ptr<Directory>;
  enum class Checkpoint { recovery_point, high_watermark, log_start, first_dirty };

  Status open_directory(Directory& directory);
  void prepare(const std::shared_ptr<Loading>& loading, const DirectoryPtr& directory);
  Status find_partitions(Loading& loading, Directory& directory);
  void load_next(const std::shared_ptr<Loading>& loading, const DirectoryPtr& directory);
  void load_one(Loading& loading, Directory& directory, const std::string& name);
  void finish_directory(const std::shared_ptr<Loading>& loading, const DirectoryPtr& directory);
  Status write_checkpoint(Directory& directory, Checkpoint which);
  OffsetCheckpoint collect(const Directory& directory, Checkpoint which) const;
  std::vector<PartitionLogPtr> logs_in(const Directory& directory) const EXCLUDES(mutex_);
  Result<DirectoryPtr> choose(const std::optional<std::string>& wanted) const;
  Status rename_away(const TopicPartition& partition, bool stray);
  void every(Duration first, Duration interval, Function<void()> work);
  void arm(Duration delay, Duration interval, std::shared_ptr<Function<void()>> work);
  Uuid draw_unique();
  static void report(DirectoryHealth& health, const Error& error);
  void close_idle_segments();
  bool needs_flush(const PartitionLogPtr& log, bool by_time) const;
  bool close_logs(const Directory& directory);

  Disk& disk_;
  Pool& pool_;
  Loop& loop_;
  Random& random_;
  const Settings settings_;
  std::vector<DirectoryPtr> directories_;  // constant after construction
  // The loop's own.
  const std::shared_ptr<bool> alive_;  // false once stopped: what was posted does nothing then
  std::shared_ptr<Function<void(const Failed&)>> on_offline_;

  mutable Mutex mutex_;
  std::map<TopicPartition, PartitionLogPtr> logs_ GUARDED_BY(mutex_);
  std::map<TopicPartition, PartitionLogPtr> future_logs_ GUARDED_BY(mutex_);
};

}  // namespace quokka
