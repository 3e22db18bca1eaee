#include "broker/handlers/topic_plans.h"

#include <gtest/gtest.h>

#include <functional>

namespace quokka {
namespace {

class Counter : public Random {
 public:
  uint64_t next() override { return value_++; }

 private:
  uint64_t value_ = 0;
};

using Replicas = std::vector<BrokerId>;
const Replicas k1{BrokerId(1)}, k12{BrokerId(1), BrokerId(2)}, kNone{};

// Brokers 1 to 3 and the topic "there".
ClusterViewPtr sample_view() {
  ClusterUpdate update;
  for (int32_t id = 1; id <= 3; ++id) update.brokers.push_back({BrokerId(id), {{"PLAINTEXT", "host", 9092, 0}}, std::nullopt});
  PartitionView partition;
  partition.leader = BrokerId(1);
  update.topics = {{"there", TopicId{1, 1}, {partition}}};
  ViewChanges changes;
  return ClusterView().after(update, changes);
}

class TopicPlansTest : public testing::Test {
 protected:
  TopicPlansTest() {
    sources_.fixed = {{"zookeeper.connect", "localhost:2181"}, {"num.partitions", "4"}, {"default.replication.factor", "2"}};
    Result<BrokerConfig> config = make_broker_config(sources_);
    EXPECT_TRUE(config.ok()) << (config.ok() ? "" : config.error().message);
    if (config) config_ = *config;
  }
  Result<TopicPlan> plan(WantedTopic wanted) { return plan_topic(std::move(wanted), *view_, config_, sources_, random_); }

  ConfigSources sources_;
  BrokerConfig config_;
  Counter random_;
  ClusterViewPtr view_ = sample_view();
};

WantedTopic topic(std::string name, int32_t partitions = 1, int16_t replication_factor = 1) {
  WantedTopic wanted;
  wanted.name = std::move(name);
  wanted.partitions = partitions;
  wanted.replication_factor = replication_factor;
  return wanted;
}

WantedTopic assigned(std::map<PartitionIndex, Replicas> assignment) {
  WantedTopic wanted = topic("t", -1, -1);
  wanted.assignment = std::move(assignment);
  return wanted;
}

WantedTopic configured(Properties configs) {
  WantedTopic wanted = topic("t");
  wanted.configs = std::move(configs);
  return wanted;
}

TEST_F(TopicPlansTest, DefaultsAreTheBrokers) {
  const Result<TopicPlan> made = plan(topic("t", -1, -1));
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->partitions(), 4);
  EXPECT_EQ(made->replication_factor(), 2);
}

TEST_F(TopicPlansTest, WhatCreateTopicsRefuses) {
  WantedTopic without_value = topic("t");
  without_value.configs_without_value = {"retention.ms"};
  WantedTopic both = assigned({{PartitionIndex(0), k1}});
  both.partitions = 1;
  const PartitionIndex p0(0), p1(1), p2(2);
  const std::vector<std::pair<WantedTopic, ErrorCode>> table = {
      {topic("there"), ErrorCode::TOPIC_ALREADY_EXISTS},
      {without_value, ErrorCode::INVALID_CONFIG},
      {both, ErrorCode::INVALID_REQUEST},
      {topic("t", 0), ErrorCode::INVALID_PARTITIONS},
      {topic("t", -2), ErrorCode::INVALID_PARTITIONS},
      {topic("t", INT32_MAX), ErrorCode::INVALID_PARTITIONS},
      {topic("t", 1, 0), ErrorCode::INVALID_REPLICATION_FACTOR},
      {topic("t", 1, -2), ErrorCode::INVALID_REPLICATION_FACTOR},
      {topic("t", 1, 4), ErrorCode::INVALID_REPLICATION_FACTOR},
      {topic("a b", 0), ErrorCode::INVALID_PARTITIONS},
      {topic(""), ErrorCode::INVALID_TOPIC_EXCEPTION},
      {topic(".."), ErrorCode::INVALID_TOPIC_EXCEPTION},
      {topic("a/b"), ErrorCode::INVALID_TOPIC_EXCEPTION},
      {topic(std::string(250, 'x')), ErrorCode::INVALID_TOPIC_EXCEPTION},
      {assigned({{p0, {BrokerId(1), BrokerId(1)}}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT},
      {assigned({{p0, k1}, {p2, k1}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT},
      {assigned({{p1, k1}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT},
      {assigned({{p0, k1}, {p1, k12}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT},
      {assigned({{p0, kNone}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT},
      {assigned({{p0, {BrokerId(9)}}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT},
      {assigned({{p0, {BrokerId(-1)}}}), ErrorCode::INVALID_REPLICA_ASSIGNMENT},
      {configured({{"nope", "1"}}), ErrorCode::INVALID_CONFIG},
      {configured({{"retention.ms", "abc"}}), ErrorCode::INVALID_CONFIG},
      {configured({{"remote.storage.enable", "true"}}), ErrorCode::INVALID_CONFIG},
  };
  for (size_t i = 0; i < table.size(); ++i) EXPECT_EQ(plan(table[i].first).code(), table[i].second) << "row " << i;
}

TEST_F(TopicPlansTest, H41ATopicFitsIntoItsZnode) {
  EXPECT_TRUE(plan(topic("t", 50'000, 3)).ok());
  EXPECT_EQ(plan(topic("t", 62'000, 3)).code(), ErrorCode::INVALID_PARTITIONS) << "seen when it is written down";
  EXPECT_EQ(plan(topic("t", 100'000, 3)).code(), ErrorCode::INVALID_PARTITIONS) << "seen before replicas are placed";
  EXPECT_EQ(plan(topic("t", 1, INT16_MAX)).code(), ErrorCode::INVALID_REPLICATION_FACTOR);
}

TEST_F(TopicPlansTest, AGivenAssignmentIsTakenAsItIs) {
  const Result<TopicPlan> made = plan(assigned({{PartitionIndex(0), k12}, {PartitionIndex(1), {BrokerId(3), BrokerId(1)}}}));
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->assignment.at(PartitionIndex(1)), (Replicas{BrokerId(3), BrokerId(1)}));
}

TEST_F(TopicPlansTest, InternalTopicsHaveTheirOwnSettings) {
  const WantedTopic offsets = automatic_topic("__consumer_offsets", config_);
  EXPECT_EQ(offsets.partitions, 50);
  EXPECT_EQ(offsets.replication_factor, 3);
  EXPECT_EQ(offsets.configs.at("cleanup.policy"), "compact");
  EXPECT_EQ(offsets.configs.at("segment.bytes"), "104857600");
  EXPECT_EQ(offsets.configs.at("compression.type"), "producer");
  const WantedTopic transactions = automatic_topic("__transaction_state", config_);
  EXPECT_EQ(transactions.configs.at("unclean.leader.election.enable"), "false");
  EXPECT_EQ(transactions.configs.at("min.insync.replicas"), "2");
  EXPECT_EQ(plan(offsets).code(), ErrorCode::NONE);
  EXPECT_EQ(plan(transactions).code(), ErrorCode::NONE);
  EXPECT_TRUE(automatic_topic("else", config_).configs.empty());
}

TEST_F(TopicPlansTest, MorePartitions) {
  znodes::Topic topic;
  topic.partitions = {{PartitionIndex(0), k12}, {PartitionIndex(1), k12}};
  using Assignments = std::optional<std::vector<Replicas>>;
  const auto code = [&](int32_t count, const Assignments& assignments) { return plan_more_partitions("t", topic, count, assignments, *view_).code(); };
  EXPECT_EQ(code(2, std::nullopt), ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(code(1, std::nullopt), ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(code(-1, std::nullopt), ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(code(INT32_MAX, std::nullopt), ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(code(3, Assignments({{BrokerId(1), BrokerId(9)}})), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_EQ(code(3, Assignments({{BrokerId(1), BrokerId(1)}})), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_EQ(code(4, Assignments({k12})), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_EQ(code(3, Assignments({k1})), ErrorCode::INVALID_REPLICA_ASSIGNMENT) << "another replication factor";
  EXPECT_EQ(code(3, Assignments({kNone})), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_EQ(code(3, Assignments(std::vector<Replicas>())), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  const Result<znodes::ReplicaLists> added = plan_more_partitions("t", topic, 4, std::nullopt, *view_);
  ASSERT_TRUE(added.ok());
  EXPECT_EQ(added->size(), 2u);
  EXPECT_EQ(added->at(PartitionIndex(3)).size(), 2u);
  topic.adding = {{PartitionIndex(0), k1}};
  EXPECT_EQ(code(4, std::nullopt), ErrorCode::REASSIGNMENT_IN_PROGRESS);
}

}  // namespace
}  // namespace quokka
