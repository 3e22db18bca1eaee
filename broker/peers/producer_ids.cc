#include "broker/peers/producer_ids.h"

#include <utility>

namespace quokka {

namespace {

Error none_in_time() { return {ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, "the controller has not given this broker a block of producer ids yet"}; }

}  // namespace

bool ProducerIds::take(ProducerId& id) {
  if (current_.count == 0) {
    current_ = std::exchange(ahead_, {});
    refill_at_ = current_.count / 10;
  }
  if (current_.count == 0) return false;
  id = current_.first;
  current_.first = id.next();
  --current_.count;
  return true;
}

bool ProducerIds::must_ask() {
  if (requesting_ || ahead_.count > 0 || current_.count > refill_at_) return false;
  return requesting_ = true;
}

void ProducerIds::next(Function<void(Result<ProducerId>)> done) {
  ProducerId id;
  bool taken = false, full = false, ask = false;
  {
    MutexLock lock(mutex_);
    // Who came before is served before.
    taken = waiting_.empty() && take(id);
    full = !taken && waiting_.size() >= kWaitingMax;
    if (!taken && !full) waiting_.push_back(std::move(done));
    ask = must_ask();
  }
  if (ask) loop_.post([this] { ask_controller(); });
  if (taken) done(id);
  else if (full) done(none_in_time());
}

void ProducerIds::ask_controller() {
  patience_ = loop_.call_after(kWaitMax, [this] { refuse_waiting(); });
  allocate_([this](Result<ProducerIdBlock> block) {
    loop_.post([this, got = std::move(block)]() mutable { on_block(std::move(got)); });
  });
}

void ProducerIds::refuse_waiting() {
  Waiting refused;
  {
    MutexLock lock(mutex_);
    refused.swap(waiting_);
  }
  for (auto& done : refused) done(none_in_time());
}

void ProducerIds::on_block(Result<ProducerIdBlock> block) {
  loop_.cancel(patience_);
  if (!block || block->count <= 0) {
    refuse_waiting();
    loop_.call_after(kRetryAfter, [this] { ask_controller(); });
    return;
  }
  std::vector<std::pair<Function<void(Result<ProducerId>)>, ProducerId>> served;
  bool ask = false;
  {
    MutexLock lock(mutex_);
    requesting_ = false;
    ahead_ = *block;
    ProducerId id;
    while (!waiting_.empty() && take(id)) {
      served.emplace_back(std::move(waiting_.front()), id);
      waiting_.pop_front();
    }
    ask = !waiting_.empty() && must_ask();
  }
  if (ask) ask_controller();
  for (auto& [done, id] : served) done(id);
}

}  // namespace quokka
