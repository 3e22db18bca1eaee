// The brokers a tool talks to, from its command line and its properties.
#pragma once

#include <string>

#include "protocol/client/blocking_client.h"
#include "tools/tool_properties.h"

namespace quokka {

// From --bootstrap-server and the properties of --command-config and its like. INVALID_CONFIG: servers that cannot be read or none of which has
// a name that resolves, numbers that are none, security that is not implemented.
Result<BlockingClientSettings> client_settings(const std::string& servers, const Properties& properties, const std::string& client_id);

}  // namespace quokka
