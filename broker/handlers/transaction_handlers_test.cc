// The partition's side of transactions at a broker that leads one: markers, what read_committed sees, producers, verification.
#include <gtest/gtest.h>

#include "broker/handlers/broker_for_test.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/produce.h"
#include "protocol/messages/write_txn_markers.h"
#include "protocol/records/batch_builder.h"

namespace quokka {
namespace {

constexpr ProducerId kProducer{7};

class TransactionHandlersTest : public testing::Test {
 protected:
  void SetUp() override {
    broker_ = std::make_unique<BrokerForTest>(cluster_, cluster_.start(1), Properties{});
    broker_->broker_epoch = cluster_.epoch(1).value;
    ReplicaTable::RoleChange change;
    change.topic_id = broker_->create_topic("orders", 2);
    change.partition = {"orders", PartitionIndex(0)};
    change.role.leader = BrokerId(1);
    change.role.leader_epoch = LeaderEpoch(0);
    change.role.isr = change.role.replicas = {BrokerId(1)};
    ASSERT_EQ(broker_->replicas->become({change}), std::vector{ErrorCode::NONE});
  }

  static std::vector<uint8_t> batch(int16_t epoch, int32_t sequence) {
    BatchFields fields;
    fields.producer_id = kProducer;
    fields.producer_epoch = ProducerEpoch(epoch);
    fields.base_sequence = sequence;
    fields.is_transactional = true;
    BatchBuilder builder(fields);
    builder.add(1, bytes_of("key"), bytes_of("value"));
    return builder.build();
  }
  void append(int16_t epoch, int32_t sequence) {
    BatchToAppend to_append(batch(epoch, sequence), 1);
    ASSERT_TRUE(partition()->append(to_append, LeaderEpoch(0), AppendOrigin::CLIENT, {}, {}, TransactionGuard::trusted()).ok());
  }
  PartitionPtr partition() { return broker_->replicas->find("orders", PartitionIndex(0)); }

  ErrorCode mark(int16_t epoch, int32_t coordinator_epoch, bool commit, int32_t index = 0) {
    using Marker = WriteTxnMarkersRequest::WritableTxnMarker;
    const std::vector<PartitionIndex> indexes{PartitionIndex(index)};
    const std::vector<Marker::WritableTxnMarkerTopic> topics{{"orders", indexes}};
    const std::vector<Marker> markers{{kProducer, ProducerEpoch(epoch), commit, topics, coordinator_epoch}};
    WriteTxnMarkersRequest request;
    request.markers = markers;
    const auto answer = broker_->ask<WriteTxnMarkersResponse>(handle_write_txn_markers, request, 1);
    return answer->response.markers[0].topics[0].partitions[0].error_code;
  }
  int64_t latest(int8_t isolation) {
    using Topic = ListOffsetsRequest::ListOffsetsTopic;
    std::vector<Topic::ListOffsetsPartition> partitions(1);
    partitions[0].timestamp = -1;
    const std::vector<Topic> topics{{"orders", partitions}};
    ListOffsetsRequest request;
    request.replica_id = BrokerId(-1);
    request.isolation_level = isolation;
    request.topics = topics;
    return broker_->ask<ListOffsetsResponse>(handle_list_offsets, request, 5)->response.topics[0].partitions[0].offset.value;
  }
  auto fetch_committed() {
    using Topic = FetchRequest::FetchTopic;
    std::vector<Topic::FetchPartition> partitions(1);
    partitions[0].partition_max_bytes = 10000;
    std::vector<Topic> topics(1);
    topics[0].topic = "orders";
    topics[0].partitions = partitions;
    FetchRequest request;
    request.replica_id = BrokerId(-1);
    request.max_bytes = 10000;
    request.isolation_level = 1;
    request.session_epoch = -1;
    request.topics = topics;
    CallUnderTest call(cluster_.loop, request, 12);
    handle_fetch(*broker_->services, call.take());
    cluster_.loop.run_ready();
    return call.outcome().file_bytes;
  }
  ErrorCode produce(std::optional<std::string_view> transactional_id) {
    std::vector<uint8_t> records = batch(0, 0);
    std::vector<ProduceRequest::TopicProduceData::PartitionProduceData> partitions(1);
    partitions[0].records.bytes = Bytes(records);
    const std::vector<ProduceRequest::TopicProduceData> topics{{"orders", partitions}};
    ProduceRequest request;
    request.transactional_id = transactional_id;
    request.acks = -1;
    request.timeout_ms = 1000;
    request.topic_data = topics;
    return broker_->ask<ProduceResponse>(handle_produce, request, 9)->response.responses[0].partition_responses[0].error_code;
  }

  RunnerCluster cluster_;
  std::unique_ptr<BrokerForTest> broker_;
};

TEST_F(TransactionHandlersTest, A7ReadCommittedEndsWhereTheOpenTransactionBegins) {
  append(0, 0);
  EXPECT_EQ(latest(0), 1);
  EXPECT_EQ(latest(1), 0);
  EXPECT_EQ(fetch_committed(), 0u);
  EXPECT_EQ(mark(0, 3, true), ErrorCode::NONE);
  EXPECT_EQ(latest(1), 2);
  EXPECT_GT(fetch_committed(), 0u);
}

TEST_F(TransactionHandlersTest, H49ZombiesMarkersAreRefused) {
  append(2, 0);
  EXPECT_EQ(mark(1, 3, true), ErrorCode::INVALID_PRODUCER_EPOCH);
  EXPECT_EQ(mark(2, 3, false), ErrorCode::NONE);
  EXPECT_EQ(mark(2, 2, true), ErrorCode::TRANSACTION_COORDINATOR_FENCED);
  EXPECT_EQ(mark(-1, 3, true), ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ(mark(2, 3, true, 1), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

TEST_F(TransactionHandlersTest, AProducerHasOneEntryHoweverManyMarkers) {
  using Marker = WriteTxnMarkersRequest::WritableTxnMarker;
  const std::vector<PartitionIndex> first{PartitionIndex(0)}, second{PartitionIndex(1)};
  const std::vector<Marker::WritableTxnMarkerTopic> here{{"orders", first}}, elsewhere{{"orders", second}};
  const std::vector<Marker> markers{{kProducer, ProducerEpoch(0), true, here, 3},
                                    {ProducerId(8), ProducerEpoch(0), true, {}, 3},
                                    {kProducer, ProducerEpoch(0), true, elsewhere, 3}};
  WriteTxnMarkersRequest request;
  request.markers = markers;
  const auto answer = broker_->ask<WriteTxnMarkersResponse>(handle_write_txn_markers, request, 1);
  ASSERT_EQ(answer->response.markers.size(), 1u);
  ASSERT_EQ(answer->response.markers[0].topics.size(), 1u);
  const auto partitions = answer->response.markers[0].topics[0].partitions;
  ASSERT_EQ(partitions.size(), 2u);
  EXPECT_EQ(partitions[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(partitions[1].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

TEST_F(TransactionHandlersTest, ProducersAreDescribed) {
  append(2, 0);
  const std::vector<PartitionIndex> indexes{PartitionIndex(0)};
  const std::vector<DescribeProducersRequest::TopicRequest> topics{{"orders", indexes}};
  DescribeProducersRequest request;
  request.topics = topics;
  auto answer = broker_->ask<DescribeProducersResponse>(handle_describe_producers, request, 0);
  EXPECT_EQ(answer->response.topics[0].partitions[0].active_producers[0].current_txn_start_offset, Offset(0));
  EXPECT_EQ(mark(2, 3, false), ErrorCode::NONE);
  answer = broker_->ask<DescribeProducersResponse>(handle_describe_producers, request, 0);
  const auto& producer = answer->response.topics[0].partitions[0].active_producers[0];
  EXPECT_EQ(producer.current_txn_start_offset, Offset(-1));
  EXPECT_EQ(producer.coordinator_epoch, 3);
  EXPECT_EQ(producer.producer_epoch, 2);
}

TEST_F(TransactionHandlersTest, H50ATransactionThatNobodyConfirmsIsNotBegun) {
  EXPECT_EQ(produce(std::nullopt), ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  EXPECT_EQ(produce("t"), ErrorCode::NOT_ENOUGH_REPLICAS) << "no coordinator is known";
  EXPECT_EQ(latest(0), 0);
}

}  // namespace
}  // namespace quokka
