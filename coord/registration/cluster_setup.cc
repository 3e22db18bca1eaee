#include "coord/registration/cluster_setup.h"

#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "coord/znodes/broker.h"
#include "coord/znodes/paths.h"
#include "protocol/base/uuid.h"

namespace quokka {
namespace {

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

void ensure_paths_from(ZookeeperSession& session, size_t next, Function<void(Status)> done) {
  const std::vector<std::string>& paths = znodes::persistent_paths();
  if (next == paths.size()) return done(Status());
  ensure_path(session, paths[next], [&session, next, d = std::move(done)](Status status) mutable {
    if (!status.ok()) return d(std::move(status));
    ensure_paths_from(session, next + 1, std::move(d));
  });
}

void create_cluster_id(ZookeeperSession& session, Random& random, Function<void(Result<std::string>)> done) {
  Uuid id = Uuid::from_random(random.next(), random.next());
  while (id.is_reserved() || id.str()[0] == '-') id = Uuid::from_random(random.next(), random.next());
  const std::string path(znodes::kClusterId);
  session.create(path, znodes::encode_cluster_id(id.str()), CreateMode::persistent,
                 [&session, &random, id, path, d = std::move(done)](ZkOutcome outcome, const std::string&) mutable {
                   switch (outcome) {
                     case ZkOutcome::ok: return d(id.str());
                     case ZkOutcome::no_node:
                       return ensure_path(session, parent_of(path), [&session, &random, d2 = std::move(d)](Status status) mutable {
                         if (!status.ok()) return d2(status.error());
                         create_cluster_id(session, random, std::move(d2));
                       });
                     // Another broker was faster, or this one was and did not hear of it.
                     case ZkOutcome::node_exists:
                     case ZkOutcome::connection_loss: return obtain_cluster_id(session, random, std::move(d));
                     default: return d(zookeeper_error("create", path, outcome));
                   }
                 });
}

// "host", "host:port", "[::1]" or "[::1]:port" with blanks around it; nullopt for anything else.
std::optional<std::string> with_port(std::string_view server) {
  while (!server.empty() && server.front() == ' ') server.remove_prefix(1);
  while (!server.empty() && server.back() == ' ') server.remove_suffix(1);
  const size_t bracket = server.rfind(']');
  const size_t colon = server.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (server.empty() || colon == 0 || server.find(' ') != std::string_view::npos) return std::nullopt;
  if (colon == std::string_view::npos) return std::string(server) + ":2181";
  const std::string_view port = server.substr(colon + 1);
  int number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number < 1 || number > 65535) return std::nullopt;
  return std::string(server);
}

}  // namespace

Result<ConnectString> parse_connect_string(std::string_view text) {
  const Error bad{ErrorCode::INVALID_CONFIG, "zookeeper.connect '" + std::string(text) + "' is not host:port,host:port/chroot"};
  ConnectString parts;
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos) parts.chroot = std::string(text.substr(slash));
  while (!parts.chroot.empty() && parts.chroot.back() == '/') parts.chroot.pop_back();
  if (!parts.chroot.empty() && !is_valid_znode_path(parts.chroot)) return bad;
  for (std::string_view rest = text.substr(0, slash);;) {
    const size_t comma = rest.find(',');
    const std::optional<std::string> server = with_port(rest.substr(0, comma));
    if (!server) return bad;
    parts.servers += (parts.servers.empty() ? "" : ",") + *server;
    if (comma == std::string_view::npos) return parts;
    rest.remove_prefix(comma + 1);
  }
}

void ensure_persistent_paths(ZookeeperSession& session, Function<void(Status)> done) { ensure_paths_from(session, 0, std::move(done)); }

void obtain_cluster_id(ZookeeperSession& session, Random& random, Function<void(Result<std::string>)> done) {
  const std::string path(znodes::kClusterId);
  session.get(path, Watch::no, [&session, &random, path, d = std::move(done)](ZkOutcome outcome, ZnodeData data, const ZnodeStat&) mutable {
    if (outcome == ZkOutcome::no_node) return create_cluster_id(session, random, std::move(d));
    if (outcome != ZkOutcome::ok) return d(zookeeper_error("read", path, outcome));
    d(znodes::parse_cluster_id(data.value_or("")));
  });
}

void generate_broker_id(ZookeeperSession& session, int32_t reserved_broker_id_max, Function<void(Result<BrokerId>)> done) {
  const std::string path(znodes::kBrokerSequence);
  // Each write is another version. One whose answer was lost only leaves a gap.
  session.set(path, "", kAnyVersion,
              [&session, reserved_broker_id_max, path, d = std::move(done)](ZkOutcome outcome, const ZnodeStat& stat) mutable {
                switch (outcome) {
                  case ZkOutcome::ok: return d(BrokerId(stat.version + reserved_broker_id_max));
                  case ZkOutcome::connection_loss: return generate_broker_id(session, reserved_broker_id_max, std::move(d));
                  case ZkOutcome::no_node:
                    return ensure_path(session, path, [&session, reserved_broker_id_max, d2 = std::move(d)](Status status) mutable {
                      if (!status.ok()) return d2(status.error());
                      generate_broker_id(session, reserved_broker_id_max, std::move(d2));
                    });
                  default: return d(zookeeper_error("write", path, outcome));
                }
              });
}

}  // namespace quokka
