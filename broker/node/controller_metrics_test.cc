#include "broker/node/controller_metrics.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

TEST(ControllerMetrics, ShowsWhatTheControllerCounts) {
  Registry registry;
  ControllerMetrics metrics(registry);
  ControllerCounts counts;
  counts.active_brokers = 3;
  counts.topics = 4;
  counts.partitions = 40;
  counts.offline_partitions = 2;
  counts.preferred_replica_imbalance = 5;
  counts.topics_to_delete = 7;
  counts.topics_ineligible_to_delete = 6;
  counts.unclean_leader_elections = 1;
  metrics.set(counts);
  metrics.set(counts);
  metrics.on_brokers_dealt_with(Duration::millis(20));
  const std::string page = registry.render();
  for (const char* line : {"KafkaController_Value{name=\"OfflinePartitionsCount\"} 2\n", "KafkaController_Value{name=\"PreferredReplicaImbalanceCount\"} 5\n",
                           "KafkaController_Value{name=\"GlobalTopicCount\"} 4\n", "KafkaController_Value{name=\"GlobalPartitionCount\"} 40\n",
                           "KafkaController_Value{name=\"TopicsToDeleteCount\"} 7\n", "KafkaController_Value{name=\"TopicsIneligibleToDeleteCount\"} 6\n",
                           "KafkaController_Value{name=\"ActiveBrokerCount\"} 3\n", "KafkaController_Value{name=\"FencedBrokerCount\"} 0\n",
                           "ControllerStats_Count{name=\"UncleanLeaderElectionsPerSec\"} 1\n", "ControllerStats_Count{name=\"LeaderElectionRateAndTimeMs\"} 1\n",
                           "ControllerStats_Max{name=\"LeaderElectionRateAndTimeMs\"} 20\n"}) {
    EXPECT_NE(page.find("\nkafka_controller_" + std::string(line)), std::string::npos) << line << page;
  }
}

TEST(ControllerMetrics, WhoIsDeposedShowsZerosAndWhatItDid) {
  Registry registry;
  ControllerMetrics metrics(registry);
  ControllerCounts counts;
  counts.offline_partitions = 2;
  counts.unclean_leader_elections = 1;
  metrics.set(counts);
  counts.offline_partitions = 0;
  metrics.set(counts);
  const std::string page = registry.render();
  EXPECT_NE(page.find("KafkaController_Value{name=\"OfflinePartitionsCount\"} 0\n"), std::string::npos) << page;
  EXPECT_NE(page.find("ControllerStats_Count{name=\"UncleanLeaderElectionsPerSec\"} 1\n"), std::string::npos) << page;
}

}  // namespace
}  // namespace quokka
