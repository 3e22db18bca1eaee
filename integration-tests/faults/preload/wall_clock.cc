// Loaded before libc (LD_PRELOAD) into a broker under test: moves its wall clock while it runs. Monotonic clocks stay, and so does every timer: they are
// the kernel's. A wait until a time of the moved clock therefore ends at another time than was meant, or never: nothing may wait so.
//
// WALL_CLOCK := path of a file that begins with how far the clock is ahead: ns:int64 of the host's byte order, rewritten in place while the broker runs.
// Says on the standard error when the broker first reads the moved clock: "fault: the wall clock is ahead by <seconds> s".
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr int64_t ns_per_s = 1'000'000'000;
using Offset = std::atomic<int64_t>;
static_assert(Offset::is_always_lock_free && sizeof(Offset) == sizeof(int64_t));

const Offset& offset() {
  static const Offset none{0};
  static const Offset* const ahead = [] {
    const char* path = ::getenv("WALL_CLOCK");
    const int fd = path ? ::open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return &none;
    void* memory = ::mmap(nullptr, sizeof(Offset), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return memory == MAP_FAILED ? &none : static_cast<const Offset*>(memory);
  }();
  return *ahead;
}

void move(timespec* time) {
  static std::atomic<int64_t> told{0};
  const int64_t ahead = offset().load(std::memory_order_relaxed);
  if (ahead != told.load(std::memory_order_relaxed) && told.exchange(ahead) != ahead)
    ::dprintf(2, "fault: the wall clock is ahead by %lld s\n", static_cast<long long>(ahead / ns_per_s));
  const int64_t ns = time->tv_nsec + ahead % ns_per_s;
  const int64_t carry = ns < 0 ? -1 : ns / ns_per_s;
  time->tv_sec += static_cast<time_t>(ahead / ns_per_s + carry);
  time->tv_nsec = static_cast<long>(ns - carry * ns_per_s);
}

timespec moved_now() {
  static const auto next = reinterpret_cast<decltype(&::clock_gettime)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  timespec now{};
  next(CLOCK_REALTIME, &now);
  move(&now);
  return now;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto next = reinterpret_cast<decltype(&::clock_gettime)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int status = next(clock, time);
  if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) move(time);
  return status;
}

int gettimeofday(timeval* time, void*) noexcept {
  const timespec now = moved_now();
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* into) noexcept {
  const time_t seconds = moved_now().tv_sec;
  if (into) *into = seconds;
  return seconds;
}

}  // extern "C"
