// Small file systems that can be filled up and that can lose power: ext4 in a file, of memory where there is room, on a loop device. Needs to be root.
#pragma once

#include <string>

namespace quokka {

class SmallDisk {
 public:
  // Why there can be none here; empty if there can.
  static std::string missing();

  SmallDisk(const std::string& name, int megabytes);
  ~SmallDisk();  // after whoever uses it has ended
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& path() const { return mount_; }
  void fill();  // to the last block
  void make_room();

  // What was not synced is gone, and every call from now on fails with EIO, until restore_power(), when nobody may have a file open there.
  void lose_power();
  void restore_power();

 private:
  const std::string image_, mount_;
};

}  // namespace quokka
