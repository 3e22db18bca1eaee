#include "broker/net/server.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <atomic>
#include <fstream>

#include "broker/net/advertised_address.h"
#include "broker/net/connection.h"
#include "broker/net/lane.h"
#include "broker/net/listener.h"
#include "protocol/base/log.h"

namespace quokka {
namespace {

// What this process may use: the control group's limit if there is one, else the machine's memory.
int64_t memory_bytes() {
  struct sysinfo machine {};
  sysinfo(&machine);
  auto bytes = static_cast<int64_t>(machine.totalram) * machine.mem_unit;
  std::ifstream limit("/sys/fs/cgroup/memory.max");
  int64_t of_group = 0;
  if (limit >> of_group && of_group > 0) bytes = std::min(bytes, of_group);
  return bytes;
}

ServerSettings completed(ServerSettings settings) {
  rlimit files{};
  if (settings.open_files_max < 0 && getrlimit(RLIMIT_NOFILE, &files) == 0)
    settings.open_files_max = static_cast<int64_t>(std::min<rlim_t>(files.rlim_cur, INT32_MAX));
  return settings;
}

}  // namespace

struct Server::Core {
  Core(ServerSettings given, ServedKeys apis, Ports ports)
      : settings(completed(std::move(given))),
        served(std::move(apis)),
        budget(std::make_shared<RequestBudget>(settings.queued_max_request_bytes > 0 ? settings.queued_max_request_bytes : memory_bytes() / 8)),
        context{settings, served, ports.pool, ports.handler, ports.metrics, budget},
        limits(std::make_shared<ConnectionLimits>(settings.max_connections, settings.max_connections_per_ip,
                                                  settings.max_connections_per_ip_overrides)) {
    for (size_t i = 0; i < ports.loops.size(); ++i) lanes.push_back(std::make_unique<Lane>(ports.loops.at(i), context));
    collector = ports.metrics.collect([this](MetricSink& sink) { collect(sink); });
    ports.metrics.gauge("kafka_network_SocketServer", "MemoryPoolUsed", {}, [b = budget] { return static_cast<double>(b->used()); });
    ports.metrics.gauge("kafka_server_socket_server_metrics", "connection_count", {}, [l = limits] { return static_cast<double>(l->total()); });
  }

  ~Core() { context.metrics.remove_collector(collector); }

  void collect(MetricSink& sink) const {
    double idle = 0, requests = 0, responses = 0;
    for (const auto& lane : lanes) {
      idle += lane->idle / static_cast<double>(lanes.size());
      requests += static_cast<double>(lane->requests_waiting);
      responses += static_cast<double>(lane->responses_waiting);
    }
    // One loop does what Kafka's network and request handler threads do.
    sink.sample("kafka_server_KafkaRequestHandlerPool", "OneMinuteRate", label_text("RequestHandlerAvgIdlePercent", {}), idle);
    sink.gauge("kafka_network_SocketServer", "NetworkProcessorAvgIdlePercent", {}, idle);
    sink.gauge("kafka_network_RequestChannel", "RequestQueueSize", {}, requests);
    sink.gauge("kafka_network_RequestChannel", "ResponseQueueSize", {}, responses);
  }

  // On the pool: a name server may take its time.
  static void check(const std::shared_ptr<Listener>& listener) {
    const ListenerSettings& of = listener->settings();
    AdvertisedAddress found = check_advertised(of, listener->port(), Duration::seconds(5));
    std::string bound = (of.host.empty() ? "*" : of.host) + ":" + std::to_string(listener->port());
    if (found.problem.empty())
      log_info("listener {} on {}: clients are told {}:{}, which can be reached", of.name, bound, of.advertised_host, of.advertised_port);
    else
      log_warn("listener {} on {}: {}", of.name, bound, found.problem);
    listener->loop().post([listener, addresses = std::move(found.addresses)]() mutable { listener->set_advertised(std::move(addresses)); });
  }

  const ServerSettings settings;
  const ServedKeys served;
  const std::shared_ptr<RequestBudget> budget;
  const ServerContext context;
  const std::shared_ptr<ConnectionLimits> limits;
  std::vector<std::unique_ptr<Lane>> lanes;
  std::vector<std::shared_ptr<Listener>> listeners;
  uint64_t collector = 0;
};

Server::Server(ServerSettings settings, ServedKeys served, Ports ports)
    : core_(std::make_unique<Core>(std::move(settings), std::move(served), ports)) {
  // A peer that has gone must be an error of sendfile, which knows no MSG_NOSIGNAL.
  ::signal(SIGPIPE, SIG_IGN);
}

Server::~Server() = default;

Result<uint16_t> Server::listen(ListenerSettings settings) {
  if (settings.security_protocol != "PLAINTEXT")
    return Error{ErrorCode::INVALID_CONFIG, "listener " + settings.name + " asks for " + settings.security_protocol + ", which is not implemented; use PLAINTEXT"};
  std::vector<Lane*> lanes;
  for (auto& lane : core_->lanes) lanes.push_back(lane.get());
  auto listener = std::make_shared<Listener>(std::move(settings), core_->settings, std::move(lanes), core_->listeners.size() % core_->lanes.size(),
                                             core_->limits);
  Result<uint16_t> port = listener->bind();
  if (port) core_->listeners.push_back(std::move(listener));
  return port;
}

void Server::start() {
  for (auto& lane : core_->lanes) lane->loop.post([l = lane.get()] { l->start(); });
  bool protects = core_->listeners.size() > 1;
  for (auto& listener : core_->listeners) {
    listener->set_gated(!(protects && listener->settings().inter_broker));
    listener->loop().post([l = listener] { l->start(); });
    if (!listener->settings().advertised_host.empty()) core_->context.pool.run([l = listener] { Core::check(l); });
  }
}

void Server::stop(Duration deadline, Task done) {
  struct Stopping {
    std::atomic<size_t> lanes_left;
    Task done;
  };
  auto stopping = std::make_shared<Stopping>();
  stopping->lanes_left = core_->lanes.size();
  stopping->done = std::move(done);
  for (auto& listener : core_->listeners) listener->loop().post([l = listener] { l->stop(); });
  for (auto& lane : core_->lanes) {
    lane->loop.post([l = lane.get(), stopping, deadline] {
      l->drain([stopping] {
        if (--stopping->lanes_left == 0) stopping->done();
      });
      l->loop.call_after(deadline, [l] { l->close_all("the broker stops and does not wait any longer"); });
    });
  }
}

void Server::set_max_connections(int32_t total) { core_->limits->set_total_max(total); }

void Server::set_max_connections_per_ip(int32_t per_ip, std::map<std::string, int32_t> overrides) {
  core_->limits->set_per_ip(per_ip, std::move(overrides));
}

size_t Server::connections() const { return static_cast<size_t>(core_->limits->total()); }

int64_t Server::queued_request_bytes() const { return core_->budget->used(); }

}  // namespace quokka
