#include "coord/controller/runner/topic_waits.h"

namespace quokka {

TopicWaits::~TopicWaits() {
  for (const auto& wait : waits_) loop_.cancel(wait->timer);
}

void TopicWaits::wait(Duration timeout, Function<bool()> is_so, Function<void(ErrorCode)> done) {
  if (is_so()) return done(ErrorCode::NONE);
  if (timeout.us <= 0) return done(ErrorCode::REQUEST_TIMED_OUT);
  auto wait = std::make_shared<Wait>();
  wait->is_so = std::move(is_so);
  wait->done = std::move(done);
  wait->timer = loop_.call_after(timeout, [this, wait] {
    waits_.remove(wait);
    wait->done(wait->is_so() ? ErrorCode::NONE : ErrorCode::REQUEST_TIMED_OUT);
  });
  waits_.push_back(std::move(wait));
}

void TopicWaits::look() {
  std::list<std::shared_ptr<Wait>> ended;
  for (auto at = waits_.begin(); at != waits_.end();) {
    auto next = std::next(at);
    if ((*at)->is_so()) ended.splice(ended.end(), waits_, at);
    at = next;
  }
  for (const auto& wait : ended) {
    loop_.cancel(wait->timer);
    wait->done(ErrorCode::NONE);
  }
}

void TopicWaits::end_all(ErrorCode code) {
  const std::list<std::shared_ptr<Wait>> ended = std::move(waits_);
  waits_.clear();
  for (const auto& wait : ended) {
    loop_.cancel(wait->timer);
    wait->done(code);
  }
}

}  // namespace quokka
