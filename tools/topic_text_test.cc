#include "tools/topic_text.h"

#include <gtest/gtest.h>

#include "tools/topic_filter.h"

namespace quokka {
namespace {

const std::set<BrokerId> kLive{BrokerId(1), BrokerId(2)};

DescribedTopic topic() {
  DescribedTopic topic{"t", {}, {}, {{"retention.ms", "5"}, {"cleanup.policy", "compact,delete"}}, 2};
  topic.partitions.push_back({PartitionIndex(0), BrokerId(1), {BrokerId(1), BrokerId(2)}, {BrokerId(2), BrokerId(1)}, {}});
  topic.partitions.push_back({PartitionIndex(1), BrokerId(3), {BrokerId(3), BrokerId(1)}, {BrokerId(3)}, {}});
  topic.partitions.push_back({PartitionIndex(2), {}, {BrokerId(3)}, {BrokerId(3)}, {}});
  return topic;
}

constexpr char kLine0[] = "\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1,2\tIsr: 2,1\tElr: N/A\tLastKnownElr: N/A\n";
constexpr char kLine1[] = "\tTopic: t\tPartition: 1\tLeader: 3\tReplicas: 3,1\tIsr: 3\tElr: N/A\tLastKnownElr: N/A\n";
constexpr char kLine2[] = "\tTopic: t\tPartition: 2\tLeader: none\tReplicas: 3\tIsr: 3\tElr: N/A\tLastKnownElr: N/A\n";
constexpr char kTopicLine[] = "Topic: t\tPartitionCount: 3\tReplicationFactor: 2\tConfigs: retention.ms=5,cleanup.policy=compact,delete\n";

TEST(Describe, lines_are_kafkas) {
  EXPECT_EQ(describe(topic(), {}, kLive), std::string(kTopicLine) + kLine0 + kLine1 + kLine2);
  DescribedTopic with_id = topic();
  with_id.id = Uuid{1, 2};
  EXPECT_NE(describe(with_id, {}, kLive).find("Topic: t\tTopicId: " + with_id.id.str() + "\tPartitionCount: 3"), std::string::npos);
}

TEST(Describe, filters_pick_partitions) {
  DescribeChoice choice;
  choice.under_replicated = true;
  EXPECT_EQ(describe(topic(), choice, kLive), kLine1);
  choice = {};
  choice.unavailable = true;
  EXPECT_EQ(describe(topic(), choice, kLive), std::string(kLine1) + kLine2);
  choice = {};
  choice.under_min_isr = true;
  EXPECT_EQ(describe(topic(), choice, kLive), std::string(kLine1) + kLine2);
  choice = {};
  choice.at_min_isr = true;
  EXPECT_EQ(describe(topic(), choice, kLive), kLine0);
  choice = {};
  choice.topics_with_overrides = true;
  EXPECT_EQ(describe(topic(), choice, kLive), kTopicLine);
  DescribedTopic plain = topic();
  plain.overrides.clear();
  EXPECT_EQ(describe(plain, choice, kLive), "");
}

TEST(Describe, a_reassignment_under_way) {
  DescribedTopic moving = topic();
  auto& partition = moving.partitions[1];
  partition.replicas = {BrokerId(3), BrokerId(1), BrokerId(2)};
  partition.isr = {BrokerId(3), BrokerId(1)};
  partition.reassignment = DescribedPartition::Reassignment{partition.replicas, {BrokerId(2)}, {BrokerId(1)}};
  EXPECT_EQ(partition.replication_factor(), 2u);
  DescribeChoice choice;
  choice.under_replicated = true;
  EXPECT_EQ(describe(moving, choice, kLive), "");
  EXPECT_NE(describe(moving, {}, kLive).find("\tIsr: 3,1\tAdding Replicas: 2\tRemoving Replicas: 1\tElr: N/A"), std::string::npos);
}

TEST(TopicFilter, whole_names_and_lists) {
  const auto filter = TopicFilter::of_list("\"orders.*, audit\"");
  ASSERT_TRUE(filter.ok());
  EXPECT_TRUE(filter->matches("orders-1", true));
  EXPECT_TRUE(filter->matches("audit", true));
  EXPECT_FALSE(filter->matches("audits", true));
  EXPECT_TRUE(TopicFilter::of_list(".*")->matches("__consumer_offsets", false));
  EXPECT_FALSE(TopicFilter::of_list(".*")->matches("__consumer_offsets", true));
  EXPECT_TRUE(TopicFilter::of_list("a\\.b")->matches("a.b", true));
  EXPECT_FALSE(TopicFilter::of_list("(").ok());
  EXPECT_TRUE(TopicFilter::of_regex("a{1,2}")->matches("aa", true)) << "commas belong to the expression";
}

}  // namespace
}  // namespace quokka
