#include "integration-tests/faults/network_rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace quokka {
namespace {

constexpr int failover_ms = Scene::session_timeout_ms + Scene::tick_ms + 2000;

std::string server(int broker) { return fmt::format("broker-{}", broker); }

bool is_out_of_sync(Scene& scene, int broker) {
  for (int32_t partition = 0; partition < Scene::partitions; ++partition) {
    const std::vector<int> ids = scene.in_sync(partition);
    if (std::find(ids.begin(), ids.end(), broker) == ids.end()) return true;
  }
  return false;
}

}  // namespace

void NetworkFault::prepare(SceneOptions& options) {
  network_ = std::make_unique<Network>();
  options.cluster.place = [this](const std::string& name) { return network_->place(name); };
}

void NetworkFault::cut_from_followers(Scene& scene, int leader) {
  for (int id : scene.cluster().broker_ids())
    if (id != leader) network_->cut(server(leader), server(id));
}

void NetworkFault::break_it(Scene& scene, int leader) {
  switch (what_) {
    case What::leader_from_zookeeper: return network_->cut(server(leader), "zookeeper-1");
    case What::leader_from_followers: return cut_from_followers(scene, leader);
    case What::isolated_leader:
    case What::isolated_controller: return network_->isolate(server(leader));
    case What::leader_from_clients: return network_->cut(server(leader), "client");
    case What::deaf_leader:
    case What::mute_leader:
      for (int id : scene.cluster().broker_ids()) {
        if (id == leader) continue;
        if (what_ == What::deaf_leader)
          network_->cut_one_way(server(id), server(leader));
        else
          network_->cut_one_way(server(leader), server(id));
      }
      return;
    case What::lossy_leader: return network_->lose(server(leader), 5 + scene.below(25));
    case What::narrow_follower: return network_->cap(server(leader), 64);
  }
}

// Until the cluster has noticed, or as long as it should go on without noticing.
void NetworkFault::wait_for_effect(Scene& scene, int leader) {
  switch (what_) {
    case What::leader_from_zookeeper:
    case What::isolated_leader:
      scene.require(eventually(failover_ms, [&] { return scene.leader() >= 0 && scene.leader() != leader; }), "nobody took the leadership over");
      break;
    case What::isolated_controller:
      scene.require(eventually(failover_ms, [&] { return scene.znodes().controller() > 0 && scene.znodes().controller() != leader; }),
                    "no other broker became the controller");
      break;
    case What::leader_from_followers:
    case What::deaf_leader:
    case What::mute_leader: {
      scene.run_on(3000);  // what was on its way has arrived or will not
      const int64_t last = scene.workload().acknowledgements().last_ns(0);
      scene.run_on(3000);
      scene.require(scene.leader() != leader || scene.workload().acknowledgements().last_ns(0) == last, "a leader without followers acknowledged with acks=all");
      break;
    }
    case What::leader_from_clients:
    case What::lossy_leader: scene.run_on(8000); break;
    case What::narrow_follower:
      scene.require(eventually(20'000, [&] { return is_out_of_sync(scene, leader); }), "a follower that cannot keep up stays in sync");
      scene.took_effect("the narrow follower left in-sync sets");
      break;
  }
}

void NetworkFault::run(Scene& scene) {
  int broken = scene.leader();
  if (what_ == What::isolated_controller) broken = scene.znodes().controller();
  if (what_ == What::narrow_follower) broken = scene.follower();
  break_it(scene, broken);
  wait_for_effect(scene, broken);
  if (const int64_t dropped = network_->dropped()) scene.took_effect(fmt::format("{} packets of broker {} were dropped", dropped, broken));
  network_->heal();
  const bool registered = eventually(Scene::heal_timeout_ms, [&] { return scene.znodes().registration(broken).has_value(); });
  scene.require(registered, fmt::format("broker {} does not register again", broken));
}

}  // namespace quokka
