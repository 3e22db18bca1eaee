#include "integration-tests/clients/cluster_znodes.h"

#include <algorithm>
#include <stdexcept>

#include "coord/configs/config_writer.h"
#include "coord/znodes/controller.h"

namespace quokka {
namespace {

// A server that stands still is left after two thirds of the session's time-out, and so is each that is tried next and stands still as well.
constexpr int32_t kSessionTimeoutMs = 10'000;
constexpr Duration kPatience = Duration::seconds(90);
constexpr Duration kPause = Duration::millis(200);  // before a request that had no answer is sent again

// The connection or the session went before the answer came: nothing is known.
bool is_open(ZkOutcome outcome) { return outcome == ZkOutcome::connection_loss || outcome == ZkOutcome::session_expired; }

}  // namespace

ClusterZnodes::ClusterZnodes(const std::string& zookeeper_connect) {
  ZookeeperSettings settings;
  settings.servers = zookeeper_connect;
  settings.session_timeout_ms = kSessionTimeoutMs;
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

template <class Request>
ZkOutcome ClusterZnodes::outcome_of(const Request& request) {
  const MonoTime give_up = loop_.now() + kPatience;
  while (true) {
    bool done = false;
    ZkOutcome outcome = ZkOutcome::failed;
    request([&](ZkOutcome answer) {
      outcome = answer;
      done = true;
    });
    run_until(done);
    if (!is_open(outcome) || loop_.now() >= give_up) return outcome;
    loop_.run_until([] { return false; }, kPause);
  }
}

std::optional<std::string> ClusterZnodes::text(const std::string& path) {
  std::optional<std::string> found;
  const ZkOutcome outcome = outcome_of([&](auto done) {
    session_->get(path, Watch::no, [&found, done](ZkOutcome answer, ZnodeData data, const ZnodeStat&) {
      found = data.value_or("");
      done(answer);
    });
  });
  return outcome == ZkOutcome::ok ? found : std::nullopt;
}

std::optional<ZnodeStat> ClusterZnodes::stat(const std::string& path) {
  ZnodeStat found;
  const ZkOutcome outcome = outcome_of([&](auto done) {
    session_->exists(path, Watch::no, [&found, done](ZkOutcome answer, const ZnodeStat& now) {
      found = now;
      done(answer);
    });
  });
  return outcome == ZkOutcome::ok ? std::optional(found) : std::nullopt;
}

std::vector<std::string> ClusterZnodes::children(const std::string& path) {
  std::vector<std::string> found;
  outcome_of([&](auto done) {
    session_->get_children(path, Watch::no, [&found, done](ZkOutcome answer, std::vector<std::string> names, const ZnodeStat&) {
      found = std::move(names);
      done(answer);
    });
  });
  std::sort(found.begin(), found.end());
  return found;
}

// Twice, perhaps: a loss of the connection does not tell.
void ClusterZnodes::remove(const std::string& path) {
  outcome_of([&](auto done) { session_->remove(path, -1, done); });
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
  ZkOutcome outcome = outcome_of([&](auto done) {
    session_->create(path, text, CreateMode::persistent, [done](ZkOutcome answer, const std::string&) { done(answer); });
  });
  if (outcome == ZkOutcome::node_exists)
    outcome = outcome_of([&](auto done) { session_->set(path, text, kAnyVersion, [done](ZkOutcome answer, const ZnodeStat&) { done(answer); }); });
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
