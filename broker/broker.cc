#include "broker/broker.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/admin/admin_endpoint.h"
#include "broker/disk/posix_disk.h"
#include "broker/handlers/dispatch.h"
#include "broker/metrics/process_metrics.h"
#include "broker/net/server.h"
#include "broker/node/node.h"
#include "broker/start_summary.h"
#include "coord/session/zookeeper_client.h"
#include "protocol/client/tcp_streams.h"

namespace quokka {

namespace {

constexpr Duration kStopDeadline = Duration::seconds(10);

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

}  // namespace

// The node's ports, as production has them. Members that run tasks of others are declared before them, so that they are destroyed after them; the
// loops are stopped before anything is destroyed.
struct Broker::Parts final : public CallSource {
  explicit Parts(LoadedConfig loaded);

  void start(Function<void(Status)> started, Function<void(std::string)> failed);
  void stop();

  Result<std::vector<ListenerEndpoint>> listen(const Listeners& listeners, CallHandler& handler, Registry& metrics) override;
  void start() override { server->start(); }
  void stop(Task done) override;
  NodePorts node_ports();
  Status start_admin();

  // What the ports are made by.
  const BrokerConfig config;
  bool started = false, stopped = false;
  MonoTime exec_at;

  SystemRandom random;
  PosixDisk disk;
  ThreadPool pool;
  EventLoops loops;
  EventLoop coordination{"zookeeper"};
  std::vector<std::unique_ptr<TcpStreams>> loop_streams;
  TcpStreams coordination_streams{coordination.io_context(), coordination};
  Node node;

  std::unique_ptr<Server> server;
  std::unique_ptr<AdminEndpoint> admin;
  std::vector<uint16_t> ports;
  uint16_t admin_port = 0;
  std::atomic<bool> ready{false};
};

Broker::Parts::Parts(LoadedConfig loaded)
    : config(loaded.config),
      pool(std::max(2, config.background_threads)),
      loops(config.num_network_threads + config.num_io_threads),
      node(std::move(loaded), node_ports()) {
  exec_at = coordination.now();
}

NodePorts Broker::Parts::node_ports() {
  std::vector<LoopWithStreams> with_streams;
  for (size_t i = 0; i < loops.size(); ++i) {
    loop_streams.push_back(std::make_unique<TcpStreams>(loops.at(i).io_context(), loops.at(i)));
    with_streams.push_back({loops.at(i), *loop_streams.back()});
  }
  const auto open_session = [this](const std::string& connect, const std::string& session_file) {
    ZookeeperSettings settings;
    settings.servers = connect;
    settings.session_timeout_ms = config.zookeeper_session_timeout_ms;
    settings.session_file = session_file;
    return std::make_unique<ZookeeperClient>(coordination, pool, settings);
  };
  return {std::move(with_streams), {coordination, coordination_streams}, pool, disk, random, open_session, *this};
}

void Broker::Parts::start(Function<void(Status)> on_started, Function<void(std::string)> failed) {
  started = true;
  loops.start();
  coordination.start();
  node.start(
      [this, on_started = std::move(on_started)](Status status) mutable {
        if (status) {
          ready.store(true);
          log_start_summary({node.config(), node.config().broker_id, node.cluster_id(), ports, admin_port, coordination.now() - exec_at});
        }
        on_started(std::move(status));
      },
      std::move(failed));
}

Result<std::vector<ListenerEndpoint>> Broker::Parts::listen(const Listeners& listeners, CallHandler& handler, Registry& metrics) {
  server = std::make_unique<Server>(server_settings(config), keys_of_table(), Server::Ports{loops, pool, handler, metrics});
  std::vector<ListenerEndpoint> told = listeners.advertised;
  for (const ListenerEndpoint& bound : listeners.bound) {
    const auto advertised = std::find_if(told.begin(), told.end(), [&](const ListenerEndpoint& each) { return each.listener == bound.listener; });
    ListenerSettings settings;
    settings.name = bound.listener;
    settings.host = bound.host;
    settings.port = bound.port;
    settings.security_protocol = name(bound.protocol);
    settings.inter_broker = bound.listener == listeners.inter_broker;
    if (advertised != told.end()) {
      settings.advertised_host = advertised->host;
      settings.advertised_port = advertised->port;
    }
    const Result<uint16_t> port = server->listen(settings);
    if (!port) return port.error();
    ports.push_back(*port);
    // A port that the kernel picked is what is advertised.
    if (advertised != told.end() && advertised->port == 0) advertised->port = *port;
  }
  for (ListenerEndpoint& each : told) each.host = advertised_host(each);
  if (const Status status = start_admin(); !status) return status.error();
  return told;
}

Status Broker::Parts::start_admin() {
  if (config.quokka_admin_port < 0) return {};
  std::map<std::string, AdminEndpoint::Page> pages;
  pages["/metrics"] = [this](const std::string&) {
    return AdminAnswer{200, "text/plain; version=0.0.4; charset=utf-8", node.metrics().render() + render_process_metrics()};
  };
  pages["/health/live"] = [](const std::string&) { return AdminAnswer{200, "text/plain; charset=utf-8", "live\n"}; };
  pages["/health/ready"] = [this](const std::string&) {
    const bool registered = node.broker_epoch() >= 0;
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

void Broker::Parts::stop(Task done) {
  if (!server) return done();
  server->stop(kStopDeadline, std::move(done));
}

void Broker::Parts::stop() {
  if (!started || stopped) return;
  stopped = true;
  ready.store(false);
  const auto ended = std::make_shared<std::promise<void>>();
  node.stop([ended] { ended->set_value(); });
  ended->get_future().get();
  loops.stop();
  coordination.stop();
  pool.stop();
  if (admin) admin->stop();
}

Broker::Broker(LoadedConfig config) : parts_(std::make_unique<Parts>(std::move(config))) {}

Broker::~Broker() { stop(); }

void Broker::start(Function<void(Status)> started, Function<void(std::string why)> failed) {
  parts_->start(std::move(started), std::move(failed));
}

void Broker::stop() { parts_->stop(); }

}  // namespace quokka
