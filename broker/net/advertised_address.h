// Looks at the addresses that clients are told (advertised.listeners) the way a client will: most "broker may not be available" errors come from
// here.
#pragma once

#include <string>
#include <vector>

#include "broker/net/server_settings.h"
#include "protocol/base/time.h"

namespace quokka {

struct AdvertisedAddress {
  std::string listener;
  std::vector<std::string> addresses;  // what the advertised name resolves to from here
  bool reachable = false;              // a connection from here came about
  std::string problem;                 // for a person, with what to do; "" if there is none
};

// Blocks: on a pool.
AdvertisedAddress check_advertised(const ListenerSettings& listener, uint16_t bound_port, Duration timeout);

// What to tell about a client that came in by `local_address`, an address that the advertised name does not lead to; "" if nothing.
std::string redirect_warning(const ListenerSettings& listener, const std::vector<std::string>& advertised, const std::string& local_address);

bool is_loopback(const std::string& address);

}  // namespace quokka
