#include "integration-tests/coord/pumped_loop.h"

#include <algorithm>
#include <chrono>

namespace quokka {

void PumpedLoop::post(Task task) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    posted_.push_back(std::move(task));
  }
  ready_.notify_one();
}

MonoTime PumpedLoop::now() const {
  return {std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

WallTime PumpedLoop::wall_now() const {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

Loop::TimerId PumpedLoop::call_at(MonoTime when, Task task) {
  timers_.emplace(std::make_pair(when, next_timer_), std::move(task));
  return next_timer_++;
}

void PumpedLoop::cancel(TimerId timer) {
  for (auto each = timers_.begin(); each != timers_.end(); ++each) {
    if (each->first.second != timer) continue;
    timers_.erase(each);
    return;
  }
}

void PumpedLoop::turn(MonoTime end) {
  if (!timers_.empty() && timers_.begin()->first.first <= now()) {
    Task task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    return task();
  }
  if (!timers_.empty()) end = std::min(end, timers_.begin()->first.first);
  Task task;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto wait = std::chrono::microseconds(std::max<int64_t>((end - now()).us, 0));
    if (!ready_.wait_for(lock, wait, [this] { return !posted_.empty(); })) return;
    task = std::move(posted_.front());
    posted_.pop_front();
  }
  task();
}

bool PumpedLoop::run_until(Function<bool()> condition, Duration limit) {
  const MonoTime end = now() + limit;
  while (!condition()) {
    if (now() >= end) return false;
    turn(end);
  }
  return true;
}

}  // namespace quokka
