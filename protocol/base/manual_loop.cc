#include "protocol/base/manual_loop.h"

namespace quokka {

Loop::TimerId ManualLoop::call_at(MonoTime when, Task task) {
  TimerId id = next_timer_++;
  timers_.emplace(std::make_pair(when, id), std::move(task));
  times_.emplace(id, when);
  return id;
}

void ManualLoop::cancel(TimerId timer) {
  auto found = times_.find(timer);
  if (found == times_.end()) return;
  auto entry = timers_.find(std::make_pair(found->second, timer));
  times_.erase(found);
  // Destroyed last: its destructor may cancel other timers.
  Task task = std::move(entry->second);
  timers_.erase(entry);
}

bool ManualLoop::take_due_timer() {
  if (timers_.empty() || timers_.begin()->first.first > now_) return false;
  auto first = timers_.begin();
  times_.erase(first->first.second);
  ready_.push_back(std::move(first->second));
  timers_.erase(first);
  return true;
}

bool ManualLoop::run_one() {
  if (ready_.empty() && !take_due_timer()) return false;
  Task task = std::move(ready_.front());
  ready_.pop_front();
  task();
  return true;
}

size_t ManualLoop::run_ready() {
  size_t count = 0;
  while (run_one()) {
    ++count;
    QUOKKA_CHECK(count < 1000000, "the loop does not come to rest");
  }
  return count;
}

void ManualLoop::advance(Duration span) {
  const MonoTime end = now_ + span;
  run_ready();
  while (!timers_.empty() && timers_.begin()->first.first <= end) {
    if (timers_.begin()->first.first > now_) now_ = timers_.begin()->first.first;
    run_ready();
  }
  now_ = end;
  run_ready();
}

void ManualLoop::discard() {
  const auto ready = std::exchange(ready_, {});
  const auto timers = std::exchange(timers_, {});
  times_.clear();
}

}  // namespace quokka
