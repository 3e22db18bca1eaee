// Whether a broker of this kind can live with what it finds in ZooKeeper: asked at the start, before the broker registers.
#pragma once

#include "coord/session/zookeeper_session.h"
#include "protocol/base/result.h"

namespace quokka {

// Refuses, by name: a cluster that is being migrated to KRaft (/migration, or a KRaft controller in /controller), and a live broker with an
// inter.broker.protocol.version before 2.7, whose leaders write in-sync sets into ZooKeeper themselves. `done` runs on the session's loop.
void ask_admission(ZookeeperSession& session, Function<void(Status)> done);

}  // namespace quokka
