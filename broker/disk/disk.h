// Disk port: names, directories and locks. What is done to one open file is in file.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/disk/file.h"

namespace quokka {

// Held until destroyed.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  int64_t size = 0;        // bytes, of files
  int64_t modified_ms = 0;  // wall clock, of files
};

// The code of what failed because the process or the machine had no descriptor or memory left (EMFILE, ENFILE, ENOMEM): it says nothing about the
// disk and may go well later. Kafka's table has no such code; it does not leave the logs.
inline constexpr ErrorCode kOutOfDescriptors = ErrorCode::THROTTLING_QUOTA_EXCEEDED;

// Any thread. An error is KAFKA_STORAGE_ERROR or kOutOfDescriptors and names the path. Nothing here is durable before the directory that holds the name is synced.
class Disk {
 public:
  enum class Open {
    read,           // must exist
    read_write,     // must exist
    create,         // read and write; made if absent, kept as it is if present
    create_empty,   // read and write; made if absent, emptied if present
  };

  virtual ~Disk() = default;

  virtual Result<std::shared_ptr<File>> open(const std::string& path, Open mode) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  // Replaces `to` if it is a file.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // A file. Its absence is no error.
  virtual Status remove(const std::string& path) = 0;
  // A directory with all that is in it. Its absence is no error.
  virtual Status remove_tree(const std::string& path) = 0;
  // In the order of names.
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& directory) = 0;
  // With parents; existing ones are kept.
  virtual Status make_directories(const std::string& path) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  // Takes an exclusive lock on the file `path`, which is created if absent. nullptr if another process holds it.
  virtual Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) = 0;
  virtual Result<int64_t> free_bytes(const std::string& directory) = 0;
  // Of the file system that holds it.
  virtual Result<int64_t> total_bytes(const std::string& directory) = 0;

  // The whole file; nullopt if it is absent. Files above `bytes_max` are an error.
  Result<std::optional<std::string>> read_file(const std::string& path, int64_t bytes_max = 256 << 20);
  // Atomic and durable: writes `<path>.tmp`, syncs it, renames it over `path`, syncs the directory.
  Status replace_file(const std::string& path, Bytes content);
};

// "/a/b" of "/a/b/c".
std::string parent_directory(const std::string& path);

}  // namespace quokka
