// The handlers of reassignments and elections against a controller over an in-memory ZooKeeper.
#include <gtest/gtest.h>

#include "broker/handlers/broker_for_test.h"
#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/elect_leaders.h"
#include "protocol/messages/list_partition_reassignments.h"

namespace quokka {
namespace {

class ReassignmentHandlersTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int32_t id : {1, 2, 3}) {
      RunnerCluster::Node& node = cluster_.start(id);
      brokers_[id] = std::make_unique<BrokerForTest>(cluster_, node, Properties{});
      brokers_[id]->broker_epoch = cluster_.epoch(id).value;
    }
    ASSERT_EQ(cluster_.controller(), 1);
    cluster_.create_topic("a", {{1, 2}, {2, 1}});
    cluster_.create_topic("b", {{1}});
  }

  struct Wanted {
    std::string_view topic;
    int32_t partition;
    std::optional<std::vector<BrokerId>> replicas;
  };
  std::unique_ptr<Answered<AlterPartitionReassignmentsResponse>> reassign(const std::vector<Wanted>& wanted, int32_t at = 1) {
    using Topic = AlterPartitionReassignmentsRequest::ReassignableTopic;
    AlterPartitionReassignmentsRequest request;
    std::vector<Topic> topics;
    std::vector<std::vector<Topic::ReassignablePartition>> partitions(wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      std::optional<Array<BrokerId>> replicas;
      if (wanted[i].replicas) replicas = Array(*wanted[i].replicas);
      partitions[i] = {{PartitionIndex(wanted[i].partition), replicas}};
      topics.push_back({wanted[i].topic, partitions[i]});
    }
    request.topics = topics;
    return brokers_[at]->ask<AlterPartitionReassignmentsResponse>(handle_alter_partition_reassignments, request, 0);
  }
  std::unique_ptr<Answered<ListPartitionReassignmentsResponse>> list(int32_t at = 1) {
    return brokers_[at]->ask<ListPartitionReassignmentsResponse>(handle_list_partition_reassignments, ListPartitionReassignmentsRequest(), 0);
  }
  std::unique_ptr<Answered<ElectLeadersResponse>> elect(int8_t type, const std::optional<std::vector<PartitionIndex>>& of_a, int16_t version = 2, int32_t at = 1) {
    ElectLeadersRequest request;
    request.election_type = type;
    std::vector<ElectLeadersRequest::TopicPartitions> topics;
    if (of_a) topics.push_back({"a", *of_a});
    request.topic_partitions = std::nullopt;
    if (of_a) request.topic_partitions = Array(topics);
    return brokers_[at]->ask<ElectLeadersResponse>(handle_elect_leaders, request, version);
  }
  static std::vector<BrokerId> ids(std::initializer_list<int32_t> values) {
    std::vector<BrokerId> made;
    for (int32_t value : values) made.push_back(BrokerId(value));
    return made;
  }

  RunnerCluster cluster_;
  std::map<int32_t, std::unique_ptr<BrokerForTest>> brokers_;
};

TEST_F(ReassignmentHandlersTest, ErrorsStandAtTheirPartitions) {
  const auto answer = reassign({{"a", 0, ids({2, 3})}, {"a", 1, ids({2, 2})}, {"b", 0, std::nullopt}, {"b", 7, ids({1})}, {"c", 0, ids({9})}});
  EXPECT_EQ((*answer)->error_code, ErrorCode::NONE);
  EXPECT_EQ((*answer)->error_message, std::nullopt);
  std::map<std::string, ErrorCode> told;
  for (const auto& topic : (*answer)->responses)
    for (const auto& partition : topic.partitions) {
      told[std::string(topic.name) + "-" + std::to_string(partition.partition_index.value)] = partition.error_code;
      EXPECT_EQ(partition.error_message.has_value(), partition.error_code != ErrorCode::NONE);
    }
  const std::map<std::string, ErrorCode> expected = {{"a-0", ErrorCode::NONE},
                                                     {"a-1", ErrorCode::INVALID_REPLICA_ASSIGNMENT},
                                                     {"b-0", ErrorCode::NO_REASSIGNMENT_IN_PROGRESS},
                                                     {"b-7", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION},
                                                     {"c-0", ErrorCode::INVALID_REPLICA_ASSIGNMENT}};
  EXPECT_EQ(told, expected);
  const auto elsewhere = reassign({{"a", 0, ids({2, 3})}}, 2);
  EXPECT_EQ((*elsewhere)->error_code, ErrorCode::NOT_CONTROLLER);
  EXPECT_TRUE((*elsewhere)->responses.empty());
}

TEST_F(ReassignmentHandlersTest, WhatMovesIsListed) {
  EXPECT_TRUE((*list())->topics.empty());
  reassign({{"a", 0, ids({3, 2})}});
  const auto answer = list();
  ASSERT_EQ((*answer)->topics.size(), 1u);
  const auto& topic = (*answer)->topics[0];
  EXPECT_EQ(topic.name, "a");
  ASSERT_EQ(topic.partitions.size(), 1u);
  EXPECT_EQ(topic.partitions[0].replicas.size(), 3u);
  EXPECT_EQ(topic.partitions[0].adding_replicas[0], BrokerId(3));
  EXPECT_EQ(topic.partitions[0].removing_replicas[0], BrokerId(1));
  EXPECT_EQ((*list(2))->error_code, ErrorCode::NOT_CONTROLLER);
}

TEST_F(ReassignmentHandlersTest, ElectionsOfSomeAndOfAll) {
  brokers_.erase(2);
  cluster_.kill(2);  // a-1 is led by 1 then, though it prefers 2
  const auto some = elect(0, std::vector{PartitionIndex(0), PartitionIndex(1)});
  ASSERT_EQ((*some)->replica_election_results.size(), 1u);
  const auto& results = (*some)->replica_election_results[0].partition_result;
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].error_code, ErrorCode::ELECTION_NOT_NEEDED);
  EXPECT_EQ(results[1].error_code, ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE);
  const auto all = elect(0, std::nullopt);
  ASSERT_EQ((*all)->replica_election_results.size(), 1u) << "those that need none are left out";
  EXPECT_EQ((*all)->replica_election_results[0].partition_result.size(), 1u);
}

TEST_F(ReassignmentHandlersTest, ElectionTypesAndWhoIsAsked) {
  const auto odd = elect(5, std::vector{PartitionIndex(0)});
  EXPECT_EQ((*odd)->error_code, ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ((*odd)->replica_election_results[0].partition_result[0].error_code, ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ((*elect(0, std::vector{PartitionIndex(0)}, 0))->replica_election_results[0].partition_result[0].error_code, ErrorCode::ELECTION_NOT_NEEDED)
      << "version 0 has no type";
  const auto elsewhere = elect(0, std::vector{PartitionIndex(0)}, 2, 3);
  EXPECT_EQ((*elsewhere)->error_code, ErrorCode::NONE);
  EXPECT_EQ((*elsewhere)->replica_election_results[0].partition_result[0].error_code, ErrorCode::NOT_CONTROLLER);
}

// Names of 32,000 bytes, which no topic can have, come back as they were asked; behind the handlers a few bytes stand for each.
TEST_F(ReassignmentHandlersTest, NamesThatAreTooLongAreUnknownTopics) {
  const std::string first(32000, 'n'), second(32000, 'm'), stand_in("\0" "0", 2);
  const std::vector<PartitionIndex> two{PartitionIndex(0), PartitionIndex(1), PartitionIndex(0)};
  const std::vector<ElectLeadersRequest::TopicPartitions> topics{{first, two}, {"a", two}, {stand_in, two}, {second, two}};
  ElectLeadersRequest request;
  request.topic_partitions = Array(topics);
  for (const int32_t at : {1, 2}) {
    const auto answer = brokers_[at]->ask<ElectLeadersResponse>(handle_elect_leaders, request, 2);
    std::map<std::string, std::vector<ErrorCode>> told;
    for (const auto& topic : (*answer)->replica_election_results)
      for (const auto& partition : topic.partition_result) told[std::string(topic.topic)].push_back(partition.error_code);
    const std::vector unknown(2, at == 1 ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION : ErrorCode::NOT_CONTROLLER);
    const std::vector known(2, at == 1 ? ErrorCode::ELECTION_NOT_NEEDED : ErrorCode::NOT_CONTROLLER);
    EXPECT_EQ(told, (std::map<std::string, std::vector<ErrorCode>>{{first, unknown}, {second, unknown}, {stand_in, unknown}, {"a", known}}));
  }
  const auto moved = reassign({{first, 0, ids({2, 3})}, {second, 0, ids({2, 2})}, {first, 0, std::nullopt}});
  std::map<std::string, std::vector<ErrorCode>> told;
  for (const auto& topic : (*moved)->responses) told[std::string(topic.name)].push_back(topic.partitions[0].error_code);
  EXPECT_EQ(told, (std::map<std::string, std::vector<ErrorCode>>{{first, {ErrorCode::NO_REASSIGNMENT_IN_PROGRESS}}, {second, {ErrorCode::INVALID_REPLICA_ASSIGNMENT}}}))
      << "of what is named twice the last counts";
}

TEST_F(ReassignmentHandlersTest, WhatNamedPartitionsTakeInMemoryCounts) {
  const std::string name(249, 'n');
  std::vector<PartitionIndex> many;
  for (int32_t i = 0; i < 10'000; ++i) many.push_back(PartitionIndex(i));
  const std::vector<ElectLeadersRequest::TopicPartitions> topics{{name, many}};
  ElectLeadersRequest request;
  request.topic_partitions = Array(topics);
  CallUnderTest call(cluster_.loop, request, 2);
  handle_elect_leaders(*brokers_[1]->services, call.take());
  EXPECT_GT(call.outcome().memory, name.size() * many.size());
  CallUnderTest refused(cluster_.loop, request, 2);
  refused.outcome().memory_max = name.size() * many.size();
  handle_elect_leaders(*brokers_[1]->services, refused.take());
  ASSERT_TRUE(refused.outcome().closed);
  EXPECT_EQ(refused.outcome().closed->substr(0, 54), "a request names 10000 partitions, which take 20450000 ");
  const std::vector<ElectLeadersRequest::TopicPartitions> repeated(21, topics.front());
  request.topic_partitions = Array(repeated);
  CallUnderTest too_many(cluster_.loop, request, 2);
  handle_elect_leaders(*brokers_[1]->services, too_many.take());
  EXPECT_EQ(too_many.outcome().closed, "a request names 210000 partitions, more than 200000");
}

}  // namespace
}  // namespace quokka
