#include "integration-tests/faults/compaction_rows.h"

#include <fmt/format.h>

#include <filesystem>
#include <future>

namespace quokka {
namespace {

namespace fs = std::filesystem;

constexpr int rounds = 3, cleaning_ms_max = 10'000;

// The copy that replaces segments is being written, or was not put in their place yet.
bool is_cleaning(Scene& scene, int broker) {
  std::error_code gone;
  for (const Updaters::Topic topic : {Updaters::compacted, Updaters::limited})
    for (int32_t partition = 0; partition < Updaters::partitions; ++partition)
      for (const auto& entry : fs::directory_iterator(fmt::format("{}/{}-{}", scene.cluster().data_directory(broker), Updaters::name(topic), partition), gone))
        if (const std::string extension = entry.path().extension(); extension == ".cleaned" || extension == ".swap") return true;
  return false;
}

// Unlike eventually(), which waits between two looks for longer than such a file lives.
bool wait_for_cleaning(Scene& scene, int broker) {
  const int64_t end = monotonic_ns() + int64_t{cleaning_ms_max} * 1'000'000;
  while (monotonic_ns() < end)
    if (is_cleaning(scene, broker)) return true;
  return false;
}

void kill_as_it_cleans(Scene& scene, int broker, const char* what) {
  scene.run_on(1000 + scene.below(1500));  // work for the cleaner
  const std::future<void> deletion = std::async(std::launch::async, [&] { scene.updaters().delete_records(); });
  const bool cleans = wait_for_cleaning(scene, broker);
  scene.cluster().kill_broker(broker);
  if (cleans) scene.took_effect(fmt::format("killed {} {} as it cleaned", what, broker));
  scene.run_on(scene.below(2000));
  scene.start_again(broker);
  deletion.wait();
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }), fmt::format("not all replicas are in sync after {} {} is back", what, broker));
}

}  // namespace

void kill_leader_as_it_cleans(Scene& scene) {
  for (int round = 0; round < rounds; ++round)
    if (const int leader = scene.leader_of(Updaters::name(round == 1 ? Updaters::limited : Updaters::compacted), round % Updaters::partitions); leader >= 0)
      kill_as_it_cleans(scene, leader, "leader");
}

void kill_follower_as_it_cleans(Scene& scene) {
  for (int round = 0; round < rounds; ++round) {
    const int leader = scene.leader_of(Updaters::name(Updaters::compacted), 0);
    std::vector<int> followers = scene.cluster().broker_ids();
    std::erase(followers, leader);
    kill_as_it_cleans(scene, followers[static_cast<size_t>(scene.below(static_cast<int>(followers.size())))], "follower");
  }
}

void kill_each_as_it_cleans(Scene& scene) {
  for (int broker : scene.cluster().broker_ids()) kill_as_it_cleans(scene, broker, "broker");
}

}  // namespace quokka
