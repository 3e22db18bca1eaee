#include "broker/broker.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "broker/admin/admin_endpoint.h"
#include "broker/config/topic_configs.h"
#include "broker/disk/posix_disk.h"
#include "broker/feature_epoch.h"
#include "broker/handlers/dispatch.h"
#include "broker/metrics/process_metrics.h"
#include "broker/net/server.h"
#include "broker/peers/controller_channel.h"
#include "broker/peers/controller_peers.h"
#include "broker/peers/isr_proposer.h"
#include "broker/peers/replica_fetchers.h"
#include "broker/start_summary.h"
#include "coord/configs/config_store.h"
#include "coord/controller/runner.h"
#include "coord/registration/broker_registration.h"
#include "coord/registration/cluster_setup.h"
#include "coord/session/zookeeper_client.h"
#include "coord/znodes/admin.h"
#include "protocol/base/log.h"
#include "protocol/client/tcp_streams.h"
#include "protocol/messages/allocate_producer_ids.h"
#include "protocol/messages/controlled_shutdown.h"

namespace quokka {

namespace {

constexpr char kSessionFile[] = "/.zookeeper-session";
constexpr Duration kStopDeadline = Duration::seconds(10);
constexpr Duration kFeatureWait = Duration::seconds(1);

// The start is a sequence on the caller's thread; what it starts answers on loops. These wait for one answer.
template <class T>
class Waiting {
 public:
  Function<void(T)> done() {
    return [promise = promise_](T value) { promise->set_value(std::move(value)); };
  }
  T get() { return promise_->get_future().get(); }
  // nullopt after `limit`.
  std::optional<T> get_within(Duration limit) {
    auto future = promise_->get_future();
    if (future.wait_for(std::chrono::microseconds(limit.us)) != std::future_status::ready) return std::nullopt;
    return future.get();
  }

 private:
  std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
};

ServerSettings server_settings(const BrokerConfig& config) {
  ServerSettings settings;
  settings.socket_listen_backlog_size = config.socket_listen_backlog_size;
  settings.socket_send_buffer_bytes = config.socket_send_buffer_bytes;
  settings.socket_receive_buffer_bytes = config.socket_receive_buffer_bytes;
  settings.socket_request_max_bytes = config.socket_request_max_bytes;
  settings.queued_max_request_bytes = config.queued_max_request_bytes;
  settings.connections_max_idle = Duration::millis(config.connections_max_idle_ms);
  settings.max_connections = config.max_connections;
  settings.max_connections_per_ip = config.max_connections_per_ip;
  settings.max_connections_per_ip_overrides = config.max_connections_per_ip_overrides;
  if (config.quokka_requests_in_flight_max > 0) settings.requests_in_flight_max = static_cast<size_t>(config.quokka_requests_in_flight_max);
  if (config.quokka_connection_bytes_max > 0) settings.connection_bytes_max = static_cast<size_t>(config.quokka_connection_bytes_max);
  return settings;
}

ServedKeys keys_of_table() {
  ServedKeys keys;
  for (const HandledApi& api : handled_apis()) keys.insert(static_cast<int16_t>(api.key));
  return keys;
}

LogDirectories::Settings log_settings(const BrokerConfig& config) {
  LogDirectories::Settings settings;
  settings.log_dirs = config.log_dirs;
  settings.recovery_threads_per_directory = config.num_recovery_threads_per_data_dir;
  settings.high_watermark_interval = Duration::millis(config.replica_high_watermark_checkpoint_interval_ms);
  settings.log_start_interval = Duration::millis(config.log_flush_start_offset_checkpoint_interval_ms);
  settings.retention_interval = Duration::millis(config.log_retention_check_interval_ms);
  settings.producer_expiry_interval = Duration::millis(config.producer_id_expiration_check_interval_ms);
  settings.initial_delay = Duration::millis(config.log_initial_task_delay_ms);
  return settings;
}

}  // namespace

// Everything a broker consists of, in the order of construction. Members that run tasks of others are declared before them, so that they are
// destroyed after them; the loops are stopped before anything is destroyed.
struct Broker::Parts final : public ConfigListener {
  explicit Parts(LoadedConfig loaded);

  Status start(Function<void(std::string)> failed);
  void stop();

  // The steps of the start.
  Status open_directories();
  Status connect_zookeeper();
  Status join_cluster();
  Status load_configs();
  Status load_logs();
  void build();
  Status listen();
  Status register_broker();
  Status start_serving();
  Status start_admin();
  void collect_metrics();

  void on_config(const znodes::ConfigEntity& entity, const znodes::ConfigMap& config) override;
  void on_directory_offline(const LogDirectories::Failed& failed);
  void move_leaderships_away();
  void tick();

  // Runs `f` on the coordination loop and waits for it.
  template <class F>
  void on_coordination(F f) {
    Waiting<bool> waiting;
    coordination.post([&f, done = waiting.done()]() mutable {
      f();
      done(true);
    });
    waiting.get();
  }
  void fail(const std::string& why) {
    if (on_failed && !failed_once.exchange(true)) on_failed(why);
  }

  const ConfigSources sources;
  BrokerConfig config;
  Function<void(std::string)> on_failed;
  std::atomic<bool> failed_once{false};
  bool started = false, stopped = false;
  MonoTime exec_at;

  SystemRandom random;
  PosixDisk disk;
  Registry metrics;
  ThreadPool pool;
  EventLoops loops;
  EventLoop coordination{"zookeeper"};
  Serial control{pool};

  std::atomic<int64_t> broker_epoch{-1};
  std::atomic<int64_t> features_epoch{-1};
  std::string cluster_id;
  BrokerId self;
  ViewHolder view;
  TopicConfigs topic_configs{sources};
  LogDirectories directories;
  LogDirectories::Identity identity;

  std::vector<std::unique_ptr<TcpStreams>> loop_streams;
  std::unique_ptr<TcpStreams> coordination_streams;
  std::unique_ptr<ZookeeperClient> session;
  std::unique_ptr<ConfigStore> configs;
  std::unique_ptr<BrokerRegistration> registration;
  std::unique_ptr<FeatureEpoch> features;
  std::unique_ptr<ControllerPeers> controller_peers;
  std::unique_ptr<ControllerRunner> controller;
  std::unique_ptr<ControllerChannel> controller_channel;
  std::unique_ptr<IsrProposer> isr_proposer;
  std::unique_ptr<ReplicaFetchers> fetchers;
  std::unique_ptr<ReplicaTable> replicas;
  std::unique_ptr<ProducerIds> producer_ids;
  std::unique_ptr<FetchSessions> fetch_sessions;
  std::unique_ptr<Traffic> traffic;
  ScratchPool scratches;
  std::unique_ptr<Services> services;
  std::unique_ptr<Dispatch> dispatch;
  std::unique_ptr<Server> server;
  std::unique_ptr<AdminEndpoint> admin;
  std::vector<uint16_t> ports;
  uint16_t admin_port = 0;
  std::atomic<bool> ready{false};
  MonoTime lag_checked_at;  // the coordination loop's
};

Broker::Parts::Parts(LoadedConfig loaded)
    : sources(std::move(loaded.sources)),
      config(std::move(loaded.config)),
      pool(std::max(2, config.background_threads)),
      loops(config.num_network_threads + config.num_io_threads),
      directories(disk, pool, coordination, random, log_settings(config)) {
  exec_at = coordination.now();
}

Status Broker::Parts::start(Function<void(std::string)> failed) {
  on_failed = std::move(failed);
  started = true;
  loops.start();
  coordination.start();
  using Step = Status (Parts::*)();
  for (const Step step : {&Parts::open_directories, &Parts::connect_zookeeper, &Parts::join_cluster, &Parts::load_configs, &Parts::load_logs}) {
    if (const Status status = (this->*step)(); !status) return status;
  }
  build();
  for (const Step step : {&Parts::listen, &Parts::start_admin, &Parts::register_broker, &Parts::start_serving}) {
    if (const Status status = (this->*step)(); !status) return status;
  }
  return {};
}

Status Broker::Parts::open_directories() {
  Result<LogDirectories::Identity> found = directories.open();
  if (!found) return found.error();
  identity = *std::move(found);
  if (identity.broker_id && config.broker_id.value >= 0 && *identity.broker_id != config.broker_id)
    return Error{ErrorCode::INVALID_CONFIG, "broker.id is " + std::to_string(config.broker_id.value) + ", but the log directories are those of broker " +
                                                std::to_string(identity.broker_id->value) + " (meta.properties): name the directories of this broker, or its id"};
  return {};
}

Status Broker::Parts::connect_zookeeper() {
  const Result<ConnectString> connect = parse_connect_string(config.zookeeper_connect);
  if (!connect) return connect.error();
  const Duration limit = Duration::millis(config.zookeeper_connection_timeout_ms);
  ZookeeperSettings settings;
  settings.session_timeout_ms = config.zookeeper_session_timeout_ms;
  if (!connect->chroot.empty()) {
    settings.servers = connect->servers;
    std::unique_ptr<ZookeeperClient> rootless;
    Waiting<Status> made;
    on_coordination([&] {
      rootless = std::make_unique<ZookeeperClient>(coordination, pool, settings);
      ensure_path(*rootless, connect->chroot, made.done());
    });
    const std::optional<Status> status = made.get_within(limit);
    Waiting<bool> closed;
    coordination.post([&] { rootless->close([done = closed.done()]() mutable { done(true); }); });
    closed.get();
    on_coordination([&] { rootless.reset(); });
    if (status && !*status) return *status;
    if (!status) return Error{ErrorCode::BROKER_NOT_AVAILABLE, "no ZooKeeper server of " + connect->servers + " answered within zookeeper.connection.timeout.ms"};
  }
  settings.servers = config.zookeeper_connect;
  settings.session_file = config.log_dirs.front() + kSessionFile;
  // The first completion of any operation says that a session is established.
  Waiting<Status> made;
  on_coordination([&] {
    session = std::make_unique<ZookeeperClient>(coordination, pool, settings);
    configs = std::make_unique<ConfigStore>(*session, coordination);
    ensure_persistent_paths(*session, made.done());
  });
  const std::optional<Status> status = made.get_within(limit);
  if (!status) return Error{ErrorCode::BROKER_NOT_AVAILABLE, "no ZooKeeper server of " + config.zookeeper_connect + " answered within zookeeper.connection.timeout.ms (" + std::to_string(limit.to_millis()) + "): is the ensemble running?"};
  return *status;
}

Status Broker::Parts::join_cluster() {
  Waiting<Result<std::string>> id;
  coordination.post([&] { obtain_cluster_id(*session, random, id.done()); });
  Result<std::string> found = id.get();
  if (!found) return found.error();
  cluster_id = *std::move(found);
  if (config.broker_id.value < 0 && identity.broker_id) config.broker_id = *identity.broker_id;
  if (config.broker_id.value < 0) {
    Waiting<Result<BrokerId>> drawn;
    coordination.post([&] { generate_broker_id(*session, config.reserved_broker_max_id, drawn.done()); });
    const Result<BrokerId> broker_id = drawn.get();
    if (!broker_id) return broker_id.error();
    config.broker_id = *broker_id;
  }
  self = config.broker_id;
  return directories.bind_identity(cluster_id, self);
}

Status Broker::Parts::load_configs() {
  Waiting<Result<ConfigStore::Configs>> loaded;
  coordination.post([&] { configs->load(znodes::ConfigType::topics, loaded.done()); });
  Result<ConfigStore::Configs> found = loaded.get();
  if (!found) return found.error();
  for (auto& [path, overrides] : *found) {
    const Result<znodes::ConfigEntity> entity = znodes::parse_entity_path(path);
    if (entity) topic_configs.set(entity->entity, std::move(overrides));
  }
  return {};
}

Status Broker::Parts::load_logs() {
  Waiting<Result<LogDirectories::LoadReport>> loaded;
  directories.load([this](const std::string& topic) { return topic_configs.settings_of(topic); },
                   [](const LogDirectories::Progress& progress) {
                     if (progress.recovery.recovered || progress.partitions_done == progress.partitions_total)
                       log_info("{}: {} of {} partitions loaded", progress.directory, progress.partitions_done, progress.partitions_total);
                     for (const std::string& note : progress.recovery.notes) log_info("{}: {}", progress.partition, note);
                   },
                   loaded.done());
  Result<LogDirectories::LoadReport> report = loaded.get();
  if (!report) return report.error();
  for (const std::string& note : report->notes) log_info("{}", note);
  for (const auto& failed : report->offline) log_error("log directory {} is offline: {}", failed.directory, failed.reason);
  return {};
}

void Broker::Parts::build() {
  const std::string name = std::to_string(self.value);
  const LinkSettings to_controller{config.listeners.inter_broker, "broker-" + name + "-controller", Duration::millis(config.request_timeout_ms),
                                   Duration::millis(config.request_timeout_ms)};
  std::vector<ReplicaFetchers::Lane> lanes;
  for (size_t i = 0; i < loops.size(); ++i) {
    loop_streams.push_back(std::make_unique<TcpStreams>(loops.at(i).io_context(), loops.at(i)));
    lanes.push_back({loops.at(i), *loop_streams.back()});
  }
  coordination_streams = std::make_unique<TcpStreams>(coordination.io_context(), coordination);
  controller_channel = std::make_unique<ControllerChannel>(coordination, *coordination_streams, view, to_controller);
  isr_proposer = std::make_unique<IsrProposer>(self, broker_epoch, coordination, *controller_channel);

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
  fetchers = std::make_unique<ReplicaFetchers>(fetching, ReplicaFetchers::Ports{lanes, pool, view, broker_epoch});
  replicas = std::make_unique<ReplicaTable>(self, Duration::millis(config.replica_lag_time_max_ms),
                                            ReplicaTable::Ports{directories, *isr_proposer, *fetchers, coordination},
                                            [this](const std::string& topic) { return topic_configs.settings_of(topic); });

  controller_peers = std::make_unique<ControllerPeers>(
      coordination, *coordination_streams,
      ControllerPeers::Settings{"controller-" + name, Duration::millis(config.controller_socket_timeout_ms), Duration::millis(100)});
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
                                                  ControllerRunner::Ports{coordination, *session, *controller_peers, random, view});
  controller->on_refused([this](std::string reason) { fail(reason); });

  producer_ids = std::make_unique<ProducerIds>(
      [this](Function<void(Result<ProducerIdBlock>)> done) {
        coordination.post([this, done = std::move(done)]() mutable {
          AllocateProducerIdsRequest request;
          request.broker_id = self;
          request.broker_epoch = BrokerEpoch(broker_epoch.load());
          controller_channel->ask<AllocateProducerIdsResponse>(request, 0, [done = std::move(done)](auto answer) mutable {
            if (!answer) return done(answer.error());
            const auto& message = answer->message;
            if (message.error_code != ErrorCode::NONE) return done(Error{message.error_code, "the controller gives no producer ids"});
            done(ProducerIdBlock{message.producer_id_start, message.producer_id_len});
          });
        });
      },
      coordination);
  fetch_sessions = std::make_unique<FetchSessions>(
      FetchSessions::Settings{static_cast<size_t>(std::max(0, config.max_incremental_fetch_session_cache_slots)), Duration::seconds(120)}, random);
  traffic = std::make_unique<Traffic>(metrics);
  services.reset(new Services{sources,        config,     self,       cluster_id, *replicas,    directories, view,
                              *fetch_sessions, *producer_ids, *controller, coordination, *session,     *configs,    topic_configs, pool,
                              control,        random,     metrics,    *traffic,   scratches,    {},          features_epoch,
                              broker_epoch,   {}});
  dispatch = std::make_unique<Dispatch>(*services);
  server = std::make_unique<Server>(server_settings(config), keys_of_table(), Server::Ports{loops, pool, *dispatch, metrics});
  collect_metrics();
}

Status Broker::Parts::listen() {
  for (const ListenerEndpoint& bound : config.listeners.bound) {
    ListenerSettings settings;
    settings.name = bound.listener;
    settings.host = bound.host;
    settings.port = bound.port;
    settings.security_protocol = name(bound.protocol);
    settings.inter_broker = bound.listener == config.listeners.inter_broker;
    for (const ListenerEndpoint& advertised : config.listeners.advertised) {
      if (advertised.listener != bound.listener) continue;
      settings.advertised_host = advertised.host;
      settings.advertised_port = advertised.port;
    }
    const Result<uint16_t> port = server->listen(settings);
    if (!port) return port.error();
    ports.push_back(*port);
  }
  // A port that the kernel picked is what is advertised.
  for (ListenerEndpoint& advertised : config.listeners.advertised) {
    for (size_t i = 0; i < config.listeners.bound.size(); ++i) {
      if (config.listeners.bound[i].listener == advertised.listener && advertised.port == 0) advertised.port = ports[i];
    }
  }
  return {};
}

Status Broker::Parts::register_broker() {
  znodes::Broker znode;
  for (const ListenerEndpoint& advertised : config.listeners.advertised)
    znode.endpoints.push_back({advertised.listener, advertised_host(advertised), advertised.port, static_cast<int16_t>(advertised.protocol)});
  znode.rack = config.broker_rack;
  Waiting<Result<BrokerEpoch>> registered;
  Waiting<bool> features_known;
  coordination.post([&, znode] {
    controller->start();
    features = std::make_unique<FeatureEpoch>(*session, features_epoch, [this](std::string why) { fail(why); });
    features->start(features_known.done());
    registration = std::make_unique<BrokerRegistration>(*session, coordination, self, znode);
    registration->on_registered([this](BrokerEpoch epoch) {
      broker_epoch.store(epoch.value);
      log_info("registered as broker {} with epoch {}", self, epoch);
      controller->on_registered();
    });
    registration->start(registered.done());
  });
  const Result<BrokerEpoch> epoch = registered.get();
  if (!epoch) return epoch.error();
  // The first answer to ApiVersions tells the version of /feature, which the controller of a new cluster creates about now.
  features_known.get_within(kFeatureWait);
  return {};
}

Status Broker::Parts::start_serving() {
  server->start();
  Waiting<Status> watching;
  coordination.post([&] {
    configs->start(*this, watching.done());
    directories.start([this](const LogDirectories::Failed& failed) { on_directory_offline(failed); });
    tick();
  });
  if (const Status status = watching.get(); !status) return status;
  ready.store(true);
  log_start_summary({config, self, cluster_id, ports, admin_port, coordination.now() - exec_at});
  return {};
}

Status Broker::Parts::start_admin() {
  if (config.quokka_admin_port < 0) return {};
  std::map<std::string, AdminEndpoint::Page> pages;
  pages["/metrics"] = [this](const std::string&) {
    return AdminAnswer{200, "text/plain; version=0.0.4; charset=utf-8", metrics.render() + render_process_metrics()};
  };
  pages["/health/live"] = [](const std::string&) { return AdminAnswer{200, "text/plain; charset=utf-8", "live\n"}; };
  pages["/health/ready"] = [this](const std::string&) {
    const bool registered = broker_epoch.load() >= 0;
    if (ready.load() && registered) return AdminAnswer{200, "text/plain; charset=utf-8", "ready\n"};
    return AdminAnswer{503, "text/plain; charset=utf-8", registered ? "starting\n" : "not registered in ZooKeeper\n"};
  };
  AdminSettings settings;
  settings.host = config.quokka_admin_host;
  settings.port = static_cast<uint16_t>(config.quokka_admin_port);
  admin = std::make_unique<AdminEndpoint>(settings, pages);
  Result<uint16_t> port = admin->start();
  if (!port && !config.quokka_admin_port_given) {
    // Another broker on this machine has the default port: any other will do.
    settings.port = 0;
    admin = std::make_unique<AdminEndpoint>(settings, std::move(pages));
    port = admin->start();
  }
  if (!port) return port.error();
  admin_port = *port;
  return {};
}

void Broker::Parts::collect_metrics() {
  metrics.gauge("kafka_controller_KafkaController", "ActiveControllerCount", {}, [this] { return controller->is_active() ? 1.0 : 0.0; });
  metrics.collect([this](MetricSink& sink) {
    double led = 0, under_replicated = 0, under_min = 0, all = 0;
    for (const PartitionPtr& partition : replicas->all()) {
      const Partition::State state = partition->state();
      all += 1;
      led += state.is_leader ? 1 : 0;
      under_replicated += state.is_leader && state.in_sync < state.replicas ? 1 : 0;
      under_min += state.is_leader && state.under_min_isr ? 1 : 0;
    }
    const std::string family = "kafka_server_ReplicaManager";
    sink.gauge(family, "PartitionCount", {}, all);
    sink.gauge(family, "LeaderCount", {}, led);
    sink.gauge(family, "UnderReplicatedPartitions", {}, under_replicated);
    sink.gauge(family, "UnderMinIsrPartitionCount", {}, under_min);
  });
}

void Broker::Parts::on_config(const znodes::ConfigEntity& entity, const znodes::ConfigMap& overrides) {
  if (entity.type != znodes::ConfigType::topics) return;
  topic_configs.set(entity.entity, overrides);
  replicas->reconfigure(entity.entity, topic_configs.settings_of(entity.entity));
}

void Broker::Parts::on_directory_offline(const LogDirectories::Failed& failed) {
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
void Broker::Parts::tick() {
  metrics.tick(coordination.now());
  coordination.call_after(Duration::seconds(1), [this] { tick(); });
  if (coordination.now() - lag_checked_at >= Duration::millis(config.replica_lag_time_max_ms / 2)) {
    lag_checked_at = coordination.now();
    pool.run([this] { replicas->on_tick(); });
  }
}

void Broker::Parts::move_leaderships_away() {
  if (!config.controlled_shutdown_enable || broker_epoch.load() < 0) return;
  for (int attempt = 0; attempt < std::max(1, config.controlled_shutdown_max_retries); ++attempt) {
    Waiting<Result<size_t>> remaining;
    coordination.post([&] {
      ControlledShutdownRequest request;
      request.broker_id = self;
      request.broker_epoch = BrokerEpoch(broker_epoch.load());
      controller_channel->ask<ControlledShutdownResponse>(request, 3, [done = remaining.done()](auto answer) mutable {
        if (!answer) return done(answer.error());
        const auto& message = answer->message;
        if (message.error_code != ErrorCode::NONE) return done(Error{message.error_code, std::string(name(message.error_code))});
        done(message.remaining_partitions.size());
      });
    });
    const Result<size_t> left = remaining.get();
    if (left && *left == 0) return log_info("all leaderships were moved to other brokers");
    if (left) log_info("controlled shutdown: {} leaderships remain", *left);
    if (!left) log_warn("controlled shutdown: the controller did not answer as hoped: {}", left.error().message);
    if (left && view.get()->brokers().size() <= 1) return;  // there is nobody to take them
    if (attempt + 1 < config.controlled_shutdown_max_retries)
      std::this_thread::sleep_for(std::chrono::milliseconds(config.controlled_shutdown_retry_backoff_ms));
  }
  log_warn("stopping with leaderships that could not be moved; they fail over when the session ends");
}

void Broker::Parts::stop() {
  if (!started || stopped) return;
  stopped = true;
  ready.store(false);
  if (server) {
    move_leaderships_away();
    Waiting<bool> closed;
    server->stop(kStopDeadline, [done = closed.done()]() mutable { done(true); });
    closed.get();
  }
  if (admin) admin->stop();
  if (controller) on_coordination([this] { controller->stop(); });
  if (session) on_coordination([this] { directories.stop(); });
  loops.stop();
  directories.close();
  if (session) {
    // The registration goes with the session.
    Waiting<bool> ended;
    coordination.post([&] {
      registration.reset();
      features.reset();
      session->close([done = ended.done()]() mutable { done(true); });
    });
    ended.get();
  }
  coordination.stop();
  pool.stop();
}

Broker::Broker(LoadedConfig config) : parts_(std::make_unique<Parts>(std::move(config))) {}

Broker::~Broker() { stop(); }

Status Broker::start(Function<void(std::string why)> failed) { return parts_->start(std::move(failed)); }

void Broker::stop() { parts_->stop(); }

}  // namespace quokka
