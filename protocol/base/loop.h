// Ports for time and threads: an event loop, a pool for work that blocks, a source of random numbers. Production implements them on
// Asio and threads (broker/net), a simulator on a time-ordered queue and a seed. Nobody else asks a clock or starts a thread.
#pragma once

#include <cstdint>

#include "protocol/base/function.h"
#include "protocol/base/time.h"

namespace quokka {

// One event loop, run by one thread. Tasks must not block: what may wait for a disk goes to a Pool.
class Loop {
 public:
  using TimerId = uint64_t;  // never 0

  virtual ~Loop() = default;

  // Any thread. Tasks of one poster run in the order posted; never inline. After the loop has stopped a task is destroyed unrun.
  virtual void post(Task task) = 0;
  // True on the loop's own thread.
  virtual bool in_loop() const = 0;

  // Any thread.
  virtual MonoTime now() const = 0;
  virtual WallTime wall_now() const = 0;

  // The loop's own thread only. Runs once, not before `when`.
  virtual TimerId call_at(MonoTime when, Task task) = 0;
  // The loop's own thread only. The task is destroyed unrun; a timer that already ran is ignored.
  virtual void cancel(TimerId timer) = 0;

  TimerId call_after(Duration delay, Task task) { return call_at(now() + delay, std::move(task)); }
};

// A few threads for work that blocks: fsync, recovery, deletion, cold reads. Work that has a result posts it to a Loop.
class Pool {
 public:
  virtual ~Pool() = default;
  // Any thread. Order is not kept. After the pool has stopped work is destroyed unrun.
  virtual void run(Task work) = 0;
};

// Any thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
};

}  // namespace quokka
