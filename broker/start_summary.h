// What a person wants to see of a broker that has just started, in one box.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/config/broker_config.h"
#include "protocol/base/ids.h"
#include "protocol/base/time.h"

namespace quokka {

struct StartSummary {
  const BrokerConfig& config;
  BrokerId self;
  const std::string& cluster_id;
  const std::vector<uint16_t>& ports;  // of config.listeners.bound
  uint16_t admin_port = 0;             // 0: none
  Duration took;
};

void log_start_summary(const StartSummary& summary);

// The host that is advertised: this machine's own name where none is given, as Kafka does.
std::string advertised_host(const ListenerEndpoint& advertised);

}  // namespace quokka
