#include "integration-tests/faults/proxy_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "integration-tests/clients/transactional_client.h"
#include "integration-tests/faults/raw_transactions.h"

namespace quokka {
namespace {

using Values = std::vector<std::string>;

constexpr const char *transactional_topic = "transactional", *transactional_id = "held-back-by-the-network";

std::string str(const Values& values) {
  std::string all;
  for (const std::string& each : values) all += (all.empty() ? "" : ",") + each;
  return "[" + all + "]";
}

void require_committed(Scene& scene, const Values& wanted) {
  Values found;
  const bool same = eventually(20'000, [&] { return (found = committed_values(scene.cluster().bootstrap(), transactional_topic)) == wanted; });
  scene.require(same, fmt::format("committed are {} and should be {}", str(found), str(wanted)));
}

std::vector<int> shuffled(Scene& scene) {
  std::vector<int> ids = scene.cluster().broker_ids();
  for (size_t i = ids.size() - 1; i > 0; --i) std::swap(ids[i], ids[static_cast<size_t>(scene.below(static_cast<int>(i) + 1))]);
  return ids;
}

}  // namespace

void ProxyFault::prepare(SceneOptions& options) {
  // A silent connection is given up while the row waits.
  for (const char* key : {"replica.socket.timeout.ms", "controller.socket.timeout.ms", "request.timeout.ms"}) options.cluster.keys[key] = "6000";
  options.cluster.keys_of = [this, seed = options.seed](int id, int port) -> BrokerKeys {
    if (!proxies_.contains(id)) {
      ports_[id] = free_port();
      proxies_[id] = std::make_unique<Proxy>(ports_[id], port, seed + static_cast<uint32_t>(id));
    }
    return {{"advertised.listeners", "PLAINTEXT://127.0.0.1:" + std::to_string(ports_[id])}};
  };
}

void SlowNetwork::run(Scene& scene) {
  switch (what_) {
    case What::delays:
      behave({.delay_ms_min = 50, .delay_ms_max = 2000});
      scene.run_on(15'000);
      if (const int64_t delayed = sum(&Proxy::Counts::delayed)) scene.took_effect(fmt::format("{} pieces were late", delayed));
      break;
    case What::broken_answers:
      behave({.reset_percent = 2, .silence_percent = 1});
      scene.run_on(15'000);
      if (const int64_t resets = sum(&Proxy::Counts::reset))
        scene.took_effect(fmt::format("{} connections were reset within an answer, {} left half open", resets, sum(&Proxy::Counts::silenced)));
      break;
    case What::swizzle: swizzle(scene);
  }
  behave({});
}

void SlowNetwork::swizzle(Scene& scene) {
  for (int round = 0; round < 3; ++round) {
    for (int id : shuffled(scene)) {
      proxy(id).behave({.clogged = true});
      scene.run_on(scene.below(1500));
    }
    for (int id : shuffled(scene)) {
      proxy(id).behave({});
      scene.run_on(scene.below(1500));
    }
    scene.require(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms), "no acknowledgements though nobody is clogged");
  }
  if (sum(&Proxy::Counts::clogged) > 0) scene.took_effect("all brokers were clogged, three times");
}

void HeldRequest::run(Scene& scene) {
  KafkaAdmin(scene.cluster().bootstrap()).create_topic_and_wait(transactional_topic, 1, 3);
  if (held_ == ApiKey::END_TXN)
    hold_end(scene);
  else
    hold_produce(scene);
}

// The first transaction's commit arrives within the second, which is then aborted, or was committed by it.
void HeldRequest::hold_end(Scene& scene) {
  RawTransactions client(scene.cluster().bootstrap(), transactional_id, transactional_topic);
  client.init();
  client.add_partition();
  scene.require(client.produce("one", 0) == ErrorCode::NONE, "the first record is refused");
  Proxy& before = proxy(client.coordinator());
  before.hold_next(static_cast<int16_t>(ApiKey::END_TXN), transactional_id);
  scene.require(client.end(true, Duration::seconds(2)) == ErrorCode::REQUEST_TIMED_OUT && before.holds(), "the EndTxn was not held back");
  client.reconnect();
  scene.require(client.end(true) == ErrorCode::NONE, "the EndTxn that is sent again is refused");
  client.add_partition();
  scene.require(client.produce("two", 1) == ErrorCode::NONE, "the record of the second transaction is refused");
  before.release(and_close_);
  scene.run_on(2000);
  const std::string state = client.state();
  scene.took_effect(fmt::format("an EndTxn came within the next transaction, which is in state {} then", state));
  const ErrorCode third = client.produce("three", 2), aborted = client.end(false);
  if (and_close_) {
    scene.require(state == "Ongoing" && third == ErrorCode::NONE && aborted == ErrorCode::NONE,
                  fmt::format("an EndTxn whose client has gone was executed: a produce is answered {}, the abort {}", name(third), name(aborted)));
    return require_committed(scene, {"one"});
  }
  scene.require(state == "CompleteCommit" && third != ErrorCode::NONE && aborted == ErrorCode::INVALID_TXN_STATE,
                fmt::format("state {}, a produce is answered {}, the abort {}", state, name(third), name(aborted)));
  require_committed(scene, {"one", "two"});
  // And it goes on.
  client.init();
  client.add_partition();
  scene.require(client.produce("four", 0) == ErrorCode::NONE && client.end(true) == ErrorCode::NONE, "the producer does not go on");
  require_committed(scene, {"one", "two", "four"});
}

// A record of a transaction that was aborted arrives within the second, which is committed.
void HeldRequest::hold_produce(Scene& scene) {
  RawTransactions client(scene.cluster().bootstrap(), transactional_id, transactional_topic);
  client.init();
  client.add_partition();
  Proxy& before = proxy(scene.znodes().partition_state(transactional_topic, 0)->leader.value);
  before.hold_next(static_cast<int16_t>(ApiKey::PRODUCE), transactional_id);
  scene.require(client.produce("late", 0, Duration::seconds(2)) == ErrorCode::REQUEST_TIMED_OUT && before.holds(), "the Produce was not held back");
  client.reconnect();
  scene.require(client.end(false) == ErrorCode::NONE, "the abort is refused");
  client.add_partition();
  before.release(and_close_);
  scene.run_on(2000);
  scene.took_effect("a Produce of an aborted transaction came within the next");
  const ErrorCode next = client.produce("two", and_close_ ? 0 : 1);
  scene.require(next == ErrorCode::NONE && client.end(true) == ErrorCode::NONE, fmt::format("the second transaction's record is answered {}", name(next)));
  require_committed(scene, and_close_ ? Values{"two"} : Values{"late", "two"});
}

}  // namespace quokka
