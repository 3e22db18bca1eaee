// Event loops, the pool for work that blocks and the source of random numbers, as production runs them: Asio and threads. Asio itself
// stays in the .cc files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/loop.h"

namespace boost::asio {
class io_context;
}

namespace quokka {

// One io_context run by one thread. Posts are batched: a burst from another thread wakes the loop once. Timers are a heap over one timer
// of the kernel, so that ten thousand of them cost memory only.
class EventLoop final : public Loop {
 public:
  // `name` is shown by ps and top (15 characters). The thread starts with start(); what is posted before runs then.
  explicit EventLoop(std::string name);
  // Stops, then destroys what has not run.
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void start();
  // Any thread but the loop's own; returns when the thread has ended. Later posts are destroyed unrun.
  void stop();
  // Any thread. Destroys what was posted or timed and has not run. After stop() only; the destructor does it too.
  void discard();

  void post(Task task) override;
  bool in_loop() const override;
  MonoTime now() const override;
  WallTime wall_now() const override;
  TimerId call_at(MonoTime when, Task task) override;
  void cancel(TimerId timer) override;

  // For sockets of this loop.
  boost::asio::io_context& io_context();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

// The loops of a broker: connections are spread over them in turn.
class EventLoops {
 public:
  // At least one; more loops than cores only take turns, so `count` is cut to the cores of this machine.
  explicit EventLoops(int count, const std::string& name = "loop");
  ~EventLoops();

  void start();
  // Stops all, then destroys what has not run.
  void stop();

  size_t size() const { return loops_.size(); }
  EventLoop& at(size_t index) { return *loops_[index]; }

 private:
  std::vector<std::unique_ptr<EventLoop>> loops_;
};

// A few threads. When queue_max pieces of work wait, run() blocks its caller until there is room: work is never lost while the pool runs.
class ThreadPool final : public Pool {
 public:
  explicit ThreadPool(int threads, size_t queue_max = 100000, const std::string& name = "pool");
  // Stops.
  ~ThreadPool() override;

  void run(Task work) override;
  // Any thread but the pool's own. What runs is finished, what waits is destroyed unrun.
  void stop();
  // Any thread: how much waits.
  size_t queued() const;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

// The kernel's random numbers.
class SystemRandom final : public Random {
 public:
  uint64_t next() override;
};

}  // namespace quokka
