// The two throttles of a broker's replication, with the rates that ZooKeeper gives them: /config/brokers/<id> over /config/brokers/<default>, at any time.
#pragma once

#include <string>

#include "broker/config/broker_config.h"
#include "broker/metrics/registry.h"
#include "broker/quota/replication_throttle.h"

namespace quokka {

class ReplicationThrottles {
 public:
  // `topics` outlive it.
  ReplicationThrottles(const BrokerConfig& config, BrokerId self, const TopicConfigs& topics);

  ReplicationThrottle& leader() { return leader_; }
  ReplicationThrottle& follower() { return follower_; }

  // The whole dynamic configuration of a broker or of all ("<default>"). One thread. A rate that cannot be understood is left out, and said.
  void on_broker_config(const std::string& broker, const Properties& dynamic);
  void collect(MetricSink& sink, MonoTime now);

 private:
  void set_limit(ReplicationThrottle& throttle, const char* key);

  const BrokerId self_;
  ConfigSources dynamic_;  // without what the properties file has, where these keys mean nothing
  ReplicationThrottle leader_, follower_;
};

}  // namespace quokka
