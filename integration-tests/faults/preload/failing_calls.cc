// Loaded before libc (LD_PRELOAD) into a broker under test: makes one of its file system calls fail, or ends the broker at one.
//
// FAULT_CALLS := "eio" call parts n     the n-th (from 1) call of that kind on a path that contains one of the parts fails with EIO, once
//              | "kill" any parts n     the process ends by SIGKILL just before its n-th changing call on such a path
// call := "write" | "sync" | "rename" | "open" | "truncate" | "unlink"; words are separated by blanks.      parts := part ("|" part)*
// Of a rename either path counts.
// Says on the standard error when it strikes: "fault: <call> <path>".
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>

namespace {

struct Plan {
  bool kills = false;
  char call[16] = "";
  char parts[128] = "";
  long strike_at = 0;
};

const Plan& plan() {
  static const Plan wanted = [] {
    Plan read;
    char what[16] = "";
    const char* words = ::getenv("FAULT_CALLS");
    if (words && ::sscanf(words, "%15s %15s %127s %ld", what, read.call, read.parts, &read.strike_at) == 4) read.kills = ::strcmp(what, "kill") == 0;
    return read;
  }();
  return wanted;
}

std::atomic<long> calls{0};

bool contains_part(const char* path) {
  char part[sizeof(Plan::parts)];
  for (const char* at = plan().parts; *at;) {
    const size_t length = ::strcspn(at, "|");
    ::memcpy(part, at, length);
    part[length] = '\0';
    if (::strstr(path, part)) return true;
    at += length + (at[length] == '|');
  }
  return false;
}

// True: the call is to fail.
bool strikes(const char* call, const char* path, const char* other = "") {
  const Plan& wanted = plan();
  if (wanted.strike_at == 0 || (!contains_part(path) && !contains_part(other))) return false;
  if (::strcmp(wanted.call, "any") != 0 && ::strcmp(wanted.call, call) != 0) return false;
  if (++calls != wanted.strike_at) return false;
  ::dprintf(2, "fault: %s %s\n", call, path);
  if (wanted.kills) ::kill(::getpid(), SIGKILL);
  errno = EIO;
  return true;
}

bool strikes(const char* call, int fd) {
  if (plan().strike_at == 0) return false;
  char name[64], path[4096];
  ::snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  const ssize_t length = ::readlink(name, path, sizeof path - 1);
  if (length <= 0) return false;
  path[length] = '\0';
  return strikes(call, path);
}

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}
// The same declaration as libc's, asked for once.
#define REAL(name) static const auto next = real<decltype(&::name)>(#name)

}  // namespace

extern "C" {

ssize_t write(int fd, const void* from, size_t bytes) {
  REAL(write);
  return fd > 2 && strikes("write", fd) ? -1 : next(fd, from, bytes);
}
ssize_t pwrite(int fd, const void* from, size_t bytes, off_t at) {
  REAL(pwrite);
  return strikes("write", fd) ? -1 : next(fd, from, bytes, at);
}
ssize_t pwrite64(int fd, const void* from, size_t bytes, off64_t at) {
  REAL(pwrite64);
  return strikes("write", fd) ? -1 : next(fd, from, bytes, at);
}
ssize_t pwritev(int fd, const iovec* from, int count, off_t at) {
  REAL(pwritev);
  return strikes("write", fd) ? -1 : next(fd, from, count, at);
}
int fsync(int fd) {
  REAL(fsync);
  return strikes("sync", fd) ? -1 : next(fd);
}
int fdatasync(int fd) {
  REAL(fdatasync);
  return strikes("sync", fd) ? -1 : next(fd);
}
int ftruncate(int fd, off_t size) noexcept {
  REAL(ftruncate);
  return strikes("truncate", fd) ? -1 : next(fd, size);
}
int ftruncate64(int fd, off64_t size) noexcept {
  REAL(ftruncate64);
  return strikes("truncate", fd) ? -1 : next(fd, size);
}
int rename(const char* from, const char* to) noexcept {
  REAL(rename);
  return strikes("rename", to, from) ? -1 : next(from, to);
}
int unlink(const char* path) noexcept {
  REAL(unlink);
  return strikes("unlink", path) ? -1 : next(path);
}
int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;
  va_end(more);
  REAL(open);
  return (flags & O_CREAT) && strikes("open", path) ? -1 : next(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;
  va_end(more);
  REAL(open64);
  return (flags & O_CREAT) && strikes("open", path) ? -1 : next(path, flags, mode);
}

}  // extern "C"
