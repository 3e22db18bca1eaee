#include "coord/session/zookeeper_client.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "coord/session/session_file.h"
#include "coord/session/zookeeper_handle.h"
#include "protocol/base/log.h"

namespace quokka {
namespace {

using Completion = std::variant<ZookeeperSession::CreateDone, ZookeeperSession::RemoveDone, ZookeeperSession::StatDone, ZookeeperSession::DataDone,
                                ZookeeperSession::ChildrenDone, ZookeeperSession::MultiDone>;

struct Operation {
  ZkRequest request;
  Completion done;
};

// The same types serve different operations; which one it is, the request says.
void complete(Operation& operation, ZkAnswer answer) {
  answer.results.resize(operation.request.ops.size());
  switch (operation.request.kind) {
    case ZkRequest::Kind::create:
      return std::get<ZookeeperSession::CreateDone>(operation.done)(answer.outcome, std::move(answer.results[0].path));
    case ZkRequest::Kind::remove: return std::get<ZookeeperSession::RemoveDone>(operation.done)(answer.outcome);
    case ZkRequest::Kind::set: return std::get<ZookeeperSession::StatDone>(operation.done)(answer.outcome, answer.results[0].stat);
    case ZkRequest::Kind::exists: return std::get<ZookeeperSession::StatDone>(operation.done)(answer.outcome, answer.stat);
    case ZkRequest::Kind::get:
      return std::get<ZookeeperSession::DataDone>(operation.done)(answer.outcome, std::move(answer.data), answer.stat);
    case ZkRequest::Kind::get_children:
      return std::get<ZookeeperSession::ChildrenDone>(operation.done)(answer.outcome, std::move(answer.children), answer.stat);
    case ZkRequest::Kind::multi: {
      MultiResult result;
      result.outcome = answer.outcome;
      result.results = std::move(answer.results);
      return std::get<ZookeeperSession::MultiDone>(operation.done)(std::move(result));
    }
  }
}

void fail(Operation& operation, ZkOutcome outcome) {
  ZkAnswer answer;
  answer.outcome = outcome;
  complete(operation, std::move(answer));
}

size_t bytes_of(const ZkRequest& request) {
  size_t bytes = request.path.size() + 64;
  for (const ZkOp& op : request.ops) bytes += op.path.size() + (op.data ? op.data->size() : 0) + 64;
  return bytes;
}

bool has_valid_paths(const ZkRequest& request) {
  if (!request.is_write()) return is_valid_znode_path(request.path);
  return std::all_of(request.ops.begin(), request.ops.end(), [](const ZkOp& op) { return is_valid_znode_path(op.path, op.mode); });
}

}  // namespace

struct ZookeeperClient::Core : std::enable_shared_from_this<Core> {
  // A watch is on the znode itself (exists, get) or on its list of children.
  struct WatchKey {
    bool children = false;
    std::string path;
    auto operator<=>(const WatchKey&) const = default;
    // As in the packet that sets watches anew.
    size_t bytes() const { return path.size() + 4; }
  };
  struct WatchPlace {
    size_t session = 0;
    bool is_set = false;
    size_t reads = 0;  // watched reads under way
  };

  // The first session serves everything, further ones only watched reads.
  struct Session final : ZookeeperHandle::Owner {
    Session(Core& c, size_t i) : core(c), index(i) {}
    void on_state(ZookeeperHandle::State state, const SessionKey& now, int32_t timeout) override { core.on_state(index, state, now, timeout); }
    void on_watch_event(WatchEvent event, const std::string& path) override { core.on_watch_event(index, event, path); }
    void on_answer(uint64_t call, ZkAnswer answer) override { core.on_answer(index, call, std::move(answer)); }

    Core& core;
    const size_t index;
    std::unique_ptr<ZookeeperHandle> handle;
    SessionKey key;
    bool connected = false;
    std::map<uint64_t, Operation> held;  // by order of call
    std::map<uint64_t, Operation> sent;
    size_t watch_bytes = 0;
  };

  // The session of the process before this one, taken up only to be ended.
  struct EarlierSession final : ZookeeperHandle::Owner {
    EarlierSession(Core& c, int64_t i) : core(c), id(i) {}
    void on_state(ZookeeperHandle::State state, const SessionKey& now, int32_t timeout) override;
    void on_watch_event(WatchEvent, const std::string&) override {}
    void on_answer(uint64_t, ZkAnswer) override {}

    Core& core;
    const int64_t id;
    std::unique_ptr<ZookeeperHandle> handle;
  };

  Core(Loop& l, Pool& p, ZookeeperSettings s) : loop(l), pool(p), settings(std::move(s)) {}

  void start();
  void resume_and_close(const SessionKey& key);
  void open_session(size_t index);
  void reopen_later(size_t index);
  void retire(Session& session);
  void retire(std::shared_ptr<ZookeeperHandle> handle, Task then);
  void call(ZkRequest::Kind kind, std::vector<ZkOp> ops, std::string path, Watch watch, Completion done);
  void fail_later(Operation operation, ZkOutcome outcome);
  size_t home_of(const WatchKey& key);
  void forget_watch_read(const WatchKey& key, bool is_set);
  void pump(Session& session);
  void on_state(size_t index, ZookeeperHandle::State state, const SessionKey& key, int32_t timeout);
  void on_answer(size_t index, uint64_t call, ZkAnswer answer);
  void on_watch_event(size_t index, WatchEvent event, const std::string& path);
  void drop_watch(size_t index, const WatchKey& key);
  void on_connected(Session& session, const SessionKey& key, int32_t timeout);
  void on_first_session_lost();
  void on_watch_session_lost(Session& session);
  void hold_again(Session& session);
  void tell(SessionEvent event);
  void tell_watch(WatchEvent event, const std::string& path);
  void store(const SessionKey& key);
  void close(Task done);

  template <class F>
  Task task(F f) {
    return [weak = weak_from_this(), f = std::move(f)]() mutable {
      if (auto core = weak.lock(); core && !core->closed) f(*core);
    };
  }

  Loop& loop;
  Pool& pool;
  const ZookeeperSettings settings;
  std::vector<std::unique_ptr<Session>> sessions;
  std::unique_ptr<EarlierSession> earlier;
  std::map<WatchKey, WatchPlace> watches;
  std::vector<ZookeeperListener*> listeners;
  std::set<int64_t> own_ids;
  uint64_t next_call = 1;
  int64_t id = 0;
  int32_t timeout_ms = 0;
  bool expiring = false;  // between `expired` and `established`
  bool closed = false;
  size_t closing = 0;  // handles that are being closed
  Task close_done;
  // The file is written by the pool, one write at a time, the last one wins.
  bool storing = false;
  bool store_again = false;
  SessionKey to_store;
};

void ZookeeperClient::Core::start() {
  timeout_ms = settings.session_timeout_ms;
  sessions.push_back(std::make_unique<Session>(*this, 0));
  if (settings.session_file.empty()) {
    loop.post(task([](Core& core) { core.open_session(0); }));
    return;
  }
  pool.run([weak = weak_from_this(), &to = loop, path = settings.session_file] {
    to.post([weak, stored = read_session_file(path)] {
      auto core = weak.lock();
      if (!core || core->closed) return;
      if (stored) {
        core->resume_and_close(*stored);
      } else {
        core->open_session(0);
      }
    });
  });
}

void ZookeeperClient::Core::resume_and_close(const SessionKey& key) {
  own_ids.insert(key.id);
  earlier = std::make_unique<EarlierSession>(*this, key.id);
  earlier->handle = std::make_unique<ZookeeperHandle>(loop, pool, *earlier);
  earlier->handle->open(settings.servers, settings.session_timeout_ms, key);
}

void ZookeeperClient::Core::EarlierSession::on_state(ZookeeperHandle::State state, const SessionKey& now, int32_t) {
  if (state == ZookeeperHandle::State::connecting) return;
  if (state == ZookeeperHandle::State::unopened) log_error("cannot resolve a server name of zookeeper.connect '{}'", core.settings.servers);
  const bool is_alive = state == ZookeeperHandle::State::connected && now.id == id;
  log_info("ZooKeeper session {:x} of an earlier run {}", static_cast<uint64_t>(id), is_alive ? "is still there: it is ended" : "is gone");
  // Closing tells the server and waits for it: ephemerals are gone when the new session begins.
  Core& c = core;
  c.retire(std::move(handle), c.task([](Core& to) {
    to.earlier.reset();
    to.open_session(0);
  }));
}

void ZookeeperClient::Core::open_session(size_t index) {
  Session& session = *sessions[index];
  session.handle = std::make_unique<ZookeeperHandle>(loop, pool, session);
  session.key = {};
  session.handle->open(settings.servers, settings.session_timeout_ms, std::nullopt);
}

void ZookeeperClient::Core::reopen_later(size_t index) {
  loop.call_after(settings.reopen_delay, task([index](Core& core) {
                    if (index < core.sessions.size() && core.sessions[index]->handle == nullptr) core.open_session(index);
                  }));
}

// A dead handle is closed in the background; a new one takes its place.
void ZookeeperClient::Core::retire(Session& session) {
  session.connected = false;
  if (session.handle != nullptr) retire(std::move(session.handle), nullptr);
}

void ZookeeperClient::Core::retire(std::shared_ptr<ZookeeperHandle> handle, Task then) {
  ++closing;
  // The core is kept alive so that close() can wait for these too.
  handle->close([core = shared_from_this(), handle, t = std::move(then)]() mutable {
    --core->closing;
    if (t) t();
    if (core->closing == 0 && core->close_done) std::exchange(core->close_done, Task())();
  });
}

void ZookeeperClient::Core::call(ZkRequest::Kind kind, std::vector<ZkOp> ops, std::string path, Watch watch, Completion done) {
  Operation operation;
  operation.request.kind = kind;
  operation.request.ops = std::move(ops);
  operation.request.path = std::move(path);
  operation.request.watch = watch;
  operation.done = std::move(done);
  if (closed) return;
  if (!has_valid_paths(operation.request) || bytes_of(operation.request) > settings.request_bytes_max) {
    return fail_later(std::move(operation), ZkOutcome::invalid_argument);
  }
  if (expiring) return fail_later(std::move(operation), ZkOutcome::session_expired);
  size_t index = 0;
  if (watch == Watch::yes) index = home_of({kind == ZkRequest::Kind::get_children, operation.request.path});
  Session& session = *sessions[index];
  session.held.emplace(next_call++, std::move(operation));
  pump(session);
}

void ZookeeperClient::Core::fail_later(Operation operation, ZkOutcome outcome) {
  loop.post(task([late = std::move(operation), outcome](Core&) mutable { fail(late, outcome); }));
}

// Where the watch is, or else the first session with room for it.
size_t ZookeeperClient::Core::home_of(const WatchKey& key) {
  auto found = watches.find(key);
  if (found == watches.end()) {
    size_t index = 0;
    while (index < sessions.size() && sessions[index]->watch_bytes + key.bytes() > settings.watch_bytes_max) ++index;
    if (index == sessions.size()) {
      log_info("ZooKeeper session {:x} holds {} bytes of watches: session number {} is opened for more", static_cast<uint64_t>(id),
               sessions.back()->watch_bytes, index + 1);
      sessions.push_back(std::make_unique<Session>(*this, index));
      open_session(index);
    }
    sessions[index]->watch_bytes += key.bytes();
    found = watches.emplace(key, WatchPlace{index, false, 0}).first;
  }
  ++found->second.reads;
  return found->second.session;
}

void ZookeeperClient::Core::forget_watch_read(const WatchKey& key, bool is_set) {
  auto found = watches.find(key);
  if (found == watches.end()) return;
  WatchPlace& place = found->second;
  if (place.reads > 0) --place.reads;
  if (is_set) place.is_set = true;
  if (place.is_set || place.reads > 0) return;
  sessions[place.session]->watch_bytes -= key.bytes();
  watches.erase(found);
}

void ZookeeperClient::Core::pump(Session& session) {
  while (session.connected && !session.held.empty() && session.sent.size() < settings.in_flight_max) {
    auto moved = session.held.extract(session.held.begin());
    const uint64_t call = moved.key();
    const ZkRequest& request = session.sent.insert(std::move(moved)).position->second.request;
    // Another server may serve this session: it must not be behind what the first session wrote.
    if (session.index > 0) session.handle->sync();
    session.handle->call(call, request);
  }
}

void ZookeeperClient::Core::on_answer(size_t index, uint64_t call, ZkAnswer answer) {
  Session& session = *sessions[index];
  auto found = session.sent.find(call);
  if (found == session.sent.end()) return;  // ended with its session
  const ZkRequest& request = found->second.request;
  if (answer.outcome == ZkOutcome::connection_loss && !request.is_write()) {
    // The event that tells of the loss is on its way, or was here.
    session.held.insert(session.sent.extract(found));
    if (session.connected) loop.post(task([index](Core& core) {
      if (index < core.sessions.size()) core.pump(*core.sessions[index]);
    }));
    return;
  }
  if (answer.outcome == ZkOutcome::session_expired && index > 0) {
    session.held.insert(session.sent.extract(found));
    return;
  }
  Operation operation = std::move(session.sent.extract(found).mapped());
  if (operation.request.watch == Watch::yes) {
    const bool is_set = answer.outcome == ZkOutcome::ok ||
                        (answer.outcome == ZkOutcome::no_node && operation.request.kind == ZkRequest::Kind::exists);
    forget_watch_read({operation.request.kind == ZkRequest::Kind::get_children, operation.request.path}, is_set);
  }
  const auto keep = shared_from_this();
  complete(operation, std::move(answer));
  if (!closed && index < sessions.size()) pump(*sessions[index]);
}

void ZookeeperClient::Core::on_state(size_t index, ZookeeperHandle::State state, const SessionKey& key, int32_t timeout) {
  const auto keep = shared_from_this();
  Session& session = *sessions[index];
  switch (state) {
    case ZookeeperHandle::State::connected: return on_connected(session, key, timeout);
    case ZookeeperHandle::State::connecting:
      if (!session.connected) return;
      session.connected = false;
      if (index == 0) {
        log_warn("connection to ZooKeeper lost, session {:x}", static_cast<uint64_t>(id));
        tell(SessionEvent::disconnected);
      }
      return;
    case ZookeeperHandle::State::unopened:
      log_error("cannot open a ZooKeeper session to '{}': no server name could be resolved, or zookeeper.connect is malformed; trying again",
                settings.servers);
      retire(session);
      return reopen_later(index);
    case ZookeeperHandle::State::auth_failed: log_error("ZooKeeper at '{}' refuses this broker's authentication", settings.servers); break;
    case ZookeeperHandle::State::expired: break;
  }
  const bool can_hurry = state == ZookeeperHandle::State::expired;
  retire(session);
  if (index > 0) {
    on_watch_session_lost(session);
  } else {
    on_first_session_lost();
  }
  if (closed) return;
  if (can_hurry) {
    open_session(index);
  } else {
    reopen_later(index);
  }
}

void ZookeeperClient::Core::on_connected(Session& session, const SessionKey& key, int32_t timeout) {
  const bool is_new = session.key.id == 0;
  session.key = key;
  session.connected = true;
  if (session.index == 0) {
    timeout_ms = timeout;
    if (is_new) {
      id = key.id;
      own_ids.insert(id);
      expiring = false;
      store(key);
      log_info("ZooKeeper session {:x} established with {}, timeout {} ms", static_cast<uint64_t>(id), settings.servers, timeout);
      tell(SessionEvent::established);
    } else {
      log_info("connection to ZooKeeper is back, session {:x}", static_cast<uint64_t>(id));
      tell(SessionEvent::reconnected);
    }
  }
  if (!closed) pump(session);
}

void ZookeeperClient::Core::on_first_session_lost() {
  log_warn("ZooKeeper session {:x} has expired", static_cast<uint64_t>(id));
  const bool was_established = id != 0;
  id = 0;
  if (!was_established) return;  // it never was: its operations wait for the next
  expiring = true;
  watches.clear();
  std::map<uint64_t, Operation> lost;
  for (auto& session : sessions) {
    lost.merge(session->held);
    lost.merge(session->sent);
    session->watch_bytes = 0;
  }
  while (sessions.size() > 1) {
    retire(*sessions.back());
    sessions.pop_back();
  }
  for (auto& [call, operation] : lost) {
    fail(operation, ZkOutcome::session_expired);
    if (closed) return;
  }
  tell(SessionEvent::expired);
}

// Its watches are lost although the first session lives: whoever waits for them is told to look again.
void ZookeeperClient::Core::on_watch_session_lost(Session& session) {
  hold_again(session);
  std::vector<WatchKey> lost;
  for (const auto& [key, place] : watches) {
    if (place.session == session.index && place.is_set) lost.push_back(key);
  }
  for (const WatchKey& key : lost) drop_watch(session.index, key);
  for (const WatchKey& key : lost) {
    tell_watch(key.children ? WatchEvent::children_changed : WatchEvent::data_changed, key.path);
    if (closed) return;
  }
}

void ZookeeperClient::Core::hold_again(Session& session) { session.held.merge(session.sent); }

void ZookeeperClient::Core::on_watch_event(size_t index, WatchEvent event, const std::string& path) {
  if (event != WatchEvent::children_changed) drop_watch(index, {false, path});
  if (event == WatchEvent::children_changed || event == WatchEvent::deleted) drop_watch(index, {true, path});
  const auto keep = shared_from_this();
  tell_watch(event, path);
}

void ZookeeperClient::Core::drop_watch(size_t index, const WatchKey& key) {
  auto found = watches.find(key);
  if (found == watches.end() || found->second.session != index) return;
  found->second.is_set = false;
  if (found->second.reads > 0) return;
  sessions[index]->watch_bytes -= key.bytes();
  watches.erase(found);
}

void ZookeeperClient::Core::tell(SessionEvent event) {
  const std::vector<ZookeeperListener*> all = listeners;
  for (ZookeeperListener* each : all) {
    if (closed) return;
    if (std::count(listeners.begin(), listeners.end(), each) != 0) each->on_session(event);
  }
}

void ZookeeperClient::Core::tell_watch(WatchEvent event, const std::string& path) {
  const std::vector<ZookeeperListener*> all = listeners;
  for (ZookeeperListener* each : all) {
    if (closed) return;
    if (std::count(listeners.begin(), listeners.end(), each) != 0) each->on_watch(event, path);
  }
}

void ZookeeperClient::Core::store(const SessionKey& key) {
  if (settings.session_file.empty()) return;
  to_store = key;
  if (storing) {
    store_again = true;
    return;
  }
  storing = true;
  pool.run([weak = weak_from_this(), &to = loop, path = settings.session_file, key] {
    if (Status written = write_session_file(path, key); !written.ok()) log_error("{}", written.error().message);
    to.post([weak] {
      auto core = weak.lock();
      if (!core) return;
      core->storing = false;
      if (std::exchange(core->store_again, false) && !core->closed) core->store(core->to_store);
    });
  });
}

void ZookeeperClient::Core::close(Task done) {
  if (closed) return;
  closed = true;
  listeners.clear();
  for (auto& session : sessions) {
    session->held.clear();
    session->sent.clear();
    retire(*session);
  }
  if (earlier && earlier->handle) retire(std::move(earlier->handle), nullptr);
  close_done = [this, d = std::move(done)]() mutable {
    if (settings.session_file.empty()) {
      if (d) d();
      return;
    }
    pool.run([path = settings.session_file, &to = loop, d2 = std::move(d)]() mutable {
      remove_session_file(path);
      to.post([d3 = std::move(d2)]() mutable {
        if (d3) d3();
      });
    });
  };
  if (closing == 0) loop.post([core = shared_from_this()] {
    if (core->close_done) std::exchange(core->close_done, Task())();
  });
}

ZookeeperClient::ZookeeperClient(Loop& loop, Pool& pool, ZookeeperSettings settings)
    : core_(std::make_shared<Core>(loop, pool, std::move(settings))) {
  core_->start();
}

ZookeeperClient::~ZookeeperClient() {
  // A crash must leave the session file: what is not closed in order is found by the next start.
  core_->closed = true;
  core_->listeners.clear();
}

void ZookeeperClient::close(Task done) { core_->close(std::move(done)); }
size_t ZookeeperClient::session_count() const { return core_->sessions.size(); }
void ZookeeperClient::add_listener(ZookeeperListener& listener) { core_->listeners.push_back(&listener); }
void ZookeeperClient::remove_listener(ZookeeperListener& listener) { std::erase(core_->listeners, &listener); }
int64_t ZookeeperClient::session_id() const { return core_->id; }
bool ZookeeperClient::is_own_session(int64_t session_id) const { return core_->own_ids.count(session_id) != 0; }
int32_t ZookeeperClient::session_timeout_ms() const { return core_->timeout_ms; }
bool ZookeeperClient::is_connected() const { return !core_->closed && core_->id != 0 && core_->sessions[0]->connected; }

void ZookeeperClient::create(std::string path, ZnodeData data, CreateMode mode, CreateDone done) {
  core_->call(ZkRequest::Kind::create, {ZkOp::create(std::move(path), std::move(data), mode)}, {}, Watch::no, std::move(done));
}

void ZookeeperClient::remove(std::string path, int32_t version, RemoveDone done) {
  core_->call(ZkRequest::Kind::remove, {ZkOp::remove(std::move(path), version)}, {}, Watch::no, std::move(done));
}

void ZookeeperClient::set(std::string path, ZnodeData data, int32_t version, StatDone done) {
  core_->call(ZkRequest::Kind::set, {ZkOp::set(std::move(path), std::move(data), version)}, {}, Watch::no, std::move(done));
}

void ZookeeperClient::multi(std::vector<ZkOp> ops, MultiDone done) {
  core_->call(ZkRequest::Kind::multi, std::move(ops), {}, Watch::no, std::move(done));
}

void ZookeeperClient::exists(std::string path, Watch watch, StatDone done) {
  core_->call(ZkRequest::Kind::exists, {}, std::move(path), watch, std::move(done));
}

void ZookeeperClient::get(std::string path, Watch watch, DataDone done) {
  core_->call(ZkRequest::Kind::get, {}, std::move(path), watch, std::move(done));
}

void ZookeeperClient::get_children(std::string path, Watch watch, ChildrenDone done) {
  core_->call(ZkRequest::Kind::get_children, {}, std::move(path), watch, std::move(done));
}

}  // namespace quokka
