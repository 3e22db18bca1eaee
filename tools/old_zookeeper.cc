#include "tools/old_zookeeper.h"

#include <algorithm>
#include <iostream>
#include <thread>
#include <vector>

#include "coord/session/zookeeper_client.h"
#include "coord/znodes/broker.h"
#include "coord/znodes/paths.h"
#include "protocol/client/waiting_loop.h"

namespace quokka {
namespace {

constexpr Duration kLookupTimeout = Duration::seconds(15);
constexpr Duration kCloseTimeout = Duration::seconds(2);
constexpr int16_t kPlaintext = 0;

class ToolPool final : public Pool {
 public:
  ~ToolPool() override {
    for (std::thread& thread : threads_) thread.join();
  }
  void run(Task work) override { threads_.emplace_back(std::move(work)); }

 private:
  std::vector<std::thread> threads_;
};

// Collects the plaintext addresses of all registered brokers.
class Lookup {
 public:
  explicit Lookup(ZookeeperSession& session) : session_(session) {}

  void start() {
    session_.get_children(std::string(znodes::kBrokerIds), Watch::no,
                          [this](ZkOutcome outcome, std::vector<std::string> ids, const ZnodeStat&) { on_ids(outcome, std::move(ids)); });
  }

  bool done = false;
  std::string servers;
  std::string problem = "no answer in time";

 private:
  void on_ids(ZkOutcome outcome, std::vector<std::string> ids) {
    problem = outcome == ZkOutcome::ok || outcome == ZkOutcome::no_node ? "no broker with a plaintext listener is registered there"
                                                                        : "cannot list the brokers: " + std::string(name(outcome));
    waiting_ = ids.size();
    done = ids.empty();
    for (const std::string& id : ids) {
      session_.get(znodes::child_path(znodes::kBrokerIds, id), Watch::no, [this, id](ZkOutcome, ZnodeData data, const ZnodeStat&) {
        if (data) add(BrokerId(static_cast<int32_t>(std::strtol(id.c_str(), nullptr, 10))), *data);
        done = --waiting_ == 0;
      });
    }
  }

  void add(BrokerId id, const std::string& json) {
    const auto broker = znodes::parse_broker(id, json);
    if (!broker.ok()) return;
    for (const Endpoint& endpoint : broker->endpoints) {
      if (endpoint.security_protocol != kPlaintext) continue;
      servers += (servers.empty() ? "" : ",") + endpoint.host + ":" + std::to_string(endpoint.port);
      return;
    }
  }

  ZookeeperSession& session_;
  size_t waiting_ = 0;
};

Result<std::string> look_up(const std::string& ensemble) {
  WaitingLoop loop;
  ToolPool pool;
  ZookeeperSettings settings;
  settings.servers = ensemble;
  settings.session_timeout_ms = 10000;
  ZookeeperClient session(loop, pool, settings);
  Lookup lookup(session);
  lookup.start();
  loop.run_until([&lookup] { return lookup.done; }, kLookupTimeout);
  bool closed = false;
  session.close([&closed] { closed = true; });
  loop.run_until([&closed] { return closed; }, kCloseTimeout);
  if (lookup.servers.empty()) return Error{ErrorCode::NETWORK_EXCEPTION, "--zookeeper " + ensemble + ": " + lookup.problem};
  return lookup.servers;
}

}  // namespace

Result<std::string> servers_of(const Options& options) {
  if (const auto servers = options.text("bootstrap-server")) return *servers;
  std::cerr << "Warning: --zookeeper is deprecated: use --bootstrap-server to name brokers.\n";
  return look_up(options.text_or("zookeeper", ""));
}

}  // namespace quokka
