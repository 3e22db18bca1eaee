// Listeners and their connections: turns bytes from clients into Calls for a handler, and answers into bytes, within limits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/metrics/registry.h"
#include "broker/net/event_loop.h"
#include "broker/net/server_settings.h"
#include "broker/request/call.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"

namespace quokka {

class Server {
 public:
  // All outlive it, and the loops are stopped before it is destroyed.
  struct Ports {
    EventLoops& loops;
    Pool& pool;
    CallHandler& handler;
    Registry& metrics;
  };

  Server(ServerSettings settings, ServedKeys served, Ports ports);
  ~Server();

  // Binds and listens, accepts from start() on. Returns the port. The error names the address and what to do.
  Result<uint16_t> listen(ListenerSettings listener);
  void start();

  // Any thread. Stops accepting and reading, answers what is in flight, closes; what is not answered by `deadline` from now is cut off.
  // `done` runs once, on a loop.
  void stop(Duration deadline, Task done);

  // Any thread: dynamic updates.
  void set_max_connections(int32_t total);
  void set_max_connections_per_ip(int32_t per_ip, std::map<std::string, int32_t> overrides);

  // Any thread.
  size_t connections() const;
  int64_t queued_request_bytes() const;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace quokka
