// The one mutex of the project, annotated for clang's thread-safety analysis (make thread-safety).
//
// Rule: no lock is held together with another, across a suspension, a sync or a file read.
#pragma once

#include <mutex>

#if defined(__clang__)
#define QUOKKA_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define QUOKKA_THREAD_ANNOTATION(x)
#endif

#define CAPABILITY(x) QUOKKA_THREAD_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY QUOKKA_THREAD_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) QUOKKA_THREAD_ANNOTATION(guarded_by(x))
#define PT_GUARDED_BY(x) QUOKKA_THREAD_ANNOTATION(pt_guarded_by(x))
#define REQUIRES(...) QUOKKA_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) QUOKKA_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) QUOKKA_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) QUOKKA_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS QUOKKA_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace quokka {

class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace quokka
