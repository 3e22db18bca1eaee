#include "integration-tests/faults/disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "integration-tests/cluster/local_cluster.h"
#include "integration-tests/faults/shell.h"

namespace quokka {
namespace {

// Of the kernel's ext4: shut down, leaving the journal as it is.
constexpr unsigned long ext4_shutdown = _IOR('X', 125, uint32_t);
constexpr uint32_t without_log_flush = 2;

std::string name_of(const std::string& name) { return fmt::format("quokka-disk-{}-{}", ::getpid(), name); }

// In memory where there is room: what is tried is what a power cut leaves, not how long this machine's disk takes for a sync beside
// others' writes.
std::string image_directory() {
  constexpr uint64_t room = uint64_t{2} << 30;
  std::error_code none;
  const auto space = std::filesystem::space("/dev/shm", none);
  return !none && space.available >= room ? "/dev/shm" : "/tmp";
}

}  // namespace

std::string SmallDisk::missing() {
  if (::geteuid() != 0) return "file systems are mounted by root only";
  try {
    SmallDisk disk("probe", 16);
    disk.lose_power();
    disk.restore_power();
  } catch (const std::exception& problem) {
    return std::string("no ext4 on a loop device that can lose power: ") + problem.what();
  }
  return "";
}

SmallDisk::SmallDisk(const std::string& name, int megabytes) : image_(fmt::format("{}/{}.image", image_directory(), name_of(name))), mount_("/tmp/" + name_of(name)) {
  shell_or_throw(fmt::format("mkdir -p {1} && truncate -s {2}M {0} && mkfs.ext4 -q -F {0} && mount -o loop {0} {1}", image_, mount_, megabytes));
}

SmallDisk::~SmallDisk() {
  shell(fmt::format("umount {1}; rm -f {0}; rmdir {1}", image_, mount_));
}

void SmallDisk::fill() { shell(fmt::format("dd if=/dev/zero of={}/filler bs=64k; dd if=/dev/zero of={}/filler2 bs=512", mount_, mount_)); }
void SmallDisk::make_room() { shell(fmt::format("rm -f {}/filler {}/filler2", mount_, mount_)); }

void SmallDisk::lose_power() {
  const int fd = ::open(mount_.c_str(), O_RDONLY | O_CLOEXEC);
  uint32_t how = without_log_flush;
  const int status = fd < 0 ? -1 : ::ioctl(fd, ext4_shutdown, &how);
  ::close(fd);
  if (status != 0) throw std::runtime_error("cannot shut down " + mount_);
}

void SmallDisk::restore_power() {
  // Whoever was killed may still be letting go of it.
  std::string said;
  const bool gone = eventually(20'000, [&] {
    const ShellResult result = shell("umount " + mount_);
    said = result.output;
    return result.status == 0;
  });
  if (!gone) throw std::runtime_error("cannot unmount " + mount_ + ": " + said);
  shell_or_throw(fmt::format("mount -o loop {} {}", image_, mount_));
}

}  // namespace quokka
