#include "coord/session/ensure_path.h"

#include <utility>

namespace quokka {

Error zookeeper_error(std::string_view what, std::string_view path, ZkOutcome outcome) {
  return Error{ErrorCode::UNKNOWN_SERVER_ERROR, "cannot " + std::string(what) + " znode " + std::string(path) + ": " + std::string(name(outcome))};
}

void ensure_path(ZookeeperSession& session, std::string path, Function<void(Status)> done) {
  if (path.empty()) return done(Status());
  std::string copy = path;
  session.create(std::move(copy), std::nullopt, CreateMode::persistent,
                 [&session, path = std::move(path), d = std::move(done)](ZkOutcome outcome, const std::string&) mutable {
                   switch (outcome) {
                     case ZkOutcome::ok:
                     case ZkOutcome::node_exists: return d(Status());
                     case ZkOutcome::connection_loss: return ensure_path(session, std::move(path), std::move(d));
                     case ZkOutcome::no_node: {
                       std::string parent = path.substr(0, path.rfind('/'));
                       return ensure_path(session, std::move(parent), [&session, p = std::move(path), d2 = std::move(d)](Status status) mutable {
                         if (!status.ok()) return d2(std::move(status));
                         ensure_path(session, std::move(p), std::move(d2));
                       });
                     }
                     default: return d(zookeeper_error("create", path, outcome));
                   }
                 });
}

}  // namespace quokka
