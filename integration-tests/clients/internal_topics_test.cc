// What becomes of groups when the number of partitions of their internal topic is to change.
#include <algorithm>

#include "integration-tests/clients/cluster_fixture.h"
#include "integration-tests/clients/group_member.h"

namespace quokka {
namespace {

constexpr int kGroups = 20;
constexpr const char* kOffsetsTopic = "__consumer_offsets";

class InternalTopicsTest : public ClusterFixture<InternalTopicsTest> {
 public:
  static ClusterOptions options() {
    ClusterOptions wanted = coordinator_options({{"offsets.topic.replication.factor", "1"}});
    wanted.brokers = 1;
    return wanted;
  }

 protected:
  static std::string group(int number) { return "group-" + std::to_string(number); }
  static void commit_all(const std::string& topic) {
    KafkaAdmin(bootstrap()).create_topic_and_wait(topic, 1, 1);
    for (int n = 0; n < kGroups; ++n) {
      const auto consumer = make_group_consumer(bootstrap(), group(n), {});
      const std::unique_ptr<RdKafka::TopicPartition> offset(RdKafka::TopicPartition::create(topic, 0, 100 + n));
      std::vector<RdKafka::TopicPartition*> offsets{offset.get()};
      ASSERT_EQ(consumer->commitSync(offsets), RdKafka::ERR_NO_ERROR);
    }
  }
  static void expect_all(const std::string& topic) {
    for (int n = 0; n < kGroups; ++n) EXPECT_EQ(committed_offsets(bootstrap(), group(n), topic, 1), (std::map<int32_t, int64_t>{{0, 100 + n}})) << group(n);
  }
};

TEST_F(InternalTopicsTest, MorePartitionsForOffsetsAreRefused) {
  commit_all("refused");
  KafkaAdmin admin(bootstrap());
  EXPECT_EQ(admin.add_partitions(kOffsetsTopic, 51), RdKafka::ERR_INVALID_PARTITIONS);
  EXPECT_EQ(admin.add_partitions("refused", 2), RdKafka::ERR_NO_ERROR);
  expect_all("refused");
}

// As by a controller of Kafka, which would add them. This is the last test of the cluster, which has to start again to know the new number.
TEST_F(InternalTopicsTest, OffsetsAreFoundThoughTheTopicHasGrown) {
  commit_all("grown");
  const std::string path = std::string("/brokers/topics/") + kOffsetsTopic;
  Result<znodes::Topic> topic = znodes::parse_topic(kOffsetsTopic, *znodes().text(path));
  ASSERT_TRUE(topic.ok());
  for (int32_t i = kCoordinatorPartitions; i < 11; ++i) topic->partitions[PartitionIndex(i)] = {BrokerId(1)};
  znodes().write(path, znodes::encode(*topic));
  KafkaAdmin admin(bootstrap());
  ASSERT_TRUE(eventually(client_timeout_ms, [&] {
    const auto seen = admin.metadata();
    return std::ranges::any_of(*seen->topics(), [](const auto* each) { return each->topic() == kOffsetsTopic && each->partitions()->size() == 11; });
  }));
  expect_all("grown");
  EXPECT_NE(cluster().broker(1).output().find("__consumer_offsets has grown from 5 to"), std::string::npos);
}

}  // namespace
}  // namespace quokka
