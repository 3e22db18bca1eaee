// ZooKeeper session port: what the cluster's shells ask of ZooKeeper, without the C client. Production is ZookeeperClient, tests and the
// simulator use FakeZookeeper.
//
// All methods are called, and all callbacks and events come, on the owner's one loop; nothing is ever called inline from a method.
// Operations are pipelined: they are performed in the order they were called and completed in that order, none waits for the one before.
// Only watched reads may overtake and be overtaken, since there may be several connections for them.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/function.h"

namespace quokka {

enum class ZkOutcome {
  ok,
  no_node,
  node_exists,
  bad_version,
  not_empty,
  no_children_for_ephemerals,
  no_auth,
  connection_loss,   // writes only: the connection went while the request was under way; it may have been performed or not
  session_expired,   // not performed as far as this session knows; ephemerals and watches of the session are gone
  invalid_argument,  // a path or size that ZooKeeper refuses
  not_performed,     // within a failed multi: another operation of it failed
  failed,            // anything else; the session's log says what
};
std::string_view name(ZkOutcome outcome);
inline std::ostream& operator<<(std::ostream& out, ZkOutcome outcome) { return out << name(outcome); }

// For delete, set and check: do not compare.
inline constexpr int32_t kAnyVersion = -1;

struct ZnodeStat {
  int64_t czxid = 0;  // transaction that created the znode
  int64_t mzxid = 0;  // transaction that last set its data
  int64_t pzxid = 0;  // transaction that last changed its list of children
  int64_t ctime_ms = 0;
  int64_t mtime_ms = 0;
  int32_t version = 0;  // number of times the data was set
  int32_t children = 0;
  int64_t ephemeral_owner = 0;  // session id; 0 for a persistent znode

  bool operator==(const ZnodeStat&) const = default;
};

enum class CreateMode { persistent, ephemeral, persistent_sequential, ephemeral_sequential };

// Null data and no bytes are two things in ZooKeeper, and Kafka uses both.
using ZnodeData = std::optional<std::string>;

// One operation of a multi: all are performed, in order, or none.
struct ZkOp {
  enum class Kind { check, create, set, remove };
  Kind kind = Kind::check;
  std::string path;
  ZnodeData data;                 // create, set
  int32_t version = kAnyVersion;  // check, set, remove
  CreateMode mode = CreateMode::persistent;

  static ZkOp check(std::string path, int32_t version);
  static ZkOp create(std::string path, ZnodeData data, CreateMode mode = CreateMode::persistent);
  static ZkOp set(std::string path, ZnodeData data, int32_t version);
  static ZkOp remove(std::string path, int32_t version);
};

struct ZkOpResult {
  ZkOutcome outcome = ZkOutcome::not_performed;
  std::string path;  // create: with the sequence number
  ZnodeStat stat;    // set
};

struct MultiResult {
  ZkOutcome outcome = ZkOutcome::failed;  // ok, or that of the operation that failed, or that of the whole (connection_loss ...)
  std::vector<ZkOpResult> results;        // one for each operation, in order; after a failure of the whole none is ok

  // Index of the operation that made the multi fail; nullopt if none did (success, or a failure of the whole).
  std::optional<size_t> failed_op() const;
};

// ZooKeeper's rules for paths. A path to be given a sequence number may end in '/'.
bool is_valid_znode_path(std::string_view path, CreateMode mode = CreateMode::persistent);

enum class WatchEvent { created, deleted, data_changed, children_changed };

enum class SessionEvent {
  established,   // a new session is connected: it owns no ephemerals and has no watches
  disconnected,  // the session may live on; operations are held until it is decided
  reconnected,   // the same session: watches live on, those that fired meanwhile follow
  expired,       // all is gone; until `established` every operation ends in session_expired
};
std::ostream& operator<<(std::ostream& out, WatchEvent event);
std::ostream& operator<<(std::ostream& out, SessionEvent event);

// Several parts share one session; each sees every event and ignores what it did not ask for.
class ZookeeperListener {
 public:
  virtual void on_session(SessionEvent event) = 0;
  // A watch is used up by its event. It may come although nothing changed (the watch was lost): read again, re-arming in the same read.
  virtual void on_watch(WatchEvent event, const std::string& path) = 0;

 protected:
  ~ZookeeperListener() = default;
};

enum class Watch { no, yes };

class ZookeeperSession {
 public:
  // Function objects are called exactly once, or destroyed uncalled when the session object goes first.
  using CreateDone = Function<void(ZkOutcome, std::string path)>;
  using RemoveDone = Function<void(ZkOutcome)>;
  using StatDone = Function<void(ZkOutcome, const ZnodeStat&)>;
  using DataDone = Function<void(ZkOutcome, ZnodeData, const ZnodeStat&)>;
  using ChildrenDone = Function<void(ZkOutcome, std::vector<std::string> children, const ZnodeStat&)>;
  using MultiDone = Function<void(MultiResult)>;

  virtual ~ZookeeperSession() = default;

  // A listener outlives its registration. Adding one does not replay `established`: look at session_id().
  virtual void add_listener(ZookeeperListener& listener) = 0;
  virtual void remove_listener(ZookeeperListener& listener) = 0;

  // 0 until the first session is established and while there is none after an expiry.
  virtual int64_t session_id() const = 0;
  // True for this session and those that this object (or, by its stored session, the process before it) had earlier: their ephemerals are ours.
  virtual bool is_own_session(int64_t session_id) const = 0;
  // As negotiated with the server (it has bounds of its own); before the first session as asked for.
  virtual int32_t session_timeout_ms() const = 0;
  virtual bool is_connected() const = 0;

  // Paths are below the chroot and begin with '/'. While disconnected, operations are held and sent when the connection is back. A read that
  // loses its connection is sent again; a write is not, and ends in connection_loss: look before doing it again.

  virtual void create(std::string path, ZnodeData data, CreateMode mode, CreateDone done) = 0;
  virtual void remove(std::string path, int32_t version, RemoveDone done) = 0;
  virtual void set(std::string path, ZnodeData data, int32_t version, StatDone done) = 0;
  virtual void multi(std::vector<ZkOp> ops, MultiDone done) = 0;

  // A watch is left by exists also for a path without znode (then `created` fires), by the others only on success. A watched read sees at least
  // every write whose completion was delivered before it was called; an unwatched one also those called before it.
  virtual void exists(std::string path, Watch watch, StatDone done) = 0;
  virtual void get(std::string path, Watch watch, DataDone done) = 0;
  virtual void get_children(std::string path, Watch watch, ChildrenDone done) = 0;

  // Ends the session in order: its ephemerals go. Nothing but `done` is called after it; calls under way are dropped. Destroying a session without it is
  // what a crash does: the servers keep it for its timeout.
  virtual void close(Task done) = 0;
};

}  // namespace quokka
