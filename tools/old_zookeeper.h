// --zookeeper of old command lines: the brokers are looked up in ZooKeeper, and the tool goes on with them.
#pragma once

#include <string>

#include "protocol/base/result.h"
#include "tools/options.h"

namespace quokka {

// The value of --bootstrap-server, or without it the brokers registered under --zookeeper (`host:port,host:port/chroot`), said on
// standard error in one line. Errors name the ensemble and the reason.
Result<std::string> servers_of(const Options& options);

}  // namespace quokka
