#include "broker/start_summary.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "protocol/base/log.h"

namespace quokka {

std::string advertised_host(const ListenerEndpoint& advertised) {
  if (!advertised.host.empty()) return advertised.host;
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

void log_start_summary(const StartSummary& summary) {
  const BrokerConfig& config = summary.config;
  std::vector<std::string> lines;
  lines.push_back("Quokka broker " + std::to_string(summary.self.value) + " serves clients, " + std::to_string(summary.took.to_millis()) +
                  " ms after its start");
  for (size_t i = 0; i < config.listeners.bound.size(); ++i) {
    const ListenerEndpoint& bound = config.listeners.bound[i];
    std::string line = "listener    " + bound.listener + " on " + (bound.host.empty() ? "all interfaces" : bound.host) + ":" +
                       std::to_string(summary.ports[i]);
    for (const ListenerEndpoint& advertised : config.listeners.advertised) {
      if (advertised.listener == bound.listener)
        line += ", clients are told " + advertised_host(advertised) + ":" + std::to_string(advertised.port);
    }
    if (bound.listener == config.listeners.inter_broker && config.listeners.bound.size() > 1) line += ", used between brokers";
    lines.push_back(std::move(line));
  }
  if (summary.admin_port != 0)
    lines.push_back("metrics     http on " + config.quokka_admin_host + ":" + std::to_string(summary.admin_port) + " /metrics /health/live /health/ready");
  lines.push_back("ZooKeeper   " + config.zookeeper_connect);
  lines.push_back("cluster id  " + summary.cluster_id);
  for (const std::string& directory : config.log_dirs) lines.push_back("data        " + directory);
  lines.push_back("protocol    Apache Kafka " + config.inter_broker_protocol_version);
  size_t width = 0;
  for (const std::string& line : lines) width = std::max(width, line.size());
  log_info("+{}+", std::string(width + 2, '-'));
  for (const std::string& line : lines) log_info("| {}{} |", line, std::string(width - line.size(), ' '));
  log_info("+{}+", std::string(width + 2, '-'));
}

}  // namespace quokka
