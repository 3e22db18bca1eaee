// What an operator alerts on moves when a broker is killed, and comes back with it.
#include "integration-tests/clients/cluster_fixture.h"

namespace quokka {
namespace {

class MetricsTest : public ClusterFixture<MetricsTest> {
 public:
  static ClusterOptions options() {
    ClusterOptions wanted;
    // Leaders find out before the controller does: a set that the controller shrinks is no shrink in Kafka's metric either.
    wanted.session_timeout_ms = 12'000;
    wanted.keys = {{"replica.lag.time.max.ms", "2000"}};
    return wanted;
  }

 protected:
  static double controller(int broker, const std::string& name) { return value(broker, "kafka_controller_KafkaController_Value", name); }
  static double replicas(int broker, const std::string& name) { return value(broker, "kafka_server_ReplicaManager_Value", name); }
  static double updates(int broker, const std::string& name) { return value(broker, "kafka_server_ReplicaManager_Count", name); }

 private:
  static double value(int broker, const std::string& metric, const std::string& name) {
    const std::string series = metric + "{name=\"" + name + "\"}";
    const std::optional<double> found = cluster().metric(broker, series);
    EXPECT_TRUE(found) << "broker " << broker << " has no " << series;
    return found.value_or(-1);
  }
};

TEST_F(MetricsTest, AKilledBrokerShows) {
  KafkaAdmin admin(bootstrap());
  admin.create_topic_and_wait("alone", 3, 1);
  admin.create_topic_and_wait("kept", 3, 3);
  const int controls = znodes().controller();
  const int killed = controls % 3 + 1, other = killed % 3 + 1;
  // Each broker leads one of three.
  int32_t kept = 0;
  while (znodes().partition_state("kept", kept)->leader.value != other) ASSERT_LT(++kept, 3);
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return controller(controls, "GlobalPartitionCount") == 6; }));
  EXPECT_EQ(controller(controls, "OfflinePartitionsCount"), 0);
  EXPECT_EQ(replicas(other, "UnderReplicatedPartitions"), 0);
  const double shrinks = updates(other, "IsrShrinksPerSec"), expands = updates(other, "IsrExpandsPerSec");

  cluster().kill_broker(killed);
  // Without it nobody is behind.
  KafkaProducer producer(cluster().address(other), {{"acks", "1"}});
  producer.send("kept", kept, "x");
  producer.flush_all_delivered();
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return updates(other, "IsrShrinksPerSec") >= shrinks + 1; }));
  EXPECT_GE(replicas(other, "UnderReplicatedPartitions"), 1);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return controller(controls, "OfflinePartitionsCount") == 1; }));
  EXPECT_EQ(controller(controls, "ActiveBrokerCount"), 2);
  EXPECT_EQ(controller(controls, "PreferredReplicaImbalanceCount"), 2) << "and the one that another replica took over";
  EXPECT_EQ(controller(other, "OfflinePartitionsCount"), 0) << "it is not the controller";

  cluster().start_broker(killed);
  cluster().wait_until_ready(killed);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return controller(controls, "OfflinePartitionsCount") == 0; }));
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return replicas(other, "UnderReplicatedPartitions") == 0; }));
  EXPECT_GE(updates(other, "IsrExpandsPerSec"), expands + 1);
  EXPECT_EQ(*cluster().metric(controls, "kafka_controller_ControllerStats_Count{name=\"UncleanLeaderElectionsPerSec\"}"), 0);
}

TEST_F(MetricsTest, EveryMetricHasItsSentence) {
  const std::string page = cluster().page(1, "/metrics");
  size_t metrics = 0;
  for (size_t at = page.find("# TYPE "); at != std::string::npos; at = page.find("# TYPE ", at + 1), ++metrics) {
    const std::string metric = page.substr(at + 7, page.find(' ', at + 7) - at - 7);
    EXPECT_NE(page.find("# HELP " + metric + " "), std::string::npos) << "broker/metrics/family_help.cc does not know the family of " << metric;
  }
  EXPECT_GT(metrics, 30u);
}

}  // namespace
}  // namespace quokka
