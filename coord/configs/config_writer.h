// Writes of /config, as the broker that handles a request does them. Last writer wins; a check of /controller in the same transaction refuses the
// write when the cluster has moved to a KRaft controller meanwhile.
//
// `done` runs on the session's loop. STALE_CONTROLLER_EPOCH: there is no controller, or it has just changed; the client tries again.
#pragma once

#include "coord/session/zookeeper_session.h"
#include "coord/znodes/config.h"
#include "protocol/base/result.h"

namespace quokka {

// Replaces the whole configuration of an entity, which is created if missing. Nobody is notified (topic creation).
void write_config(ZookeeperSession& session, const znodes::ConfigEntity& entity, const znodes::ConfigMap& config, Function<void(Status)> done);

// The same, then a notification to all brokers. Users, clients and ips left without configuration are removed, with the parents that they leave
// empty; topics and brokers stay with an empty one.
void change_config(ZookeeperSession& session, const znodes::ConfigEntity& entity, const znodes::ConfigMap& config, Function<void(Status)> done);

}  // namespace quokka
