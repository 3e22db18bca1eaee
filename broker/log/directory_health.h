// Whether one entry of log.dirs may still be used. After an I/O error it is offline until the next start: what a failed sync dropped never comes
// back, so a retry that succeeds proves nothing. An open that found no descriptor or memory says nothing about the disk and is no such error.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "protocol/base/mutex.h"

namespace quokka {

// Any thread.
class DirectoryHealth {
 public:
  explicit DirectoryHealth(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  bool offline() const { return offline_.load(std::memory_order_acquire); }
  // The first reason is kept. Logs of the directory refuse appends from now on; LogDirectories reports it within a second.
  void fail(const std::string& reason) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (offline_.load(std::memory_order_relaxed)) return;
    reason_ = reason;
    offline_.store(true, std::memory_order_release);
  }
  // An open found no descriptor (kOutOfDescriptors): LogDirectories gives back those that nobody uses.
  void want_descriptors() { wants_descriptors_.store(true, std::memory_order_relaxed); }
  bool take_wants_descriptors() { return wants_descriptors_.exchange(false, std::memory_order_relaxed); }
  std::string reason() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return reason_;
  }

 private:
  const std::string path_;
  std::atomic<bool> offline_{false};
  std::atomic<bool> wants_descriptors_{false};
  mutable Mutex mutex_;  // a leaf: nothing else is taken or waited for inside
  std::string reason_ GUARDED_BY(mutex_);
};

using DirectoryHealthPtr = std::shared_ptr<DirectoryHealth>;

}  // namespace quokka
