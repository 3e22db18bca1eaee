#include "integration-tests/faults/topic_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "integration-tests/faults/reassignment.h"

namespace quokka {
namespace {

constexpr int32_t partitions = 4;

void send_records(Scene& scene, const std::string& topic, uint32_t run) {
  KafkaProducer producer(scene.cluster().bootstrap(), {{"acks", "all"}});
  for (int i = 0; i < 400; ++i) producer.send(topic, i % partitions, encode_payload({run, {0, i}, i % partitions}, 100));
  producer.flush_all_delivered();
}

// So many of four brokers for each partition, by chance.
ReplicaPlan drawn_plan(Scene& scene, size_t replicas) {
  ReplicaPlan plan;
  for (int32_t partition = 0; partition < Scene::partitions; ++partition) {
    std::vector<int> brokers = scene.cluster().broker_ids();
    for (size_t i = brokers.size() - 1; i > 0; --i) std::swap(brokers[i], brokers[static_cast<size_t>(scene.below(static_cast<int>(i) + 1))]);
    brokers.resize(replicas);
    plan[partition] = brokers;
  }
  return plan;
}

}  // namespace

void Reassignment::run(Scene& scene) {
  for (size_t replicas : {3, 2, 3}) {
    const ReplicaPlan plan = drawn_plan(scene, replicas);
    reassign(scene.cluster().bootstrap(), scene.topic(), plan);
    scene.run_on(scene.below(500));
    const int killed = 1 + scene.below(4);
    scene.cluster().kill_broker(killed);
    scene.run_on(scene.below(1000));
    scene.start_again(killed);
    const bool done = eventually(Scene::heal_timeout_ms, [&] { return is_reassigned(scene.znodes(), scene.topic(), plan); });
    scene.require(done, fmt::format("the reassignment to {} replicas, with broker {} killed, does not end", replicas, killed));
    if (done) scene.took_effect(fmt::format("reassigned to {} replicas each, with broker {} killed", replicas, killed));
  }
}

void recreate_topic_with_a_broker_down(Scene& scene) {
  const std::string topic = "again";
  KafkaAdmin(scene.cluster().bootstrap()).create_topic_and_wait(topic, partitions, 3);
  send_records(scene, topic, 1);
  const auto old = scene.znodes().text("/brokers/topics/" + topic);
  const int down = scene.not_controller();
  scene.cluster().kill_broker(down);
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return !scene.znodes().registration(down); }), "the session of the killed broker does not end");
  scene.require(KafkaAdmin(scene.cluster().bootstrap()).delete_topic(topic) == RdKafka::ERR_NO_ERROR, "the topic cannot be deleted");
  // Its deletion waits for the broker that holds a replica.
  scene.require(KafkaAdmin(scene.cluster().bootstrap()).create_topic(topic, partitions, 2) == RdKafka::ERR_TOPIC_ALREADY_EXISTS,
                "a topic under deletion is not said to exist");
  scene.start_again(down);
  scene.require(eventually(Scene::heal_timeout_ms, [&] { return !scene.znodes().stat("/brokers/topics/" + topic); }), "the deletion does not end");
  // Three brokers live as soon as the controller's broker has heard of it.
  const bool made = eventually(Scene::heal_timeout_ms, [&] {
    return KafkaAdmin(scene.cluster().bootstrap()).create_topic(topic, partitions, 3) == RdKafka::ERR_NO_ERROR;
  });
  scene.require(made, "the topic is not made again");
  scene.require(scene.znodes().text("/brokers/topics/" + topic) != old, "the new topic has the old id");
  send_records(scene, topic, 2);
  scene.took_effect("deleted a topic without one of its brokers and made it again");

  int64_t read = 0, foreign = 0;
  read_topic(scene.cluster().bootstrap(), topic, partitions, RdKafka::Topic::OFFSET_BEGINNING, [&](RdKafka::Message& message) {
    ++read;
    const auto payload = decode_payload(Bytes(static_cast<const uint8_t*>(message.payload()), message.len()));
    if (!payload || payload->run != 2) ++foreign;
  });
  scene.require(read == 400 && foreign == 0, fmt::format("{} records read, {} of the old topic, 400 are new", read, foreign));
}

void UncleanElection::prepare(SceneOptions& options) {
  options.topic_keys = {{"min.insync.replicas", "1"}, {"unclean.leader.election.enable", "true"}};
}

void UncleanElection::run(Scene& scene) {
  const int last = scene.leader();
  std::vector<int> others = scene.cluster().broker_ids();
  std::erase(others, last);
  for (int id : others) scene.cluster().kill_broker(id);
  const bool alone = eventually(Scene::heal_timeout_ms, [&] {
    for (int32_t partition = 0; partition < Scene::partitions; ++partition)
      if (scene.in_sync(partition) != std::vector<int>{last}) return false;
    return true;
  });
  scene.require(alone, "the in-sync sets do not shrink to the last broker");
  scene.require(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms), "the last broker does not serve");
  scene.cluster().kill_broker(last);
  scene.start_again(others[0]);
  const bool led = eventually(Scene::heal_timeout_ms, [&] {
    for (int32_t partition = 0; partition < Scene::partitions; ++partition)
      if (scene.leader(partition) != others[0]) return false;
    return true;
  });
  scene.require(led, "the replica that was not in sync does not lead");
  if (led) scene.took_effect(fmt::format("broker {} leads without having been in sync", others[0]));
  scene.require(scene.workload().wait_for_every_partition(Scene::heal_timeout_ms), "the new leader does not serve");
  scene.start_again(others[1]);
  scene.start_again(last);
}

}  // namespace quokka
