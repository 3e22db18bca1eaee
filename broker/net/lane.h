// What the connections of one event loop share. The loop's own thread only, but for what is constant.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/net/event_loop.h"
#include "broker/net/request_budget.h"
#include "broker/net/request_meters.h"
#include "broker/net/server_settings.h"
#include "broker/request/call.h"

namespace quokka {

class Connection;

// Of a server, whatever the loop; constant, and what it refers to guards itself.
struct ServerContext {
  const ServerSettings& settings;
  const ServedKeys& served;
  Pool& pool;
  CallHandler& handler;
  Registry& metrics;
  std::shared_ptr<RequestBudget> budget;
};

class Lane {
 public:
  static constexpr size_t kScratchBytes = 256 << 10;

  Lane(EventLoop& on_loop, const ServerContext& of_server);
  ~Lane();

  // On the loop. Begins to look after its connections' deadlines.
  void start();
  void add(std::shared_ptr<Connection> connection);
  void remove(Connection& connection);
  // On the loop. All connections finish what they have and close; `emptied` runs once there are none.
  void drain(Task emptied);
  // On the loop. Closes all that are left.
  void close_all(const std::string& why);

  EventLoop& loop;
  const ServerContext& server;
  RequestMeters meters;
  // Any thread; as of the last sweep, which comes about every second.
  std::atomic<double> idle{1};               // share of the last minute in which the loop had nothing to do
  std::atomic<size_t> requests_waiting{0};   // arrived, not handed over
  std::atomic<size_t> responses_waiting{0};  // made, not sent
  // Where bytes of any connection are read to first, so that an idle one needs no buffer.
  std::unique_ptr<uint8_t[]> scratch;
  bool draining = false;

 private:
  void sweep();
  void measure_idle(MonoTime now);

  std::vector<std::shared_ptr<Connection>> connections_;
  Duration sweep_interval_;
  Task emptied_;
  MonoTime measured_at_{};
  int64_t cpu_measured_us_ = 0;
};

}  // namespace quokka
