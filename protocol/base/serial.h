// Work that may block and must keep its order: one piece after another, on the threads of a pool.
#pragma once

#include <deque>
#include <memory>

#include "protocol/base/loop.h"
#include "protocol/base/mutex.h"

namespace quokka {

// Any thread. `pool` outlives it; work that waits when the pool stops is destroyed unrun.
class Serial {
 public:
  explicit Serial(Pool& pool) : state_(std::make_shared<State>(pool)) {}

  void run(Task work) {
    begin([work = std::move(work)](Task done) mutable {
      work();
      done();
    });
  }
  // Work that goes on elsewhere: the next piece begins when it calls `done`, from any thread.
  void begin(Function<void(Task done)> work) {
    {
      MutexLock lock(state_->mutex);
      state_->waiting.push_back(std::move(work));
      if (state_->running) return;
      state_->running = true;
    }
    next(state_);
  }

 private:
  struct State {
    explicit State(Pool& p) : pool(p) {}
    Pool& pool;
    Mutex mutex;
    std::deque<Function<void(Task)>> waiting GUARDED_BY(mutex);
    bool running GUARDED_BY(mutex) = false;
  };

  // One piece a turn, so that others of the pool get theirs.
  static void next(const std::shared_ptr<State>& state) {
    state->pool.run([state] {
      Function<void(Task)> work;
      {
        MutexLock lock(state->mutex);
        work = std::move(state->waiting.front());
        state->waiting.pop_front();
      }
      work([state] {
        {
          MutexLock lock(state->mutex);
          state->running = !state->waiting.empty();
          if (!state->running) return;
        }
        next(state);
      });
    });
  }

  std::shared_ptr<State> state_;
};

}  // namespace quokka
