// Groups of the consumer protocol (KIP-848) when an Apache Kafka broker, which does not have it, comes to the cluster and coordinates them: none begins, none
// is lost. Its coordinator does not know their members, so they wait for one that does; it knows what they committed.
#include "broker/journal/coordinator_partition.h"
#include "integration-tests/clients/group_member.h"
#include "integration-tests/clients/hand_made_member.h"
#include "integration-tests/faults/reassignment.h"
#include "integration-tests/mixed/mixed_fixture.h"

namespace quokka {
namespace {

constexpr int32_t kTopicPartitions = 4;
constexpr int kCoordinatorPartitions = 3;
const std::string kOffsetsTopic = "__consumer_offsets";

class ConsumerProtocolMixedTest : public MixedFixture {};

TEST_P(ConsumerProtocolMixedTest, AGroupIsThereAgainAfterAKafkaBrokerCoordinatedIt) {
  ClusterOptions options = options_.cluster;
  options.start_brokers = false;
  options.keys["offsets.topic.num.partitions"] = std::to_string(kCoordinatorPartitions);
  options.keys["offsets.topic.replication.factor"] = "2";
  LocalCluster cluster(options);
  for (int id : {1, 2}) cluster.start_broker(id);
  for (int id : {1, 2}) cluster.wait_until_ready(id);
  ClusterZnodes znodes(cluster.zookeeper_connect());
  const std::string bootstrap = cluster.address(1) + "," + cluster.address(2), group = "readers";
  for (const char* topic : {"readers", "others"}) KafkaAdmin(bootstrap).create_topic_and_wait(topic, kTopicPartitions, 2);
  HandMadeMember a(bootstrap, group, "a"), b(bootstrap, group, "b");
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return a.beat() == ErrorCode::NONE && b.beat() == ErrorCode::NONE && a.owned().size() == 2 && b.owned().size() == 2; }));
  const int32_t mine = *a.owned().begin();
  ASSERT_EQ(a.commit(mine, 7, a.epoch()), ErrorCode::NONE);
  const std::set<int32_t> of_a = a.owned(), of_b = b.owned();
  const int32_t epoch_of_a = a.epoch(), epoch_of_b = b.epoch();

  const int kafka = one_of_kafka();
  cluster.start_broker(kafka);
  cluster.wait_until_ready(kafka);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return HandMadeMember(bootstrap, "others", "c").beat() == ErrorCode::UNSUPPORTED_VERSION; })) << "a group begins";
  EXPECT_EQ(a.beat(), ErrorCode::NONE) << "one that runs goes on";

  const PartitionIndex place = coordinator_partition(group, kCoordinatorPartitions);
  const auto move_to = [&](const std::vector<int>& brokers) {
    reassign(bootstrap, kOffsetsTopic, {{place.value, brokers}});
    ASSERT_TRUE(eventually(Scene::heal_timeout_ms, [&] {
      const auto state = znodes.partition_state(kOffsetsTopic, place.value);
      return is_reassigned(znodes, kOffsetsTopic, {{place.value, brokers}}) && state && state->leader.value == brokers[0];
    })) << "its coordinator does not move to " << kind(brokers[0]);
  };
  ASSERT_NO_FATAL_FAILURE(move_to({kafka}));
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return a.beat() == ErrorCode::UNSUPPORTED_VERSION; }));
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return committed_offsets(bootstrap, group, group, kTopicPartitions).at(mine) == 7; }));

  ASSERT_NO_FATAL_FAILURE(move_to({1, 2}));
  // They were not told that the Kafka broker does not coordinate them any more: it does not look.
  a.connect_anew();
  b.connect_anew();
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return a.beat() == ErrorCode::NONE && b.beat() == ErrorCode::NONE; }));
  EXPECT_EQ(a.epoch(), epoch_of_a);
  EXPECT_EQ(b.epoch(), epoch_of_b);
  EXPECT_EQ(a.owned(), of_a);
  EXPECT_EQ(b.owned(), of_b);
  EXPECT_EQ(a.committed(mine), 7);
  EXPECT_EQ(a.commit(mine, 9, a.epoch()), ErrorCode::NONE);
}

INSTANTIATE_TEST_SUITE_P(TwoQuokkaOneKafka, ConsumerProtocolMixedTest, two_quokka_one_kafka);

}  // namespace
}  // namespace quokka
