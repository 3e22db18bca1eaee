// A Loop without a thread for tests: tasks run when the test says so, time stands still until the test moves it.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "protocol/base/loop.h"

namespace quokka {

// One thread only.
class ManualLoop final : public Loop {
 public:
  // Both clocks start here, so that 0 is never a time that occurs.
  explicit ManualLoop(WallTime start = {1700000000000}) : now_{1000000}, wall_start_(start) {}
  ManualLoop(const ManualLoop&) = delete;
  ManualLoop& operator=(const ManualLoop&) = delete;

  void post(Task task) override { ready_.push_back(std::move(task)); }
  bool in_loop() const override { return true; }
  MonoTime now() const override { return now_; }
  WallTime wall_now() const override { return {wall_start_.ms + (now_.us - 1000000) / 1000}; }
  TimerId call_at(MonoTime when, Task task) override;
  void cancel(TimerId timer) override;

  // Runs one ready task; false if there was none.
  bool run_one();
  // Runs until nothing is ready, timers that are due included; returns how many ran. Stops the process after a million (a loop without end).
  size_t run_ready();
  // Moves time to each timer within `span` in turn and runs what becomes ready.
  void advance(Duration span);
  // Destroys what waits unrun, as a loop that has stopped does.
  void discard();
  // The next timer's time, if there is one.
  bool has_timer() const { return !timers_.empty(); }
  MonoTime next_timer() const { return timers_.begin()->first.first; }
  size_t ready_count() const { return ready_.size(); }

 private:
  bool take_due_timer();

  MonoTime now_;
  const WallTime wall_start_;
  std::deque<Task> ready_;
  std::map<std::pair<MonoTime, TimerId>, Task> timers_;
  std::map<TimerId, MonoTime> times_;
  TimerId next_timer_ = 1;
};

}  // namespace quokka
