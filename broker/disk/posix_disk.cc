// File names are passed to the kernel as they are; errors become KAFKA_STORAGE_ERROR, or kOutOfDescriptors, with path and reason.
#include "broker/disk/posix_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace quokka {

namespace {

Error storage_error(const std::string& path, const char* what, int number) {
  return Error{ErrorCode::KAFKA_STORAGE_ERROR, std::string(what) + " " + path + ": " + std::strerror(number)};
}

// Of calls that take a descriptor.
Error open_error(const std::string& path, const char* what, int number) {
  Error error = storage_error(path, what, number);
  if (number == EMFILE || number == ENFILE || number == ENOMEM) error.code = kOutOfDescriptors;
  return error;
}

// cachestat(2), Linux 6.5. The structures are the kernel's; old headers lack them.
constexpr long kCachestatNumber = 451;
struct CachestatRange {
  uint64_t offset;
  uint64_t length;
};
struct Cachestat {
  uint64_t cached;
  uint64_t dirty;
  uint64_t writeback;
  uint64_t evicted;
  uint64_t recently_evicted;
};

// nullopt where the kernel cannot tell.
std::optional<bool> cached_by_cachestat(int fd, int64_t position, int64_t length) {
  static std::atomic<bool> missing{false};
  if (missing.load(std::memory_order_relaxed)) return std::nullopt;
  CachestatRange range{static_cast<uint64_t>(position), static_cast<uint64_t>(length)};
  Cachestat stat{};
  if (syscall(kCachestatNumber, fd, &range, &stat, 0u) != 0) {
    if (errno == EOPNOTSUPP) return true;  // not a page cache: nothing waits
    if (errno == ENOSYS || errno == EPERM) missing.store(true, std::memory_order_relaxed);
    return std::nullopt;
  }
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t pages = (range.offset + range.length + page - 1) / page - range.offset / page;
  return stat.cached >= pages;
}

// One byte per 128 KiB, the kernel's usual read-ahead.
bool cached_by_probe(int fd, int64_t position, int64_t length) {
  constexpr int64_t kStep = 128 << 10;
  for (int64_t at = position; at < position + length; at += kStep) {
    uint8_t byte;
    iovec vector{&byte, 1};
    if (preadv2(fd, &vector, 1, at, RWF_NOWAIT) < 0) return errno == EOPNOTSUPP;
  }
  return true;
}

class PosixFile final : public File {
 public:
  PosixFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  const std::string& path() const override { return path_; }
  int fd() const override { return fd_; }

  Result<int64_t> size() const override {
    struct stat st;
    if (fstat(fd_, &st) != 0) return storage_error(path_, "cannot ask the size of", errno);
    return int64_t{st.st_size};
  }

  Result<size_t> read_at(MutableBytes into, int64_t position) const override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t n = pread(fd_, into.data() + done, into.size() - done, position + static_cast<int64_t>(done));
      if (n == 0) break;
      if (n < 0) {
        if (errno == EINTR) continue;
        return storage_error(path_, "cannot read", errno);
      }
      done += static_cast<size_t>(n);
    }
    return done;
  }

  bool is_cached(int64_t position, int64_t length) const override {
    if (length <= 0) return true;
    if (const auto known = cached_by_cachestat(fd_, position, length)) return *known;
    return cached_by_probe(fd_, position, length);
  }

  void read_ahead(int64_t position, int64_t length) const override {
    if (length > 0) (void)::readahead(fd_, position, static_cast<size_t>(length));
    // readahead only starts the reads; touching one byte a step waits for them.
    constexpr int64_t kStep = 128 << 10;
    for (int64_t at = position; at < position + length; at += kStep) {
      uint8_t byte;
      if (pread(fd_, &byte, 1, at) <= 0) return;
    }
  }

  void forget_cached(int64_t position, int64_t length) const override { (void)posix_fadvise(fd_, position, length, POSIX_FADV_DONTNEED); }

  void start_writeback(int64_t position, int64_t length) const override {
    (void)sync_file_range(fd_, position, length, SYNC_FILE_RANGE_WRITE);
  }

  Status write_at(Bytes bytes, int64_t position) override {
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = pwrite(fd_, bytes.data() + done, bytes.size() - done, position + static_cast<int64_t>(done));
      if (n < 0) {
        if (errno == EINTR) continue;
        return storage_error(path_, "cannot write", errno);
      }
      done += static_cast<size_t>(n);
    }
    return {};
  }

  Status truncate(int64_t size) override {
    while (ftruncate(fd_, size) != 0)
      if (errno != EINTR) return storage_error(path_, "cannot truncate", errno);
    return {};
  }

  void preallocate(int64_t position, int64_t length) override {
    (void)fallocate(fd_, FALLOC_FL_KEEP_SIZE, position, length);
  }

  Status set_modified(WallTime when) override {
    const timespec time{static_cast<time_t>(when.ms / 1000), static_cast<long>(when.ms % 1000 * 1'000'000)};
    const timespec times[] = {time, time};
    if (futimens(fd_, times) != 0) return storage_error(path_, "cannot set the time of", errno);
    return {};
  }

  Status sync() override {
    if (fdatasync(fd_) != 0) return storage_error(path_, "cannot sync", errno);
    return {};
  }

 private:
  const std::string path_;
  const int fd_;
};

class PosixLock final : public DirectoryLock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}
  ~PosixLock() override { ::close(fd_); }
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;

 private:
  const int fd_;
};

int flags_of(Disk::Open mode) {
  switch (mode) {
    case Disk::Open::read: return O_RDONLY | O_CLOEXEC;
    case Disk::Open::read_write: return O_RDWR | O_CLOEXEC;
    case Disk::Open::create: return O_RDWR | O_CREAT | O_CLOEXEC;
    case Disk::Open::create_empty: return O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
  }
  return O_RDONLY | O_CLOEXEC;
}

}  // namespace

Result<std::shared_ptr<File>> PosixDisk::open(const std::string& path, Open mode) {
  const int fd = ::open(path.c_str(), flags_of(mode), 0644);
  if (fd < 0) return open_error(path, "cannot open", errno);
  return std::shared_ptr<File>(std::make_shared<PosixFile>(path, fd));
}

Result<bool> PosixDisk::exists(const std::string& path) {
  struct stat st;
  if (::stat(path.c_str(), &st) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return storage_error(path, "cannot look for", errno);
}

Status PosixDisk::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return storage_error(from, ("cannot rename to " + to + ":").c_str(), errno);
  return {};
}

Status PosixDisk::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return storage_error(path, "cannot remove", errno);
  return {};
}

Status PosixDisk::remove_tree(const std::string& path) {
  auto present = exists(path);
  if (!present) return present.error();
  if (!*present) return {};
  auto entries = list(path);
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    const std::string child = path + "/" + entry.name;
    if (auto status = entry.is_directory ? remove_tree(child) : remove(child); !status) return status;
  }
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return storage_error(path, "cannot remove directory", errno);
  return {};
}

Result<std::vector<DirectoryEntry>> PosixDisk::list(const std::string& directory) {
  DIR* dir = ::opendir(directory.c_str());
  if (dir == nullptr) return open_error(directory, "cannot list", errno);
  std::vector<DirectoryEntry> entries;
  int failed = 0;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir);
    if (entry == nullptr) {
      failed = errno;
      break;
    }
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat st;
    if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed since
      failed = errno;
      break;
    }
    entries.push_back({name, S_ISDIR(st.st_mode), int64_t{st.st_size}, int64_t{st.st_mtim.tv_sec} * 1000 + st.st_mtim.tv_nsec / 1000000});
  }
  ::closedir(dir);
  if (failed != 0) return storage_error(directory, "cannot list", failed);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Status PosixDisk::make_directories(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) return {};
  if (errno == ENOENT && parent_directory(path) != path) {
    if (auto status = make_directories(parent_directory(path)); !status) return status;
    if (::mkdir(path.c_str(), 0755) == 0) return {};
  }
  const int failed = errno;
  struct stat st;
  if (failed == EEXIST && ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return {};
  return storage_error(path, "cannot make directory", failed);
}

Status PosixDisk::sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return open_error(path, "cannot open directory", errno);
  const int failed = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (failed != 0) return storage_error(path, "cannot sync directory", failed);
  return {};
}

// A POSIX record lock, the kind that Java's FileChannel takes, so that a Kafka broker and ours keep each other out; and flock, which keeps out a
// second holder within this process.
Result<std::unique_ptr<DirectoryLock>> PosixDisk::lock(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return open_error(path, "cannot open", errno);
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0 || ::fcntl(fd, F_SETLK, &range) != 0) {
    const int failed = errno;
    ::close(fd);
    if (failed == EWOULDBLOCK || failed == EAGAIN || failed == EACCES) return std::unique_ptr<DirectoryLock>();
    return storage_error(path, "cannot lock", failed);
  }
  return std::unique_ptr<DirectoryLock>(std::make_unique<PosixLock>(fd));
}

Result<int64_t> PosixDisk::free_bytes(const std::string& directory) {
  struct statvfs st;
  if (::statvfs(directory.c_str(), &st) != 0) return storage_error(directory, "cannot ask the free space of", errno);
  return static_cast<int64_t>(st.f_bavail) * static_cast<int64_t>(st.f_frsize);
}

Result<int64_t> PosixDisk::total_bytes(const std::string& directory) {
  struct statvfs st;
  if (::statvfs(directory.c_str(), &st) != 0) return storage_error(directory, "cannot ask the size of", errno);
  return static_cast<int64_t>(st.f_blocks) * static_cast<int64_t>(st.f_frsize);
}

}  // namespace quokka
