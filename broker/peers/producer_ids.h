// Hands out producer ids from blocks that the controller allocates (AllocateProducerIds, KIP-730).
#pragma once

#include <cstdint>
#include <deque>

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
  // Asks the controller for a block; answers once, on any thread.
  using Allocate = Function<void(Function<void(Result<ProducerIdBlock>)>)>;

  ProducerIds(Allocate allocate, Loop& loop) : allocate_(std::move(allocate)), loop_(loop) {}

  // Any thread; the answer comes at once or when a block is there. COORDINATOR_LOAD_IN_PROGRESS, as Kafka says, if none comes in time.
  void next(Function<void(Result<ProducerId>)> done);

 private:
  static constexpr size_t kWaitingMax = 10'000;
  void request();
  void on_block(Result<ProducerIdBlock> block);

  Allocate allocate_;
  Loop& loop_;  // retries

  Mutex mutex_;
  ProducerIdBlock current_ GUARDED_BY(mutex_);
  ProducerIdBlock ahead_ GUARDED_BY(mutex_);  // asked for when nine tenths of the current one are used
  bool requesting_ GUARDED_BY(mutex_) = false;
  std::deque<Function<void(Result<ProducerId>)>> waiting_ GUARDED_BY(mutex_);
};

}  // namespace quokka
