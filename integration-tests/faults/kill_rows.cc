#include "integration-tests/faults/kill_rows.h"

#include <fmt/format.h>

namespace quokka {
namespace {

int controller_epoch(Scene& scene) { return std::stoi(scene.znodes().text("/controller_epoch").value_or("0")); }

void wait_until_in_sync(Scene& scene, const std::string& when) {
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }), "not all replicas are in sync " + when);
}

}  // namespace

void no_fault(Scene& scene) {
  scene.run_on(3000);
  scene.took_effect("none wanted");
}

void kill_leader_and_chase(Scene& scene) {
  for (int round = 0; round < 3; ++round) {
    const int killed = scene.leader();
    if (killed < 0) break;
    scene.cluster().kill_broker(killed);
    scene.took_effect(fmt::format("killed leader {}", killed));
    scene.run_on(scene.below(2000));
    scene.start_again(killed);
    scene.require(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms), "no acknowledgements after the leader is back");
    wait_until_in_sync(scene, "after the leader is back");
  }
}

void kill_leader_for_long(Scene& scene) {
  const int killed = scene.leader();
  scene.cluster().kill_broker(killed);
  const bool moved = eventually(Scene::session_timeout_ms + Scene::tick_ms + 2000, [&] {
    const int now = scene.leader();
    return now >= 0 && now != killed;
  });
  scene.require(moved, "nobody took the leadership over");
  if (moved) scene.took_effect(fmt::format("killed leader {}", killed));
  scene.require(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms), "no acknowledgements without the old leader");
  scene.start_again(killed);
}

void kill_each_in_turn(Scene& scene) {
  const int follower = scene.follower();
  scene.cluster().kill_broker(follower);
  scene.took_effect(fmt::format("killed follower {}", follower));
  scene.run_on(1000);
  scene.start_again(follower);
  wait_until_in_sync(scene, "after the follower is back");

  const int epoch = controller_epoch(scene);
  const int controller = scene.znodes().controller();
  scene.cluster().kill_broker(controller);
  scene.require(eventually(Scene::session_timeout_ms + Scene::tick_ms + 2000,
                           [&] {
                             const int now = scene.znodes().controller();
                             return now > 0 && now != controller;
                           }),
                "no broker became the controller");
  scene.require(controller_epoch(scene) == epoch + 1, fmt::format("the controller moved once, its epoch from {} to {}", epoch, controller_epoch(scene)));
  scene.took_effect(fmt::format("killed controller {}", controller));
  scene.start_again(controller);

  for (int id : scene.cluster().broker_ids()) {
    wait_until_in_sync(scene, fmt::format("before the kill of broker {}", id));
    scene.cluster().kill_broker(id);
    scene.run_on(scene.below(500));
    scene.start_again(id);
  }
}

void kill_all_at_once(Scene& scene) {
  scene.cluster().kill_all_brokers();
  scene.took_effect("killed all brokers");
  scene.cluster().start_all_brokers();
}

void restart_each_in_turn(Scene& scene) {
  for (int id : scene.cluster().broker_ids()) {
    scene.require(scene.cluster().stop_broker(id) == 0, fmt::format("broker {} did not stop cleanly", id));
    for (int32_t partition = 0; partition < Scene::partitions; ++partition)
      scene.require(scene.leader(partition) != id, fmt::format("partition {} is still led by broker {}, which has stopped", partition, id));
    scene.start_again(id);
    wait_until_in_sync(scene, fmt::format("after the restart of broker {}", id));
    scene.took_effect(fmt::format("restarted broker {}", id));
  }
}

}  // namespace quokka
