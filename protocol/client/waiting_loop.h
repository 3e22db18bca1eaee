// A Loop for programs that do one thing at a time: their own thread runs it while it waits for something.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <thread>

#include "protocol/base/loop.h"

namespace quokka {

// Belongs to the thread that makes it.
class WaitingLoop final : public Loop {
 public:
  WaitingLoop() = default;
  // Destroys what has not run.
  ~WaitingLoop() override;
  WaitingLoop(const WaitingLoop&) = delete;
  WaitingLoop& operator=(const WaitingLoop&) = delete;

  void post(Task task) override;
  bool in_loop() const override { return std::this_thread::get_id() == thread_; }
  MonoTime now() const override;
  WallTime wall_now() const override;
  TimerId call_at(MonoTime when, Task task) override;
  void cancel(TimerId timer) override { timers_.erase(timer); }

  // Runs what comes until `condition` holds, which is asked again after every task.
  void run_until(const std::function<bool()>& condition) { run_until_or(condition, MonoTime{INT64_MAX}); }
  // The same; false when `patience` ended first.
  bool run_until(const std::function<bool()>& condition, Duration patience) { return run_until_or(condition, now() + patience); }
  // Runs what is there, without waiting.
  void run_ready() { io_.poll(); }

  // For sockets of this loop.
  boost::asio::io_context& io_context() { return io_; }

 private:
  bool run_until_or(const std::function<bool()>& condition, MonoTime end);

  const std::thread::id thread_ = std::this_thread::get_id();
  std::map<TimerId, boost::asio::steady_timer> timers_;
  TimerId next_timer_ = 1;
  // Last: what it destroys unrun may still cancel timers.
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
};

}  // namespace quokka
