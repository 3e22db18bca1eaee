// A Loop run by the test's own thread while it waits for something, with real time: other threads post to it.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "protocol/base/loop.h"

namespace quokka {

class PumpedLoop final : public Loop {
 public:
  void post(Task task) override;
  bool in_loop() const override { return std::this_thread::get_id() == owner_; }
  MonoTime now() const override;
  WallTime wall_now() const override;
  TimerId call_at(MonoTime when, Task task) override;
  void cancel(TimerId timer) override;

  // Runs tasks and timers until `condition` holds; false when `limit` passed first.
  bool run_until(Function<bool()> condition, Duration limit = Duration::seconds(30));

 private:
  // Runs one thing, or waits for one until `end` at most.
  void turn(MonoTime end);

  const std::thread::id owner_ = std::this_thread::get_id();
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> posted_;  // guarded by mutex_
  std::map<std::pair<MonoTime, TimerId>, Task> timers_;
  TimerId next_timer_ = 1;
};

}  // namespace quokka
