// Cleans the compacted logs of this broker: chooses the dirtiest one, cleans it step by step on the pool, and so on; log.cleaner.threads at a time.
//
// It cannot die. What goes wrong with a log (a damaged batch, a full disk) concerns this log alone: it is tried again after a pause that doubles up to
// an hour, and at once when its settings change; the reason is in the log and in the metrics until then. The I/O of all cleanings together keeps to
// log.cleaner.io.max.bytes.per.second.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/cleaner/cleaning.h"
#include "broker/cleaner/log_choice.h"
#include "broker/metrics/registry.h"
#include "protocol/base/loop.h"
#include "protocol/base/mutex.h"

namespace quokka {

class LogCleaner {
 public:
  struct Settings {
    int32_t threads = 1;                            // log.cleaner.threads
    Cleaning::Settings cleaning;                    // of one of them; the secret is drawn
    double bytes_per_second = 1e300;                // log.cleaner.io.max.bytes.per.second
    Duration backoff = Duration::seconds(15);       // log.cleaner.backoff.ms: nothing to clean
    Duration failure_backoff_max = Duration::seconds(3600);
  };
  struct Ports {
    Disk& disk;
    LogDirectories& directories;
    Pool& pool;
    Loop& loop;
    Random& random;
  };

  // The ports outlive it.
  LogCleaner(Settings settings, Ports ports);
  ~LogCleaner();
  LogCleaner(const LogCleaner&) = delete;
  LogCleaner& operator=(const LogCleaner&) = delete;

  // Loop.
  void start();
  // Loop. Cleanings end between two steps; `done` runs on the loop when none is under way.
  void stop(Task done);
  // Any thread.
  void collect(MetricSink& sink) const EXCLUDES(mutex_);

 private:
  struct Worker {
    std::shared_ptr<Cleaning> cleaning;
    TopicPartition partition;
    MonoTime began;
    Loop::TimerId timer = 0;
    bool busy = false;  // something of it is on the pool
  };
  struct Failure {
    std::string reason;
    std::string directory;
    int64_t dirty_bytes = 0;
    Duration pause;
    MonoTime retry_at;
    LogConfigPtr config;  // when it failed
  };
  using Failures = std::map<TopicPartition, Failure>;
  // What a look at all logs found.
  struct Look {
    std::shared_ptr<Cleaning> cleaning;  // of the dirtiest log that is due
    std::vector<std::pair<PartitionLogPtr, Error>> unreadable;
    std::set<TopicPartition> there;
    double dirtiest = 0;
    int64_t overdue_ms = 0;
  };
  struct Candidate;

  void look(size_t worker);
  Look look_at_all(const std::set<TopicPartition>& busy, const Failures& failures, MonoTime now);
  Result<Candidate> look_at(const PartitionLogPtr& log, CompactionView view) const;
  void on_look(size_t worker, Look look);
  void step(size_t worker);
  void on_step(size_t worker, Result<Cleaning::State> state);
  void on_done(Worker& worker);
  void on_failure(const PartitionLogPtr& log, const Error& error, int64_t dirty_bytes);
  void rest(size_t worker, MonoTime until, void (LogCleaner::*then)(size_t));
  void finish(size_t worker);
  MonoTime io_allowed_at(int64_t bytes);
  template <class Work, class Then>
  void on_pool(size_t worker, Work work, Then then);

  const Settings settings_;
  const Ports ports_;
  const HashSecret secret_;

  // The loop's own.
  const std::shared_ptr<bool> alive_;
  std::vector<Worker> workers_;
  std::deque<size_t> wait_to_look_;  // one looks at a time, so that no two choose the same log
  bool looking_ = false;
  std::set<TopicPartition> busy_;
  MonoTime io_free_at_;
  bool stopping_ = false;
  Task on_stopped_;

  mutable Mutex mutex_;
  Failures failures_ GUARDED_BY(mutex_);  // changed on the loop only
  struct Report {
    double dirtiest = 0;
    int64_t overdue_ms = 0;
    MonoTime last_run;
    double recopy_percent = 0;
    double map_utilization = 0;
    double seconds = 0;
  } report_ GUARDED_BY(mutex_);
};

}  // namespace quokka
