// Hands out producer ids from blocks that the controller allocates (AllocateProducerIds, KIP-730).
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "protocol/base/function.h"
#include "protocol/base/ids.h"
#include "protocol/base/loop.h"
#include "protocol/base/mutex.h"
#include "protocol/base/result.h"

namespace quokka {

struct ProducerIdBlock {
  ProducerId first;
  int32_t count = 0;
};

class ProducerIds {
 public:
  // Asks the controller for a block; answers once, on any thread. Called on the loop, one at a time.
  using Allocate = Function<void(Function<void(Result<ProducerIdBlock>)>)>;

  // The loop outlives this, and stops before it goes.
  ProducerIds(Allocate allocate, Loop& loop) : allocate_(std::move(allocate)), loop_(loop) {}

  // Any thread; the answer comes at once or when a block is there. COORDINATOR_LOAD_IN_PROGRESS, as Kafka says, if none comes in time.
  void next(Function<void(Result<ProducerId>)> done);

 private:
  using Waiting = std::deque<Function<void(Result<ProducerId>)>>;

  static constexpr size_t kWaitingMax = 10'000;
  static constexpr Duration kWaitMax = Duration::seconds(2);
  static constexpr Duration kRetryAfter = Duration::millis(50);

  void ask_controller();
  void on_block(Result<ProducerIdBlock> block);
  void refuse_waiting();
  bool take(ProducerId& id) REQUIRES(mutex_);
  // True if the caller is to ask for a block.
  bool must_ask() REQUIRES(mutex_);

  // The loop's own.
  Allocate allocate_;
  Loop& loop_;
  Loop::TimerId patience_ = 0;

  Mutex mutex_;
  ProducerIdBlock current_ GUARDED_BY(mutex_);
  int32_t refill_at_ GUARDED_BY(mutex_) = 0;     // ids left of the current block when the next one is asked for
  ProducerIdBlock ahead_ GUARDED_BY(mutex_);     // asked for when nine tenths of the current one are used
  bool requesting_ GUARDED_BY(mutex_) = false;
  Waiting waiting_ GUARDED_BY(mutex_);
};

}  // namespace quokka
