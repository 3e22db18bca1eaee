#include "integration-tests/faults/pause_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace quokka {
namespace {

constexpr int failover_ms = Scene::session_timeout_ms + Scene::tick_ms + 2000;

std::map<int, int64_t> registrations(Scene& scene) {
  std::map<int, int64_t> epochs;
  for (int id : scene.cluster().broker_ids())
    if (const auto stat = scene.znodes().registration(id)) epochs[id] = stat->czxid;
  return epochs;
}

// Leader epochs of all partitions: they rise when leaders are elected.
std::vector<int32_t> leader_epochs(Scene& scene) {
  std::vector<int32_t> epochs;
  for (int32_t partition = 0; partition < Scene::partitions; ++partition) {
    const auto state = scene.znodes().partition_state(scene.topic(), partition);
    epochs.push_back(state ? state->leader_epoch.value : -1);
  }
  return epochs;
}

}  // namespace

void pause_leader_briefly(Scene& scene) {
  const int paused = scene.leader();
  const auto in_sync_without = [&] {
    for (int32_t partition = 0; partition < Scene::partitions; ++partition) {
      const std::vector<int> ids = scene.in_sync(partition);
      if (scene.leader(partition) != paused && std::find(ids.begin(), ids.end(), paused) == ids.end()) return true;
    }
    return false;
  };
  const std::vector<int32_t> epochs = leader_epochs(scene);
  scene.cluster().broker(paused).pause();
  // A follower elsewhere, it falls out of the in-sync sets there; its session goes on. While the controller stands still no set changes.
  constexpr int pause_ms = Scene::session_timeout_ms - 1500;
  const bool is_controller = scene.znodes().controller() == paused;
  const bool stalled = is_controller && !scene.workload().wait_for_every_partition(pause_ms);
  const bool shrunk = !is_controller && eventually(pause_ms, in_sync_without);
  scene.cluster().broker(paused).resume();
  if (shrunk) scene.took_effect(fmt::format("paused broker {}: it left in-sync sets", paused));
  if (stalled) scene.took_effect(fmt::format("paused broker {}, the controller: what it leads acknowledged nothing", paused));
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }), "the paused broker does not come back into the in-sync sets");
  scene.require(leader_epochs(scene).size() == epochs.size(), "a partition is gone");
}

void pause_leader_past_session(Scene& scene) {
  const int paused = scene.leader();
  const int64_t before = registrations(scene)[paused];
  scene.cluster().broker(paused).pause();
  const bool moved = eventually(failover_ms, [&] {
    const int now = scene.leader();
    return now >= 0 && now != paused;
  });
  scene.require(moved, "nobody took the leadership over");
  scene.run_on(2000);
  scene.cluster().broker(paused).resume();
  if (moved) scene.took_effect(fmt::format("paused leader {} until another led", paused));
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return registrations(scene)[paused] > before; }), "the paused broker does not register again");
}

void pause_controller_past_session(Scene& scene) {
  const int paused = scene.znodes().controller();
  scene.cluster().broker(paused).pause();
  const bool moved = eventually(failover_ms, [&] {
    const int now = scene.znodes().controller();
    return now > 0 && now != paused;
  });
  scene.require(moved, "no other broker became the controller");
  const int controller = scene.znodes().controller();
  const std::string epoch = scene.znodes().text("/controller_epoch").value_or("");
  scene.cluster().broker(paused).resume();
  if (moved) scene.took_effect(fmt::format("paused controller {} until broker {} was it", paused, controller));
  // It learns that its time is over, and leaves the new one alone.
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.znodes().registration(paused).has_value(); }), "the old controller does not register again");
  scene.run_on(3000);
  scene.require(scene.znodes().controller() == controller, "the controller moved again");
  scene.require(scene.znodes().text("/controller_epoch").value_or("") == epoch, "the controller epoch changed again");
}

void expire_all_sessions(Scene& scene) {
  const std::map<int, int64_t> before = registrations(scene);
  for (int id : scene.cluster().broker_ids()) scene.cluster().broker(id).pause();
  const bool expired = eventually(failover_ms + 3000, [&] { return registrations(scene).empty(); });
  scene.require(expired, "the sessions of paused brokers do not end");
  for (int id : scene.cluster().broker_ids()) scene.cluster().broker(id).resume();
  if (expired) scene.took_effect("all sessions expired");
  const bool back = eventually(Scene::heal_timeout_ms, [&] {
    const std::map<int, int64_t> now = registrations(scene);
    for (const auto& [id, epoch] : before)
      if (!now.contains(id) || now.at(id) <= epoch) return false;
    return true;
  });
  scene.require(back, "not all brokers have registered anew");
}

void StaleZookeeper::run(Scene& scene) {
  LocalCluster& cluster = scene.cluster();
  for (int number = 1; number <= 3; ++number) {
    cluster.zookeeper(number).pause();
    const int before = scene.znodes().controller();
    scene.znodes().remove("/controller");
    scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.znodes().controller() > 0; }), "no broker becomes the controller");
    scene.move_controller(before % 3 + 1);
    const std::string topic = fmt::format("made-beside-a-stale-server-{}", number);
    KafkaAdmin(cluster.bootstrap()).create_topic_and_wait(topic, 4, 3);
    cluster.zookeeper(number).resume();
    scene.require(KafkaAdmin(cluster.bootstrap()).delete_topic(topic) == RdKafka::ERR_NO_ERROR, topic + " cannot be deleted");
    scene.require(eventually(Scene::heal_timeout_ms, [&] { return !scene.znodes().stat("/brokers/topics/" + topic); }), topic + " is still there");
    scene.took_effect(fmt::format("ZooKeeper server {} stood still while the controller moved", number));
  }
}

void ZookeeperFault::run(Scene& scene) {
  LocalCluster& cluster = scene.cluster();
  const std::vector<int32_t> epochs = leader_epochs(scene);
  int leader = 1;
  while (leader < 3 && cluster.zookeeper_mode(leader) != "leader") ++leader;
  std::vector<int> killed = {leader};
  if (what_ != What::kill_leader) killed.push_back(leader % 3 + 1);
  if (what_ == What::restart_all) killed.push_back((leader + 1) % 3 + 1);
  const int64_t acknowledged = scene.workload().acknowledgements().count();
  for (int number : killed) cluster.zookeeper(number).kill();
  scene.took_effect(fmt::format("killed {} ZooKeeper servers, the leader among them", killed.size()));
  // Leaders that are there keep serving without ZooKeeper.
  scene.require(scene.workload().wait_for_every_partition(5000), "partitions stop serving when ZooKeeper is away");
  if (what_ == What::lose_quorum) scene.run_on(15'000);
  for (int number : killed) cluster.start_zookeeper(number);
  for (int number : killed) cluster.wait_for_zookeeper(number);
  scene.require(scene.workload().acknowledgements().count() > acknowledged, "nothing was acknowledged meanwhile");
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return registrations(scene).size() == 3; }), "not all brokers are registered");
  // Sessions live on in ZooKeeper's own files: nobody has to be elected.
  if (what_ == What::kill_leader) scene.require(leader_epochs(scene) == epochs, "leaders were elected although no broker was away");
}

}  // namespace quokka
