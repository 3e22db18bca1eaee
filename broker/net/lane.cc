#include "broker/net/lane.h"

#include <time.h>

#include <algorithm>
#include <cmath>

#include "broker/net/connection.h"

namespace quokka {

Lane::Lane(EventLoop& on_loop, const ServerContext& of_server)
    : loop(on_loop), server(of_server), meters(of_server.metrics), scratch(new uint8_t[kScratchBytes]) {
  // A deadline is seen at most a fifth late.
  int64_t shortest = std::min(server.settings.connections_max_idle.us, server.settings.frame_timeout.us);
  sweep_interval_ = Duration::micros(std::clamp<int64_t>(shortest / 5, 10000, 1000000));
}

Lane::~Lane() = default;

void Lane::start() {
  loop.call_after(sweep_interval_, [this] { sweep(); });
}

void Lane::add(std::shared_ptr<Connection> connection) {
  connection->lane_index = connections_.size();
  connections_.push_back(std::move(connection));
}

void Lane::remove(Connection& connection) {
  size_t index = connection.lane_index;
  std::shared_ptr<Connection> removed = std::move(connections_[index]);
  if (index + 1 < connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->lane_index = index;
  }
  connections_.pop_back();
  if (connections_.empty() && emptied_) loop.post(std::move(emptied_));
}

void Lane::sweep() {
  MonoTime now = loop.now();
  measure_idle(now);
  size_t requests = 0, responses = 0;
  // From the back: what closes is replaced by one that has been looked at.
  for (size_t i = connections_.size(); i-- > 0;) {
    if (i >= connections_.size()) continue;
    std::shared_ptr<Connection> connection = connections_[i];
    connection->check_deadlines(now);
    requests += connection->requests_waiting();
    responses += connection->responses_waiting();
  }
  requests_waiting.store(requests, std::memory_order_relaxed);
  responses_waiting.store(responses, std::memory_order_relaxed);
  server.budget->nudge();
  loop.call_after(sweep_interval_, [this] { sweep(); });
}

// An exponentially weighted mean over a minute, as Kafka's RequestHandlerAvgIdlePercent.
void Lane::measure_idle(MonoTime now) {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  int64_t cpu_us = static_cast<int64_t>(used.tv_sec) * 1000000 + used.tv_nsec / 1000;
  double elapsed = static_cast<double>((now - measured_at_).us);
  if (measured_at_.us != 0 && elapsed > 0) {
    double now_idle = std::clamp(1.0 - static_cast<double>(cpu_us - cpu_measured_us_) / elapsed, 0.0, 1.0);
    double weight = 1.0 - std::exp(-elapsed / 60e6);
    idle.store(idle.load(std::memory_order_relaxed) * (1 - weight) + now_idle * weight, std::memory_order_relaxed);
  }
  measured_at_ = now;
  cpu_measured_us_ = cpu_us;
}

void Lane::drain(Task emptied) {
  draining = true;
  if (connections_.empty()) return emptied();
  emptied_ = std::move(emptied);
  for (size_t i = connections_.size(); i-- > 0;) {
    if (i >= connections_.size()) continue;
    std::shared_ptr<Connection> connection = connections_[i];
    connection->drain();
  }
}

void Lane::close_all(const std::string& why) {
  while (!connections_.empty()) {
    std::shared_ptr<Connection> connection = connections_.back();
    connection->close(why);
  }
}

}  // namespace quokka
