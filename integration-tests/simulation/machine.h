// A machine of the simulation: what its loops and its pool share, and these. A task takes no time; how long it waits for its turn is drawn.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "integration-tests/simulation/agenda.h"

namespace quokka::simulation {

inline constexpr int64_t kWallStartMs = 1'700'000'000'000;

struct Machine {
  Machine(Agenda& a, std::string h, int i) : agenda(a), host(std::move(h)), id(i) {}

  Agenda& agenda;
  const std::string host;
  const int id;  // never 0
  MonoTime paused_until{};
  int64_t clock_offset_ms = 0;  // of the wall clock

  bool is_paused() const { return paused_until > agenda.now(); }
  WallTime wall_now() const { return {kWallStartMs + agenda.now().us / 1000 + clock_offset_ms}; }
};

// Polled one task at a time, after a drawn while, so that the loops of a machine take turns in an order the seed draws.
class SimulatedLoop final : public Loop {
 public:
  explicit SimulatedLoop(Machine& machine) : state_(std::make_shared<State>(machine)) {}
  ~SimulatedLoop() override { stop(); }

  // What waits is destroyed unrun, as is what is posted later.
  void stop();

  void post(Task task) override;
  bool in_loop() const override { return state_->machine.agenda.running == this; }
  MonoTime now() const override { return state_->machine.agenda.now(); }
  WallTime wall_now() const override { return state_->machine.wall_now(); }
  TimerId call_at(MonoTime when, Task task) override;
  void cancel(TimerId timer) override;

 private:
  struct Ready {
    Task task;
    TimerId timer = 0;  // not 0: the task is that timer's, if it was not cancelled
  };
  struct State {
    explicit State(Machine& m) : machine(m) {}
    Machine& machine;
    bool stopped = false;
    bool scheduled = false;
    std::deque<Ready> ready;
    std::map<TimerId, Task> timers;
    TimerId next_timer = 1;
  };
  using StatePtr = std::shared_ptr<State>;

  void push(Ready ready);
  void schedule(MonoTime when);
  void run_one();

  StatePtr state_;
};

// Runs work in an order that is drawn.
class SimulatedPool final : public Pool {
 public:
  explicit SimulatedPool(Machine& machine) : state_(std::make_shared<State>(machine)) {}
  ~SimulatedPool() override { stop(); }

  void stop();
  void run(Task work) override;

 private:
  struct State {
    explicit State(Machine& m) : machine(m) {}
    Machine& machine;
    bool stopped = false;
    std::map<uint64_t, Task> waiting;
    uint64_t next = 1;
  };
  static void run_later(const std::shared_ptr<State>& state, uint64_t id, MonoTime when);
  std::shared_ptr<State> state_;
};

// A loop seen from afar: what is posted arrives in order, after the time a message takes. Timers are the loop's own.
class DistantLoop final : public Loop {
 public:
  DistantLoop(Agenda& agenda, Loop& loop) : agenda_(agenda), loop_(loop) {}
  ~DistantLoop() override {
    *alive_ = false;
    // What tasks own may post while it is destroyed.
    const auto dropped = std::exchange(under_way_, {});
  }

  void post(Task task) override;
  bool in_loop() const override { return loop_.in_loop(); }
  MonoTime now() const override { return loop_.now(); }
  WallTime wall_now() const override { return loop_.wall_now(); }
  TimerId call_at(MonoTime when, Task task) override { return loop_.call_at(when, std::move(task)); }
  void cancel(TimerId timer) override { loop_.cancel(timer); }

 private:
  Agenda& agenda_;
  Loop& loop_;
  MonoTime last_{};
  std::deque<Task> under_way_;  // here and not on the agenda: they go with the machine, while what they refer to is there
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace quokka::simulation
