// What a small request must not do: take a copy of a long name for each index, or a large answer for each repetition.
#include <gtest/gtest.h>

#include <array>

#include "broker/handlers/broker_for_test.h"
#include "broker/handlers/gathered_groups.h"
#include "broker/handlers/named_partitions.h"
#include "protocol/messages/add_partitions_to_txn.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/describe_log_dirs.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/describe_transactions.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/offset_fetch.h"
#include "protocol/messages/write_txn_markers.h"

namespace quokka {
namespace {

struct Described {
  size_t bytes;
};

// A broker that leads a topic and coordinates all groups.
class RequestBoundsTest : public testing::Test {
 protected:
  void SetUp() override {
    broker_ = std::make_unique<BrokerForTest>(cluster_, cluster_.start(1),
                                              Properties{{"offsets.topic.replication.factor", "1"}, {"offsets.topic.num.partitions", "1"}});
    broker_->broker_epoch = cluster_.epoch(1).value;
    broker_->create_topic("orders", 2);
    broker_->ask<FindCoordinatorResponse>(handle_find_coordinator, FindCoordinatorRequest(), 3);
    lead("orders");
    lead(kGroupMetadataTopic);
    broker_->groups->lead(PartitionIndex(0), LeaderEpoch(0));
    cluster_.loop.run_ready();
  }
  void lead(std::string_view topic) {
    ReplicaTable::RoleChange change;
    change.partition = {std::string(topic), PartitionIndex(0)};
    change.role = {ControllerEpoch(1), BrokerId(1), LeaderEpoch(0), PartitionEpoch(0), {BrokerId(1)}, {BrokerId(1)}, false, true};
    ASSERT_EQ(broker_->replicas->become({change}).at(0), ErrorCode::NONE);
  }

  RunnerCluster cluster_;
  std::unique_ptr<BrokerForTest> broker_;
  const std::string long_name_ = std::string(32000, 'n');
  const std::vector<PartitionIndex> zero_twice_{PartitionIndex(0), PartitionIndex(0)};
};

TEST(TopicNamesTest, NamesThatAreTooLongAreRepresented) {
  TopicNames names;
  const std::string longest(249, 'a'), too_long(250, 'a'), longer(32000, 'b'), odd("\0" "1", 2);
  for (const std::string& name : {std::string(), longest}) EXPECT_EQ(names.inward(name), name);
  for (const std::string& name : {too_long, longer, odd}) {
    const std::string inward = names.inward(name);
    EXPECT_LT(inward.size(), 10u);
    EXPECT_FALSE(is_valid_topic_name(inward));
    EXPECT_EQ(names.outward(inward), name);
    EXPECT_EQ(names.inward(name), inward) << "one stands for one";
  }
  EXPECT_EQ(names.outward(longest), longest);
}

TEST_F(RequestBoundsTest, OffsetsOfNamesThatAreTooLong) {
  using Topic = OffsetFetchRequest::OffsetFetchRequestTopic;
  const std::vector<Topic> topics{{long_name_, zero_twice_}, {"orders", zero_twice_}};
  OffsetFetchRequest request;
  request.group_id = "g";
  request.topics = Array(topics);
  for (const int16_t version : {int16_t{0}, int16_t{1}, int16_t{7}}) {
    const auto answer = broker_->ask<OffsetFetchResponse>(handle_offset_fetch, request, version);
    ASSERT_EQ(answer->response.topics.size(), 2u);
    EXPECT_EQ(answer->response.topics[0].name, long_name_);
    ASSERT_EQ(answer->response.topics[0].partitions.size(), 1u);
    EXPECT_EQ(answer->response.topics[0].partitions[0].error_code, version == 0 ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION : ErrorCode::NONE);
    EXPECT_EQ(answer->response.topics[0].partitions[0].committed_offset, Offset(-1));
    EXPECT_EQ(answer->response.topics[1].name, "orders");
  }
  CallUnderTest refused(cluster_.loop, request, 7);
  refused.outcome().memory_max = 0;
  handle_offset_fetch(*broker_->services, refused.take());
  EXPECT_FALSE(refused.outcome().closed) << "a little always finds room";
}

TEST_F(RequestBoundsTest, AGroupNamedTwiceIsAnsweredOnce) {
  using Group = OffsetFetchRequest::OffsetFetchRequestGroup;
  const std::vector<PartitionIndex> one{PartitionIndex(1)};
  const std::vector<Group::OffsetFetchRequestTopics> first{{"orders", zero_twice_}}, second{{"orders", one}, {"orders", zero_twice_}};
  std::vector<Group> groups(5);
  groups[0].group_id = groups[2].group_id = "g";
  groups[0].topics = Array(first);
  groups[2].topics = Array(second);
  groups[1].group_id = groups[3].group_id = groups[4].group_id = "all";
  groups[1].topics = groups[4].topics = Array(first);
  groups[3].topics = std::nullopt;
  OffsetFetchRequest request;
  request.groups = groups;
  const auto answer = broker_->ask<OffsetFetchResponse>(handle_offset_fetch, request, 8);
  ASSERT_EQ(answer->response.groups.size(), 2u);
  EXPECT_EQ(answer->response.groups[0].group_id, "g");
  ASSERT_EQ(answer->response.groups[0].topics.size(), 1u);
  EXPECT_EQ(answer->response.groups[0].topics[0].partitions.size(), 2u) << "the partitions of both";
  EXPECT_TRUE(answer->response.groups[1].topics.empty()) << "all of them, of which there are none";

  const std::vector<std::string_view> repeated{"a", "b", "a", "a"};
  DescribeGroupsRequest describe;
  describe.groups = repeated;
  const auto described = broker_->ask<DescribeGroupsResponse>(handle_describe_groups, describe, 5);
  ASSERT_EQ(described->response.groups.size(), 2u);
  EXPECT_EQ(described->response.groups[1].group_id, "b");
  DescribeTransactionsRequest transactions;
  transactions.transactional_ids = repeated;
  EXPECT_EQ(broker_->ask<DescribeTransactionsResponse>(handle_describe_transactions, transactions, 0)->response.transaction_states.size(), 2u);
}

TEST_F(RequestBoundsTest, DescriptionsOfGroupsAreBoundedTogether) {
  using Gathered = GatheredGroups<Described>;
  const std::vector<std::string_view> ids{"largest", "small", "empty"};
  std::vector<ErrorCode> errors;
  const auto gather = [&](size_t first) {
    errors.clear();
    Gathered::gather(
        cluster_.loop, ids, [](const Described& each) { return each.bytes; },
        [&](const Gathered::Groups& groups) {
          for (const auto& each : groups) errors.push_back(each.found->code());
        },
        [&](const std::string& id, auto found) { found(Described{id == "largest" ? first : id == "small" ? size_t{1} : size_t{0}}); });
    cluster_.loop.run_ready();
    return errors;
  };
  EXPECT_EQ(gather(Gathered::kBytesMax - 1), (std::vector{ErrorCode::NONE, ErrorCode::NONE, ErrorCode::NONE}));
  EXPECT_EQ(gather(Gathered::kBytesMax), (std::vector{ErrorCode::NONE, ErrorCode::INVALID_REQUEST, ErrorCode::INVALID_REQUEST}));
  EXPECT_EQ(gather(2 * Gathered::kBytesMax).front(), ErrorCode::NONE) << "one alone is always told";
}

TEST_F(RequestBoundsTest, AResourceNamedTwiceIsDescribedOnceWithTheKeysOfBoth) {
  using Resource = DescribeConfigsRequest::DescribeConfigsResource;
  const std::vector<std::string_view> one{"retention.ms"}, other{"segment.bytes", "retention.ms"};
  const std::vector<Resource> resources{{2, "orders", Array(one)}, {4, "1", std::nullopt}, {2, "orders", Array(other)},
                                        {4, "01", Array(one)},     {4, "x", std::nullopt}, {4, "x", std::nullopt}};
  DescribeConfigsRequest request;
  request.resources = resources;
  const auto answer = broker_->ask<DescribeConfigsResponse>(handle_describe_configs, request, 4);
  ASSERT_EQ(answer->response.results.size(), 3u);
  EXPECT_EQ(answer->response.results[0].configs.size(), 2u);
  EXPECT_EQ(answer->response.results[1].resource_name, "1");
  EXPECT_GT(answer->response.results[1].configs.size(), 100u);
  EXPECT_EQ(answer->response.results[2].error_code, ErrorCode::INVALID_REQUEST);
  const std::vector<Resource> strange(3, Resource{99, "x", std::nullopt});
  request.resources = strange;
  EXPECT_EQ(broker_->ask<DescribeConfigsResponse>(handle_describe_configs, request, 4)->response.results.size(), 1u);
}

TEST_F(RequestBoundsTest, APartitionNamedTwiceIsAnsweredOnceWhereTheAnswerIsLarge) {
  const std::vector<DescribeProducersRequest::TopicRequest> topics{{"orders", zero_twice_}, {"orders", zero_twice_}};
  DescribeProducersRequest producers;
  producers.topics = topics;
  const auto described = broker_->ask<DescribeProducersResponse>(handle_describe_producers, producers, 0);
  EXPECT_EQ(described->response.topics[0].partitions.size(), 1u);
  EXPECT_TRUE(described->response.topics[1].partitions.empty());

  using Topic = ListOffsetsRequest::ListOffsetsTopic;
  std::vector<Topic::ListOffsetsPartition> twice(6);
  for (size_t i = 0; i < twice.size(); ++i) {
    twice[i].timestamp = std::array{-1, -2, -1, 5, 6, -2}.at(i);
    twice[i].max_num_offsets = 5;
  }
  const std::vector<Topic> listed{{"orders", twice}};
  ListOffsetsRequest offsets;
  offsets.replica_id = BrokerId(-1);
  offsets.topics = listed;
  EXPECT_EQ(broker_->ask<ListOffsetsResponse>(handle_list_offsets, offsets, 0)->response.topics[0].partitions.size(), 3u)
      << "the latest, the earliest, one time";
}

TEST_F(RequestBoundsTest, WhatTakesPartInATransactionOrIsOfALogDirectory) {
  using Topic = AddPartitionsToTxnRequest::AddPartitionsToTxnTopic;
  const std::vector<Topic> topics{{long_name_, zero_twice_}, {"orders", zero_twice_}};
  AddPartitionsToTxnRequest add;
  add.v3_and_below_transactional_id = "t";
  add.v3_and_below_topics = topics;
  const auto refused = broker_->ask<AddPartitionsToTxnResponse>(handle_add_partitions_to_txn, add, 3);
  std::map<std::string, std::vector<ErrorCode>> told;
  for (const auto& topic : refused->response.results_by_topic_v3_and_below)
    for (const auto& each : topic.results_by_partition) told[std::string(topic.name)].push_back(each.partition_error_code);
  EXPECT_EQ(told[long_name_], std::vector(2, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  EXPECT_EQ(told["orders"], std::vector(2, ErrorCode::OPERATION_NOT_ATTEMPTED));

  using Marker = WriteTxnMarkersRequest::WritableTxnMarker;
  const std::vector<Marker::WritableTxnMarkerTopic> marked{{long_name_, zero_twice_}};
  const std::vector<Marker> markers{{ProducerId(7), ProducerEpoch(0), true, marked, 3}};
  WriteTxnMarkersRequest write;
  write.markers = markers;
  const auto written = broker_->ask<WriteTxnMarkersResponse>(handle_write_txn_markers, write, 1);
  EXPECT_EQ(written->response.markers[0].topics[0].name, long_name_);
  EXPECT_EQ(written->response.markers[0].topics[0].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);

  const std::vector<DescribeLogDirsRequest::DescribableLogDirTopic> asked{{long_name_, zero_twice_}, {"orders", zero_twice_}};
  DescribeLogDirsRequest directories;
  directories.topics = Array(asked);
  const auto listing = broker_->ask<DescribeLogDirsResponse>(handle_describe_log_dirs, directories, 4);
  ASSERT_EQ(listing->response.results[0].topics.size(), 1u);
  EXPECT_EQ(listing->response.results[0].topics[0].partitions.size(), 1u);
}

TEST_F(RequestBoundsTest, AFetchCountsWhatItsSessionHolds) {
  std::vector<FetchRequest::FetchTopic::FetchPartition> partitions(1000);
  for (int32_t i = 0; i < 1000; ++i) partitions[static_cast<size_t>(i)].partition = PartitionIndex(i);
  std::vector<FetchRequest::FetchTopic> topics(1);
  topics[0].topic = "orders";
  topics[0].partitions = partitions;
  FetchRequest request;
  request.replica_id = BrokerId(-1);
  request.session_epoch = 0;
  request.topics = topics;
  request.session_id = broker_->ask<FetchResponse>(handle_fetch, request, 12)->response.session_id;
  ASSERT_NE(request.session_id, 0);
  request.session_epoch = 1;
  request.topics = {};
  CallUnderTest refused(cluster_.loop, request, 12);
  refused.outcome().memory_max = 100'000;
  handle_fetch(*broker_->services, refused.take());
  ASSERT_TRUE(refused.outcome().closed);
  EXPECT_TRUE(refused.outcome().closed->starts_with("a fetch of 1000 partitions takes ")) << *refused.outcome().closed;
  request.session_epoch = 2;
  CallUnderTest counted(cluster_.loop, request, 12);
  handle_fetch(*broker_->services, counted.take());
  EXPECT_GT(counted.outcome().memory, 100'000u);
}

TEST_F(RequestBoundsTest, AFetchOfANameThatIsTooLongHasNoSession) {
  std::vector<FetchRequest::FetchTopic::FetchPartition> partitions(1);
  std::vector<FetchRequest::FetchTopic> topics(1);
  topics[0].partitions = partitions;
  FetchRequest request;
  request.replica_id = BrokerId(-1);
  request.session_epoch = 0;
  for (const std::string& name : {long_name_, std::string("nope")}) {
    topics[0].topic = name;
    request.topics = topics;
    const auto answer = broker_->ask<FetchResponse>(handle_fetch, request, 12);
    EXPECT_EQ(answer->response.session_id != 0, name == "nope");
    ASSERT_EQ(answer->response.responses.size(), 1u);
    EXPECT_EQ(answer->response.responses[0].topic, name);
    EXPECT_EQ(answer->response.responses[0].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  }
}

}  // namespace
}  // namespace quokka
