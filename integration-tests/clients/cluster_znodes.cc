#include "integration-tests/clients/cluster_znodes.h"

#include <algorithm>
#include <stdexcept>

#include "coord/configs/config_writer.h"
#include "coord/znodes/controller.h"

namespace quokka {
namespace {

constexpr Duration kPatience = Duration::seconds(30);

}  // namespace

ClusterZnodes::ClusterZnodes(const std::string& zookeeper_connect) {
  ZookeeperSettings settings;
  settings.servers = zookeeper_connect;
  settings.session_timeout_ms = 20'000;
  session_ = std::make_unique<ZookeeperClient>(loop_, pool_, settings);
}

ClusterZnodes::~ClusterZnodes() {
  bool closed = false;
  session_->close([&] { closed = true; });
  loop_.run_until([&] { return closed; }, kPatience);
  session_.reset();
  pool_.stop();
}

void ClusterZnodes::run_until(const bool& done) {
  if (!loop_.run_until([&] { return done; }, kPatience)) throw std::runtime_error("ZooKeeper does not answer");
}

std::optional<std::string> ClusterZnodes::text(const std::string& path) {
  bool done = false;
  std::optional<std::string> found;
  session_->get(path, Watch::no, [&](ZkOutcome outcome, ZnodeData data, const ZnodeStat&) {
    if (outcome == ZkOutcome::ok) found = data.value_or("");
    done = true;
  });
  run_until(done);
  return found;
}

std::optional<ZnodeStat> ClusterZnodes::stat(const std::string& path) {
  bool done = false;
  std::optional<ZnodeStat> found;
  session_->exists(path, Watch::no, [&](ZkOutcome outcome, const ZnodeStat& now) {
    if (outcome == ZkOutcome::ok) found = now;
    done = true;
  });
  run_until(done);
  return found;
}

std::vector<std::string> ClusterZnodes::children(const std::string& path) {
  bool done = false;
  std::vector<std::string> found;
  session_->get_children(path, Watch::no, [&](ZkOutcome, std::vector<std::string> names, const ZnodeStat&) {
    found = std::move(names);
    done = true;
  });
  run_until(done);
  std::sort(found.begin(), found.end());
  return found;
}

void ClusterZnodes::remove(const std::string& path) {
  bool done = false;
  session_->remove(path, -1, [&](ZkOutcome) { done = true; });
  run_until(done);
}

void ClusterZnodes::change_config(const std::string& entity, const znodes::ConfigMap& config) {
  bool done = false;
  Status changed;
  quokka::change_config(*session_, *znodes::parse_entity_path(entity), config, [&](Status status) {
    changed = std::move(status);
    done = true;
  });
  run_until(done);
  if (!changed) throw std::runtime_error("cannot change the configuration of " + entity + ": " + changed.error().message);
}

void ClusterZnodes::write(const std::string& path, const std::string& text) {
  bool done = false;
  ZkOutcome outcome = ZkOutcome::failed;
  session_->create(path, text, CreateMode::persistent, [&](ZkOutcome created, const std::string&) {
    outcome = created;
    done = true;
  });
  run_until(done);
  if (outcome == ZkOutcome::node_exists) {
    done = false;
    session_->set(path, text, kAnyVersion, [&](ZkOutcome set, const ZnodeStat&) {
      outcome = set;
      done = true;
    });
    run_until(done);
  }
  if (outcome != ZkOutcome::ok) throw std::runtime_error("cannot write znode " + path + ": " + std::string(name(outcome)));
}

int ClusterZnodes::controller() {
  const std::optional<std::string> json = text("/controller");
  if (!json) return -1;
  const Result<znodes::Controller> parsed = znodes::parse_controller(*json);
  return parsed ? parsed->broker.value : -1;
}

std::optional<znodes::PartitionState> ClusterZnodes::partition_state(const std::string& topic, int32_t partition) {
  const std::optional<std::string> json = text("/brokers/topics/" + topic + "/partitions/" + std::to_string(partition) + "/state");
  if (!json) return std::nullopt;
  Result<znodes::PartitionState> parsed = znodes::parse_partition_state({topic, PartitionIndex(partition)}, *json);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return *std::move(parsed);
}

}  // namespace quokka
