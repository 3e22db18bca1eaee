// What a Node consists of, in the order of construction. Split over node.cc (putting together, events), node_start.cc and node_stop.cc.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "broker/cleaner/log_cleaner.h"
#include "broker/config/topic_configs.h"
#include "broker/group/group_coordinator.h"
#include "broker/handlers/dispatch.h"
#include "broker/node/controller_metrics.h"
#include "broker/node/feature_epoch.h"
#include "broker/node/group_metrics.h"
#include "broker/node/node.h"
#include "broker/peers/controller_channel.h"
#include "broker/peers/controller_peers.h"
#include "broker/peers/isr_proposer.h"
#include "broker/peers/replica_fetchers.h"
#include "broker/quota/replication_throttles.h"
#include "broker/txn/transaction_verifier.h"
#include "coord/configs/config_store.h"
#include "coord/controller/runner.h"
#include "coord/registration/broker_registration.h"
#include "coord/registration/registered_brokers.h"
#include "coord/registration/cluster_setup.h"

namespace quokka {

// Members that run tasks of others are declared before them, so that they are destroyed after them; the loops do not run by then.
struct Node::Parts final : public ConfigListener {
  using StepDone = Function<void(Status)>;

  Parts(LoadedConfig loaded, NodePorts given);

  // The start: steps on the coordination loop, each begun when the one before has ended well.
  void run_steps(size_t next, StepDone started);
  void open_directories(StepDone done);
  void make_chroot(StepDone done);
  void connect_zookeeper(StepDone done);
  void be_admitted(StepDone done);
  void obtain_cluster(StepDone done);
  void obtain_broker_id(StepDone done);
  void bind_identity(StepDone done);
  void load_configs(StepDone done);
  void load_logs(StepDone done);
  void build(StepDone done);
  void learn_coordinator_topics(StepDone done);
  void listen(StepDone done);
  void register_broker(StepDone done);
  void await_features(StepDone done);
  void start_serving(StepDone done);
  // `done` with the step's answer, or `late` if none comes within `limit`.
  StepDone within(Duration limit, Status late, StepDone done);
  Duration connection_timeout() const { return Duration::millis(config.zookeeper_connection_timeout_ms); }

  void build_cleaner();
  void build_replication();
  void build_controller();
  void build_coordinators();
  void build_services();
  void collect_metrics();

  // The stop, on the coordination loop.
  void stop(Task stopped);
  void move_leaderships_away(MonoTime give_up_at, Task done);
  void on_shutdown_answer(MonoTime give_up_at, Result<std::vector<TopicPartition>> left, Task done);
  void close_logs(Task done);
  void close_session(Task done);

  void on_config(const znodes::ConfigEntity& entity, const znodes::ConfigMap& config) override;
  void on_directory_offline(const LogDirectories::Failed& failed);
  void tick();
  void allocate_producer_ids(Function<void(Result<ProducerIdBlock>)> done);
  void fail(const std::string& why) {
    if (on_failed && !failed_once.exchange(true)) on_failed(why);
  }

  // Runs `work` on the pool and `then` with its result on the coordination loop.
  template <class Work, class Then>
  void on_pool(Work work, Then then) {
    pool.run([this, work = std::move(work), then = std::move(then)]() mutable {
      auto result = work();
      coordination.post([then = std::move(then), result = std::move(result)]() mutable { then(std::move(result)); });
    });
  }

  const ConfigSources sources;
  BrokerConfig config;
  const NodePorts ports;
  Loop& coordination;
  Pool& pool;
  Function<void(std::string)> on_failed;
  std::atomic<bool> failed_once{false};

  Registry metrics;
  GroupMetrics group_metrics{metrics};
  ControllerMetrics controller_metrics{metrics};
  Serial control{pool};

  std::atomic<int64_t> broker_epoch{-1};
  std::atomic<int64_t> features_epoch{-1};
  std::atomic<bool> consumer_protocol_offered{false};
  std::string cluster_id;
  BrokerId self;
  ViewHolder view;
  TopicConfigs topic_configs{sources};
  LogDirectories directories;
  LogDirectories::Identity identity;
  std::unique_ptr<LogCleaner> cleaner;  // nullptr unless log.cleaner.enable

  std::unique_ptr<ZookeeperSession> session_above;  // of the chroot, while that is made
  std::unique_ptr<ZookeeperSession> session;
  std::unique_ptr<ConfigStore> configs;
  std::unique_ptr<BrokerRegistration> registration;
  std::unique_ptr<FeatureEpoch> features;
  std::unique_ptr<RegisteredBrokers> registered_brokers;
  std::unique_ptr<ControllerPeers> controller_peers;
  std::unique_ptr<ControllerRunner> controller;
  std::unique_ptr<ReplicationThrottles> throttles;
  std::unique_ptr<ControllerChannel> controller_channel;
  std::unique_ptr<IsrProposer> isr_proposer;
  std::unique_ptr<ReplicaFetchers> fetchers;
  std::unique_ptr<ReplicaTable> replicas;
  std::unique_ptr<ProducerIds> producer_ids;
  std::unique_ptr<JournalLogs> journal_logs;
  std::unique_ptr<CoordinatorTopic> group_topic, transaction_topic;
  std::unique_ptr<GroupCoordinator> groups;
  std::unique_ptr<MarkerSender> marker_sender;
  std::unique_ptr<TransactionCoordinator> transactions;
  std::unique_ptr<TransactionVerifier> verifier;
  std::unique_ptr<FetchSessions> fetch_sessions;
  std::unique_ptr<Traffic> traffic;
  ScratchPool scratches;
  std::unique_ptr<Services> services;
  std::unique_ptr<Dispatch> dispatch;
  // How far the start is.
  bool loading = false;
  bool features_known = false;
  StepDone on_features_known;
  bool listens = false;
  bool stopping = false;
  MonoTime groups_counted_at;
  MonoTime lag_checked_at;
};

}  // namespace quokka
