// The start of a broker, step by step. A step that blocks runs on the pool; nothing waits.
#include <algorithm>
#include <iterator>

#include "broker/node/node_parts.h"
#include "coord/registration/cluster_admission.h"
#include "protocol/base/log.h"

namespace quokka {

namespace {

constexpr char kSessionFile[] = "/.zookeeper-session";
constexpr Duration kFeatureWait = Duration::seconds(1);

}  // namespace

void Node::Parts::run_steps(size_t next, StepDone started) {
  using Step = void (Parts::*)(StepDone);
  static constexpr Step kSteps[] = {&Parts::open_directories, &Parts::make_chroot,      &Parts::connect_zookeeper, &Parts::be_admitted,
                                    &Parts::obtain_cluster,   &Parts::obtain_broker_id, &Parts::bind_identity,     &Parts::load_configs,
                                    &Parts::load_logs,        &Parts::build,            &Parts::learn_coordinator_topics,
                                    &Parts::listen,           &Parts::register_broker,  &Parts::await_features,    &Parts::start_serving};
  if (next == std::size(kSteps)) return started({});
  const Step step = kSteps[next];  // by itself: g++ checks the index a second time, with garbage, in the call of a member
  (this->*step)([this, next, started = std::move(started)](Status status) mutable {
    if (stopping) return;
    if (!status) return started(std::move(status));
    run_steps(next + 1, std::move(started));
  });
}

void Node::Parts::open_directories(StepDone done) {
  on_pool([this] { return directories.open(); },
          [this, done = std::move(done)](Result<LogDirectories::Identity> found) mutable {
            if (!found) return done(found.error());
            identity = *std::move(found);
            if (identity.broker_id && config.broker_id.value >= 0 && *identity.broker_id != config.broker_id)
              return done(Error{ErrorCode::INVALID_CONFIG,
                                "broker.id is " + std::to_string(config.broker_id.value) + ", but the log directories are those of broker " +
                                    std::to_string(identity.broker_id->value) + " (meta.properties): name the directories of this broker, or its id"});
            done({});
          });
}

Node::Parts::StepDone Node::Parts::within(Duration limit, Status late, StepDone done) {
  struct Pending {
    StepDone done;
    Loop::TimerId timer = 0;
  };
  auto pending = std::make_shared<Pending>();
  pending->done = std::move(done);
  pending->timer = coordination.call_after(limit, [pending, late = std::move(late)] {
    if (pending->done) std::exchange(pending->done, nullptr)(late);
  });
  return [this, pending](Status status) {
    coordination.cancel(pending->timer);
    if (pending->done) std::exchange(pending->done, nullptr)(std::move(status));
  };
}

void Node::Parts::make_chroot(StepDone done) {
  const Result<ConnectString> connect = parse_connect_string(config.zookeeper_connect);
  if (!connect) return done(connect.error());
  config.zookeeper_connect = connect->str();  // each server with its port
  if (connect->chroot.empty()) return done({});
  session_above = ports.open_session(connect->servers, {});
  ensure_path(*session_above, connect->chroot,
              within(connection_timeout(),
                     Error{ErrorCode::BROKER_NOT_AVAILABLE,
                           "no ZooKeeper server of " + connect->servers + " answered within zookeeper.connection.timeout.ms"},
                     [this, done = std::move(done)](Status status) mutable {
                       session_above->close([this, status = std::move(status), done = std::move(done)]() mutable {
                         // Not within its own call.
                         coordination.post([this, status = std::move(status), done = std::move(done)]() mutable {
                           session_above.reset();
                           done(std::move(status));
                         });
                       });
                     }));
}

void Node::Parts::connect_zookeeper(StepDone done) {
  session = ports.open_session(config.zookeeper_connect, config.log_dirs.front() + kSessionFile);
  configs = std::make_unique<ConfigStore>(*session, coordination);
  // The first completion of any operation says that a session is established.
  Error late{ErrorCode::BROKER_NOT_AVAILABLE, "no ZooKeeper server of " + config.zookeeper_connect +
                                                  " answered within zookeeper.connection.timeout.ms (" +
                                                  std::to_string(config.zookeeper_connection_timeout_ms) + "): is the ensemble running?"};
  ensure_persistent_paths(*session, within(connection_timeout(), std::move(late), std::move(done)));
}

void Node::Parts::be_admitted(StepDone done) { ask_admission(*session, std::move(done)); }

void Node::Parts::obtain_cluster(StepDone done) {
  obtain_cluster_id(*session, ports.random, [this, done = std::move(done)](Result<std::string> found) mutable {
    if (!found) return done(found.error());
    cluster_id = *std::move(found);
    done({});
  });
}

void Node::Parts::obtain_broker_id(StepDone done) {
  if (config.broker_id.value < 0 && identity.broker_id) config.broker_id = *identity.broker_id;
  if (config.broker_id.value >= 0) return done({});
  generate_broker_id(*session, config.reserved_broker_max_id, [this, done = std::move(done)](Result<BrokerId> drawn) mutable {
    if (!drawn) return done(drawn.error());
    config.broker_id = *drawn;
    done({});
  });
}

void Node::Parts::bind_identity(StepDone done) {
  self = config.broker_id;
  on_pool([this] { return directories.bind_identity(cluster_id, self); }, std::move(done));
}

void Node::Parts::load_configs(StepDone done) {
  configs->load(znodes::ConfigType::topics, [this, done = std::move(done)](Result<ConfigStore::Configs> found) mutable {
    if (!found) return done(found.error());
    for (auto& [path, overrides] : *found) {
      const Result<znodes::ConfigEntity> entity = znodes::parse_entity_path(path);
      if (!entity) continue;
      if (overrides) {
        topic_configs.set(entity->entity, *std::move(overrides));
      } else {
        topic_configs.set_unreadable(entity->entity);
      }
    }
    // What is read of them is looked up when what they set is built.
    configs->load(znodes::ConfigType::brokers, [done = std::move(done)](Result<ConfigStore::Configs> brokers) mutable {
      done(brokers ? Status() : Status(brokers.error()));
    });
  });
}

void Node::Parts::load_logs(StepDone done) {
  loading = true;
  directories.load([this](const std::string& topic) { return topic_configs.settings_of(topic); },
                   [](const LogDirectories::Progress& progress) {
                     if (progress.recovery.recovered || progress.partitions_done == progress.partitions_total)
                       log_info("{}: {} of {} partitions loaded", progress.directory, progress.partitions_done, progress.partitions_total);
                     for (const std::string& note : progress.recovery.notes) log_info("{}: {}", progress.partition, note);
                   },
                   [this, done = std::move(done)](Result<LogDirectories::LoadReport> report) mutable {
                     loading = false;
                     if (!report) return done(report.error());
                     for (const std::string& note : report->notes) log_info("{}", note);
                     for (const auto& failed : report->offline) log_error("log directory {} is offline: {}", failed.directory, failed.reason);
                     done({});
                   });
}

void Node::Parts::build(StepDone done) {
  build_cleaner();
  build_replication();
  build_controller();
  build_coordinators();
  build_services();
  collect_metrics();
  done({});
}

// What cannot be read now is read when somebody asks; until then nobody is told a wrong partition.
void Node::Parts::learn_coordinator_topics(StepDone done) {
  group_topic->learn_at_start([this, done = std::move(done)](const Status&) mutable {
    transaction_topic->learn_at_start([done = std::move(done)](const Status&) mutable { done({}); });
  });
}

void Node::Parts::listen(StepDone done) {
  on_pool([this] { return ports.calls.listen(config.listeners, *dispatch, metrics); },
          [this, done = std::move(done)](Result<std::vector<ListenerEndpoint>> advertised) mutable {
            listens = true;
            if (!advertised) return done(advertised.error());
            config.listeners.advertised = *std::move(advertised);
            done({});
          });
}

void Node::Parts::register_broker(StepDone done) {
  znodes::Broker znode;
  for (const ListenerEndpoint& advertised : config.listeners.advertised)
    znode.endpoints.push_back({advertised.listener, advertised.host, advertised.port, static_cast<int16_t>(advertised.protocol)});
  znode.rack = config.broker_rack;
  znode.has_consumer_protocol = config.consumer_protocol;
  controller->start();
  features = std::make_unique<FeatureEpoch>(*session, features_epoch, [this](std::string why) { fail(why); });
  features->start([this](bool) {
    features_known = true;
    if (on_features_known) std::exchange(on_features_known, nullptr)({});
  });
  registration = std::make_unique<BrokerRegistration>(*session, coordination, self, znode);
  registration->on_registered([this](BrokerEpoch epoch) {
    broker_epoch.store(epoch.value);
    log_info("registered as broker {} with epoch {}", self, epoch);
    controller->on_registered();
  });
  registered_brokers = std::make_unique<RegisteredBrokers>(*session, consumer_protocol_offered);
  registered_brokers->start();
  registration->start([done = std::move(done)](Result<BrokerEpoch> epoch) mutable { done(epoch ? Status() : Status(epoch.error())); });
}

// The first answer to ApiVersions tells the version of /feature, which the controller of a new cluster creates about now.
void Node::Parts::await_features(StepDone done) {
  if (features_known) return done({});
  on_features_known = within(kFeatureWait, {}, std::move(done));
}

void Node::Parts::start_serving(StepDone done) {
  ports.calls.start();
  groups->start();
  transactions->start();
  configs->start(*this, std::move(done));
  directories.start([this](const LogDirectories::Failed& failed) { on_directory_offline(failed); });
  if (cleaner) cleaner->start();
  tick();
}

}  // namespace quokka
