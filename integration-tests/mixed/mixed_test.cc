// Quokka's brokers and Apache Kafka's in one cluster, on one ZooKeeper: each kind leads and follows the other, each is controller in turn, any of
// them is killed under load, and nothing acknowledged is lost. `make mixed-test` lays the tree of Apache Kafka out first.
#include <fmt/format.h>

#include <filesystem>

#include "integration-tests/faults/fault_run.h"
#include "integration-tests/faults/reassignment.h"
#include "integration-tests/mixed/mixed_fixture.h"

namespace quokka {
namespace {

namespace fs = std::filesystem;

class MixedTest : public MixedFixture {};

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
    ASSERT_EQ(scene.znodes().children("/brokers/ids").size(), 3u) << brokers_in_words(scene);
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
      EXPECT_TRUE(eventually(30'000, [&] { return is_reassigned(scene.znodes(), topic, plan); }))
          << "to " << replicas << " replicas; " << brokers_in_words(scene);
    }
    EXPECT_EQ(records_of(scene.cluster().bootstrap(), topic, partitions).size(), 600u);

    EXPECT_EQ(admin.delete_topic(topic), RdKafka::ERR_NO_ERROR);
    for (int id : scene.cluster().broker_ids())
      EXPECT_TRUE(eventually(30'000, [&] { return replicas_of(scene.cluster(), id, topic) == 0; })) << kind(id) << ' ' << id << " keeps its replicas";
    EXPECT_TRUE(eventually(30'000, [&] { return !scene.znodes().stat("/brokers/topics/" + topic); }));
  }
  expect_kept(scene, scene.stop_and_read_files());
}

enum class Role { leader, follower, controller };
const char* name(Role role) { return role == Role::leader ? "leader" : role == Role::follower ? "follower" : "controller"; }

// QUOKKA_RUNS: how often all of it is done; once without it.
int runs() {
  const char* wanted = ::getenv("QUOKKA_RUNS");
  return wanted ? std::max(1, std::atoi(wanted)) : 1;
}

// Brings the first of these brokers into a role: for partition 0, under a controller that is another one; or that of the controller.
void cast(Scene& scene, Role role, const std::vector<int>& brokers) {
  scene.move_controller(role == Role::controller ? brokers[0] : brokers[1]);
  const std::vector<int> replicas = role == Role::follower ? std::vector<int>{brokers[1], brokers[2], brokers[0]} : brokers;
  if (!move_leader(scene.znodes(), scene.cluster().bootstrap(), {scene.topic(), PartitionIndex(0)}, replicas, Scene::heal_timeout_ms))
    throw std::runtime_error(fmt::format("broker {} does not become the leader", replicas.front()));
}

// A broker of either kind dies as the leader, as a follower and as the controller.
TEST_P(MixedTest, NothingAcknowledgedIsLostWhoeverIsKilled) {
  Scene scene(options_);
  int kills = 0;
  for (int run = 0; run < runs(); ++run) {
    for (Role role : {Role::leader, Role::follower, Role::controller}) {
      for (int killed : {one_of_quokka(), one_of_kafka()}) {
        SCOPED_TRACE(fmt::format("run {}: {} {} ({}) is killed", run, name(role), killed, kind(killed)));
        ASSERT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }));
        cast(scene, role, headed_by(killed));
        ASSERT_TRUE(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms));
        scene.cluster().kill_broker(killed);
        ++kills;
        EXPECT_TRUE(eventually(Scene::session_timeout_ms + Scene::tick_ms + 2000, [&] { return !leads_anything(scene, killed); }));
        EXPECT_TRUE(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms));
        scene.start_again(killed);
        EXPECT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }));
      }
    }
  }
  const int64_t acknowledged = scene.workload().acknowledgements().count();
  EXPECT_GE(acknowledged, FaultOutcome::acknowledged_min);
  History history = scene.workload().stop();
  expect_equal_replicas(scene);
  scene.stop_brokers_and_read_files(history);
  const Findings findings = expect_kept(scene, history);
  fmt::print("> {} kills, {} records acknowledged, {} lost, {} differences between replicas, {} sent twice; no partition was silent for more than {} ms\n", kills,
             acknowledged, findings.count(Anomaly::lost), findings.count(Anomaly::divergence), findings.count(Anomaly::duplicate), scene.workload().acknowledgements().longest_gap_ms());
}

// Its process goes on, with what it believed, as another life of the broker.
TEST_P(MixedTest, WhoLosesItsSessionIsBackInSync) {
  Scene scene(options_);
  for (int controller : {one_of_quokka(), one_of_kafka()}) {
    for (int paused : {one_of_quokka(), one_of_kafka()}) {
      SCOPED_TRACE(fmt::format("controller {} ({}), paused {} ({})", controller, kind(controller), paused, kind(paused)));
      scene.move_controller(controller);
      ASSERT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync() && leads_anything(scene, paused); }));
      scene.cluster().broker(paused).pause();
      const bool gone = eventually(Scene::session_timeout_ms + Scene::tick_ms + 2000, [&] { return !leads_anything(scene, paused); });
      scene.cluster().broker(paused).resume();
      EXPECT_TRUE(gone);
      EXPECT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return scene.znodes().registration(paused).has_value(); }));
      EXPECT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }));
      EXPECT_TRUE(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms));
    }
  }
  expect_kept(scene, scene.stop_and_read_files());
}

INSTANTIATE_TEST_SUITE_P(TwoQuokkaOneKafka, MixedTest, two_quokka_one_kafka);
INSTANTIATE_TEST_SUITE_P(OneQuokkaTwoKafka, MixedTest, one_quokka_two_kafka);

}  // namespace
}  // namespace quokka
