// ZooKeeper in memory, for tests and the simulator: a server with znodes, sessions and watches, and sessions that implement the port.
//
// Deterministic and single-threaded: the server and all sessions are used by one thread (several Loops may be polled by it in turn).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "coord/session/zookeeper_session.h"
#include "protocol/base/loop.h"

namespace quokka {

class FakeSession;

// The server, that is, the whole ensemble.
class FakeZookeeper {
 public:
  // One performed write, as the transaction log would have it. Operations of one multi have the same zxid.
  struct Write {
    int64_t zxid = 0;
    int64_t session = 0;
    ZkOp op;  // with the sequence number in the path; checks too
  };

  // `loop` keeps the time: znodes' ctime, and the expiry of sessions that are cut off.
  explicit FakeZookeeper(Loop& loop) : loop_(loop) { nodes_["/"]; }
  ~FakeZookeeper();
  FakeZookeeper(const FakeZookeeper&) = delete;
  FakeZookeeper& operator=(const FakeZookeeper&) = delete;

  // The view of a test, at once and without a session.
  bool has(const std::string& path) const { return nodes_.count(path) != 0; }
  ZnodeData data(const std::string& path) const;
  ZnodeStat stat(const std::string& path) const;
  std::vector<std::string> children(const std::string& path) const;
  // As another client would do it: watches fire. Parents are created as needed.
  void put(const std::string& path, ZnodeData data);
  void erase(const std::string& path);
  std::vector<std::string> paths() const;
  const std::vector<Write>& writes() const { return writes_; }
  void forget_writes() { writes_.clear(); }

  // Ends the session on the server: ephemerals go, watches of others fire. Its client learns of it when it is connected.
  void expire(int64_t session);
  bool is_live(int64_t session) const { return sessions_.count(session) != 0; }
  // The data size above which a request is refused (jute.maxbuffer).
  void set_data_bytes_max(size_t bytes) { data_bytes_max_ = bytes; }

 private:
  friend class FakeSession;

  struct Node {
    ZnodeData data;
    ZnodeStat stat;
    int64_t next_sequence = 0;
    std::set<std::string> children;
  };
  struct SessionState {
    FakeSession* client = nullptr;  // null: nobody is connected
    std::set<std::string> ephemerals;
    std::vector<std::pair<WatchEvent, std::string>> missed;  // events while disconnected
    Loop::TimerId expiry = 0;
    Duration timeout;
  };
  struct Event {
    WatchEvent event;
    std::string path;
  };
  // One transaction: what to restore if it fails, what to fire if it does not.
  struct Transaction {
    int64_t zxid = 0;
    int64_t session = 0;
    std::map<std::string, std::optional<Node>> before;
    std::vector<Event> events;
    std::vector<Write> writes;
  };

  int64_t open(FakeSession* client, Duration timeout);
  // False when the session has expired meanwhile.
  bool reconnect(int64_t session, FakeSession* client);
  void disconnect(int64_t session);

  ZkOutcome perform(Transaction& txn, const ZkOp& op, ZkOpResult& result);
  ZkOutcome create(Transaction& txn, ZkOp op, ZkOpResult& result);
  ZkOutcome remove(Transaction& txn, const std::string& path, int32_t version);
  void touch(Transaction& txn, const std::string& path);
  void commit(Transaction& txn);
  void roll_back(Transaction& txn);
  MultiResult run(int64_t session, const std::vector<ZkOp>& ops);
  void fire(std::map<std::string, std::set<int64_t>>& watches, const std::string& path, std::set<int64_t>& to);
  void send(const std::set<int64_t>& to, const Event& event);

  Loop& loop_;
  int64_t zxid_ = 0;
  int64_t last_session_ = 0x100000000000000;
  size_t data_bytes_max_ = 1024 * 1024;
  std::map<std::string, Node> nodes_;
  std::map<int64_t, SessionState> sessions_;
  std::map<std::string, std::set<int64_t>> data_watches_;
  std::map<std::string, std::set<int64_t>> child_watches_;
  std::vector<Write> writes_;
};

// A client. When it is destroyed without close() the server keeps the session until its timeout, as after a crash.
class FakeSession final : public ZookeeperSession {
 public:
  FakeSession(FakeZookeeper& server, Loop& loop, int32_t session_timeout_ms = 18000);
  ~FakeSession() override;

  // What becomes of operations under way when a connection goes.
  enum class UnderWay {
    not_sent,   // held, and sent after the reconnect
    lost,       // writes end in connection_loss and were not performed
    performed,  // writes end in connection_loss and were performed
  };
  void disconnect(UnderWay under_way = UnderWay::lost);
  // To the old session if the server still has it; else `expired` and then a new one.
  void reconnect();
  // The next `count` writes, from now on, lose the connection while they are under way; reconnects by itself.
  void lose_writes(size_t count, bool performed);
  void close() { close(nullptr); }
  // Makes is_own_session true for the session of a process before this one.
  void remember_session(int64_t session_id) { own_ids_.insert(session_id); }
  // Operations that were called and not yet performed.
  size_t waiting() const { return queue_.size(); }
  // While held, operations wait although the session is connected, so that a test can step between them.
  void hold() { held_ = true; }
  void release();

  void add_listener(ZookeeperListener& listener) override;
  void remove_listener(ZookeeperListener& listener) override;
  int64_t session_id() const override { return told_id_; }
  bool is_own_session(int64_t session_id) const override { return own_ids_.count(session_id) != 0; }
  int32_t session_timeout_ms() const override { return timeout_ms_; }
  bool is_connected() const override { return told_connected_; }
  void create(std::string path, ZnodeData data, CreateMode mode, CreateDone done) override;
  void remove(std::string path, int32_t version, RemoveDone done) override;
  void set(std::string path, ZnodeData data, int32_t version, StatDone done) override;
  void multi(std::vector<ZkOp> ops, MultiDone done) override;
  void exists(std::string path, Watch watch, StatDone done) override;
  void get(std::string path, Watch watch, DataDone done) override;
  void get_children(std::string path, Watch watch, ChildrenDone done) override;
  // Ephemerals go at once.
  void close(Task done) override;

 private:
  friend class FakeZookeeper;

  struct Operation {
    virtual ~Operation() = default;
    virtual bool is_write() const = 0;
    // On the server. What is left is the answer, to be given by complete().
    virtual void perform(FakeZookeeper& server, int64_t session) = 0;
    virtual void complete() = 0;
    virtual void fail(ZkOutcome outcome) = 0;
  };
  struct WriteOperation;
  struct ReadOperation;
  struct ExistsOperation;
  struct GetOperation;
  struct ChildrenOperation;

  void call(std::unique_ptr<Operation> operation);
  void write(std::vector<ZkOp> ops, MultiDone done);
  void schedule();
  void step();
  void post(Task task);
  void post_session(SessionEvent event, int64_t id, bool connected);
  void post_watch(WatchEvent event, const std::string& path);
  void establish();
  void on_expired();

  FakeZookeeper& server_;
  Loop& loop_;
  const int32_t timeout_ms_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<ZookeeperListener*> listeners_;
  std::vector<std::unique_ptr<Operation>> queue_;
  std::set<int64_t> own_ids_;
  int64_t id_ = 0;  // 0: between an expiry and the next session
  bool connected_ = false;
  bool expiring_ = false;  // expired, and `established` was not delivered yet
  bool held_ = false;
  bool closed_ = false;
  size_t steps_ = 0;  // posted and not run
  size_t lose_writes_ = 0;
  bool lost_are_performed_ = false;
  // What the owner was told, which follows the truth by one turn of the loop.
  int64_t told_id_ = 0;
  bool told_connected_ = false;
};

}  // namespace quokka
