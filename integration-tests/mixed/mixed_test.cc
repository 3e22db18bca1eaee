// Quokka's brokers and Apache Kafka's in one cluster, on one ZooKeeper: each kind leads and follows the other, each is controller in turn, any of
// them is killed under load, and nothing acknowledged is lost. `make mixed-test` lays the tree of Apache Kafka out first.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "integration-tests/faults/fault_run.h"
#include "integration-tests/faults/reassignment.h"
#include "integration-tests/faults/scene.h"

namespace quokka {
namespace {

namespace fs = std::filesystem;

class MixedTest : public testing::TestWithParam<std::set<int>> {
 protected:
  void SetUp() override {
    const char* tree = ::getenv("QUOKKA_KAFKA_TREE");
    if (!tree) GTEST_SKIP() << "QUOKKA_KAFKA_TREE names no tree of Apache Kafka: make mixed-test";
    options_.cluster.kafka_tree = tree;
    options_.cluster.kafka_brokers = GetParam();
    options_.cluster.session_timeout_ms = Scene::session_timeout_ms;
    options_.cluster.tick_ms = Scene::tick_ms;
    // So that a broker that came back leads again before the next is killed.
    options_.cluster.keys["leader.imbalance.check.interval.seconds"] = "3";
    options_.seed = static_cast<uint32_t>(testing::UnitTest::GetInstance()->random_seed()) + 1;
  }
  static int one_of_kafka() { return *GetParam().begin(); }
  static int one_of_quokka() {
    int id = 1;
    while (GetParam().contains(id)) ++id;
    return id;
  }
  static std::string kind(int id) { return GetParam().contains(id) ? "Kafka" : "Quokka"; }

  SceneOptions options_;
};

// Partitions that a broker has replicas of, by their directories.
size_t replicas_of(LocalCluster& cluster, int id, const std::string& topic) {
  size_t count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(cluster.data_directory(id))) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(topic + '-') && !name.ends_with("-delete")) ++count;
  }
  return count;
}

bool leads_anything(Scene& scene, int id) {
  for (int32_t partition = 0; partition < Scene::partitions; ++partition)
    if (scene.leader(partition) == id) return true;
  return false;
}

TEST_P(MixedTest, WhoeverIsControllerMakesMovesAndDeletesTopics) {
  constexpr int partitions = 6;
  Scene scene(options_);
  for (int controller : scene.cluster().broker_ids()) {
    SCOPED_TRACE("controller: broker " + std::to_string(controller) + " of " + kind(controller));
    scene.move_controller(controller);
    const std::string topic = "made-by-" + std::to_string(controller);
    KafkaAdmin admin(scene.cluster().bootstrap());
    admin.create_topic_and_wait(topic, partitions, 3, {{"min.insync.replicas", "2"}});
    std::set<int> leaders;
    for (int32_t partition = 0; partition < partitions; ++partition) {
      const auto state = scene.znodes().partition_state(topic, partition);
      ASSERT_TRUE(state && state->isr.size() == 3) << topic << '-' << partition;
      leaders.insert(state->leader.value);
    }
    EXPECT_EQ(leaders, (std::set<int>{1, 2, 3}));
    KafkaProducer producer(scene.cluster().bootstrap(), {{"acks", "all"}});
    for (int i = 0; i < 600; ++i) producer.send(topic, i % partitions, std::to_string(i));
    producer.flush_all_delivered();
    EXPECT_EQ(records_of(scene.cluster().bootstrap(), topic, partitions).size(), 600u);

    // To two replicas each, and back to three in another order.
    for (int replicas : {2, 3}) {
      ReplicaPlan plan;
      for (int32_t partition = 0; partition < partitions; ++partition)
        for (int i = 0; i < replicas; ++i) plan[partition].push_back((partition + 2 * i) % 3 + 1);
      reassign(scene.cluster().bootstrap(), topic, plan);
      EXPECT_TRUE(eventually(30'000, [&] { return is_reassigned(scene.znodes(), topic, plan); })) << "to " << replicas << " replicas";
    }
    EXPECT_EQ(records_of(scene.cluster().bootstrap(), topic, partitions).size(), 600u);

    EXPECT_EQ(admin.delete_topic(topic), RdKafka::ERR_NO_ERROR);
    for (int id : scene.cluster().broker_ids())
      EXPECT_TRUE(eventually(30'000, [&] { return replicas_of(scene.cluster(), id, topic) == 0; })) << kind(id) << ' ' << id << " keeps its replicas";
    EXPECT_TRUE(eventually(30'000, [&] { return !scene.znodes().stat("/brokers/topics/" + topic); }));
  }
  const Findings findings = check_history(scene.stop_and_read_files());
  EXPECT_TRUE(findings.empty()) << findings.str();
  EXPECT_EQ(scene.problems(), std::vector<std::string>());
}

// A broker of either kind dies as leader and follower while either kind is the controller, and as controller.
TEST_P(MixedTest, NothingAcknowledgedIsLostWhoeverIsKilled) {
  Scene scene(options_);
  for (int controller : {one_of_quokka(), one_of_kafka()}) {
    for (int killed : {one_of_quokka(), one_of_kafka()}) {
      SCOPED_TRACE(fmt::format("controller {} ({}), killed {} ({})", controller, kind(controller), killed, kind(killed)));
      scene.move_controller(controller);
      ASSERT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync() && leads_anything(scene, killed); }));
      ASSERT_TRUE(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms));
      scene.cluster().kill_broker(killed);
      EXPECT_TRUE(eventually(Scene::session_timeout_ms + Scene::tick_ms + 2000, [&] { return !leads_anything(scene, killed); }));
      EXPECT_TRUE(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms));
      scene.start_again(killed);
      EXPECT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }));
    }
  }
  RecordProperty("longest_unavailability_ms", static_cast<int>(scene.workload().acknowledgements().longest_gap_ms()));
  const int64_t acknowledged = scene.workload().acknowledgements().count();
  RecordProperty("acknowledged", static_cast<int>(acknowledged));
  EXPECT_GE(acknowledged, FaultOutcome::acknowledged_min);
  const Findings findings = check_history(scene.stop_and_read_files());
  EXPECT_TRUE(findings.empty()) << findings.str();
  EXPECT_EQ(scene.problems(), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(TwoQuokkaOneKafka, MixedTest, testing::Values(std::set<int>{3}));
INSTANTIATE_TEST_SUITE_P(OneQuokkaTwoKafka, MixedTest, testing::Values(std::set<int>{2, 3}));

}  // namespace
}  // namespace quokka
