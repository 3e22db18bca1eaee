// One handle of ZooKeeper's C client: a session and its connection. What the C client calls on its own threads is posted to the loop here, and
// nothing else; calls that may block (name resolution, closing) run on the pool.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coord/session/zookeeper_session.h"
#include "protocol/base/loop.h"

namespace quokka {

// What identifies a session to a server.
struct SessionKey {
  int64_t id = 0;
  std::array<char, 16> password{};
};

struct ZkRequest {
  enum class Kind { create, remove, set, multi, exists, get, get_children };
  Kind kind = Kind::get;
  std::vector<ZkOp> ops;  // writes: one, or those of the multi
  std::string path;       // reads
  Watch watch = Watch::no;

  bool is_write() const { return kind < Kind::exists; }
};

struct ZkAnswer {
  ZkOutcome outcome = ZkOutcome::failed;
  std::vector<ZkOpResult> results;  // writes
  ZnodeData data;
  ZnodeStat stat;
  std::vector<std::string> children;
};

class ZookeeperHandle {
 public:
  enum class State {
    connected,
    connecting,   // lost its connection and looks for another
    expired,      // dead: to be closed
    auth_failed,  // dead: to be closed
    unopened,     // dead: no server name could be resolved, or the connect string is malformed
  };

  // Called on the loop, not after the handle's destruction.
  class Owner {
   public:
    virtual void on_state(State state, const SessionKey& key, int32_t timeout_ms) = 0;
    virtual void on_watch_event(WatchEvent event, const std::string& path) = 0;
    virtual void on_answer(uint64_t call, ZkAnswer answer) = 0;

   protected:
    ~Owner() = default;
  };

  // Loop and pool outlive the closing of the handle (close's `done`).
  ZookeeperHandle(Loop& loop, Pool& pool, Owner& owner);
  // Closes on the pool if close() was not called.
  ~ZookeeperHandle();
  ZookeeperHandle(const ZookeeperHandle&) = delete;
  ZookeeperHandle& operator=(const ZookeeperHandle&) = delete;

  // Once. `servers`: host:port,host:port/chroot. With a key that session is taken up again.
  void open(std::string servers, int32_t session_timeout_ms, std::optional<SessionKey> key);
  // Only when connected (else it is refused with an answer of connection_loss). Every call is answered once, unless the handle is closed before.
  void call(uint64_t call, const ZkRequest& request);
  // The server of this connection catches up with all that was written before; holds for calls made after it.
  void sync();
  // Ends the session (its ephemerals go) if it is connected. `done` runs on the loop when the C client's threads are gone.
  void close(Task done);

 private:
  struct Link;
  std::shared_ptr<Link> link_;
};

}  // namespace quokka
