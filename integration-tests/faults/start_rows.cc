#include "integration-tests/faults/start_rows.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

namespace quokka {
namespace {

constexpr int intruder = 4;

// Starts one more broker with these keys and demands that it gives up, saying `words`.
void expect_refused(Scene& scene, const BrokerKeys& keys, int timeout_ms, const std::string& words) {
  LocalCluster& cluster = scene.cluster();
  cluster.start_broker(intruder, keys);
  const int status = cluster.broker(intruder).wait(timeout_ms);
  const std::string said = cluster.broker(intruder).last_lines(2000);
  scene.require(status > 0, fmt::format("the intruder's status is {}; it said: {}", status, said));
  scene.require(said.find(words) != std::string::npos, fmt::format("the intruder does not say '{}' but: {}", words, said));
  if (status > 0) scene.took_effect(fmt::format("a broker was refused with status {}", status));
  cluster.remove_broker(intruder);
}

void write_meta(const std::string& directory, const std::string& cluster_id, int broker) {
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/meta.properties") << "version=0\nbroker.id=" << broker << "\ncluster.id=" << cluster_id << '\n';
}

}  // namespace

void second_broker_of_one_id(Scene& scene) {
  const auto first = scene.znodes().registration(1);
  // It waits for one session time-out and two ticks, in case the other has just died.
  const int64_t begin = monotonic_ns();
  expect_refused(scene, {{"broker.id", "1"}}, 2 * Scene::session_timeout_ms + 2 * Scene::tick_ms + 5000, "another broker runs under this id");
  const int64_t waited_ms = (monotonic_ns() - begin) / 1'000'000;
  scene.require(waited_ms >= Scene::session_timeout_ms, fmt::format("it waited only {} ms", waited_ms));
  const auto now = scene.znodes().registration(1);
  scene.require(first && now && first->czxid == now->czxid, "the first broker lost its registration");
}

void second_broker_on_one_log_directory(Scene& scene) {
  expect_refused(scene, {{"broker.id", std::to_string(intruder)}, {"log.dirs", scene.cluster().data_directory(1)}}, 20'000, "lock");
  scene.require(!scene.znodes().registration(intruder), "the intruder is registered");
}

void broker_of_another_cluster(Scene& scene) {
  const std::string directory = scene.cluster().directory() + "/foreign";
  write_meta(directory, "AAAAAAAAAAAAAAAAAAAAAA", intruder);
  expect_refused(scene, {{"broker.id", std::to_string(intruder)}, {"log.dirs", directory}}, 20'000, "AAAAAAAAAAAAAAAAAAAAAA");
  std::ifstream ours(scene.cluster().data_directory(1) + "/meta.properties");
  std::string cluster_id;
  for (std::string line; std::getline(ours, line);)
    if (line.starts_with("cluster.id=")) cluster_id = line.substr(11);
  write_meta(directory, cluster_id, 77);
  expect_refused(scene, {{"broker.id", std::to_string(intruder)}, {"log.dirs", directory}}, 20'000, "77");
}

}  // namespace quokka
