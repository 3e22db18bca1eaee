// Disk port, one open file. Production is POSIX (posix_disk), tests and a simulator keep synced and unsynced bytes apart (memory_disk).
#pragma once

#include <cstdint>
#include <string>

#include "protocol/base/bytes.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"

namespace quokka {

// Closed when destroyed, without a sync. Reads may run on any thread beside one writer. An I/O error is KAFKA_STORAGE_ERROR and names the path.
class File {
 public:
  virtual ~File() = default;

  virtual const std::string& path() const = 0;
  // For sendfile; -1 where there is none (a simulator), then read_at serves.
  virtual int fd() const = 0;
  virtual Result<int64_t> size() const = 0;

  // Reads until `into` is full or the file ends; returns the number of bytes read.
  virtual Result<size_t> read_at(MutableBytes into, int64_t position) const = 0;
  // True if a read of the range would not wait for the device. May read (and so touch) some of it.
  virtual bool is_cached(int64_t position, int64_t length) const = 0;
  // Brings the range into the page cache; waits for the device. A failure shows in the read that follows.
  virtual void read_ahead(int64_t position, int64_t length) const = 0;
  // The page cache need not keep the range; advisory. What is not written to the device yet stays.
  virtual void forget_cached(int64_t position, int64_t length) const = 0;
  // Tells the kernel to begin writing the range to the device. No promise: only sync() makes one. May wait when the device's queue is full.
  virtual void start_writeback(int64_t position, int64_t length) const = 0;

  // Writes all of it or fails.
  virtual Status write_at(Bytes bytes, int64_t position) = 0;
  virtual Status truncate(int64_t size) = 0;
  // Reserves blocks without changing the size; advisory, so a file system that cannot is no error. truncate() gives back what is unused.
  virtual void preallocate(int64_t position, int64_t length) = 0;
  // When the file was last written, as a copy takes it over from what it was made of.
  virtual Status set_modified(WallTime when) = 0;
  // Data and length are on the device afterwards. After a failure nothing about the file's state may be assumed: never retry.
  virtual Status sync() = 0;
};

}  // namespace quokka
