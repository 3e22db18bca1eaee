// The Disk port on POSIX files and Linux's page cache calls.
#pragma once

#include "broker/disk/disk.h"

namespace quokka {

class PosixDisk final : public Disk {
 public:
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
};

}  // namespace quokka
