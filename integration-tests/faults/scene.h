// What a fault acts on: a cluster of three brokers under load, and what is remembered for the verdict.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "integration-tests/clients/cluster_znodes.h"
#include "integration-tests/clients/kafka_client.h"
#include "integration-tests/cluster/local_cluster.h"
#include "integration-tests/faults/copiers.h"
#include "integration-tests/faults/readers.h"
#include "integration-tests/faults/updaters.h"
#include "integration-tests/faults/workload.h"

namespace quokka {

// W3 to W5 are loads beside W1: W3 and W4 on the topic that W1 writes.
enum class Load {
  W1,  // acks=all, idempotent
  W2,  // acks=1
  W3,  // W1, and transactional copies of it
  W4,  // W1, and a group that reads it
  W5,  // W1, and updates of keys of compacted topics
};
inline constexpr int coordinator_partitions = 5;  // of each coordinators' topic, under W3 and W4
const char* name(Load load);

struct SceneOptions {
  ClusterOptions cluster;
  Load load = Load::W1;
  ClientKeys topic_keys = {{"min.insync.replicas", "2"}};
  int records_per_s = WorkloadOptions().records_per_s;  // of each producer
  ClientKeys copier_keys = {};                          // of W3's producers
  uint32_t seed = 1;
};

class Scene {
 public:
  static constexpr int32_t partitions = 8;
  static constexpr int session_timeout_ms = 6000, tick_ms = 1000;
  static constexpr int heal_timeout_ms = 60'000;

  // A cluster with the topic, and the workload running: every partition has acknowledged something.
  explicit Scene(const SceneOptions& options);

  LocalCluster& cluster() { return cluster_; }
  ClusterZnodes& znodes() { return znodes_; }
  Workload& workload() { return *workload_; }
  Copiers& copiers() { return dynamic_cast<Copiers&>(*side_load_); }  // W3
  Readers& readers() { return dynamic_cast<Readers&>(*side_load_); }  // W4
  Updaters& updaters() { return dynamic_cast<Updaters&>(*side_load_); }  // W5
  SideLoad* side_load() { return side_load_.get(); }  // null: the first load is alone
  const std::string& topic() const { return topic_; }
  uint32_t seed() const { return options_.seed; }
  int below(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }

  int leader(int32_t partition = 0) { return leader_of(topic_, partition); }  // -1: none
  int leader_of(const std::string& topic, int32_t partition);
  int follower(int32_t partition = 0);  // one that is in sync
  int not_controller();  // a running broker
  std::vector<int> running_brokers();
  // In-sync replicas of a partition, as the controller wrote them.
  std::vector<int> in_sync(int32_t partition);
  bool all_in_sync();  // of every topic that the loads write

  // Has the controller elected anew until it is this broker, and every broker names it to its clients.
  void move_controller(int broker);
  // Starts a broker that was ended, and waits until it serves. Apache Kafka gives up where its old session is still there: that is waited for.
  void start_again(int broker);

  // Lets the load run on so long: a fault needs traffic under it.
  void run_on(int ms);
  // Broker and log directory, written down when the brokers have stopped.
  History stop_and_read_files();
  void stop_brokers_and_read_files(History& history);  // of a load that was stopped

  // The fault has done something that can be seen. A run without one proves nothing.
  void took_effect(std::string words) { effects_.push_back(std::move(words)); }
  const std::vector<std::string>& effects() const { return effects_; }
  // What a row demands beyond the history.
  void require(bool holds, const std::string& words) {
    if (!holds) problems_.push_back(words);
  }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void make_topic(const std::string& topic, int32_t partitions_of_topic, ClientKeys keys = {});
  std::unique_ptr<SideLoad> make_side_load();

  const SceneOptions options_;
  const std::string topic_ = "history";
  std::mt19937 random_;
  LocalCluster cluster_;
  ClusterZnodes znodes_;
  std::map<std::string, int32_t> topics_;  // that the loads write: partitions
  std::unique_ptr<Workload> workload_;
  std::unique_ptr<SideLoad> side_load_;
  std::vector<std::string> effects_, problems_;
};

}  // namespace quokka
