#include "coord/session/zookeeper_handle.h"

#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/base/log.h"

namespace quokka {

// Shared by the handle, the C client's callbacks and tasks under way. Used on the loop only, but for `loop` itself and, while the handle is being
// opened and closed on the pool, watcher_context.
struct ZookeeperHandle::Link : std::enable_shared_from_this<Link> {
  Link(Loop& l, Pool& p, Owner* o) : loop(l), pool(p), owner(o) {}

  Loop& loop;
  Pool& pool;
  Owner* owner;  // null: closed, or the handle is gone
  zhandle_t* zh = nullptr;
  bool is_open = false;      // open() was called
  bool init_ended = false;   // and is done on the pool
  bool close_wanted = false;
  Task closed;
  std::shared_ptr<Link>* watcher_context = nullptr;  // what the C client holds; freed after its threads are gone

  void on_init(zhandle_t* handle);
  void start_close();
};

namespace {

ZkOutcome outcome_of(int rc) {
  switch (rc) {
    case ZOK: return ZkOutcome::ok;
    case ZNONODE: return ZkOutcome::no_node;
    case ZNODEEXISTS: return ZkOutcome::node_exists;
    case ZBADVERSION: return ZkOutcome::bad_version;
    case ZNOTEMPTY: return ZkOutcome::not_empty;
    case ZNOCHILDRENFOREPHEMERALS: return ZkOutcome::no_children_for_ephemerals;
    case ZNOAUTH:
    case ZAUTHFAILED: return ZkOutcome::no_auth;
    case ZBADARGUMENTS: return ZkOutcome::invalid_argument;
    case ZRUNTIMEINCONSISTENCY: return ZkOutcome::not_performed;
    case ZSESSIONEXPIRED:
    case ZINVALIDSTATE: return ZkOutcome::session_expired;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZCLOSING:
    case ZSESSIONMOVED: return ZkOutcome::connection_loss;
    default: break;
  }
  log_warn("ZooKeeper operation ended in error {} ({})", rc, zerror(rc));
  return ZkOutcome::failed;
}

ZnodeStat stat_of(const Stat& from) {
  ZnodeStat to;
  to.czxid = from.czxid;
  to.mzxid = from.mzxid;
  to.pzxid = from.pzxid;
  to.ctime_ms = from.ctime;
  to.mtime_ms = from.mtime;
  to.version = from.version;
  to.children = from.numChildren;
  to.ephemeral_owner = from.ephemeralOwner;
  return to;
}

int mode_of(CreateMode mode) {
  switch (mode) {
    case CreateMode::persistent: return ZOO_PERSISTENT;
    case CreateMode::ephemeral: return ZOO_EPHEMERAL;
    case CreateMode::persistent_sequential: return ZOO_PERSISTENT_SEQUENTIAL;
    case CreateMode::ephemeral_sequential: return ZOO_EPHEMERAL_SEQUENTIAL;
  }
  return ZOO_PERSISTENT;
}

// Null data has length -1 on the wire.
const char* data_pointer(const ZnodeData& data) { return data ? data->data() : nullptr; }
int data_length(const ZnodeData& data) { return data ? static_cast<int>(data->size()) : -1; }

}  // namespace

// One call under way: freed by its completion. For a multi it also holds what the C client writes results to.
struct CallUnderWay {
  Function<void(ZkAnswer)> answer;
  size_t op_count = 1;
  std::vector<zoo_op_t> ops;
  std::vector<zoo_op_result_t> results;
  std::vector<Stat> stats;
  std::vector<std::vector<char>> paths;

  void finish(ZkAnswer done) {
    if (done.results.size() != op_count) done.results.resize(op_count);
    answer(std::move(done));
    delete this;
  }
};

namespace {

CallUnderWay* under_way(const void* data) { return const_cast<CallUnderWay*>(static_cast<const CallUnderWay*>(data)); }

ZkAnswer write_answer(int rc) {
  ZkAnswer answer;
  answer.outcome = outcome_of(rc);
  answer.results.resize(1);
  answer.results[0].outcome = answer.outcome;
  return answer;
}

void on_created(int rc, const char* value, const void* data) {
  ZkAnswer answer = write_answer(rc);
  if (rc == ZOK) answer.results[0].path = value;
  under_way(data)->finish(std::move(answer));
}

void on_removed(int rc, const void* data) { under_way(data)->finish(write_answer(rc)); }

void on_set(int rc, const Stat* stat, const void* data) {
  ZkAnswer answer = write_answer(rc);
  if (rc == ZOK) answer.results[0].stat = stat_of(*stat);
  under_way(data)->finish(std::move(answer));
}

void on_multi(int rc, const void* data) {
  CallUnderWay* call = under_way(data);
  ZkAnswer answer;
  answer.outcome = outcome_of(rc);
  answer.results.resize(call->ops.size());
  for (size_t i = 0; i < call->ops.size(); ++i) {
    ZkOpResult& result = answer.results[i];
    // Of a failed multi the server reports those before the failed one as fine, though nothing was performed.
    const int err = call->results[i].err;
    if (rc != ZOK) {
      result.outcome = err == ZOK || err != rc ? ZkOutcome::not_performed : outcome_of(err);
      continue;
    }
    result.outcome = ZkOutcome::ok;
    if (call->ops[i].type == ZOO_CREATE_OP) result.path = call->paths[i].data();
    if (call->ops[i].type == ZOO_SETDATA_OP) result.stat = stat_of(call->stats[i]);
  }
  call->finish(std::move(answer));
}

void on_exists(int rc, const Stat* stat, const void* data) {
  ZkAnswer answer;
  answer.outcome = outcome_of(rc);
  if (rc == ZOK) answer.stat = stat_of(*stat);
  under_way(data)->finish(std::move(answer));
}

void on_data(int rc, const char* value, int length, const Stat* stat, const void* data) {
  ZkAnswer answer;
  answer.outcome = outcome_of(rc);
  if (rc == ZOK) {
    if (length >= 0 && value != nullptr) answer.data.emplace(value, static_cast<size_t>(length));
    answer.stat = stat_of(*stat);
  }
  under_way(data)->finish(std::move(answer));
}

void on_children(int rc, const String_vector* names, const Stat* stat, const void* data) {
  ZkAnswer answer;
  answer.outcome = outcome_of(rc);
  if (rc == ZOK) {
    answer.children.reserve(static_cast<size_t>(names->count));
    for (int i = 0; i < names->count; ++i) answer.children.emplace_back(names->data[i]);
    answer.stat = stat_of(*stat);
  }
  under_way(data)->finish(std::move(answer));
}

void on_synced(int, const char*, const void*) {}

int start_multi(zhandle_t* zh, const ZkRequest& request, CallUnderWay* call) {
  const size_t count = request.ops.size();
  call->ops.resize(count);
  call->results.resize(count);
  call->stats.resize(count);
  call->paths.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const ZkOp& op = request.ops[i];
    zoo_op_t* to = &call->ops[i];
    switch (op.kind) {
      case ZkOp::Kind::check: zoo_check_op_init(to, op.path.c_str(), op.version); break;
      case ZkOp::Kind::remove: zoo_delete_op_init(to, op.path.c_str(), op.version); break;
      case ZkOp::Kind::set: zoo_set_op_init(to, op.path.c_str(), data_pointer(op.data), data_length(op.data), op.version, &call->stats[i]); break;
      case ZkOp::Kind::create:
        call->paths[i].resize(op.path.size() + 32);  // a sequence number comes behind it
        zoo_create_op_init(to, op.path.c_str(), data_pointer(op.data), data_length(op.data), &ZOO_OPEN_ACL_UNSAFE, mode_of(op.mode),
                           call->paths[i].data(), static_cast<int>(call->paths[i].size()));
        break;
    }
  }
  return zoo_amulti(zh, static_cast<int>(count), call->ops.data(), call->results.data(), on_multi, call);
}

int start(zhandle_t* zh, const ZkRequest& request, CallUnderWay* call) {
  const int watch = request.watch == Watch::yes ? 1 : 0;
  switch (request.kind) {
    case ZkRequest::Kind::create: {
      const ZkOp& op = request.ops[0];
      return zoo_acreate(zh, op.path.c_str(), data_pointer(op.data), data_length(op.data), &ZOO_OPEN_ACL_UNSAFE, mode_of(op.mode), on_created, call);
    }
    case ZkRequest::Kind::remove: return zoo_adelete(zh, request.ops[0].path.c_str(), request.ops[0].version, on_removed, call);
    case ZkRequest::Kind::set: {
      const ZkOp& op = request.ops[0];
      return zoo_aset(zh, op.path.c_str(), data_pointer(op.data), data_length(op.data), op.version, on_set, call);
    }
    case ZkRequest::Kind::multi: return start_multi(zh, request, call);
    case ZkRequest::Kind::exists: return zoo_aexists(zh, request.path.c_str(), watch, on_exists, call);
    case ZkRequest::Kind::get: return zoo_aget(zh, request.path.c_str(), watch, on_data, call);
    case ZkRequest::Kind::get_children: return zoo_aget_children2(zh, request.path.c_str(), watch, on_children, call);
  }
  return ZBADARGUMENTS;
}

std::optional<WatchEvent> watch_event_of(int type) {
  if (type == ZOO_CREATED_EVENT) return WatchEvent::created;
  if (type == ZOO_DELETED_EVENT) return WatchEvent::deleted;
  if (type == ZOO_CHANGED_EVENT) return WatchEvent::data_changed;
  if (type == ZOO_CHILD_EVENT) return WatchEvent::children_changed;
  return std::nullopt;
}

std::optional<ZookeeperHandle::State> state_of(int state) {
  if (state == ZOO_CONNECTED_STATE) return ZookeeperHandle::State::connected;
  if (state == ZOO_CONNECTING_STATE || state == ZOO_ASSOCIATING_STATE || state == ZOO_NOTCONNECTED_STATE) return ZookeeperHandle::State::connecting;
  if (state == ZOO_EXPIRED_SESSION_STATE) return ZookeeperHandle::State::expired;
  if (state == ZOO_AUTH_FAILED_STATE) return ZookeeperHandle::State::auth_failed;
  return std::nullopt;
}

// The C client's own lines, "2026-01-02 03:04:05,678:99(0x7f):ZOO_ERROR@function@123: what happened"; it has one place for all handles. While an
// ensemble is away it says the same several times a second.
void on_log_line(const char* text) {
  const std::string_view line(text);
  const size_t level = line.find(":ZOO_");
  const size_t function = level == std::string_view::npos ? level : line.find('@', level);
  const size_t what = function == std::string_view::npos ? function : line.find(": ", function);
  if (what == std::string_view::npos) return log_warn("ZooKeeper client: {}", line);
  const std::string_view origin = line.substr(function + 1, what - function - 1);
  log_warn_every_for(origin, Duration::seconds(10), "ZooKeeper client: {}", line.substr(what + 2));
}

// On a thread of the C client.
template <class Link>
void on_event(zhandle_t* zh, int type, int state, const char* path, void* context) {
  std::shared_ptr<Link> link = *static_cast<std::shared_ptr<Link>*>(context);
  Loop& loop = link->loop;
  if (type != ZOO_SESSION_EVENT) {
    const std::optional<WatchEvent> event = watch_event_of(type);
    if (!event || path == nullptr) return;
    loop.post([link = std::move(link), e = *event, p = std::string(path)] {
      if (link->owner != nullptr) link->owner->on_watch_event(e, p);
    });
    return;
  }
  const std::optional<ZookeeperHandle::State> now = state_of(state);
  if (!now) return;
  SessionKey key;
  key.id = zoo_client_id(zh)->client_id;
  std::memcpy(key.password.data(), zoo_client_id(zh)->passwd, key.password.size());
  loop.post([link = std::move(link), zh, s = *now, key, timeout = zoo_recv_timeout(zh)] {
    if (link->zh == nullptr && !link->init_ended) link->zh = zh;  // the event overtook the answer of the initialisation
    if (link->owner != nullptr) link->owner->on_state(s, key, timeout);
  });
}

}  // namespace

ZookeeperHandle::ZookeeperHandle(Loop& loop, Pool& pool, Owner& owner) : link_(std::make_shared<Link>(loop, pool, &owner)) {}

ZookeeperHandle::~ZookeeperHandle() { close(nullptr); }

void ZookeeperHandle::open(std::string servers, int32_t session_timeout_ms, std::optional<SessionKey> key) {
  QUOKKA_CHECK(!link_->is_open, "a handle is opened once");
  link_->is_open = true;
  link_->watcher_context = new std::shared_ptr<Link>(link_);
  link_->pool.run([link = link_, s = std::move(servers), session_timeout_ms, key] {
    zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
    clientid_t id{};
    if (key) {
      id.client_id = key->id;
      std::memcpy(id.passwd, key->password.data(), sizeof id.passwd);
    }
    zhandle_t* zh = zookeeper_init2(s.c_str(), on_event<Link>, session_timeout_ms, key ? &id : nullptr, link->watcher_context, ZOO_NO_LOG_CLIENTENV,
                                    on_log_line);
    link->loop.post([link, zh] { link->on_init(zh); });
  });
}

void ZookeeperHandle::Link::on_init(zhandle_t* handle) {
  init_ended = true;
  zh = handle;
  if (close_wanted) {
    start_close();
  } else if (zh == nullptr && owner != nullptr) {
    owner->on_state(State::unopened, SessionKey{}, 0);
  }
}

void ZookeeperHandle::call(uint64_t call, const ZkRequest& request) {
  const auto answer = [call](const std::shared_ptr<Link>& link, ZkAnswer done) {
    link->loop.post([link, call, d = std::move(done)]() mutable {
      if (link->owner != nullptr) link->owner->on_answer(call, std::move(d));
    });
  };
  auto* started = new CallUnderWay;
  started->op_count = request.ops.size();
  started->answer = [link = link_, answer](ZkAnswer done) { answer(link, std::move(done)); };
  const int rc = link_->zh == nullptr ? static_cast<int>(ZCONNECTIONLOSS) : start(link_->zh, request, started);
  if (rc == ZOK) return;
  ZkAnswer refused;
  refused.outcome = outcome_of(rc);
  started->finish(std::move(refused));
}

void ZookeeperHandle::sync() {
  if (link_->zh != nullptr) zoo_async(link_->zh, "/", on_synced, nullptr);
}

void ZookeeperHandle::close(Task done) {
  if (link_->close_wanted) return;
  link_->owner = nullptr;
  link_->close_wanted = true;
  link_->closed = std::move(done);
  if (!link_->is_open) link_->init_ended = true;
  if (link_->init_ended) link_->start_close();
}

void ZookeeperHandle::Link::start_close() {
  pool.run([link = shared_from_this(), handle = std::exchange(zh, nullptr)] {
    if (handle != nullptr) zookeeper_close(handle);
    delete std::exchange(link->watcher_context, nullptr);
    Loop& to = link->loop;
    to.post([link] {
      if (link->closed) std::exchange(link->closed, Task())();
    });
  });
}

}  // namespace quokka
