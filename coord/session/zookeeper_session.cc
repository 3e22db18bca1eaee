#include "coord/session/zookeeper_session.h"

#include <algorithm>
#include <utility>

namespace quokka {

std::string_view name(ZkOutcome outcome) {
  switch (outcome) {
    case ZkOutcome::ok: return "ok";
    case ZkOutcome::no_node: return "no node";
    case ZkOutcome::node_exists: return "node exists";
    case ZkOutcome::bad_version: return "bad version";
    case ZkOutcome::not_empty: return "not empty";
    case ZkOutcome::no_children_for_ephemerals: return "no children for ephemerals";
    case ZkOutcome::no_auth: return "no permission";
    case ZkOutcome::connection_loss: return "connection loss";
    case ZkOutcome::session_expired: return "session expired";
    case ZkOutcome::invalid_argument: return "invalid argument";
    case ZkOutcome::not_performed: return "not performed";
    case ZkOutcome::failed: return "failed";
  }
  return "unknown outcome";
}

std::ostream& operator<<(std::ostream& out, WatchEvent event) {
  switch (event) {
    case WatchEvent::created: return out << "created";
    case WatchEvent::deleted: return out << "deleted";
    case WatchEvent::data_changed: return out << "data changed";
    case WatchEvent::children_changed: return out << "children changed";
  }
  return out << "unknown watch event";
}

std::ostream& operator<<(std::ostream& out, SessionEvent event) {
  switch (event) {
    case SessionEvent::established: return out << "established";
    case SessionEvent::disconnected: return out << "disconnected";
    case SessionEvent::reconnected: return out << "reconnected";
    case SessionEvent::expired: return out << "expired";
  }
  return out << "unknown session event";
}

bool is_valid_znode_path(std::string_view path, CreateMode mode) {
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string_view::npos) return false;
  if (path == "/") return true;
  const bool is_numbered = mode == CreateMode::persistent_sequential || mode == CreateMode::ephemeral_sequential;
  for (size_t from = 1; from <= path.size();) {
    const size_t slash = std::min(path.find('/', from), path.size());
    const std::string_view part = path.substr(from, slash - from);
    const bool is_last = slash == path.size();
    if (part == "." || part == "..") return false;
    if (part.empty() && !(is_last && is_numbered)) return false;
    from = slash + 1;
  }
  return true;
}

ZkOp ZkOp::check(std::string path, int32_t version) {
  ZkOp op;
  op.kind = Kind::check;
  op.path = std::move(path);
  op.version = version;
  return op;
}

ZkOp ZkOp::create(std::string path, ZnodeData data, CreateMode mode) {
  ZkOp op;
  op.kind = Kind::create;
  op.path = std::move(path);
  op.data = std::move(data);
  op.mode = mode;
  return op;
}

ZkOp ZkOp::set(std::string path, ZnodeData data, int32_t version) {
  ZkOp op;
  op.kind = Kind::set;
  op.path = std::move(path);
  op.data = std::move(data);
  op.version = version;
  return op;
}

ZkOp ZkOp::remove(std::string path, int32_t version) {
  ZkOp op;
  op.kind = Kind::remove;
  op.path = std::move(path);
  op.version = version;
  return op;
}

std::optional<size_t> MultiResult::failed_op() const {
  for (size_t i = 0; i < results.size(); ++i) {
    ZkOutcome each = results[i].outcome;
    if (each != ZkOutcome::ok && each != ZkOutcome::not_performed && each == outcome) return i;
  }
  return std::nullopt;
}

}  // namespace quokka
