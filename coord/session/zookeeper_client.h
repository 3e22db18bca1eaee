// The ZooKeeper session of production, on ZooKeeper's C client. It lasts for ever: an expired session is followed by a new one.
//
// The session's id and password are kept in a file, so that a process that was killed finds its old session at the next start and ends it: its
// ephemerals go at once instead of after the session timeout.
//
// Watches: on a reconnect the C client sends all of them in one packet, which must stay below the server's limit. Watched reads therefore move
// to further sessions, that serve nothing else, when a session holds much.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "coord/session/zookeeper_session.h"
#include "protocol/base/loop.h"

namespace quokka {

struct ZookeeperSettings {
  std::string servers;  // zookeeper.connect: host:port,host:port/chroot
  int32_t session_timeout_ms = 18000;
  size_t in_flight_max = 256;              // requests sent and not answered
  size_t request_bytes_max = 1000000;      // below the server's jute.maxbuffer, which would close the connection
  size_t watch_bytes_max = 512 * 1024;     // of one session, then another is opened
  std::string session_file;                // "": none is kept
  Duration reopen_delay = Duration::seconds(1);  // after a failure to open a session
};

class ZookeeperClient final : public ZookeeperSession {
 public:
  // Connects at once. Loop and pool outlive the client and the end of close(). Constructed on any thread before others use it, destroyed on the
  // loop's thread or when the loop has stopped.
  ZookeeperClient(Loop& loop, Pool& pool, ZookeeperSettings settings);
  // Without close() the sessions are closed in the background.
  ~ZookeeperClient() override;

  // Sessions that are open, the watch-only ones included.
  size_t session_count() const;

  void add_listener(ZookeeperListener& listener) override;
  void remove_listener(ZookeeperListener& listener) override;
  int64_t session_id() const override;
  bool is_own_session(int64_t session_id) const override;
  int32_t session_timeout_ms() const override;
  bool is_connected() const override;
  void create(std::string path, ZnodeData data, CreateMode mode, CreateDone done) override;
  void remove(std::string path, int32_t version, RemoveDone done) override;
  void set(std::string path, ZnodeData data, int32_t version, StatDone done) override;
  void multi(std::vector<ZkOp> ops, MultiDone done) override;
  void exists(std::string path, Watch watch, StatDone done) override;
  void get(std::string path, Watch watch, DataDone done) override;
  void get_children(std::string path, Watch watch, ChildrenDone done) override;
  // The session file goes too.
  void close(Task done) override;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace quokka
