#include "coord/session/fake_zookeeper.h"

#include <algorithm>
#include <cstdio>

namespace quokka {
namespace {

std::string parent_of(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string child_of(const std::string& parent, const std::string& name) { return parent == "/" ? "/" + name : parent + "/" + name; }

bool is_sequential(CreateMode mode) { return mode == CreateMode::persistent_sequential || mode == CreateMode::ephemeral_sequential; }
bool is_ephemeral(CreateMode mode) { return mode == CreateMode::ephemeral || mode == CreateMode::ephemeral_sequential; }

}  // namespace

// ---- the server ----

FakeZookeeper::~FakeZookeeper() = default;

ZnodeData FakeZookeeper::data(const std::string& path) const {
  auto found = nodes_.find(path);
  return found == nodes_.end() ? std::nullopt : found->second.data;
}

ZnodeStat FakeZookeeper::stat(const std::string& path) const {
  auto found = nodes_.find(path);
  return found == nodes_.end() ? ZnodeStat{} : found->second.stat;
}

std::vector<std::string> FakeZookeeper::children(const std::string& path) const {
  auto found = nodes_.find(path);
  if (found == nodes_.end()) return {};
  return {found->second.children.begin(), found->second.children.end()};
}

std::vector<std::string> FakeZookeeper::paths() const {
  std::vector<std::string> all;
  for (const auto& [path, node] : nodes_) all.push_back(path);
  return all;
}

void FakeZookeeper::put(const std::string& path, ZnodeData value) {
  QUOKKA_CHECK(is_valid_znode_path(path), path);
  if (has(path)) {
    QUOKKA_CHECK_EQ(run(0, {ZkOp::set(path, std::move(value), kAnyVersion)}).outcome, ZkOutcome::ok);
    return;
  }
  if (!has(parent_of(path))) put(parent_of(path), std::nullopt);
  QUOKKA_CHECK_EQ(run(0, {ZkOp::create(path, std::move(value))}).outcome, ZkOutcome::ok);
}

void FakeZookeeper::erase(const std::string& path) {
  for (const std::string& child : children(path)) erase(child_of(path, child));
  QUOKKA_CHECK_EQ(run(0, {ZkOp::remove(path, kAnyVersion)}).outcome, ZkOutcome::ok);
}

int64_t FakeZookeeper::open(FakeSession* client, Duration timeout) {
  SessionState& state = sessions_[++last_session_];
  state.client = client;
  state.timeout = timeout;
  return last_session_;
}

bool FakeZookeeper::reconnect(int64_t session, FakeSession* client) {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return false;
  SessionState& state = found->second;
  if (state.expiry != 0) loop_.cancel(state.expiry);
  state.expiry = 0;
  state.client = client;
  return true;
}

void FakeZookeeper::disconnect(int64_t session) {
  auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.client == nullptr) return;
  found->second.client = nullptr;
  found->second.expiry = loop_.call_after(found->second.timeout, [this, session] {
    sessions_[session].expiry = 0;
    expire(session);
  });
}

void FakeZookeeper::expire(int64_t session) {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  FakeSession* client = found->second.client;
  if (found->second.expiry != 0) loop_.cancel(found->second.expiry);
  // A closing session's watches do not fire for its own ephemerals.
  for (auto* watches : {&data_watches_, &child_watches_}) {
    for (auto& [path, who] : *watches) who.erase(session);
  }
  const std::set<std::string> ephemerals = found->second.ephemerals;
  sessions_.erase(found);
  for (const std::string& path : ephemerals) {
    Transaction txn;
    txn.zxid = ++zxid_;
    txn.session = session;
    if (remove(txn, path, kAnyVersion) == ZkOutcome::ok) commit(txn);
  }
  if (client != nullptr) client->on_expired();
}

void FakeZookeeper::touch(Transaction& txn, const std::string& path) {
  auto found = nodes_.find(path);
  txn.before.emplace(path, found == nodes_.end() ? std::nullopt : std::optional<Node>(found->second));
}

ZkOutcome FakeZookeeper::create(Transaction& txn, ZkOp op, ZkOpResult& result) {
  if (!is_valid_znode_path(op.path, op.mode) || op.path == "/") return ZkOutcome::invalid_argument;
  auto parent = nodes_.find(parent_of(op.path));
  if (parent == nodes_.end()) return ZkOutcome::no_node;
  if (parent->second.stat.ephemeral_owner != 0) return ZkOutcome::no_children_for_ephemerals;
  touch(txn, parent->first);
  if (is_sequential(op.mode)) {
    char digits[24];
    std::snprintf(digits, sizeof digits, "%010lld", static_cast<long long>(parent->second.next_sequence));
    op.path += digits;
  }
  if (has(op.path)) return ZkOutcome::node_exists;
  touch(txn, op.path);
  ++parent->second.next_sequence;
  parent->second.children.insert(op.path.substr(op.path.rfind('/') + 1));
  parent->second.stat.children = static_cast<int32_t>(parent->second.children.size());
  parent->second.stat.pzxid = txn.zxid;
  Node& node = nodes_[op.path];
  node.data = op.data;
  node.stat.czxid = node.stat.mzxid = node.stat.pzxid = txn.zxid;
  node.stat.ctime_ms = node.stat.mtime_ms = loop_.wall_now().ms;
  if (is_ephemeral(op.mode)) node.stat.ephemeral_owner = txn.session;
  result.path = op.path;
  txn.events.push_back({WatchEvent::created, op.path});
  txn.events.push_back({WatchEvent::children_changed, parent_of(op.path)});
  txn.writes.push_back({txn.zxid, txn.session, std::move(op)});
  return ZkOutcome::ok;
}

ZkOutcome FakeZookeeper::remove(Transaction& txn, const std::string& path, int32_t version) {
  if (!is_valid_znode_path(path) || path == "/") return ZkOutcome::invalid_argument;
  auto found = nodes_.find(path);
  if (found == nodes_.end()) return ZkOutcome::no_node;
  if (version != kAnyVersion && version != found->second.stat.version) return ZkOutcome::bad_version;
  if (!found->second.children.empty()) return ZkOutcome::not_empty;
  const std::string above = parent_of(path);
  touch(txn, path);
  touch(txn, above);
  nodes_.erase(found);
  Node& parent = nodes_.at(above);
  parent.children.erase(path.substr(path.rfind('/') + 1));
  parent.stat.children = static_cast<int32_t>(parent.children.size());
  parent.stat.pzxid = txn.zxid;
  txn.events.push_back({WatchEvent::deleted, path});
  txn.events.push_back({WatchEvent::children_changed, above});
  txn.writes.push_back({txn.zxid, txn.session, ZkOp::remove(path, version)});
  return ZkOutcome::ok;
}

ZkOutcome FakeZookeeper::perform(Transaction& txn, const ZkOp& op, ZkOpResult& result) {
  if (op.data && op.data->size() > data_bytes_max_) return ZkOutcome::invalid_argument;
  switch (op.kind) {
    case ZkOp::Kind::create: return create(txn, op, result);
    case ZkOp::Kind::remove: return remove(txn, op.path, op.version);
    case ZkOp::Kind::check:
    case ZkOp::Kind::set: break;
  }
  if (!is_valid_znode_path(op.path)) return ZkOutcome::invalid_argument;
  auto found = nodes_.find(op.path);
  if (found == nodes_.end()) return ZkOutcome::no_node;
  if (op.version != kAnyVersion && op.version != found->second.stat.version) return ZkOutcome::bad_version;
  txn.writes.push_back({txn.zxid, txn.session, op});
  if (op.kind == ZkOp::Kind::check) return ZkOutcome::ok;
  touch(txn, op.path);
  Node& node = found->second;
  node.data = op.data;
  ++node.stat.version;
  node.stat.mzxid = txn.zxid;
  node.stat.mtime_ms = loop_.wall_now().ms;
  result.stat = node.stat;
  txn.events.push_back({WatchEvent::data_changed, op.path});
  return ZkOutcome::ok;
}

MultiResult FakeZookeeper::run(int64_t session, const std::vector<ZkOp>& ops) {
  MultiResult result;
  result.results.resize(ops.size());
  Transaction txn;
  txn.zxid = ++zxid_;
  txn.session = session;
  for (size_t i = 0; i < ops.size(); ++i) {
    ZkOutcome outcome = perform(txn, ops[i], result.results[i]);
    if (outcome == ZkOutcome::ok) continue;
    roll_back(txn);
    result.results.assign(ops.size(), ZkOpResult{});
    result.results[i].outcome = outcome;
    result.outcome = outcome;
    return result;
  }
  for (ZkOpResult& each : result.results) each.outcome = ZkOutcome::ok;
  result.outcome = ZkOutcome::ok;
  commit(txn);
  return result;
}

void FakeZookeeper::roll_back(Transaction& txn) {
  for (auto& [path, node] : txn.before) {
    if (node) {
      nodes_[path] = std::move(*node);
    } else {
      nodes_.erase(path);
    }
  }
}

void FakeZookeeper::commit(Transaction& txn) {
  for (const auto& [path, before] : txn.before) {
    auto now = nodes_.find(path);
    const int64_t owner_before = before ? before->stat.ephemeral_owner : 0;
    const int64_t owner_now = now == nodes_.end() ? 0 : now->second.stat.ephemeral_owner;
    if (owner_before == owner_now) continue;
    if (auto session = sessions_.find(owner_before); session != sessions_.end()) session->second.ephemerals.erase(path);
    if (auto session = sessions_.find(owner_now); session != sessions_.end()) session->second.ephemerals.insert(path);
  }
  for (Write& each : txn.writes) writes_.push_back(std::move(each));
  for (const Event& each : txn.events) {
    std::set<int64_t> to;
    if (each.event == WatchEvent::children_changed) {
      fire(child_watches_, each.path, to);
    } else {
      fire(data_watches_, each.path, to);
      if (each.event == WatchEvent::deleted) fire(child_watches_, each.path, to);
    }
    send(to, each);
  }
}

void FakeZookeeper::fire(std::map<std::string, std::set<int64_t>>& watches, const std::string& path, std::set<int64_t>& to) {
  auto found = watches.find(path);
  if (found == watches.end()) return;
  to.insert(found->second.begin(), found->second.end());
  watches.erase(found);
}

void FakeZookeeper::send(const std::set<int64_t>& to, const Event& event) {
  for (int64_t session : to) {
    auto found = sessions_.find(session);
    if (found == sessions_.end()) continue;
    if (found->second.client != nullptr) {
      found->second.client->post_watch(event.event, event.path);
    } else {
      found->second.missed.emplace_back(event.event, event.path);
    }
  }
}

// ---- a session ----

struct FakeSession::WriteOperation final : Operation {
  WriteOperation(std::vector<ZkOp> o, MultiDone d) : ops(std::move(o)), done(std::move(d)) {}
  bool is_write() const override { return true; }
  void perform(FakeZookeeper& server, int64_t session) override { result = server.run(session, ops); }
  void complete() override { done(std::move(result)); }
  void fail(ZkOutcome outcome) override {
    MultiResult failed;
    failed.outcome = outcome;
    failed.results.resize(ops.size());
    done(std::move(failed));
  }

  std::vector<ZkOp> ops;
  MultiDone done;
  MultiResult result;
};

// What reads have in common: a path that may be wrong, and a watch.
struct FakeSession::ReadOperation : Operation {
  using Watches = std::map<std::string, std::set<int64_t>>;
  enum class Watchable { what_is_there, everything };

  ReadOperation(std::string p, Watch w, Watches FakeZookeeper::*all, Watchable what = Watchable::what_is_there)
      : path(std::move(p)), watch(w), watches(all), watchable(what) {}
  bool is_write() const override { return false; }
  void perform(FakeZookeeper& server, int64_t session) override {
    if (!is_valid_znode_path(path)) {
      outcome = ZkOutcome::invalid_argument;
      return;
    }
    outcome = server.has(path) ? ZkOutcome::ok : ZkOutcome::no_node;
    stat = server.stat(path);
    read(server);
    const bool may_watch = watchable == Watchable::everything || outcome == ZkOutcome::ok;
    if (watch == Watch::yes && may_watch) (server.*watches)[path].insert(session);
  }
  virtual void read(const FakeZookeeper&) {}

  const std::string path;
  const Watch watch;
  Watches FakeZookeeper::*const watches;
  const Watchable watchable;
  ZkOutcome outcome = ZkOutcome::failed;
  ZnodeStat stat;
};

struct FakeSession::ExistsOperation final : ReadOperation {
  ExistsOperation(std::string p, Watch w, StatDone d)
      : ReadOperation(std::move(p), w, &FakeZookeeper::data_watches_, Watchable::everything), done(std::move(d)) {}
  void complete() override { done(outcome, stat); }
  void fail(ZkOutcome failure) override { done(failure, ZnodeStat{}); }

  StatDone done;
};

struct FakeSession::GetOperation final : ReadOperation {
  GetOperation(std::string p, Watch w, DataDone d) : ReadOperation(std::move(p), w, &FakeZookeeper::data_watches_), done(std::move(d)) {}
  void read(const FakeZookeeper& server) override { data = server.data(path); }
  void complete() override { done(outcome, std::move(data), stat); }
  void fail(ZkOutcome failure) override { done(failure, std::nullopt, ZnodeStat{}); }

  DataDone done;
  ZnodeData data;
};

struct FakeSession::ChildrenOperation final : ReadOperation {
  ChildrenOperation(std::string p, Watch w, ChildrenDone d)
      : ReadOperation(std::move(p), w, &FakeZookeeper::child_watches_), done(std::move(d)) {}
  void read(const FakeZookeeper& server) override { children = server.children(path); }
  void complete() override { done(outcome, std::move(children), stat); }
  void fail(ZkOutcome failure) override { done(failure, {}, ZnodeStat{}); }

  ChildrenDone done;
  std::vector<std::string> children;
};

FakeSession::FakeSession(FakeZookeeper& server, Loop& loop, int32_t session_timeout_ms)
    : server_(server), loop_(loop), timeout_ms_(session_timeout_ms) {
  post([this] { establish(); });
}

FakeSession::~FakeSession() {
  *alive_ = false;
  if (connected_) server_.disconnect(id_);
}

void FakeSession::post(Task task) {
  loop_.post([alive = alive_, t = std::move(task)]() mutable {
    if (*alive) t();
  });
}

void FakeSession::establish() {
  if (id_ != 0) return;
  id_ = server_.open(this, Duration::millis(timeout_ms_));
  connected_ = true;
  own_ids_.insert(id_);
  post_session(SessionEvent::established, id_, true);
  schedule();
}

void FakeSession::post_session(SessionEvent event, int64_t id, bool connected) {
  post([this, event, id, connected] {
    told_id_ = id;
    told_connected_ = connected;
    if (event == SessionEvent::established) expiring_ = false;
    const std::vector<ZookeeperListener*> all = listeners_;
    for (ZookeeperListener* each : all) {
      if (std::count(listeners_.begin(), listeners_.end(), each) != 0) each->on_session(event);
    }
  });
}

void FakeSession::post_watch(WatchEvent event, const std::string& path) {
  post([this, event, path] {
    const std::vector<ZookeeperListener*> all = listeners_;
    for (ZookeeperListener* each : all) {
      if (std::count(listeners_.begin(), listeners_.end(), each) != 0) each->on_watch(event, path);
    }
  });
}

void FakeSession::on_expired() {
  id_ = 0;
  connected_ = false;
  expiring_ = true;
  for (auto& each : queue_) {
    post([operation = std::shared_ptr<Operation>(std::move(each))] { operation->fail(ZkOutcome::session_expired); });
  }
  queue_.clear();
  post_session(SessionEvent::expired, 0, false);
  post([this] { establish(); });
}

void FakeSession::disconnect(UnderWay under_way) {
  if (!connected_) return;
  server_.disconnect(id_);
  connected_ = false;
  post_session(SessionEvent::disconnected, id_, false);
  if (under_way == UnderWay::not_sent) return;
  std::vector<std::unique_ptr<Operation>> kept;
  for (auto& each : queue_) {
    if (!each->is_write()) {
      kept.push_back(std::move(each));
      continue;
    }
    if (under_way == UnderWay::performed) each->perform(server_, id_);
    post([operation = std::shared_ptr<Operation>(std::move(each))] { operation->fail(ZkOutcome::connection_loss); });
  }
  queue_ = std::move(kept);
}

void FakeSession::reconnect() {
  if (connected_ || id_ == 0) return;
  if (!server_.reconnect(id_, this)) {
    on_expired();
    return;
  }
  connected_ = true;
  post_session(SessionEvent::reconnected, id_, true);
  auto& missed = server_.sessions_.at(id_).missed;
  for (auto& [event, path] : missed) post_watch(event, path);
  missed.clear();
  schedule();
}

void FakeSession::lose_writes(size_t count, bool performed) {
  lose_writes_ = count;
  lost_are_performed_ = performed;
}

void FakeSession::close(Task done) {
  if (done) loop_.post(std::move(done));
  if (closed_) return;
  closed_ = true;
  *alive_ = false;  // answers that are already posted are dropped
  const int64_t id = std::exchange(id_, 0);
  connected_ = told_connected_ = false;
  told_id_ = 0;
  queue_.clear();
  if (auto found = server_.sessions_.find(id); found != server_.sessions_.end()) {
    found->second.client = nullptr;
    server_.expire(id);
  }
}

void FakeSession::release() {
  held_ = false;
  schedule();
}

void FakeSession::schedule() {
  if (!connected_ || held_) return;
  while (steps_ < queue_.size()) {
    ++steps_;
    post([this] { step(); });
  }
}

void FakeSession::step() {
  --steps_;
  if (!connected_ || held_ || queue_.empty()) return;
  if (queue_.front()->is_write() && lose_writes_ > 0) {
    --lose_writes_;
    disconnect(lost_are_performed_ ? UnderWay::performed : UnderWay::lost);
    post([this] { reconnect(); });
    return;
  }
  std::shared_ptr<Operation> operation = std::move(queue_.front());
  queue_.erase(queue_.begin());
  operation->perform(server_, id_);
  post([operation] { operation->complete(); });
}

void FakeSession::call(std::unique_ptr<Operation> operation) {
  if (closed_) return;
  if (expiring_) {
    post([late = std::shared_ptr<Operation>(std::move(operation))] { late->fail(ZkOutcome::session_expired); });
    return;
  }
  queue_.push_back(std::move(operation));
  schedule();
}

void FakeSession::write(std::vector<ZkOp> ops, MultiDone done) {
  call(std::make_unique<WriteOperation>(std::move(ops), std::move(done)));
}

void FakeSession::add_listener(ZookeeperListener& listener) { listeners_.push_back(&listener); }
void FakeSession::remove_listener(ZookeeperListener& listener) { std::erase(listeners_, &listener); }

void FakeSession::create(std::string path, ZnodeData data, CreateMode mode, CreateDone done) {
  write({ZkOp::create(std::move(path), std::move(data), mode)}, [d = std::move(done)](MultiResult result) mutable {
    d(result.outcome, std::move(result.results[0].path));
  });
}

void FakeSession::remove(std::string path, int32_t version, RemoveDone done) {
  write({ZkOp::remove(std::move(path), version)}, [d = std::move(done)](MultiResult result) mutable { d(result.outcome); });
}

void FakeSession::set(std::string path, ZnodeData data, int32_t version, StatDone done) {
  write({ZkOp::set(std::move(path), std::move(data), version)}, [d = std::move(done)](MultiResult result) mutable {
    d(result.outcome, result.results[0].stat);
  });
}

void FakeSession::multi(std::vector<ZkOp> ops, MultiDone done) { write(std::move(ops), std::move(done)); }

void FakeSession::exists(std::string path, Watch watch, StatDone done) {
  call(std::make_unique<ExistsOperation>(std::move(path), watch, std::move(done)));
}

void FakeSession::get(std::string path, Watch watch, DataDone done) {
  call(std::make_unique<GetOperation>(std::move(path), watch, std::move(done)));
}

void FakeSession::get_children(std::string path, Watch watch, ChildrenDone done) {
  call(std::make_unique<ChildrenOperation>(std::move(path), watch, std::move(done)));
}

}  // namespace quokka
