#include "integration-tests/faults/group_rows.h"

#include <fmt/format.h>

#include "broker/journal/coordinator_partition.h"

namespace quokka {
namespace {

constexpr int past_session_ms = Readers::session_timeout_ms + 3000;

void require_reading(Scene& scene, const std::string& when) {
  scene.require(scene.readers().wait_for_every_partition(Scene::heal_timeout_ms), "the group does not commit every partition " + when);
}

}  // namespace

void kill_members(Scene& scene) {
  Readers& readers = scene.readers();
  for (int member = 0; member < 3; ++member) {
    readers.kill(member);
    readers.add();
    scene.took_effect(fmt::format("killed member {}", member));
    scene.run_on(scene.below(1500));
  }
  require_reading(scene, "after members were killed");
}

void hold_members(Scene& scene) {
  Readers& readers = scene.readers();
  const int64_t others = readers.assignments(2);
  readers.stand_still(0, true);
  readers.cut_off(1, true);
  const bool moved = eventually(past_session_ms + 10'000, [&] { return readers.assignments(2) > others; });
  scene.require(moved, "the group does not go on without members that are not heard of");
  scene.run_on(past_session_ms / 2);
  readers.stand_still(0, false);
  readers.cut_off(1, false);
  if (moved) scene.took_effect("one member stood still, one was cut off");
  require_reading(scene, "after members came back");
}

void restart_static_members(Scene& scene) {
  Readers& readers = scene.readers();
  for (int member = 0; member < 3; ++member) readers.leave(member);
  int first = readers.add("static 1");
  const int second = readers.add("static 2");
  require_reading(scene, "with static members");
  const int64_t before = readers.assignments(second);
  readers.kill(first);
  first = readers.add("static 1");
  require_reading(scene, "after a static member was started again");
  scene.require(readers.assignments(second) == before, "the group rebalances when a static member is started again within its session");
  // Who takes its place while it lives fences it.
  const int usurper = readers.add("static 1");
  require_reading(scene, "after a static member was replaced");
  readers.kill(first);
  readers.kill(usurper);
  const bool moved = eventually(past_session_ms + 10'000, [&] { return readers.assignments(second) > before; });
  scene.require(moved, "nobody gets what a static member had whose session has ended");
  if (moved) scene.took_effect("static members were started again, replaced and killed");
  require_reading(scene, "after a static member was killed");
}

void kill_group_coordinator(Scene& scene) {
  const auto partition = coordinator_partition(Readers::group, coordinator_partitions).value;
  for (int round = 0; round < 3; ++round) {
    const auto state = scene.znodes().partition_state("__consumer_offsets", partition);
    const int killed = state ? state->leader.value : -1;
    if (killed < 0) break;
    scene.cluster().kill_broker(killed);
    scene.took_effect(fmt::format("killed coordinator {}", killed));
    // Until another has taken over, or sooner.
    scene.run_on(round == 0 ? Scene::session_timeout_ms + Scene::tick_ms : scene.below(2000));
    scene.start_again(killed);
    require_reading(scene, "after the coordinator is back");
  }
}

void rebalance_storm(Scene& scene) {
  Readers& readers = scene.readers();
  int oldest = 0;
  for (int round = 0; round < 15; ++round) {
    readers.add();
    scene.run_on(100 + scene.below(600));
    if (scene.below(4) == 0)
      readers.kill(oldest++);
    else
      readers.leave(oldest++);
    if (round == 7) readers.stand_still(oldest, true);
    if (round == 9) readers.stand_still(oldest, false);
  }
  scene.took_effect("15 members came and 15 went");
  require_reading(scene, "after the storm");
}

}  // namespace quokka
