// Puts a broker together, and what it does of itself while it runs: settings that change, directories that fail, the tick.
#include "broker/node/node.h"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>

#include "broker/group/group_coordinator.h"
#include "broker/journal/partition_journal_log.h"
#include "broker/node/node_parts.h"
#include "coord/znodes/admin.h"
#include "protocol/base/log.h"
#include "protocol/messages/allocate_producer_ids.h"

namespace quokka {

namespace {

LogDirectories::Settings log_settings(const BrokerConfig& config) {
  LogDirectories::Settings settings;
  settings.log_dirs = config.log_dirs;
  settings.recovery_threads_per_directory = config.num_recovery_threads_per_data_dir;
  settings.high_watermark_interval = Duration::millis(config.replica_high_watermark_checkpoint_interval_ms);
  settings.log_start_interval = Duration::millis(config.log_flush_start_offset_checkpoint_interval_ms);
  settings.retention_interval = Duration::millis(config.log_retention_check_interval_ms);
  settings.producer_expiry_interval = Duration::millis(config.producer_id_expiration_check_interval_ms);
  settings.initial_delay = Duration::millis(config.log_initial_task_delay_ms);
  settings.flush_check_interval = Duration::millis(std::clamp<int64_t>(config.log_flush_scheduler_interval_ms, 10, settings.flush_interval.to_millis()));
  return settings;
}

// One of Kafka's words in any case, as the settings were checked to be.
MigrationPolicy migration_policy(const std::string& text) {
  if (boost::iequals(text, "upgrade")) return MigrationPolicy::UPGRADE;
  if (boost::iequals(text, "downgrade")) return MigrationPolicy::DOWNGRADE;
  if (boost::iequals(text, "bidirectional")) return MigrationPolicy::BIDIRECTIONAL;
  return MigrationPolicy::DISABLED;
}

GroupCoordinator::Settings group_settings(const BrokerConfig& config) {
  GroupCoordinator::Settings settings;
  settings.groups.session_timeout_min_ms = config.group_min_session_timeout_ms;
  settings.groups.session_timeout_max_ms = config.group_max_session_timeout_ms;
  settings.groups.initial_rebalance_delay_ms = config.group_initial_rebalance_delay_ms;
  settings.groups.members_max = static_cast<size_t>(config.group_max_size);
  settings.groups.offset_metadata_bytes_max = config.offset_metadata_max_bytes;
  settings.groups.offset_retention_ms = int64_t{config.offsets_retention_minutes} * 60'000;
  settings.groups.consumer = {config.group_consumer_session_timeout_ms, config.group_consumer_heartbeat_interval_ms,
                              static_cast<size_t>(config.group_consumer_max_size), config.group_consumer_assignors,
                              migration_policy(config.group_consumer_migration_policy)};
  settings.journal.load_bytes_max = static_cast<size_t>(std::min(config.offsets_load_buffer_size, 1 << 20));
  settings.journal.write_timeout = Duration::millis(config.offsets_commit_timeout_ms);
  settings.journal.compression.codec = static_cast<CompressionCodec>(config.offsets_topic_compression_codec);
  settings.journal.answer_when_committed = config.offsets_commit_required_acks == -1;
  settings.retention_check = Duration::millis(config.offsets_retention_check_interval_ms);
  return settings;
}

TransactionCoordinator::Settings transaction_settings(const BrokerConfig& config) {
  TransactionCoordinator::Settings settings;
  settings.transactions.timeout_max_ms = config.transaction_max_timeout_ms;
  settings.transactions.id_expiration_ms = config.transactional_id_expiration_ms;
  settings.journal.load_bytes_max = static_cast<size_t>(std::min(config.transaction_state_log_load_buffer_size, 1 << 20));
  settings.journal.write_timeout = Duration::millis(config.request_timeout_ms);
  settings.time_out_check = Duration::millis(config.transaction_abort_timed_out_transaction_cleanup_interval_ms);
  settings.expiry_check = Duration::millis(config.transaction_remove_expired_transaction_cleanup_interval_ms);
  return settings;
}

}  // namespace

Node::Parts::Parts(LoadedConfig loaded, NodePorts given)
    : sources(std::move(loaded.sources)),
      config(std::move(loaded.config)),
      ports(std::move(given)),
      coordination(ports.coordination.loop),
      pool(ports.pool),
      directories(ports.disk, pool, coordination, ports.random, log_settings(config)) {}

void Node::Parts::build_cleaner() {
  if (!config.log_cleaner_enable) return;
  LogCleaner::Settings settings;
  settings.threads = config.log_cleaner_threads;
  settings.cleaning.map_bytes_max = static_cast<size_t>(config.log_cleaner_dedupe_buffer_size / config.log_cleaner_threads);
  settings.cleaning.map_load = config.log_cleaner_io_buffer_load_factor;
  // Half of a thread's memory reads, half writes.
  settings.cleaning.buffer_bytes = static_cast<size_t>(std::max(config.log_cleaner_io_buffer_size / config.log_cleaner_threads / 2, 4096));
  settings.bytes_per_second = config.log_cleaner_io_max_bytes_per_second;
  settings.backoff = Duration::millis(config.log_cleaner_backoff_ms);
  cleaner = std::make_unique<LogCleaner>(settings, LogCleaner::Ports{ports.disk, directories, pool, coordination, ports.random});
}

void Node::Parts::build_replication() {
  const std::string name = std::to_string(self.value);
  const Duration request_timeout = Duration::millis(config.request_timeout_ms);
  throttles = std::make_unique<ReplicationThrottles>(config, self, topic_configs);
  for (const std::string& broker : {std::string(znodes::kDefaultEntity), name})
    throttles->on_broker_config(broker, configs->config(znodes::ConfigEntity{znodes::ConfigType::brokers, broker, {}}.path()));
  controller_channel = std::make_unique<ControllerChannel>(
      coordination, ports.coordination.streams, view,
      LinkSettings{config.listeners.inter_broker, "broker-" + name + "-controller", request_timeout, request_timeout});
  isr_proposer = std::make_unique<IsrProposer>(self, broker_epoch, coordination, *controller_channel, *session);

  ReplicaFetchers::Settings fetching;
  fetching.self = self;
  fetching.link = {config.listeners.inter_broker, "broker-" + name + "-fetcher", Duration::millis(config.replica_socket_timeout_ms),
                   Duration::millis(config.replica_socket_timeout_ms)};
  fetching.fetchers_per_source = config.num_replica_fetchers;
  fetching.wait_max = Duration::millis(config.replica_fetch_wait_max_ms);
  fetching.bytes_min = config.replica_fetch_min_bytes;
  fetching.response_bytes_max = config.replica_fetch_response_max_bytes;
  fetching.partition_bytes_max = config.replica_fetch_max_bytes;
  fetching.backoff = Duration::millis(config.replica_fetch_backoff_ms);
  std::vector<ReplicaFetchers::Lane> lanes;
  for (const LoopWithStreams& each : ports.loops) lanes.push_back({each.loop, each.streams});
  fetchers = std::make_unique<ReplicaFetchers>(fetching, ReplicaFetchers::Ports{lanes, pool, view, broker_epoch, throttles->follower()});
  replicas = std::make_unique<ReplicaTable>(self, Duration::millis(config.replica_lag_time_max_ms),
                                            ReplicaTable::Ports{directories, *isr_proposer, *fetchers, coordination, metrics},
                                            [this](const std::string& topic) { return topic_configs.settings_of(topic); });
}

void Node::Parts::build_controller() {
  controller_peers = std::make_unique<ControllerPeers>(
      coordination, ports.coordination.streams,
      ControllerPeers::Settings{"controller-" + std::to_string(self.value), Duration::millis(config.controller_socket_timeout_ms),
                                Duration::millis(100)});
  RunnerConfig running;
  running.controller.id = self;
  running.controller.auto_leader_rebalance = config.auto_leader_rebalance_enable;
  running.controller.leader_imbalance_percent = config.leader_imbalance_per_broker_percentage;
  running.controller.leader_imbalance_check = Duration::seconds(config.leader_imbalance_check_interval_seconds);
  running.controller.delete_topics = config.delete_topic_enable;
  running.inter_broker_listener = config.listeners.inter_broker;
  RunnerDefaults defaults;
  defaults.unclean_leader_election_enable = [this] { return sources.effective("unclean.leader.election.enable") == "true"; };
  controller = std::make_unique<ControllerRunner>(running, std::move(defaults),
                                                  ControllerRunner::Ports{coordination, *session, *controller_peers, ports.random, view});
  controller->on_refused([this](std::string reason) { fail(reason); });
  controller->on_brokers_dealt_with([this](Duration took) { controller_metrics.on_brokers_dealt_with(took); });
}

void Node::Parts::build_coordinators() {
  journal_logs = std::make_unique<PartitionJournalLogs>(*replicas, coordination);
  std::vector<Loop*> loops;
  for (const LoopWithStreams& each : ports.loops) loops.push_back(&each.loop);
  const CoordinatorTopic::Read read_assignment = coordinator_topic_reader(*session, coordination);
  group_topic = std::make_unique<CoordinatorTopic>(kGroupMetadataTopic, view, read_assignment);
  transaction_topic = std::make_unique<CoordinatorTopic>(kTransactionStateTopic, view, read_assignment);
  groups = std::make_unique<GroupCoordinator>(group_settings(config), GroupCoordinator::Ports{loops, pool, *journal_logs, view, *group_topic, ports.random});

  producer_ids = std::make_unique<ProducerIds>(
      [this](Function<void(Result<ProducerIdBlock>)> done) {
        coordination.post([this, done = std::move(done)]() mutable { allocate_producer_ids(std::move(done)); });
      },
      coordination);
  const Duration request_timeout = Duration::millis(config.request_timeout_ms);
  MarkerSender::Settings sending;
  sending.link = {config.listeners.inter_broker, "broker-" + std::to_string(self.value) + "-txn-marker-sender", request_timeout, request_timeout};
  marker_sender = std::make_unique<MarkerSender>(coordination, ports.coordination.streams, view, sending);
  transactions = std::make_unique<TransactionCoordinator>(
      transaction_settings(config), TransactionCoordinator::Ports{loops, pool, *journal_logs, *transaction_topic, {*producer_ids, *marker_sender}});
  TransactionVerifier::Settings verifying;
  verifying.self = self;
  verifying.enabled = config.transaction_partition_verification_enable;
  verifying.link = {config.listeners.inter_broker, "broker-" + std::to_string(self.value) + "-txn-verification", request_timeout, request_timeout};
  verifier = std::make_unique<TransactionVerifier>(verifying, TransactionVerifier::Ports{coordination, ports.coordination.streams, view, *transactions});
}

void Node::Parts::build_services() {
  fetch_sessions = std::make_unique<FetchSessions>(
      FetchSessions::Settings{static_cast<size_t>(std::max(0, config.max_incremental_fetch_session_cache_slots)), Duration::seconds(120)}, ports.random);
  traffic = std::make_unique<Traffic>(metrics);
  services.reset(new Services{.config_sources = sources,
                              .config = config,
                              .self = self,
                              .cluster_id = cluster_id,
                              .replicas = *replicas,
                              .log_directories = directories,
                              .view = view,
                              .fetch_sessions = *fetch_sessions,
                              .producer_ids = *producer_ids,
                              .groups = *groups,
                              .controller = *controller,
                              .coordination = coordination,
                              .session = *session,
                              .configs = *configs,
                              .topic_configs = topic_configs,
                              .leader_throttle = throttles->leader(),
                              .pool = pool,
                              .control = control,
                              .random = ports.random,
                              .metrics = metrics,
                              .traffic = *traffic,
                              .scratches = scratches,
                              .decompression = {},
                              .features_epoch = features_epoch,
                              .broker_epoch = broker_epoch,
                              .controller_epoch = {},
                              .consumer_protocol_offered = consumer_protocol_offered,
                              .transactions = *transactions,
                              .verifier = *verifier});
  dispatch = std::make_unique<Dispatch>(*services);
}

void Node::Parts::allocate_producer_ids(Function<void(Result<ProducerIdBlock>)> done) {
  AllocateProducerIdsRequest request;
  request.broker_id = self;
  request.broker_epoch = BrokerEpoch(broker_epoch.load());
  controller_channel->ask<AllocateProducerIdsResponse>(request, 0, [done = std::move(done)](auto answer) mutable {
    if (!answer) return done(answer.error());
    const auto& message = answer->message;
    if (message.error_code != ErrorCode::NONE) return done(Error{message.error_code, "the controller gives no producer ids"});
    done(ProducerIdBlock{message.producer_id_start, message.producer_id_len});
  });
}

void Node::Parts::collect_metrics() {
  metrics.gauge("kafka_controller_KafkaController", "ActiveControllerCount", {}, [this] { return controller->is_active() ? 1.0 : 0.0; });
  if (cleaner) metrics.collect([this](MetricSink& sink) { cleaner->collect(sink); });
  metrics.collect([this](MetricSink& sink) { throttles->collect(sink, coordination.now()); });
  metrics.collect([this](MetricSink& sink) { replicas->collect(sink); });
  metrics.collect([this](MetricSink& sink) {
    double offline = 0;
    for (const DirectoryHealthPtr& directory : directories.directories()) {
      offline += directory->offline() ? 1 : 0;
      sink.gauge("kafka_log_LogManager", "LogDirectoryOffline", {{"logDirectory", directory->path()}}, directory->offline() ? 1 : 0);
    }
    sink.gauge("kafka_log_LogManager", "OfflineLogDirectoryCount", {}, offline);
  });
}

void Node::Parts::on_config(const znodes::ConfigEntity& entity, const znodes::ConfigMap& overrides) {
  if (entity.type == znodes::ConfigType::brokers) throttles->on_broker_config(entity.entity, overrides);
  if (entity.type != znodes::ConfigType::topics) return;
  topic_configs.set(entity.entity, overrides);
  replicas->reconfigure(entity.entity, topic_configs.settings_of(entity.entity));
}

void Node::Parts::on_directory_offline(const LogDirectories::Failed& failed) {
  log_error("log directory {} is offline until the next start: {}", failed.directory, failed.reason);
  control.run([this, partitions = failed.partitions] { replicas->on_directory_offline(partitions); });
  // The controller asks for the state of our replicas and moves leaderships away.
  session->create(znodes::log_dir_event_prefix(), znodes::encode_log_dir_event(self), CreateMode::persistent_sequential,
                  [](ZkOutcome outcome, const std::string&) {
                    if (outcome != ZkOutcome::ok) log_warn("the controller was not told of the failed log directory: {}", outcome);
                  });
  const auto all = directories.directories();
  if (std::all_of(all.begin(), all.end(), [](const auto& health) { return health->offline(); })) fail("all log directories are offline");
}

// Once a second, on the coordination loop.
void Node::Parts::tick() {
  metrics.tick(coordination.now());
  controller->counts([this](ControllerCounts counts) { controller_metrics.set(counts); });
  coordination.call_after(Duration::seconds(1), [this] { tick(); });
  constexpr Duration kGroupsCountedEvery = Duration::seconds(10);
  if (coordination.now() - groups_counted_at >= kGroupsCountedEvery) {
    groups_counted_at = coordination.now();
    groups->list([this](ErrorCode, std::vector<GroupOverview> all) { group_metrics.set(std::move(all)); });
  }
  if (coordination.now() - lag_checked_at >= Duration::millis(config.replica_lag_time_max_ms / 2)) {
    lag_checked_at = coordination.now();
    pool.run([this] { replicas->on_tick(); });
  }
}

Node::Node(LoadedConfig config, NodePorts ports) : parts_(std::make_unique<Parts>(std::move(config), std::move(ports))) {}

Node::~Node() = default;

void Node::start(Function<void(Status)> started, Function<void(std::string why)> failed) {
  parts_->on_failed = std::move(failed);
  parts_->coordination.post([parts = parts_.get(), started = std::move(started)]() mutable { parts->run_steps(0, std::move(started)); });
}

void Node::stop(Task stopped) {
  parts_->coordination.post([parts = parts_.get(), stopped = std::move(stopped)]() mutable {
    parts->stopping = true;
    parts->stop(std::move(stopped));
  });
}

Registry& Node::metrics() { return parts_->metrics; }
int64_t Node::broker_epoch() const { return parts_->broker_epoch.load(); }
const BrokerConfig& Node::config() const { return parts_->config; }
const std::string& Node::cluster_id() const { return parts_->cluster_id; }
const ReplicaTable* Node::replicas() const { return parts_->replicas.get(); }
const ControllerRunner* Node::controller() const { return parts_->controller.get(); }

}  // namespace quokka
