// One entry of log.dirs as LogDirectories keeps it. Not for others.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>

#include "broker/log/log_directories.h"

namespace quokka {

struct LogDirectories::Directory {
  explicit Directory(std::string at) : health(std::make_shared<DirectoryHealth>(std::move(at))) {}
  const std::string& path() const { return health->path(); }

  const DirectoryHealthPtr health;
  std::atomic<bool> reported{false};  // as failed

  // Written at start-up by one thread, before loading.
  std::unique_ptr<DirectoryLock> lock;
  MetaProperties meta;
  bool refused = false;  // the start must stop
  bool was_clean = false;
  OffsetCheckpoint recovery_points;
  OffsetCheckpoint high_watermarks;
  OffsetCheckpoint log_starts;
  OffsetCheckpoint first_dirty;
  std::atomic<bool> loaded{false};

  Mutex mutex;
  std::deque<std::string> to_load GUARDED_BY(mutex);  // names of partition directories
  size_t total GUARDED_BY(mutex) = 0;
  size_t done GUARDED_BY(mutex) = 0;
  int running GUARDED_BY(mutex) = 0;  // loads under way

  Log::Recovery last_recovery GUARDED_BY(mutex);

  struct Written {
    uint64_t turn = 0;
    std::string content;
    bool durable = false;
  };
  uint64_t checkpoint_turn GUARDED_BY(mutex) = 0;
  Written written[4] GUARDED_BY(mutex);  // by Checkpoint
};

}  // namespace quokka
