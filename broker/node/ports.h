// What a broker needs of the world beside disk, pool and random numbers: loops with their streams, ZooKeeper sessions, and a source of calls. Production
// implements them on Asio and ZooKeeper's C client (broker.cc), a simulator on queues.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/config/listeners.h"
#include "broker/disk/disk.h"
#include "broker/metrics/registry.h"
#include "broker/request/call.h"
#include "coord/session/zookeeper_session.h"
#include "protocol/base/loop.h"
#include "protocol/client/stream.h"

namespace quokka {

// Where calls come from: the listeners and their connections.
class CallSource {
 public:
  virtual ~CallSource() = default;

  // Once, on a pool thread; may block. Opens the listeners; no call comes before start(). Returns `listeners.advertised` with every host and port
  // filled in. `handler` and `metrics` outlive the source's last call.
  virtual Result<std::vector<ListenerEndpoint>> listen(const Listeners& listeners, CallHandler& handler, Registry& metrics) = 0;
  // Any thread.
  virtual void start() = 0;
  // Any thread. Takes no more calls, answers those under way as far as it goes within a time, closes. `done` runs once, on any thread.
  virtual void stop(Task done) = 0;
};

// One event loop with the streams of its sockets.
struct LoopWithStreams {
  Loop& loop;
  Streams& streams;
};

struct NodePorts {
  std::vector<LoopWithStreams> loops;  // of connections and fetchers; at least one
  LoopWithStreams coordination;        // of the ZooKeeper session and the controller
  Pool& pool;
  Disk& disk;
  Random& random;
  // On the coordination loop. `connect` is a connect string. The session is kept in the file, if one is named, for a next start to end.
  std::function<std::unique_ptr<ZookeeperSession>(const std::string& connect, const std::string& session_file)> open_session;
  CallSource& calls;
};

}  // namespace quokka
