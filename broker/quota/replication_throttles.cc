#include "broker/quota/replication_throttles.h"

#include "broker/config/broker_keys.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {
namespace {

constexpr const char *leader_rate = "leader.replication.throttled.rate", *follower_rate = "follower.replication.throttled.rate";

ReplicationThrottle::Settings settings_of(ReplicaSide side, const BrokerConfig& config, BrokerId self) {
  return {side, self, config.replication_quota_window_num, Duration::seconds(config.replication_quota_window_size_seconds)};
}

// Of the two keys, those with a value that they may have.
Properties rates_in(const Properties& dynamic, const std::string& broker) {
  Properties rates;
  for (const char* key : {leader_rate, follower_rate}) {
    const auto given = dynamic.find(key);
    if (given == dynamic.end()) continue;
    if (const Status valid = check_value(*find_broker_key(key), given->second); valid) {
      rates.insert(*given);
    } else {
      log_warn("znode /config/brokers/{}: {}; it is left out", broker, valid.error().message);
    }
  }
  return rates;
}

}  // namespace

ReplicationThrottles::ReplicationThrottles(const BrokerConfig& config, BrokerId self, const TopicConfigs& topics)
    : self_(self),
      leader_(settings_of(ReplicaSide::leader, config, self), topics),
      follower_(settings_of(ReplicaSide::follower, config, self), topics) {}

void ReplicationThrottles::on_broker_config(const std::string& broker, const Properties& dynamic) {
  if (broker == znodes::kDefaultEntity) {
    dynamic_.cluster_default = rates_in(dynamic, broker);
  } else if (broker == std::to_string(self_.value)) {
    dynamic_.broker = rates_in(dynamic, broker);
  } else {
    return;
  }
  set_limit(leader_, leader_rate);
  set_limit(follower_, follower_rate);
}

void ReplicationThrottles::set_limit(ReplicationThrottle& throttle, const char* key) {
  const int64_t limit = integer_in(dynamic_.effective(key).value());
  if (limit == throttle.limit()) return;
  throttle.set_limit(limit);
  if (limit == ReplicationThrottle::unlimited) {
    log_info("{} is not set any more: throttled replicas are copied without a limit", key);
  } else {
    log_info("{} is {}: throttled replicas that are not in sync are copied with so many bytes per second", key, limit);
  }
}

void ReplicationThrottles::collect(MetricSink& sink, MonoTime now) {
  sink.gauge("kafka_server_LeaderReplication", "byte-rate", {}, leader_.bytes_per_second(now));
  sink.gauge("kafka_server_FollowerReplication", "byte-rate", {}, follower_.bytes_per_second(now));
}

}  // namespace quokka
