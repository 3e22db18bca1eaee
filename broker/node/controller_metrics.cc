#include "broker/node/controller_metrics.h"

namespace quokka {

// Kafka's timing of a change of the live brokers has the name of what it mostly consists of.
ControllerMetrics::ControllerMetrics(Registry& registry)
    : registry_(registry),
      unclean_elections_(registry.meter("kafka_controller_ControllerStats", "UncleanLeaderElectionsPerSec")),
      elections_(registry.timing("kafka_controller_ControllerStats", "LeaderElectionRateAndTimeMs")),
      collector_(registry.collect([this](MetricSink& sink) { collect(sink); })) {}

void ControllerMetrics::set(const ControllerCounts& counts) {
  unclean_elections_.mark(counts.unclean_leader_elections - unclean_elections_.count());
  MutexLock lock(mutex_);
  counts_ = counts;
}

void ControllerMetrics::collect(MetricSink& sink) const {
  MutexLock lock(mutex_);
  const auto show = [&sink](const char* name, size_t value) { sink.gauge("kafka_controller_KafkaController", name, {}, static_cast<double>(value)); };
  show("OfflinePartitionsCount", counts_.offline_partitions);
  show("PreferredReplicaImbalanceCount", counts_.preferred_replica_imbalance);
  show("GlobalTopicCount", counts_.topics);
  show("GlobalPartitionCount", counts_.partitions);
  show("TopicsToDeleteCount", counts_.topics_to_delete);
  show("TopicsIneligibleToDeleteCount", counts_.topics_ineligible_to_delete);
  show("ActiveBrokerCount", counts_.active_brokers);
  show("FencedBrokerCount", 0);  // with ZooKeeper a broker is registered or is not
}

}  // namespace quokka
