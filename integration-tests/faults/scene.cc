#include "integration-tests/faults/scene.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "integration-tests/faults/replica_files.h"

namespace quokka {

const char* name(Load load) {
  switch (load) {
    case Load::W1: return "W1";
    case Load::W2: return "W2";
    case Load::W3: return "W3";
    case Load::W4: return "W4";
    case Load::W5: return "W5";
  }
  return "?";
}

namespace {

// Kafka's answer is empty while no controller has told it of anybody, and librdkafka then waits in vain for a better one.
size_t brokers_known_to(const std::string& address) try {
  return KafkaAdmin(address).metadata(1000)->brokers()->size();
} catch (const std::exception&) {
  return 0;
}

bool can_be_read(const std::string& bootstrap, const std::string& topic, int32_t partitions) try {
  records_of(bootstrap, topic, partitions);
  return true;
} catch (const std::exception&) {
  return false;
}

}  // namespace

Scene::Scene(const SceneOptions& options)
    : options_(options), random_(options.seed), cluster_(options.cluster), znodes_(cluster_.zookeeper_connect()) {
  // A broker is ready before the controller has told everybody of it.
  const bool complete = eventually(heal_timeout_ms, [&] {
    for (int id : cluster_.broker_ids())
      if (brokers_known_to(cluster_.address(id)) != cluster_.broker_ids().size()) return false;
    return true;
  });
  if (!complete) throw std::runtime_error("not every broker knows all brokers");
  make_topic(topic_, partitions);
  // A leader that knows nothing of a producer takes any sequence. Clients may hear of it before it leads: then it refuses the first batch and takes the
  // second, by which librdkafka holds the first for acknowledged. So the load begins when all leaders serve.
  const bool served = eventually(heal_timeout_ms, [&] { return can_be_read(cluster_.bootstrap(), topic_, partitions); });
  if (!served) throw std::runtime_error("not every leader serves");
  WorkloadOptions load;
  load.bootstrap = cluster_.bootstrap();
  load.topic = topic_;
  load.partitions = partitions;
  load.durability = options.load == Load::W2 ? Durability::leader : Durability::all;
  load.records_per_s = options.records_per_s;
  load.run = options.seed;
  workload_ = std::make_unique<Workload>(load);
  if (!workload_->wait_for_every_partition(heal_timeout_ms)) throw std::runtime_error("the load does not begin: some partitions acknowledge nothing");
  side_load_ = make_side_load();
}

void Scene::make_topic(const std::string& topic, int32_t partitions_of_topic, ClientKeys keys) {
  keys.insert(options_.topic_keys.begin(), options_.topic_keys.end());
  KafkaAdmin(cluster_.bootstrap()).create_topic_and_wait(topic, partitions_of_topic, 3, keys);
  topics_[topic] = partitions_of_topic;
}

std::unique_ptr<SideLoad> Scene::make_side_load() {
  switch (options_.load) {
    case Load::W1:
    case Load::W2: return nullptr;
    case Load::W3: {
      make_topic(Copiers::output, Copiers::output_partitions);
      CopiersOptions options;
      options.bootstrap = cluster_.bootstrap();
      options.input = topic_;
      options.input_partitions = partitions;
      options.run = options_.seed;
      options.producer_keys = options_.copier_keys;
      return std::make_unique<Copiers>(options);
    }
    case Load::W4: {
      ReadersOptions options;
      options.bootstrap = cluster_.bootstrap();
      options.topic = topic_;
      options.partitions = partitions;
      return std::make_unique<Readers>(options);
    }
    case Load::W5: {
      for (const Updaters::Topic topic : {Updaters::compacted, Updaters::limited}) make_topic(Updaters::name(topic), Updaters::partitions, Updaters::topic_keys(topic));
      UpdatersOptions options;
      options.bootstrap = cluster_.bootstrap();
      options.run = options_.seed;
      return std::make_unique<Updaters>(options);
    }
  }
  return nullptr;
}

int Scene::leader_of(const std::string& topic, int32_t partition) {
  const auto state = znodes_.partition_state(topic, partition);
  return state ? state->leader.value : -1;
}

std::vector<int> Scene::in_sync(int32_t partition) {
  std::vector<int> ids;
  if (const auto state = znodes_.partition_state(topic_, partition))
    for (BrokerId id : state->isr) ids.push_back(id.value);
  return ids;
}

int Scene::follower(int32_t partition) {
  const int leads = leader(partition);
  for (int id : in_sync(partition))
    if (id != leads) return id;
  throw std::runtime_error(fmt::format("partition {} has no follower in sync", partition));
}

int Scene::not_controller() {
  const int controller = znodes_.controller();
  for (int id : running_brokers())
    if (id != controller) return id;
  throw std::runtime_error("no broker runs beside the controller");
}

std::vector<int> Scene::running_brokers() {
  std::vector<int> ids = cluster_.broker_ids();
  std::erase_if(ids, [&](int id) { return !cluster_.broker(id).runs(); });
  return ids;
}

bool Scene::all_in_sync() {
  for (const auto& [topic, count] : topics_)
    for (int32_t partition = 0; partition < count; ++partition)
      if (const auto state = znodes_.partition_state(topic, partition); !state || state->isr.size() != 3) return false;
  return true;
}

void Scene::move_controller(int broker) {
  const bool moved = eventually(heal_timeout_ms, [&] {
    if (znodes_.controller() == broker) return true;
    znodes_.remove("/controller");
    return eventually(2000, [&] { return znodes_.controller() > 0; }) && znodes_.controller() == broker;
  });
  // A client asks once which broker is the controller: each question needs one of its own.
  const auto is_known = [&] {
    for (int id : running_brokers())
      if (KafkaAdmin(cluster_.address(id)).handle().controllerid(1000) != broker) return false;
    return true;
  };
  if (!moved || !eventually(heal_timeout_ms, is_known)) throw std::runtime_error(fmt::format("broker {} does not become the controller", broker));
}

void Scene::start_again(int broker) {
  if (cluster_.runs_kafka(broker) && !eventually(heal_timeout_ms, [&] { return !znodes_.registration(broker); }))
    throw std::runtime_error(fmt::format("the old session of broker {} does not end", broker));
  cluster_.start_broker(broker);
  cluster_.wait_until_ready(broker);
}

void Scene::run_on(int ms) {
  const int64_t end = monotonic_ns() + int64_t{ms} * 1'000'000;
  eventually(ms + 1000, [&] { return monotonic_ns() >= end; });
}

History Scene::stop_and_read_files() {
  History history = workload_->stop();
  if (side_load_)
    for (const std::string& problem : side_load_->stop(history)) require(false, problem);
  stop_brokers_and_read_files(history);
  return history;
}

void Scene::stop_brokers_and_read_files(History& history) {
  for (int id : running_brokers()) cluster_.broker(id).terminate();
  for (int id : cluster_.broker_ids()) {
    const int status = cluster_.broker(id).wait(heal_timeout_ms);
    require(status == 0 || status == 143, fmt::format("broker {} ended with status {}: {}", id, status, cluster_.broker(id).last_lines(500)));
    for (const std::string& directory : cluster_.data_directories(id)) {
      for (ReplicaLog& log : read_replica_logs(id, directory, topic_)) history.replicas.push_back(std::move(log));
      if (side_load_) side_load_->read_files(id, directory);
    }
    for (const ControllerClaim& claim : controller_claims(cluster_.broker(id).output())) history.controllers.push_back(claim);
  }
}

}  // namespace quokka
