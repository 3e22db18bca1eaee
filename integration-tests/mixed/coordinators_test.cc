// Coordinators of groups and transactions move between Quokka's brokers and Apache Kafka's, while a group consumes and a transaction is open: neither
// notices more than an error that its client tries again.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "broker/journal/coordinator_partition.h"
#include "integration-tests/clients/group_member.h"
#include "integration-tests/clients/transactional_client.h"
#include "integration-tests/faults/reassignment.h"
#include "integration-tests/mixed/mixed_fixture.h"

namespace quokka {
namespace {

using Values = std::vector<std::string>;
using Members = std::vector<std::unique_ptr<GroupMember>>;
using Errors = std::set<RdKafka::ErrorCode>;

constexpr int kCoordinatorPartitions = 3;
const std::string kOffsetsTopic = "__consumer_offsets", kStateTopic = "__transaction_state";
// A member outlives a coordinator whose ZooKeeper session has to end first.
const ClientKeys kPatient = {{"session.timeout.ms", "45000"}, {"heartbeat.interval.ms", "500"}};
const Errors kRetriable = {RdKafka::ERR__TRANSPORT,
                           RdKafka::ERR__TIMED_OUT,
                           RdKafka::ERR__WAIT_COORD,
                           RdKafka::ERR_REQUEST_TIMED_OUT,
                           RdKafka::ERR_NOT_COORDINATOR_FOR_GROUP,
                           RdKafka::ERR_GROUP_COORDINATOR_NOT_AVAILABLE,
                           RdKafka::ERR_GROUP_LOAD_IN_PROGRESS};
// Of a commit while another member joins or leaves.
const Errors kOfRebalances = {RdKafka::ERR_REBALANCE_IN_PROGRESS, RdKafka::ERR_ILLEGAL_GENERATION, RdKafka::ERR_UNKNOWN_MEMBER_ID};

// ---- What is asked of members

// Every partition has one owner among them.
bool is_shared(const Members& members) {
  std::vector<int32_t> all, wanted;
  for (const auto& each : members) {
    const std::set<int32_t> its = each->assignment();
    if (its.empty()) return false;
    all.insert(all.end(), its.begin(), its.end());
  }
  std::sort(all.begin(), all.end());
  for (int32_t partition = 0; partition < Scene::partitions; ++partition) wanted.push_back(partition);
  return all == wanted;
}

std::map<int32_t, int64_t> committed_by(const Members& members) {
  std::map<int32_t, int64_t> highest;
  for (const auto& each : members)
    for (const auto& [partition, offset] : each->committed()) highest[partition] = std::max(highest[partition], offset);
  return highest;
}

int rebalances_of(const Members& members) {
  int count = 0;
  for (const auto& each : members) count += each->rebalances();
  return count;
}

Errors without(Errors errors, const Errors& allowed) {
  std::erase_if(errors, [&](RdKafka::ErrorCode error) { return allowed.contains(error); });
  return errors;
}

// Every partition's commits go on.
bool go_on(const Members& members, int timeout_ms) {
  std::map<int32_t, int64_t> before = committed_by(members);
  return eventually(timeout_ms, [&] {
    const std::map<int32_t, int64_t> now = committed_by(members);
    for (int32_t partition = 0; partition < Scene::partitions; ++partition)
      if (!now.contains(partition) || now.at(partition) <= before[partition]) return false;
    return true;
  });
}

std::set<RecordId> read_by(const Members& members) {
  std::set<RecordId> read;
  for (const auto& each : members)
    for (const auto& [partition, values] : each->values())
      for (const std::string& value : values)
        if (const auto payload = decode_payload(bytes_of(value))) read.insert(payload->id);
  return read;
}

void expect_one_owner_a_generation(const Members& members) {
  std::map<std::pair<int32_t, int32_t>, const GroupMember*> owners;  // generation, partition
  for (const auto& each : members) {
    for (const Tenure& tenure : each->tenures()) {
      EXPECT_GT(tenure.generation, 0);
      for (int32_t partition : tenure.partitions) {
        const auto [owner, first] = owners.try_emplace({tenure.generation, partition}, each.get());
        EXPECT_TRUE(first || owner->second == each.get()) << "two owners of partition " << partition << " in generation " << tenure.generation;
      }
    }
  }
}

// ---- The cluster

class CoordinatorsTest : public MixedFixture {
 protected:
  void SetUp() override {
    MixedFixture::SetUp();
    options_.cluster.keys["offsets.topic.num.partitions"] = options_.cluster.keys["transaction.state.log.num.partitions"] = std::to_string(kCoordinatorPartitions);
    options_.records_per_s = 10;  // a member commits every single record
  }
  static TopicPartition place_of(const std::string& topic, const std::string& id) { return {topic, coordinator_partition(id, kCoordinatorPartitions)}; }
  static void move_coordinator(Scene& scene, const TopicPartition& tp, int to) {
    ASSERT_TRUE(move_leader(scene.znodes(), scene.cluster().bootstrap(), tp, headed_by(to), Scene::heal_timeout_ms)) << tp.str() << " does not move to " << to;
  }
  // A broker that was killed is back, and has all records again.
  static void heal(Scene& scene, int killed, const TopicPartition& tp) {
    scene.start_again(killed);
    ASSERT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return scene.all_in_sync(); }));
    ASSERT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return scene.znodes().partition_state(tp.topic, tp.partition.value)->isr.size() == 3; }));
  }
  static void expect_nothing_went_back(Scene& scene, const std::string& group, const Members& members) {
    const std::map<int32_t, int64_t> acknowledged = committed_by(members);
    const std::map<int32_t, int64_t> known = committed_offsets(scene.cluster().bootstrap(), group, scene.topic(), Scene::partitions);
    for (const auto& [partition, offset] : acknowledged) EXPECT_GE(known.at(partition), offset) << "partition " << partition << " went back";
  }
};

TEST_P(CoordinatorsTest, AGroupGoesOnWhenItsCoordinatorMovesOrDies) {
  Scene scene(options_);
  const std::string group = "readers", bootstrap = scene.cluster().bootstrap();
  const TopicPartition place = place_of(kOffsetsTopic, group);
  Members members;
  for (int i = 0; i < 2; ++i) members.push_back(std::make_unique<GroupMember>(bootstrap, group, scene.topic(), kPatient));
  ASSERT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return is_shared(members); }));

  // Handed over, it keeps the members: nobody joins again.
  const int rebalances = rebalances_of(members);
  for (int to : {one_of_kafka(), one_of_quokka(), one_of_kafka(), one_of_quokka()}) {
    SCOPED_TRACE("moved to " + kind(to));
    ASSERT_NO_FATAL_FAILURE(move_coordinator(scene, place, to));
    EXPECT_TRUE(go_on(members, Scene::heal_timeout_ms));
    expect_nothing_went_back(scene, group, members);
  }
  EXPECT_EQ(rebalances_of(members), rebalances);

  for (int killed : {one_of_kafka(), one_of_quokka()}) {
    SCOPED_TRACE("killed: " + kind(killed));
    ASSERT_NO_FATAL_FAILURE(move_coordinator(scene, place, killed));
    scene.cluster().kill_broker(killed);
    EXPECT_TRUE(go_on(members, Scene::heal_timeout_ms));
    EXPECT_EQ(rebalances_of(members), rebalances);
    expect_nothing_went_back(scene, group, members);
    ASSERT_NO_FATAL_FAILURE(heal(scene, killed, place));
  }
  for (const auto& each : members) EXPECT_EQ(without(each->errors(), kRetriable), Errors());

  // Either kind lets a member join a group that it was handed by the other.
  for (int at : {one_of_kafka(), one_of_quokka()}) {
    SCOPED_TRACE("another joins at " + kind(at));
    ASSERT_NO_FATAL_FAILURE(move_coordinator(scene, place, at));
    members.push_back(std::make_unique<GroupMember>(bootstrap, group, scene.topic(), kPatient));
    EXPECT_TRUE(eventually(Scene::heal_timeout_ms, [&] { return is_shared(members); }));
    EXPECT_TRUE(go_on(members, Scene::heal_timeout_ms));
    expect_nothing_went_back(scene, group, members);
  }
  History history = scene.workload().stop();
  EXPECT_TRUE(eventually(Scene::heal_timeout_ms, [&] {
    const std::set<RecordId> read = read_by(members);
    return std::all_of(history.sends.begin(), history.sends.end(), [&](const Send& send) { return send.outcome != Outcome::acknowledged || read.contains(send.id); });
  })) << "an acknowledged record was not read";
  Errors allowed = kRetriable;
  allowed.insert(kOfRebalances.begin(), kOfRebalances.end());
  for (const auto& each : members) EXPECT_EQ(without(each->errors(), allowed), Errors());
  expect_one_owner_a_generation(members);
  members.clear();
  scene.stop_brokers_and_read_files(history);
  expect_kept(scene, history);
}

// ---- Transactions

// What happens to the coordinator of one of them while the transaction is open.
struct Step {
  std::string topic;
  int at;  // it moves here
  bool dies = false;
  bool commits = true;
};

// Copies some records of a topic within the transaction.
Values copy(RdKafka::KafkaConsumer& consumer, TransactionalClient& producer, const std::string& to, size_t count) {
  Values copied;
  eventually(Scene::heal_timeout_ms, [&] {
    const std::unique_ptr<RdKafka::Message> message(consumer.consume(100));
    if (message->err() == RdKafka::ERR_NO_ERROR) {
      copied.emplace_back(static_cast<const char*>(message->payload()), message->len());
      producer.send(to, message->partition(), copied.back());
    }
    return copied.size() == count;
  });
  return copied;
}

// To what is committed, as after a transaction that was aborted. Its partitions stay its own: a member that left might do so in vain, since librdkafka
// says it to a coordinator that is none any more, and does not say it again.
void rewind(RdKafka::KafkaConsumer& consumer) {
  std::vector<RdKafka::TopicPartition*> positions;
  consumer.assignment(positions);
  const bool known = eventually(client_timeout_ms, [&] { return consumer.committed(positions, 5000) == RdKafka::ERR_NO_ERROR; });
  for (RdKafka::TopicPartition* each : positions) {
    if (each->offset() < 0) each->set_offset(RdKafka::Topic::OFFSET_BEGINNING);
    if (known) consumer.seek(*each, client_timeout_ms);
  }
  RdKafka::TopicPartition::destroy(positions);
  if (!known) throw std::runtime_error("the committed offsets are not known");
}

TEST_P(CoordinatorsTest, AnOpenTransactionOutlivesItsCoordinators) {
  constexpr int32_t partitions = 3;
  constexpr size_t copied_at_once = 10;
  Scene scene(options_);
  const std::string bootstrap = scene.cluster().bootstrap(), id = "copy", group = "copiers";
  KafkaAdmin admin(bootstrap);
  for (const char* topic : {"in", "out"}) admin.create_topic_and_wait(topic, partitions, 3, {{"min.insync.replicas", "2"}});
  {
    KafkaProducer filler(bootstrap, {{"acks", "all"}});
    for (int n = 0; n < 300; ++n) filler.send("in", n % partitions, std::to_string(n));
    filler.flush_all_delivered();
  }
  const int kafka = one_of_kafka(), quokka = one_of_quokka();
  const std::vector<Step> steps = {
      {kStateTopic, kafka},
      {kOffsetsTopic, kafka},
      {kStateTopic, quokka, false, false},
      {kOffsetsTopic, quokka},
      {kStateTopic, kafka, false, false},
      {kOffsetsTopic, kafka, false, false},
      {kStateTopic, quokka},
      {kOffsetsTopic, quokka, false, false},
      {kStateTopic, kafka, true},
      {kStateTopic, quokka, true, false},
      {kStateTopic, quokka, true},
      {kOffsetsTopic, kafka, true},
      {kOffsetsTopic, quokka, true},
  };
  TransactionalClient producer(bootstrap, id, {{"transaction.timeout.ms", "60000"}});
  const auto consumer = make_committed_consumer(bootstrap, group, "in", kPatient);
  Values committed;
  for (size_t n = 0; n < steps.size(); ++n) {
    const Step& step = steps[n];
    SCOPED_TRACE(fmt::format("step {}: {} at {}{}, the transaction {}", n, step.topic, kind(step.at), step.dies ? ", which dies" : "", step.commits ? "commits" : "aborts"));
    const TopicPartition place = place_of(step.topic, step.topic == kStateTopic ? id : group);
    producer.begin();
    Values values = copy(*consumer, producer, "out", copied_at_once);
    ASSERT_EQ(values.size(), copied_at_once);
    producer.flush();
    // The group's coordinator hands over what it knows of the transaction; that of the transaction finds one to which more comes.
    const bool sent_before = step.topic == kOffsetsTopic;
    if (sent_before) producer.send_offsets(*consumer);
    ASSERT_NO_FATAL_FAILURE(move_coordinator(scene, place, step.at));
    if (step.dies) scene.cluster().kill_broker(step.at);
    values.push_back(fmt::format("after step {}", n));
    producer.send("out", static_cast<int32_t>(n) % partitions, values.back());
    if (!sent_before) producer.send_offsets(*consumer);
    if (step.commits) {
      producer.commit();
      committed.insert(committed.end(), values.begin(), values.end());
    } else {
      producer.abort();
      rewind(*consumer);
    }
    if (step.dies) {
      ASSERT_NO_FATAL_FAILURE(heal(scene, step.at, place));
    }
  }
  consumer->close();
  Values read = committed_values(bootstrap, "out", partitions);
  std::sort(read.begin(), read.end());
  std::sort(committed.begin(), committed.end());
  EXPECT_EQ(read, committed);
  EXPECT_EQ(std::adjacent_find(read.begin(), read.end()), read.end()) << "a record was copied twice";
  EXPECT_GT(all_values(bootstrap, "out", partitions).size(), read.size()) << "nothing was aborted";
  expect_kept(scene, scene.stop_and_read_files());
}

INSTANTIATE_TEST_SUITE_P(TwoQuokkaOneKafka, CoordinatorsTest, two_quokka_one_kafka);
INSTANTIATE_TEST_SUITE_P(OneQuokkaTwoKafka, CoordinatorsTest, one_quokka_two_kafka);

}  // namespace
}  // namespace quokka
