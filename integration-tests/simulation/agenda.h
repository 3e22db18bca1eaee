// Virtual time: a queue of what is to happen, in order, and the one source of chance of a run. The same seed gives the same run, event for event.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "protocol/base/loop.h"

namespace quokka::simulation {

// SplitMix64.
class Draw final : public Random {
 public:
  explicit Draw(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d) {}
  uint64_t next() override {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Both inclusive.
  int64_t between(int64_t least, int64_t most) { return least + static_cast<int64_t>(next() % static_cast<uint64_t>(most - least + 1)); }
  bool one_in(int64_t n) { return between(1, n) == 1; }
  Duration span(Duration least, Duration most) { return {between(least.us, most.us)}; }
  template <class Container>
  auto& one_of(Container& all) {
    return all[static_cast<size_t>(between(0, static_cast<int64_t>(all.size()) - 1))];
  }

 private:
  uint64_t state_;
};

class Agenda {
 public:
  explicit Agenda(uint64_t seed) : draw(seed) {}
  Agenda(const Agenda&) = delete;
  Agenda& operator=(const Agenda&) = delete;

  MonoTime now() const { return now_; }
  void at(MonoTime when, Task task) { tasks_.emplace(std::make_pair(std::max(when, now_), next_++), std::move(task)); }
  void after(Duration delay, Task task) { at(now_ + delay, std::move(task)); }

  // False when nothing is left.
  bool run_next() {
    if (tasks_.empty()) return false;
    auto first = tasks_.begin();
    now_ = first->first.first;
    note(static_cast<uint64_t>(now_.us));
    note(first->first.second);
    Task task = std::move(first->second);
    tasks_.erase(first);
    ++events_;
    task();
    return true;
  }

  // Makes `what` part of the run's fingerprint.
  void note(uint64_t what) { fingerprint_ = (fingerprint_ ^ what) * 0x100000001b3 + (fingerprint_ >> 47); }
  uint64_t fingerprint() const { return fingerprint_; }
  uint64_t events() const { return events_; }

  Draw draw;
  const Loop* running = nullptr;  // whose task runs
  int touched = 0;                // id of the machine whose task ran last; 0 none

 private:
  MonoTime now_{1000000};
  uint64_t next_ = 1;
  uint64_t events_ = 0;
  uint64_t fingerprint_ = 0xcbf29ce484222325;
  std::map<std::pair<MonoTime, uint64_t>, Task> tasks_;
};

}  // namespace quokka::simulation
