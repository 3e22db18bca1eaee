// A Disk in memory for tests and simulation: it keeps what was synced apart from what was only written, so that a power loss can be played, and fails
// the operation a test names.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/disk/disk.h"
#include "protocol/base/mutex.h"

namespace quokka {

// Any thread.
class MemoryDisk final : public Disk {
 public:
  // What was done to the disk, for tests that look at an order of operations: "write", "sync", "truncate", "rename", "remove", "sync_directory" ...
  struct Operation {
    std::string name;
    std::string path;
    std::string to;  // of a rename
  };

  MemoryDisk();
  ~MemoryDisk() override;

  // Every operation asks it before it acts; false makes it fail with an I/O error (a write leaves half of its bytes).
  void set_fault(std::function<bool(const Operation&)> fails);
  // While `out`, nothing can be opened or listed, as in a process without descriptors; open files go on.
  void set_out_of_descriptors(bool out);
  // While `cold`, files say that nothing of them is in the page cache.
  void set_cold(bool cold);
  std::vector<Operation> operations() const;
  void forget_operations();

  // What a device had written by itself of a file that was changed since its sync: that many of the first bytes of what was written, from `least` (from
  // where on it differs) to `most`; nullopt for the synced content.
  using Torn = std::function<std::optional<size_t>(const std::string& path, size_t least, size_t most)>;
  // What is on the device stays: synced content (or what `torn` says), under the names that a sync of their directory has made durable. Open files keep
  // working on what was lost and reach nothing. Locks are free.
  void lose_power(const Torn& torn = nullptr);
  // From now on, a sync that fails drops what it should have written: it can be read until the process ends, never reaches the device, and the next sync
  // succeeds without it.
  void set_failed_syncs_drop(bool drop);
  // As kill -9: written bytes survive; locks are free.
  void kill();
  void set_free_bytes(const std::string& directory, int64_t bytes);
  void set_wall_clock(std::function<int64_t()> now_ms);

  Result<std::shared_ptr<File>> open(const std::string& path, Open mode) override;
  Result<bool> exists(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status remove_tree(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
  Status make_directories(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override;
  Result<int64_t> free_bytes(const std::string& directory) override;
  Result<int64_t> total_bytes(const std::string& directory) override;

  struct State;  // shared with the files

 private:
  std::shared_ptr<State> state_;
};

}  // namespace quokka
