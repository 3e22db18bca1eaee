// Creating persistent znodes with all that is missing above them, and errors of ZooKeeper in words.
#pragma once

#include <string>
#include <string_view>

#include "coord/session/zookeeper_session.h"
#include "protocol/base/result.h"

namespace quokka {

// Without data; one that exists is left alone. A lost connection is waited for and the step done again. `done` runs on the session's loop, at once
// for an empty path.
void ensure_path(ZookeeperSession& session, std::string path, Function<void(Status)> done);

// "cannot <what> znode <path>: <outcome>".
Error zookeeper_error(std::string_view what, std::string_view path, ZkOutcome outcome);

}  // namespace quokka
