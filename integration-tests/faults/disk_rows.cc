#include "integration-tests/faults/disk_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "integration-tests/faults/preload_path.h"

namespace quokka {
namespace {

constexpr int disk_megabytes = 64;

// Rounds of a run that kill a broker as it recovers, and the calls that 18 runs go through.
constexpr int recovery_rounds = 7, recovery_calls = 18 * recovery_rounds;
// Runs of the same calls of cleanings, of several logs and one after another.
constexpr int kill_rounds = 10, cleaning_calls = 6 * kill_rounds;

constexpr const char* failing_calls = "failing_calls";

Child::Variables preload(const std::string& plan) { return {{"LD_PRELOAD", preload_path(failing_calls)}, {"FAULT_CALLS", plan}}; }

// How often a broker said that it was struck.
int strikes(Scene& scene, int broker) {
  const std::string said = scene.cluster().broker(broker).output();
  int count = 0;
  for (size_t at = 0; (at = said.find("fault: ", at)) != std::string::npos; ++at) ++count;
  return count;
}

// Small segments: files are made, closed and deleted all the time.
void use_small_segments(SceneOptions& options) { options.topic_keys["segment.bytes"] = "65536"; }

struct Plan {
  const char* call;
  const char* part;  // of the path
  int calls;         // the n-th of about so many
};

constexpr std::array plans = {
    Plan{"write", ".log", 400},  Plan{"sync", ".log", 4},          Plan{"write", ".index", 4},      Plan{"write", ".timeindex", 4},
    Plan{"open", ".log", 6},     Plan{"write", ".snapshot", 3},    Plan{"rename", "checkpoint", 3}, Plan{"write", "checkpoint", 3},
    Plan{"sync", "history-", 6}, Plan{"rename", "leader-epoch", 1}};

}  // namespace

void DiskFault::prepare(SceneOptions& options) {
  for (int id = 1; id <= options.cluster.brokers; ++id) {
    disks_[id] = std::make_unique<SmallDisk>(std::to_string(id), disk_megabytes);
    options.cluster.data_directories[id] = disks_[id]->path() + "/data";
  }
}

void DiskFault::lose_power(Scene& scene, int broker) {
  disk(broker).lose_power();
  scene.cluster().kill_broker(broker);
  scene.took_effect(fmt::format("broker {} lost power", broker));
}

void DiskFault::restore_power(Scene& scene, int broker) {
  disk(broker).restore_power();
  scene.start_again(broker);
}

void DiskFull::run(Scene& scene) {
  std::vector<int> full = scene.cluster().broker_ids();
  if (where_ == Where::leader) full = {scene.leader()};
  if (where_ == Where::follower) full = {scene.follower()};
  for (int id : full) disk(id).fill();
  for (int id : full) {
    Child& broker = scene.cluster().broker(id);
    const bool noticed = eventually(30'000, [&] { return !broker.runs() || broker.output().find("No space left") != std::string::npos; });
    scene.require(noticed, fmt::format("broker {} does not notice that its disk is full", id));
    if (noticed) scene.took_effect(fmt::format("the disk of broker {} is full", id));
  }
  if (where_ != Where::everywhere) scene.require(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms), "the others do not serve");
  for (int id : full) disk(id).make_room();
  // The only log directory is offline: that ends a broker, with an error.
  for (int id : full) {
    const int status = scene.cluster().broker(id).wait(20'000);
    scene.require(status == 1, fmt::format("broker {} has no log directory left, its status is {}", id, status));
    if (status < 0) scene.cluster().kill_broker(id);
  }
  scene.cluster().start_all_brokers();
}

void PowerLoss::prepare(SceneOptions& options) {
  DiskFault::prepare(options);
  if (!durable_) return;
  options.topic_keys["flush.messages"] = "1";
  options.cluster.keys["replica.lag.time.max.ms"] = "10000";  // a follower's sync is part of its lag, and a loaded machine's takes seconds
}

void PowerLoss::run(Scene& scene) {
  switch (what_) {
    case What::leader: {
      const int broker = scene.leader();
      lose_power(scene, broker);
      scene.require(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms), "the others do not serve");
      return restore_power(scene, broker);
    }
    case What::all:
      for (int id : scene.cluster().broker_ids()) lose_power(scene, id);
      for (int id : scene.cluster().broker_ids()) disk(id).restore_power();
      return scene.cluster().start_all_brokers();
    case What::last_in_sync: return last_in_sync(scene);
    case What::followers_quickly:
      for (int round = 0; round < 6; ++round) {
        const int broker = scene.follower();
        lose_power(scene, broker);
        restore_power(scene, broker);
        scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }), "a follower does not come back after its machine lost power");
      }
  }
}

void PowerLoss::last_in_sync(Scene& scene) {
  const int last = scene.leader();
  for (int id : scene.cluster().broker_ids())
    if (id != last) scene.cluster().kill_broker(id);
  const bool alone = eventually(Scene::heal_timeout_ms, [&] { return scene.in_sync(0) == std::vector<int>{last}; });
  scene.require(alone, "the in-sync set does not shrink to the last broker");
  lose_power(scene, last);
  disk(last).restore_power();
  scene.cluster().start_all_brokers();
}

void DirectoryFailure::prepare(SceneOptions& options) {
  for (int id = 1; id <= options.cluster.brokers; ++id) {
    // Of the same size, so that a broker uses both in turn.
    good_disks_[id] = std::make_unique<SmallDisk>(std::to_string(id) + "-good", disk_megabytes);
    disks_[id] = std::make_unique<SmallDisk>(std::to_string(id), disk_megabytes);
    options.cluster.data_directories[id] = good_disks_[id]->path() + "/data";
    options.cluster.further_directories[id] = second(id);
  }
}

void DirectoryFailure::run(Scene& scene) {
  const int victim = scene.leader();
  std::set<int32_t> there;
  for (int32_t partition = 0; partition < Scene::partitions; ++partition)
    if (std::filesystem::exists(fmt::format("{}/{}-{}", second(victim), scene.topic(), partition))) there.insert(partition);
  disks_.at(victim)->lose_power();
  const auto is_out = [&](int32_t partition) {
    const std::vector<int> ids = scene.in_sync(partition);
    return scene.leader(partition) >= 0 && scene.leader(partition) != victim && std::find(ids.begin(), ids.end(), victim) == ids.end();
  };
  const bool moved = eventually(Scene::heal_timeout_ms, [&] { return std::all_of(there.begin(), there.end(), is_out); });
  scene.require(moved, fmt::format("broker {} is still a leader or in sync of what lay in the failed directory", victim));
  scene.require(scene.cluster().broker(victim).runs(), fmt::format("broker {} ended though it has a directory left: {}", victim, scene.cluster().broker(victim).last_lines(1000)));
  scene.require(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms), "partitions do not serve though only one directory failed");
  for (int32_t partition = 0; partition < Scene::partitions; ++partition) {
    const std::vector<int> ids = scene.in_sync(partition);
    if (!there.contains(partition))
      scene.require(std::find(ids.begin(), ids.end(), victim) != ids.end(), fmt::format("broker {} lost partition {}, which lies in its good directory", victim, partition));
  }
  if (moved && !there.empty()) scene.took_effect(fmt::format("one of two directories of broker {} failed, with {} of {} partitions", victim, there.size(), Scene::partitions));
  scene.cluster().stop_broker(victim);
  disks_.at(victim)->restore_power();
  scene.start_again(victim);
}

std::string FailingCall::missing() { return missing_preload(failing_calls); }
void FailingCall::prepare(SceneOptions& options) { use_small_segments(options); }

void FailingCall::run(Scene& scene) {
  const Plan& plan = plans[scene.seed() % plans.size()];
  const int victim = scene.follower();
  scene.cluster().kill_broker(victim);
  scene.cluster().start_broker(victim, {}, preload(fmt::format("eio {} {} {}", plan.call, plan.part, 1 + scene.below(plan.calls))));
  Child& broker = scene.cluster().broker(victim);
  const auto struck = [&] { return strikes(scene, victim) > 0; };
  eventually(20'000, [&] { return struck() || !broker.runs(); });
  // What it does only at its end.
  if (!struck()) {
    broker.terminate();
    broker.wait(Scene::heal_timeout_ms);
  }
  if (struck()) scene.took_effect(fmt::format("EIO of {} on {} at broker {}", plan.call, plan.part, victim));
  scene.require(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms), "the others do not serve");
  // A broker whose only log directory failed ends; where it can live with the failure it stays.
  eventually(3000, [&] { return !broker.runs(); });
  if (broker.runs()) scene.cluster().stop_broker(victim);
  scene.start_again(victim);
}

std::string KillAtCall::missing() { return missing_preload(failing_calls); }

// Seeds one after another leave no call out.
std::string KillAtCall::plan(Scene& scene, const std::string& directory, int round) const {
  const auto seed = static_cast<int>(scene.seed());
  switch (of_) {
    case Of::recovery:
      // Most during the recovery of logs; some later, when segments roll.
      return fmt::format("kill any {} {}", directory, round < recovery_rounds ? 1 + (seed * recovery_rounds + round) % recovery_calls : 1 + scene.below(1500));
    case Of::cleaning: return fmt::format("kill any .cleaned|.swap|.deleted {}", 1 + (seed * kill_rounds + round) % cleaning_calls);
  }
  return "";
}

void KillAtCall::prepare(SceneOptions& options) { use_small_segments(options); }

void KillAtCall::run(Scene& scene) {
  const int victim = scene.follower();
  const std::string directory = scene.cluster().data_directory(victim);
  scene.cluster().kill_broker(victim);
  for (int round = 0; round < kill_rounds; ++round) {
    scene.cluster().start_broker(victim, {}, preload(plan(scene, directory, round)));
    Child& broker = scene.cluster().broker(victim);
    eventually(10'000, [&] { return !broker.runs(); });
    scene.cluster().kill_broker(victim);
  }
  if (const int ends = strikes(scene, victim)) scene.took_effect(fmt::format("broker {} was killed at {} calls", victim, ends));
  scene.start_again(victim);
}

}  // namespace quokka
