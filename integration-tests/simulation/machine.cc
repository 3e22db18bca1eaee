#include "integration-tests/simulation/machine.h"

#include <algorithm>

namespace quokka::simulation {

namespace {

// Mostly microseconds; now and then a thread is late by much.
Duration turn_delay(Draw& draw) {
  if (draw.one_in(2000)) return draw.span(Duration::millis(1), Duration::millis(80));
  if (draw.one_in(40)) return draw.span(Duration::micros(50), Duration::millis(2));
  return draw.span(Duration::micros(1), Duration::micros(30));
}

Duration pool_delay(Draw& draw) {
  if (draw.one_in(200)) return draw.span(Duration::millis(10), Duration::millis(400));
  return draw.span(Duration::micros(10), Duration::millis(3));
}

Duration message_delay(Draw& draw) {
  if (draw.one_in(300)) return draw.span(Duration::millis(20), Duration::millis(700));
  return draw.span(Duration::micros(100), Duration::millis(4));
}

}  // namespace

void SimulatedLoop::stop() {
  state_->stopped = true;
  // What tasks own may post while it is destroyed.
  auto ready = std::move(state_->ready);
  auto timers = std::move(state_->timers);
  state_->ready.clear();
  state_->timers.clear();
}

void SimulatedLoop::post(Task task) { push({std::move(task), 0}); }

void SimulatedLoop::push(Ready ready) {
  if (state_->stopped) return;
  state_->ready.push_back(std::move(ready));
  if (!state_->scheduled) schedule(now() + turn_delay(state_->machine.agenda.draw));
}

void SimulatedLoop::schedule(MonoTime when) {
  state_->scheduled = true;
  state_->machine.agenda.at(when, [this, weak = std::weak_ptr(state_)] {
    if (!weak.expired()) run_one();
  });
}

void SimulatedLoop::run_one() {
  const StatePtr state = state_;
  state->scheduled = false;
  if (state->stopped || state->ready.empty()) return;
  Agenda& agenda = state->machine.agenda;
  if (state->machine.is_paused()) return schedule(state->machine.paused_until);
  Ready first = std::move(state->ready.front());
  state->ready.pop_front();
  if (first.timer != 0) {
    const auto timer = state->timers.find(first.timer);
    if (timer != state->timers.end()) {
      first.task = std::move(timer->second);
      state->timers.erase(timer);
    }
  }
  if (first.task) {
    agenda.running = this;
    agenda.touched = state->machine.id;
    first.task();
    first.task = Task();
    agenda.running = nullptr;
  }
  if (!state->stopped && !state->ready.empty() && !state->scheduled) schedule(agenda.now() + turn_delay(agenda.draw));
}

Loop::TimerId SimulatedLoop::call_at(MonoTime when, Task task) {
  if (state_->stopped) return state_->next_timer++;
  const TimerId id = state_->next_timer++;
  state_->timers.emplace(id, std::move(task));
  state_->machine.agenda.at(when, [this, id, weak = std::weak_ptr(state_)] {
    const StatePtr state = weak.lock();
    if (state && state->timers.contains(id)) push({Task(), id});
  });
  return id;
}

void SimulatedLoop::cancel(TimerId timer) { const auto cancelled = state_->timers.extract(timer); }

void SimulatedPool::stop() {
  state_->stopped = true;
  const auto waiting = std::move(state_->waiting);
  state_->waiting.clear();
}

void SimulatedPool::run(Task work) {
  if (state_->stopped) return;
  const uint64_t id = state_->next++;
  state_->waiting.emplace(id, std::move(work));
  run_later(state_, id, state_->machine.agenda.now() + pool_delay(state_->machine.agenda.draw));
}

void SimulatedPool::run_later(const std::shared_ptr<State>& state, uint64_t id, MonoTime when) {
  state->machine.agenda.at(when, [id, weak = std::weak_ptr(state)] {
    const auto alive = weak.lock();
    if (!alive || !alive->waiting.contains(id)) return;
    if (alive->machine.is_paused()) return run_later(alive, id, alive->machine.paused_until);
    const auto found = alive->waiting.extract(id);
    alive->machine.agenda.touched = alive->machine.id;
    Task work = std::move(found.mapped());
    work();
  });
}

void DistantLoop::post(Task task) {
  if (!*alive_) return;
  last_ = std::max(last_, agenda_.now() + message_delay(agenda_.draw));
  under_way_.push_back(std::move(task));
  agenda_.at(last_, [this, alive = alive_] {
    if (!*alive) return;
    Task arrived = std::move(under_way_.front());
    under_way_.pop_front();
    loop_.post(std::move(arrived));
  });
}

}  // namespace quokka::simulation
