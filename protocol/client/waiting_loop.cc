#include "protocol/client/waiting_loop.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>

namespace quokka {
namespace {

// The longest single wait: far ends must not overflow the clock's own units.
constexpr Duration kTurnMax = Duration::seconds(3600);

}  // namespace

WaitingLoop::~WaitingLoop() { timers_.clear(); }

void WaitingLoop::post(Task task) { boost::asio::post(io_, std::move(task)); }

MonoTime WaitingLoop::now() const {
  return {std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

WallTime WaitingLoop::wall_now() const {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

Loop::TimerId WaitingLoop::call_at(MonoTime when, Task task) {
  const TimerId id = next_timer_++;
  auto& timer = timers_.try_emplace(id, io_).first->second;
  timer.expires_at(std::chrono::steady_clock::time_point(std::chrono::microseconds(when.us)));
  timer.async_wait([this, id, called = std::move(task)](const boost::system::error_code& error) mutable {
    if (error) return;
    timers_.erase(id);
    called();
  });
  return id;
}

bool WaitingLoop::run_until_or(const std::function<bool()>& condition, MonoTime end) {
  while (!condition()) {
    const MonoTime at = now();
    if (at >= end) return false;
    const Duration turn = end.us - at.us > kTurnMax.us ? kTurnMax : end - at;
    io_.run_one_for(std::chrono::microseconds(turn.us));
  }
  return true;
}

}  // namespace quokka
