#include "tools/old_zookeeper.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <iostream>
#include <map>
#include <thread>
#include <vector>

#include "coord/session/zookeeper_client.h"
#include "coord/znodes/broker.h"
#include "coord/znodes/paths.h"

namespace quokka {
namespace {

constexpr auto kLookupTimeout = std::chrono::seconds(15);
constexpr int16_t kPlaintext = 0;

// The session's loop, run by the tool's own thread while it waits.
class ToolLoop final : public Loop {
 public:
  void post(Task task) override { boost::asio::post(io_, std::move(task)); }
  bool in_loop() const override { return std::this_thread::get_id() == thread_; }
  MonoTime now() const override {
    return {std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count()};
  }
  WallTime wall_now() const override {
    return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
  }
  TimerId call_at(MonoTime when, Task task) override {
    const TimerId id = next_timer_++;
    auto& timer = timers_.try_emplace(id, io_).first->second;
    timer.expires_after(std::chrono::microseconds(std::max<int64_t>(0, when.us - now().us)));
    timer.async_wait([this, id, task = std::move(task)](boost::system::error_code error) mutable {
      timers_.erase(id);
      if (!error) task();
    });
    return id;
  }
  void cancel(TimerId timer) override { timers_.erase(timer); }

  void run_until(const bool& done, std::chrono::steady_clock::time_point deadline) {
    const auto work = boost::asio::make_work_guard(io_);
    while (!done && std::chrono::steady_clock::now() < deadline) io_.run_one_until(deadline);
  }

 private:
  boost::asio::io_context io_;
  const std::thread::id thread_ = std::this_thread::get_id();
  std::map<TimerId, boost::asio::steady_timer> timers_;
  TimerId next_timer_ = 1;
};

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
  ToolLoop loop;
  ToolPool pool;
  ZookeeperSettings settings;
  settings.servers = ensemble;
  settings.session_timeout_ms = 10000;
  ZookeeperClient session(loop, pool, settings);
  Lookup lookup(session);
  const auto deadline = std::chrono::steady_clock::now() + kLookupTimeout;
  lookup.start();
  loop.run_until(lookup.done, deadline);
  bool closed = false;
  session.close([&closed] { closed = true; });
  loop.run_until(closed, std::max(deadline, std::chrono::steady_clock::now() + std::chrono::seconds(2)));
  if (lookup.servers.empty()) return Error{ErrorCode::NETWORK_EXCEPTION, "--zookeeper " + ensemble + ": " + lookup.problem};
  return lookup.servers;
}

}  // namespace

Result<std::string> servers_of(const Options& options) {
  if (const auto servers = options.text("bootstrap-server")) return *servers;
  if (const auto servers = options.text("broker-list")) return *servers;
  std::cerr << "Warning: --zookeeper is deprecated: use --bootstrap-server to name brokers.\n";
  return look_up(options.text_or("zookeeper", ""));
}

}  // namespace quokka
