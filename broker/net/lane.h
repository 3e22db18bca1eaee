// What the connections of one event loop share. The loop's own thread only, but for what is constant.
#pragma once

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
  // Where bytes of any connection are read to first, so that an idle one needs no buffer.
  std::unique_ptr<uint8_t[]> scratch;
  bool draining = false;

 private:
  void sweep();

  std::vector<std::shared_ptr<Connection>> connections_;
  Duration sweep_interval_;
  Task emptied_;
};

}  // namespace quokka
