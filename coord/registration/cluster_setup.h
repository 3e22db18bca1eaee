// What a broker does in ZooKeeper at its start, before it registers: the chroot (ensure_path on a session without one), the permanent paths, the
// cluster's id, and its own id if it has none. All of it may be done by several brokers at the same time, and again at every start.
//
// Functions return at once; `done` runs on the session's loop. A lost connection is waited for and the step done again; an error is left when
// ZooKeeper refuses (no permission) or the session expires meanwhile: then the caller begins again.
#pragma once

#include <string>
#include <string_view>

#include "coord/session/ensure_path.h"
#include "coord/session/zookeeper_session.h"
#include "protocol/base/ids.h"
#include "protocol/base/loop.h"
#include "protocol/base/result.h"

namespace quokka {

// zookeeper.connect taken apart: "a:2181,b/kafka" is {"a:2181,b:2181", "/kafka"}. Without a chroot it is empty.
struct ConnectString {
  std::string servers;  // each with its port
  std::string chroot;

  std::string str() const { return servers + chroot; }
};
Result<ConnectString> parse_connect_string(std::string_view text);

// The permanent paths of a Kafka cluster, in Kafka's order.
void ensure_persistent_paths(ZookeeperSession& session, Function<void(Status)> done);

// Reads the cluster's id; the first broker makes it up.
void obtain_cluster_id(ZookeeperSession& session, Random& random, Function<void(Result<std::string>)> done);

// For broker.id.generation.enable: above reserved.broker.max.id and never given before.
void generate_broker_id(ZookeeperSession& session, int32_t reserved_broker_id_max, Function<void(Result<BrokerId>)> done);

}  // namespace quokka
