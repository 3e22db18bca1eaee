// For tests: brokers as the handlers of administration see them, over an in-memory ZooKeeper with a real controller. They have no logs and no
// connections.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/config/topic_configs.h"
#include "broker/disk/memory_disk.h"
#include "broker/group/group_coordinator.h"
#include "broker/handlers/call_for_test.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/services.h"
#include "broker/journal/partition_journal_log.h"
#include "broker/metrics/registry.h"
#include "broker/txn/transaction_verifier.h"
#include "coord/configs/config_store.h"
#include "coord/controller/runner/runner_harness.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/create_topics.h"

namespace quokka {

// Work of a pool that runs on a test's loop.
struct PoolOnLoop final : Pool {
  explicit PoolOnLoop(Loop& l) : loop(l) {}
  void run(Task work) override {
    ++tasks;
    loop.post(std::move(work));
  }
  Loop& loop;
  size_t tasks = 0;
};

struct NoProposals final : IsrProposals {
  void propose(std::shared_ptr<Partition>, IsrProposal) override {}
};
struct NoFetchers final : Fetchers {
  void follow(PartitionPtr, BrokerId) override {}
  void unfollow(const TopicPartition&) override {}
};

struct NoStreams final : Streams {
  void connect(const std::string&, uint16_t, Duration, Function<void(Result<std::unique_ptr<Stream>>)>) override {}
};

// One broker of a RunnerCluster: what its handlers need besides the controller's runner.
struct BrokerForTest {
  BrokerForTest(RunnerCluster& cluster, RunnerCluster::Node& n, Properties properties) : node(n), pool(cluster.loop), random(cluster.random) {
    properties.try_emplace("zookeeper.connect", "localhost:2181");
    sources.fixed = std::move(properties);
    Result<BrokerConfig> made = make_broker_config(sources);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    if (made) config = *made;
    LogDirectories::Settings settings;
    settings.log_dirs = {"/data"};
    Loop& loop = cluster.loop;
    directories = std::make_unique<LogDirectories>(disk, pool, loop, random, settings);
    EXPECT_TRUE(directories->open().ok());
    replicas = std::make_unique<ReplicaTable>(n.id_, Duration::seconds(30), ReplicaTable::Ports{*directories, proposals, fetchers, loop, metrics},
                                              [](const std::string&) { return std::make_shared<const LogConfig>(); });
    producer_ids = std::make_unique<ProducerIds>(
        [this](Function<void(Result<ProducerIdBlock>)> done) {
          node.runner.allocate_producer_ids(node.id_, BrokerEpoch(broker_epoch.load()), [d = std::move(done)](Result<ProducerIdRange> range) mutable {
            if (range) d(ProducerIdBlock{range->first, range->count});
            else d(range.error());
          });
        },
        loop);
    journal_logs = std::make_unique<PartitionJournalLogs>(*replicas, loop);
    const CoordinatorTopic::Read read = coordinator_topic_reader(*n.session, loop);
    group_topic = std::make_unique<CoordinatorTopic>(kGroupMetadataTopic, n.view, read);
    transaction_topic = std::make_unique<CoordinatorTopic>(kTransactionStateTopic, n.view, read);
    groups = std::make_unique<GroupCoordinator>(GroupCoordinator::Settings{},
                                                GroupCoordinator::Ports{{&loop}, pool, *journal_logs, n.view, *group_topic, random});
    marker_sender = std::make_unique<MarkerSender>(loop, streams, n.view, MarkerSender::Settings{});
    transactions = std::make_unique<TransactionCoordinator>(
        TransactionCoordinator::Settings{}, TransactionCoordinator::Ports{{&loop}, pool, *journal_logs, *transaction_topic, {*producer_ids, *marker_sender}});
    verifier = std::make_unique<TransactionVerifier>(TransactionVerifier::Settings{n.id_, true, {}},
                                                     TransactionVerifier::Ports{loop, streams, n.view, *transactions});
    configs = std::make_unique<ConfigStore>(*n.session, loop);
    services.reset(new Services{.config_sources = sources,
                                .config = config,
                                .self = n.id_,
                                .cluster_id = "cluster-id",
                                .replicas = *replicas,
                                .log_directories = *directories,
                                .view = n.view,
                                .fetch_sessions = fetch_sessions,
                                .producer_ids = *producer_ids,
                                .groups = *groups,
                                .controller = n.runner,
                                .coordination = loop,
                                .session = *n.session,
                                .configs = *configs,
                                .topic_configs = topic_configs,
                                .leader_throttle = leader_throttle,
                                .pool = pool,
                                .control = control,
                                .random = random,
                                .metrics = metrics,
                                .traffic = traffic,
                                .scratches = scratches,
                                .decompression = {},
                                .features_epoch = features_epoch,
                                .broker_epoch = broker_epoch,
                                .controller_epoch = {},
                                .consumer_protocol_offered = consumer_protocol_offered,
                                .transactions = *transactions,
                                .verifier = *verifier});
  }

  // What the handler answers once everything that it set off has come to rest. Time stands still.
  template <class M, class Q>
  std::unique_ptr<Answered<M>> ask(void (*handle)(Services&, CallPtr), const Q& request, int16_t version) {
    auto& loop = static_cast<ManualLoop&>(services->coordination);
    CallUnderTest call(loop, request, version);
    handle(*services, call.take());
    loop.run_ready();
    return call.answer<M>();
  }

  // With one replica a partition. Who leads it here is the caller's to say.
  TopicId create_topic(std::string_view name, int32_t partitions) {
    std::vector<CreateTopicsRequest::CreatableTopic> topics(1);
    topics[0].name = name;
    topics[0].num_partitions = partitions;
    topics[0].replication_factor = 1;
    CreateTopicsRequest request;
    request.topics = topics;
    request.timeout_ms = 10000;
    return ask<CreateTopicsResponse>(handle_create_topics, request, 7)->response.topics[0].topic_id;
  }

  RunnerCluster::Node& node;
  MemoryDisk disk;
  PoolOnLoop pool;
  Random& random;
  NoProposals proposals;
  NoFetchers fetchers;
  ConfigSources sources;
  BrokerConfig config;
  TopicConfigs topic_configs{sources};
  Serial control{pool};
  FetchSessions fetch_sessions{{}, random};
  Registry metrics;
  Traffic traffic{metrics};
  ReplicationThrottle leader_throttle{{ReplicaSide::leader, BrokerId(1)}, topic_configs};
  ScratchPool scratches;
  std::atomic<int64_t> features_epoch{0}, broker_epoch{-1};
  std::atomic<bool> consumer_protocol_offered{true};
  std::unique_ptr<LogDirectories> directories;
  std::unique_ptr<ReplicaTable> replicas;
  std::unique_ptr<ProducerIds> producer_ids;
  std::unique_ptr<PartitionJournalLogs> journal_logs;
  std::unique_ptr<CoordinatorTopic> group_topic, transaction_topic;
  std::unique_ptr<GroupCoordinator> groups;
  NoStreams streams;
  std::unique_ptr<MarkerSender> marker_sender;
  std::unique_ptr<TransactionCoordinator> transactions;
  std::unique_ptr<TransactionVerifier> verifier;
  std::unique_ptr<ConfigStore> configs;
  std::unique_ptr<Services> services;
};

}  // namespace quokka
