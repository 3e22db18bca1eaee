#include "integration-tests/faults/transaction_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "integration-tests/clients/transactional_client.h"
#include "integration-tests/faults/raw_transactions.h"

namespace quokka {
namespace {

constexpr int transaction_timeout_ms = 5000, partitions = 2;
const std::string topic = "left";

int leader_of(Scene& scene, int32_t partition) {
  const auto state = scene.znodes().partition_state(topic, partition);
  return state ? state->leader.value : -1;
}

// A transactional id that another broker coordinates.
std::string id_beside(Scene& scene, int broker) {
  for (int i = 0; i < 100; ++i) {
    const std::string id = fmt::format("left-{}", i);
    if (RawTransactions(scene.cluster().bootstrap(), id, topic).coordinator() != broker) return id;
  }
  throw std::runtime_error(fmt::format("broker {} coordinates everything", broker));
}

}  // namespace

void two_producers_of_one_id(Scene& scene) {
  Copiers& copiers = scene.copiers();
  for (int round = 0; round < 3; ++round) {
    const int64_t before = copiers.fenced();
    const int other = copiers.add(Copiers::transactional_id(round));
    const bool fenced = eventually(Scene::heal_timeout_ms, [&] { return copiers.fenced() > before + 1; });
    scene.require(fenced, "two producers of one transactional id, and none hears that it is fenced");
    scene.run_on(2000);
    copiers.end(other);
    scene.require(copiers.wait_for_committed(5, Scene::heal_timeout_ms), "no commits after one of two producers is gone");
    if (fenced) scene.took_effect(fmt::format("producers of one id were fenced {} times", copiers.fenced() - before));
  }
}

void RaisedEpochs::run(Scene& scene) {
  Copiers& copiers = scene.copiers();
  for (int round = 0; round < 2; ++round) {
    const int64_t before = copiers.aborted_by_error();
    const int paused = scene.leader();
    scene.cluster().broker(paused).pause();
    eventually(Scene::session_timeout_ms - 1500, [&] { return copiers.aborted_by_error() > before; });
    scene.cluster().broker(paused).resume();
    scene.require(copiers.wait_for_committed(10, Scene::heal_timeout_ms), "no commits after the leader goes on");
    // Their aborts may have had to wait for the leader.
    if (const int64_t now = copiers.aborted_by_error(); now > before) scene.took_effect(fmt::format("{} transactions had records that timed out", now - before));
  }
}

void LeftTransaction::run(Scene& scene) {
  KafkaAdmin(scene.cluster().bootstrap()).create_topic_and_wait(topic, partitions, 3, {{"min.insync.replicas", "2"}});
  const int slow = leader_of(scene, 0);
  const std::string id = id_beside(scene, slow);
  // The first answers while the other stands still.
  const int coordinator = RawTransactions(scene.cluster().bootstrap(), id, topic).coordinator();
  RawTransactions client(scene.cluster().address(coordinator), id, topic);
  client.init(transaction_timeout_ms);
  std::vector<std::string> values;
  for (int32_t partition = 0; partition < (at_ == At::partly_marked ? partitions : 1); ++partition) {
    client.add_partition(partition);
    values.push_back(fmt::format("record {}", partition));
    scene.require(client.produce(values.back(), 0, RawTransactions::patience, partition) == ErrorCode::NONE, "a record is refused");
  }
  if (at_ != At::ongoing) {
    scene.cluster().broker(slow).pause();  // its marker cannot be written
    const ErrorCode error = client.end(at_ != At::prepare_abort);
    scene.require(error == ErrorCode::NONE, fmt::format("the EndTxn is answered {}", name(error)));
    if (error != ErrorCode::NONE) values.clear();
  }
  const std::string state = client.state();
  scene.cluster().kill_broker(coordinator);
  scene.cluster().broker(slow).resume();
  scene.took_effect(fmt::format("killed coordinator {} in state {}", coordinator, state));
  if (at_ == At::ongoing || at_ == At::prepare_abort) values.clear();
  std::vector<std::string> found = {"nothing, the last stable offset stands"};
  const bool ended = eventually(transaction_timeout_ms + 30'000, [&] {
    try {
      found = committed_values(scene.cluster().bootstrap(), topic, partitions);
    } catch (const std::exception&) {
      return false;  // not to the end
    }
    return found == values;
  });
  scene.require(ended, fmt::format("35 s after its coordinator was killed in state {}, {} records are committed: {}", state, found.size(), found.empty() ? "" : found[0]));
  scene.start_again(coordinator);
}

}  // namespace quokka
