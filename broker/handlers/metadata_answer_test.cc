#include "broker/handlers/metadata_answer.h"

#include <gtest/gtest.h>

#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/call_for_test.h"

namespace quokka {
namespace {

using Topic = MetadataResponse::MetadataResponseTopic;

constexpr TopicId kOrders{1, 2}, kUnknown{7, 7};

PartitionView partition(int32_t index, int32_t leader, std::vector<BrokerId> replicas, std::vector<BrokerId> isr) {
  PartitionView view;
  view.index = PartitionIndex(index);
  view.leader = BrokerId(leader);
  view.leader_epoch = LeaderEpoch(4);
  view.replicas = std::move(replicas);
  view.isr = std::move(isr);
  return view;
}

// Broker 1 and 3 are reached by PLAINTEXT, 2 only by another listener, 9 is not alive.
ClusterViewPtr sample_view() {
  ClusterUpdate update;
  update.controller = BrokerId(3);
  update.brokers = {{BrokerId(1), {{"PLAINTEXT", "one", 9092, 0}}, "rack-a"},
                    {BrokerId(2), {{"INSIDE", "two", 9092, 0}}, std::nullopt},
                    {BrokerId(3), {{"PLAINTEXT", "three", 9093, 0}}, std::nullopt}};
  TopicView orders{"orders", kOrders, {}};
  orders.partitions = {partition(0, 1, {BrokerId(1), BrokerId(3)}, {BrokerId(1)}), partition(1, 2, {BrokerId(2)}, {BrokerId(2)}),
                       partition(2, 9, {BrokerId(9), BrokerId(1)}, {BrokerId(9)}), partition(3, 1, {BrokerId(1), BrokerId(9)}, {BrokerId(1)})};
  orders.partitions[3].offline_replicas = {BrokerId(9)};
  TopicView groups{"__consumer_offsets", TopicId{3, 3}, {partition(0, 1, {BrokerId(1)}, {BrokerId(1)})}};
  update.topics = {orders, groups};
  ViewChanges changes;
  return ClusterView().after(update, changes);
}

class MetadataAnswerTest : public testing::Test {
 protected:
  std::unique_ptr<Answered<MetadataResponse>> ask(int16_t version, const MetadataRequest& request, ErrorCode of_missing = ErrorCode::NONE) {
    CallUnderTest under_test(loop_, request, version);
    CallPtr call = under_test.take();
    auto decoded = decode_call<MetadataRequest>(call);
    EXPECT_TRUE(decoded);
    MetadataAnswer answer(std::move(call), *std::move(decoded), sample_view(), "cluster");
    if (const ErrorCode error = answer.check(); error != ErrorCode::NONE) {
      answer.fail(error);
    } else {
      missing_.clear();
      for (std::string_view name : answer.add_known()) {
        missing_.emplace_back(name);
        answer.add_topic(name, of_missing);
      }
      answer.send();
    }
    return under_test.answer<MetadataResponse>();
  }
  static MetadataRequest of(std::vector<MetadataRequest::MetadataRequestTopic>& topics) {
    MetadataRequest request;
    request.topics = Array(topics);
    return request;
  }
  static ErrorCode error_of_partition(const Topic& topic, size_t index) { return topic.partitions[index].error_code; }

  ManualLoop loop_;
  std::vector<std::string> missing_;
};

TEST_F(MetadataAnswerTest, NamesOnlyBrokersThatTheListenerReaches) {
  std::vector<MetadataRequest::MetadataRequestTopic> none;
  const auto answer = ask(12, of(none));
  const MetadataResponse& response = answer->response;
  ASSERT_EQ(response.brokers.size(), 2u);
  EXPECT_EQ(response.brokers[0].host, "one");
  EXPECT_EQ(response.brokers[0].rack, "rack-a");
  EXPECT_EQ(response.brokers[1].node_id, BrokerId(3));
  EXPECT_EQ(response.brokers[1].rack, std::nullopt);
  EXPECT_EQ(response.controller_id, BrokerId(3));
  EXPECT_EQ(response.cluster_id, "cluster");
  EXPECT_TRUE(response.topics.empty());
}

TEST_F(MetadataAnswerTest, AllTopicsAreNoListInVersion0AndNullSince) {
  std::vector<MetadataRequest::MetadataRequestTopic> none;
  EXPECT_EQ(ask(0, of(none))->response.topics.size(), 2u);
  EXPECT_EQ(ask(1, of(none))->response.topics.size(), 0u);
  MetadataRequest all;
  all.topics = std::nullopt;
  for (int16_t version = 1; version <= 12; ++version) EXPECT_EQ(ask(version, all)->response.topics.size(), 2u) << version;
}

TEST_F(MetadataAnswerTest, LeadersThatCannotBeReached) {
  std::vector<MetadataRequest::MetadataRequestTopic> orders(1);
  orders[0].name = "orders";
  struct Expected {
    int16_t version;
    ErrorCode listener_missing, not_alive, replica_missing;
  };
  for (const Expected& expected : {Expected{0, ErrorCode::LEADER_NOT_AVAILABLE, ErrorCode::LEADER_NOT_AVAILABLE, ErrorCode::REPLICA_NOT_AVAILABLE},
                                   Expected{5, ErrorCode::LEADER_NOT_AVAILABLE, ErrorCode::LEADER_NOT_AVAILABLE, ErrorCode::NONE},
                                   Expected{6, ErrorCode::LISTENER_NOT_FOUND, ErrorCode::LEADER_NOT_AVAILABLE, ErrorCode::NONE}}) {
    const auto answer = ask(expected.version, of(orders));
    ASSERT_EQ(answer->response.topics.size(), 1u);
    const Topic& topic = answer->response.topics[0];
    EXPECT_EQ(topic.error_code, ErrorCode::NONE);
    EXPECT_EQ(error_of_partition(topic, 0), ErrorCode::NONE);
    EXPECT_EQ(error_of_partition(topic, 1), expected.listener_missing) << expected.version;
    EXPECT_EQ(error_of_partition(topic, 2), expected.not_alive) << expected.version;
    EXPECT_EQ(topic.partitions[2].leader_id, kNoLeader);
    EXPECT_EQ(error_of_partition(topic, 3), expected.replica_missing) << expected.version;
    EXPECT_EQ(topic.partitions[3].leader_id, BrokerId(1));
    EXPECT_EQ(topic.partitions[3].replica_nodes.size(), expected.version == 0 ? 1u : 2u);
  }
}

TEST_F(MetadataAnswerTest, LaterFieldsComeWithTheirVersions) {
  std::vector<MetadataRequest::MetadataRequestTopic> orders(1);
  orders[0].name = "orders";
  EXPECT_EQ(ask(6, of(orders))->response.topics[0].partitions[3].leader_epoch, LeaderEpoch(-1));
  EXPECT_EQ(ask(7, of(orders))->response.topics[0].partitions[3].leader_epoch, LeaderEpoch(4));
  EXPECT_EQ(ask(4, of(orders))->response.topics[0].partitions[3].offline_replicas.size(), 0u);
  EXPECT_EQ(ask(5, of(orders))->response.topics[0].partitions[3].offline_replicas.size(), 1u);
  EXPECT_EQ(ask(9, of(orders))->response.topics[0].topic_id, TopicId{});
  EXPECT_EQ(ask(10, of(orders))->response.topics[0].topic_id, kOrders);
}

TEST_F(MetadataAnswerTest, AuthorizedOperationsWhereTheyAreAskedFor) {
  std::vector<MetadataRequest::MetadataRequestTopic> topics(2);
  topics[0].name = "orders";
  topics[1].name = "nobody";
  MetadataRequest request = of(topics);
  EXPECT_EQ(ask(8, request)->response.topics[0].topic_authorized_operations, INT32_MIN);
  request.include_cluster_authorized_operations = true;
  request.include_topic_authorized_operations = true;
  const auto answer = ask(8, request, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(answer->response.cluster_authorized_operations, 8096);
  EXPECT_EQ(answer->response.topics[0].topic_authorized_operations, 3576);
  EXPECT_EQ(answer->response.topics[1].topic_authorized_operations, 3576);
}

TEST_F(MetadataAnswerTest, NamesAreAnsweredOnceAndTheUnknownAreGivenBack) {
  std::vector<MetadataRequest::MetadataRequestTopic> topics(5);
  topics[0].name = "orders";
  topics[1].name = "nobody";
  topics[2].name = "orders";
  topics[3].name = "nobody";
  topics[4].name = "__consumer_offsets";
  const auto answer = ask(12, of(topics), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(missing_, std::vector<std::string>{"nobody"});
  ASSERT_EQ(answer->response.topics.size(), 3u);
  EXPECT_FALSE(answer->response.topics[0].is_internal);
  EXPECT_TRUE(answer->response.topics[1].is_internal);
  EXPECT_EQ(answer->response.topics[2].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(answer->response.topics[2].topic_id, TopicId{});
}

TEST_F(MetadataAnswerTest, ByIdTheNamesDoNotCount) {
  std::vector<MetadataRequest::MetadataRequestTopic> topics(4);
  topics[0] = {kUnknown, std::nullopt};
  topics[1] = {kOrders, "__consumer_offsets"};
  topics[2] = {kOrders, std::nullopt};
  topics[3] = {TopicId{}, "__consumer_offsets"};
  const auto answer = ask(12, of(topics));
  ASSERT_EQ(answer->response.topics.size(), 2u);
  EXPECT_EQ(answer->response.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
  EXPECT_EQ(answer->response.topics[0].name, std::nullopt);
  EXPECT_EQ(answer->response.topics[0].topic_id, kUnknown);
  EXPECT_EQ(answer->response.topics[1].name, "orders");
}

TEST_F(MetadataAnswerTest, IdsAndNullNamesAreRefusedBeforeTheirVersion) {
  std::vector<MetadataRequest::MetadataRequestTopic> topics(2);
  topics[0] = {kOrders, std::nullopt};
  topics[1] = {TopicId{}, "orders"};
  const auto answer = ask(11, of(topics));
  EXPECT_TRUE(answer->response.brokers.empty());
  EXPECT_EQ(answer->response.cluster_id, std::nullopt);
  EXPECT_EQ(answer->response.controller_id, BrokerId(-1));
  ASSERT_EQ(answer->response.topics.size(), 2u);
  for (const Topic& topic : answer->response.topics) EXPECT_EQ(topic.error_code, ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(answer->response.topics[0].name, "");
  topics.resize(1);
  topics[0] = {TopicId{}, std::nullopt};
  EXPECT_EQ(ask(12, of(topics))->response.topics[0].error_code, ErrorCode::UNKNOWN_SERVER_ERROR);
}

}  // namespace
}  // namespace quokka
