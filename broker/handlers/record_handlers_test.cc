// Produce, Fetch and ListOffsets at a broker that leads one partition.
#include <gtest/gtest.h>

#include "broker/handlers/broker_for_test.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/produce.h"
#include "protocol/records/batch_builder.h"

namespace quokka {
namespace {

using TopicData = ProduceRequest::TopicProduceData;
using PartitionData = TopicData::PartitionProduceData;
using FetchTopic = FetchRequest::FetchTopic;
using FetchPartition = FetchTopic::FetchPartition;

class RecordHandlersTest : public testing::Test {
 protected:
  void SetUp() override {
    broker_ = std::make_unique<BrokerForTest>(cluster_, cluster_.start(1), Properties{});
    broker_->broker_epoch = cluster_.epoch(1).value;
    id_ = broker_->create_topic("orders", 8);
    lead({BrokerId(1)}, LeaderEpoch(0));
  }
  // Of the other partitions there is no replica.
  void lead(std::vector<BrokerId> in_sync, LeaderEpoch epoch, int32_t partition = 0) {
    ReplicaTable::RoleChange change;
    change.partition = {"orders", PartitionIndex(partition)};
    change.topic_id = id_;
    change.role.leader = BrokerId(1);
    change.role.leader_epoch = epoch;
    change.role.isr = change.role.replicas = std::move(in_sync);
    ASSERT_EQ(broker_->replicas->become({change}), std::vector{ErrorCode::NONE});
  }
  auto produce(const std::vector<TopicData>& topics) {
    ProduceRequest request;
    request.acks = 1;
    request.topic_data = topics;
    return broker_->ask<ProduceResponse>(handle_produce, request, 9);
  }
  ErrorCode produce(std::string_view topic, std::optional<Bytes> records) {
    std::vector<PartitionData> partitions(1);
    partitions[0].records.bytes = records;
    return produce({{topic, partitions}})->response.responses[0].partition_responses[0].error_code;
  }
  // With acks=all, for as long as it takes: the follower does not fetch.
  CallUnderTest produce_that_waits(const std::vector<uint8_t>& batch) {
    std::vector<PartitionData> partitions(1);
    partitions[0].records.bytes = Bytes(batch);
    const std::vector<TopicData> topics{{"orders", partitions}};
    ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = INT32_MAX;
    request.topic_data = topics;
    CallUnderTest call(cluster_.loop, request, 9);
    handle_produce(*broker_->services, call.take());
    cluster_.loop.run_ready();
    return call;
  }
  static FetchTopic topic(std::string_view name, const std::vector<FetchPartition>& partitions) {
    FetchTopic topic;
    topic.topic = name;
    topic.partitions = partitions;
    return topic;
  }
  static FetchPartition partition(int32_t index) {
    FetchPartition partition;
    partition.partition = PartitionIndex(index);
    partition.partition_max_bytes = 1000;
    return partition;
  }
  static std::vector<uint8_t> one_record() {
    BatchBuilder builder({});
    builder.add(1, bytes_of("key"), bytes_of("value"));
    return builder.build();
  }
  static FetchRequest fetch_request(const std::vector<FetchTopic>& topics, int32_t max_wait_ms = 0) {
    FetchRequest request;
    request.replica_id = BrokerId(-1);
    request.max_wait_ms = max_wait_ms;
    request.min_bytes = 1;
    request.max_bytes = 1000;
    request.session_epoch = -1;
    request.topics = topics;
    return request;
  }
  auto fetch(const std::vector<FetchTopic>& topics, int8_t isolation = 0, int16_t version = 12) {
    FetchRequest request;
    request.replica_id = BrokerId(-1);
    request.max_bytes = 1000;
    request.isolation_level = isolation;
    request.session_epoch = -1;
    request.topics = topics;
    return broker_->ask<FetchResponse>(handle_fetch, request, version);
  }

  ErrorCode list_latest(std::string_view name, BrokerId replica, int8_t isolation = 0) {
    using Topic = ListOffsetsRequest::ListOffsetsTopic;
    std::vector<Topic::ListOffsetsPartition> partitions(1);
    partitions[0].timestamp = -1;
    std::vector<Topic> topics{{name, partitions}};
    ListOffsetsRequest request;
    request.replica_id = replica;
    request.isolation_level = isolation;
    request.topics = topics;
    return broker_->ask<ListOffsetsResponse>(handle_list_offsets, request, 9)->response.topics[0].partitions[0].error_code;
  }

  RunnerCluster cluster_;
  std::unique_ptr<BrokerForTest> broker_;
  TopicId id_;
};

TEST_F(RecordHandlersTest, NullRecordsAreRefusedAfterTheTopicIsFound) {
  EXPECT_EQ(produce("orders", std::nullopt), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(produce("nope", std::nullopt), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

TEST_F(RecordHandlersTest, WhatWasAppendedButNotCommittedInTimeIsAnsweredWithItsOffset) {
  lead({BrokerId(1), BrokerId(2)}, LeaderEpoch(1));
  BatchBuilder builder({});
  builder.add(1, bytes_of("key"), bytes_of("value"));
  const std::vector<uint8_t> batch = builder.build();
  ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 100;
  std::vector<TopicData::PartitionProduceData> partitions(1);
  partitions[0].records.bytes = Bytes(batch);
  std::vector<TopicData> topics{{"orders", partitions}};
  request.topic_data = topics;
  for (int64_t offset = 0; offset < 2; ++offset) {
    CallUnderTest call(cluster_.loop, request, 9);
    handle_produce(*broker_->services, call.take());
    cluster_.loop.run_ready();
    EXPECT_FALSE(call.outcome().is_done());
    cluster_.loop.advance(Duration::millis(100));
    const auto answer = call.answer<ProduceResponse>();
    const auto& told = answer->response.responses[0].partition_responses[0];
    EXPECT_EQ(told.error_code, ErrorCode::REQUEST_TIMED_OUT);
    EXPECT_EQ(told.base_offset, Offset(offset));
  }
}

TEST_F(RecordHandlersTest, B18AProduceAnswersEachPartitionOnceWithThoseOfItsTopic) {
  std::vector<PartitionData> first(3), second(1), third(1);
  first[0].index = PartitionIndex(1);
  first[1].index = PartitionIndex(0);
  first[2].index = PartitionIndex(1);
  third[0].index = PartitionIndex(2);
  const auto answer = produce({{"a", first}, {"b", second}, {"a", third}});
  std::string named;
  for (const auto& topic : answer->response.responses)
    for (const auto& partition : topic.partition_responses) named += std::string(topic.name) + std::to_string(partition.index.value) + ' ';
  EXPECT_EQ(named, "a0 a1 a2 b0 ");
  EXPECT_EQ(answer->response.responses.size(), 2u);
}

TEST_F(RecordHandlersTest, OfAPartitionNamedTwiceTheLastRecordsThatTheVersionAllowsCountAndTheRefusalIsTold) {
  const std::vector<uint8_t> good = one_record();
  std::vector<uint8_t> old = good;
  old[16] = 1;  // magic
  for (const bool good_first : {true, false}) {
    std::vector<PartitionData> twice(2);
    twice[good_first ? 0 : 1].records.bytes = Bytes(good);
    twice[good_first ? 1 : 0].records.bytes = Bytes(old);
    const auto answer = produce({{"orders", twice}});
    ASSERT_EQ(answer->response.responses[0].partition_responses.size(), 1u);
    EXPECT_NE(answer->response.responses[0].partition_responses[0].error_code, ErrorCode::NONE);
    EXPECT_EQ(answer->response.responses[0].partition_responses[0].base_offset, Offset(-1));
  }
  std::vector<PartitionData> once(1);
  once[0].records.bytes = Bytes(good);
  EXPECT_EQ(produce({{"orders", once}})->response.responses[0].partition_responses[0].base_offset, Offset(2)) << "both were appended";
}

TEST_F(RecordHandlersTest, ANegativeLimitOfAFetchIsAnErrorOnlyWhereThereIsSomethingToRead) {
  std::vector<FetchPartition> wish{partition(0)};
  wish[0].partition_max_bytes = -1;
  EXPECT_EQ(fetch({topic("orders", wish)})->response.responses[0].partitions[0].error_code, ErrorCode::NONE);
  const std::vector<uint8_t> batch = one_record();
  EXPECT_EQ(produce("orders", Bytes(batch)), ErrorCode::NONE);
  EXPECT_EQ(fetch({topic("orders", wish)})->response.responses[0].partitions[0].error_code, ErrorCode::UNKNOWN_SERVER_ERROR);
}

// What is quadratic in them does not end within the patience of a test.
TEST_F(RecordHandlersTest, B13AProduceToHundredsOfThousandsOfPartitions) {
  std::vector<PartitionData> many(100'000);
  for (size_t i = 0; i < many.size(); ++i) many[i].index = PartitionIndex(static_cast<int32_t>(many.size() - i));
  const auto answer = produce({{"a", many}});
  ASSERT_EQ(answer->response.responses.size(), 1u);
  EXPECT_EQ(answer->response.responses[0].partition_responses.size(), many.size());
}

TEST_F(RecordHandlersTest, B26TheBatchesOfARequestAreBoundedTogether) {
  broker_->services->decompression.decompressed_bytes_max = 1 << 20;
  const std::vector<uint8_t> value(900'000);
  BatchFields compressed;
  compressed.compression.codec = CompressionCodec::ZSTD;
  BatchBuilder builder(compressed);
  builder.add(1, std::nullopt, Bytes(value));
  const std::vector<uint8_t> batch = builder.build();
  ASSERT_LT(batch.size(), 1000u);
  std::vector<PartitionData> partitions(6);
  for (int32_t i = 0; i < 6; ++i) {
    if (i > 0) lead({BrokerId(1)}, LeaderEpoch(0), i);
    partitions[static_cast<size_t>(i)].index = PartitionIndex(i);
    partitions[static_cast<size_t>(i)].records.bytes = Bytes(batch);
  }
  const auto answer = produce({{"orders", partitions}});
  const auto& told = answer->response.responses[0].partition_responses;
  EXPECT_EQ(told[3].error_code, ErrorCode::NONE);
  EXPECT_EQ(told[4].error_code, ErrorCode::MESSAGE_TOO_LARGE);
  EXPECT_EQ(told[5].error_code, ErrorCode::MESSAGE_TOO_LARGE);
}

TEST_F(RecordHandlersTest, B28AFetchOfTooManyPartitionsIsRefused) {
  const std::vector<FetchPartition> many(200'001);
  EXPECT_EQ(fetch({topic("orders", many)}, 0, 13)->response.error_code, ErrorCode::INVALID_REQUEST);
}

TEST_F(RecordHandlersTest, AProduceThatWaitsIsLetGoWithItsConnection) {
  lead({BrokerId(1), BrokerId(2)}, LeaderEpoch(1));
  const std::vector<uint8_t> batch = one_record();
  CallUnderTest call = produce_that_waits(batch);
  ASSERT_TRUE(call.outcome().departs);
  call.outcome().departs(Departure::half_closed);
  EXPECT_FALSE(call.is_released()) << "it may still read";
  call.outcome().departs(Departure::closed);
  EXPECT_TRUE(call.is_released());
}

// As found under F25: clients were told that a record is not in the log, and it was.
TEST_F(RecordHandlersTest, OfWhatWaitsInALogWhoseDirectoryFailsItIsNotSaidThatItWasNotWritten) {
  lead({BrokerId(1), BrokerId(2)}, LeaderEpoch(1));
  const std::vector<uint8_t> batch = one_record();
  CallUnderTest call = produce_that_waits(batch);
  broker_->replicas->on_directory_offline({{"orders", PartitionIndex(0)}});
  cluster_.loop.run_ready();
  EXPECT_EQ(call.answer<ProduceResponse>()->response.responses[0].partition_responses[0].error_code, ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
  EXPECT_EQ(produce("orders", Bytes(batch)), ErrorCode::KAFKA_STORAGE_ERROR) << "what comes later is refused";
}

TEST_F(RecordHandlersTest, AFetchThatWaitsEndsWithItsPeer) {
  const std::vector<FetchPartition> wish{partition(0)};
  const std::vector<FetchTopic> topics{topic("orders", wish)};
  for (const Departure departure : {Departure::half_closed, Departure::closed}) {
    CallUnderTest call(cluster_.loop, fetch_request(topics, INT32_MAX), 12);
    handle_fetch(*broker_->services, call.take());
    cluster_.loop.run_ready();
    ASSERT_TRUE(call.outcome().departs);
    call.outcome().departs(departure);
    EXPECT_TRUE(call.is_released());
    EXPECT_EQ(call.outcome().body.has_value(), departure == Departure::half_closed) << "who still reads gets what there is";
  }
}

TEST_F(RecordHandlersTest, AFetchOfWhatIsNotInMemoryGoesThroughThePoolOnce) {
  constexpr int kBatches = 200;  // more than the log remembers the places of
  const std::vector<uint8_t> batch = one_record();
  for (int i = 0; i < kBatches; ++i) ASSERT_EQ(produce("orders", Bytes(batch)), ErrorCode::NONE);
  std::vector<FetchPartition> wish{partition(0)};
  const std::vector<FetchTopic> topics{topic("orders", wish)};
  for (const bool cold : {false, true}) {
    broker_->disk.set_cold(cold);
    CallUnderTest call(cluster_.loop, fetch_request(topics), 12);
    const size_t before = broker_->pool.tasks;
    handle_fetch(*broker_->services, call.take());
    EXPECT_EQ(call.outcome().is_done(), !cold) << "the loop does not wait for the device";
    cluster_.loop.run_ready();
    EXPECT_EQ(broker_->pool.tasks - before, cold ? 1u : 0u);
    EXPECT_TRUE(call.outcome().body);
    EXPECT_GT(call.outcome().file_bytes, 0u);
  }
  // What was just written is at hand.
  wish[0].fetch_offset = Offset(kBatches - 1);
  const std::vector<FetchTopic> at_end{topic("orders", wish)};
  CallUnderTest call(cluster_.loop, fetch_request(at_end), 12);
  handle_fetch(*broker_->services, call.take());
  EXPECT_TRUE(call.outcome().is_done());
}

// Broker 2 fetches both partitions, of which one is throttled.
TEST_F(RecordHandlersTest, OfAThrottledPartitionAFollowerOutOfSyncGetsNothingWhileTheRateIsAboveTheLimit) {
  const std::vector<uint8_t> batch = one_record();
  const auto lead_both = [&](std::vector<BrokerId> isr, int32_t epoch) {
    for (const int32_t index : {0, 1}) {
      ReplicaTable::RoleChange change;
      change.partition = {"orders", PartitionIndex(index)};
      change.topic_id = id_;
      change.role.leader = BrokerId(1);
      change.role.leader_epoch = LeaderEpoch(epoch);
      change.role.isr = isr;
      change.role.replicas = {BrokerId(1), BrokerId(2)};
      ASSERT_EQ(broker_->replicas->become({change}), std::vector{ErrorCode::NONE});
    }
  };
  lead_both({BrokerId(1)}, 1);
  std::vector<PartitionData> partitions(2);
  partitions[1].index = PartitionIndex(1);
  for (PartitionData& each : partitions) each.records.bytes = Bytes(batch);
  produce({{"orders", partitions}});
  const auto sent = [&](int32_t max_wait_ms = 0) {
    const std::vector<FetchPartition> wish{partition(0), partition(1)};
    const std::vector<FetchTopic> topics{topic("orders", wish)};
    FetchRequest request = fetch_request(topics, max_wait_ms);
    request.replica_id = BrokerId(2);
    CallUnderTest call(cluster_.loop, request, 12);
    handle_fetch(*broker_->services, call.take());
    cluster_.loop.run_ready();
    return call.outcome().is_done() ? call.outcome().file_bytes : size_t{0};
  };
  broker_->topic_configs.set("orders", {{"leader.replication.throttled.replicas", "0:1"}});
  broker_->leader_throttle.set_limit(1);
  EXPECT_EQ(sent(), 2 * batch.size()) << "it was not above the limit yet";
  EXPECT_EQ(sent(1000), batch.size()) << "the other is answered at once";
  lead_both({BrokerId(1), BrokerId(2)}, 2);
  EXPECT_EQ(sent(), 2 * batch.size()) << "a replica in sync is not made to wait";
}

TEST_F(RecordHandlersTest, UnknownPartitionsStandBehindTheOthersInAFetchsAnswer) {
  const std::vector<FetchPartition> first{partition(0)}, both{partition(0), partition(1)};
  const auto answer = fetch({topic("nope", first), topic("orders", both), topic("nope", both)});
  const auto& topics = answer->response.responses;
  ASSERT_EQ(topics.size(), 2u);
  EXPECT_EQ(topics[0].topic, "orders");
  EXPECT_EQ(topics[0].partitions[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(topics[0].partitions[1].error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(topics[1].topic, "nope");
  EXPECT_EQ(topics[1].partitions.size(), 2u);
  EXPECT_EQ(topics[1].partitions[1].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

TEST_F(RecordHandlersTest, UnknownIdsStandBeforeUnknownPartitionsOfKnownTopics) {
  const std::vector<FetchPartition> wish{partition(0)}, beyond{partition(70)};
  std::vector<FetchTopic> topics{topic({}, beyond), topic({}, wish), topic({}, wish)};
  topics[0].topic_id = topics[2].topic_id = id_;
  topics[1].topic_id = TopicId{1, 2};
  const auto answer = fetch(topics, 0, 13);
  const auto& told = answer->response.responses;
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0].partitions[0].error_code, ErrorCode::NONE);
  EXPECT_EQ(told[1].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
  EXPECT_EQ(told[2].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

TEST_F(RecordHandlersTest, ABrokerThatWasToldNothingYetSendsClientsToLookForTheLeader) {
  broker_->services->view.apply({});
  const std::vector<FetchPartition> wish{partition(0)};
  std::vector<FetchTopic> by_id{topic({}, wish)};
  by_id[0].topic_id = TopicId{1, 2};
  EXPECT_EQ(fetch(by_id, 0, 13)->response.responses[0].partitions[0].error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(fetch({topic("nope", wish)})->response.responses[0].partitions[0].error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(produce("nope", Bytes()), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(list_latest("nope", BrokerId(-1)), ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

TEST_F(RecordHandlersTest, OnlyAClientsIsolationLevelIsLookedAtByListOffsets) {
  EXPECT_EQ(list_latest("nope", BrokerId(-1), 2), ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ(list_latest("nope", BrokerId(-2), 2), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(list_latest("orders", BrokerId(-2), 2), ErrorCode::NONE);
}

TEST_F(RecordHandlersTest, AnIsolationLevelThatIsNoneRefusesAFetchThatReads) {
  const std::vector<FetchPartition> wish{partition(0)};
  const auto refused = fetch({topic("orders", wish), topic("nope", wish)}, 2);
  EXPECT_EQ(refused->response.error_code, ErrorCode::UNKNOWN_SERVER_ERROR);
  ASSERT_EQ(refused->response.responses.size(), 2u);
  EXPECT_EQ(refused->response.responses[1].partitions[0].error_code, ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ(refused->response.responses[1].partitions[0].records.bytes, std::nullopt);
  const auto nothing_read = fetch({topic("nope", wish)}, 2);
  EXPECT_EQ(nothing_read->response.error_code, ErrorCode::NONE);
  EXPECT_EQ(nothing_read->response.responses[0].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

TEST_F(RecordHandlersTest, ANegativeLeaderEpochInAFetchIsNone) {
  std::vector<FetchPartition> wish{partition(0)};
  wish[0].current_leader_epoch = LeaderEpoch(-2);
  wish[0].last_fetched_epoch = LeaderEpoch(-2);
  EXPECT_EQ(fetch({topic("orders", wish)})->response.responses[0].partitions[0].error_code, ErrorCode::NONE);
  wish[0].current_leader_epoch = LeaderEpoch(5);
  EXPECT_EQ(fetch({topic("orders", wish)})->response.responses[0].partitions[0].error_code, ErrorCode::UNKNOWN_LEADER_EPOCH);
}

TEST_F(RecordHandlersTest, H24ASessionChecksLeaderEpochsEveryTime) {
  std::vector<FetchPartition> wish{partition(0)};
  wish[0].current_leader_epoch = LeaderEpoch(0);
  const std::vector<FetchTopic> topics{topic("orders", wish)};
  FetchRequest request;
  request.session_epoch = 0;
  request.topics = topics;
  request.max_bytes = 1000;
  const auto first = broker_->ask<FetchResponse>(handle_fetch, request, 12);
  EXPECT_EQ(first->response.responses[0].partitions[0].error_code, ErrorCode::NONE);
  lead({BrokerId(1)}, LeaderEpoch(1));
  request.session_id = first->response.session_id;
  request.session_epoch = 1;
  request.topics = {};
  const auto second = broker_->ask<FetchResponse>(handle_fetch, request, 12);
  ASSERT_EQ(second->response.responses.size(), 1u) << "nothing was named, all is looked at";
  EXPECT_EQ(second->response.responses[0].partitions[0].error_code, ErrorCode::FENCED_LEADER_EPOCH);
}

TEST_F(RecordHandlersTest, AFetchThatDivergesHasNoAbortedTransactions) {
  const auto batch = one_record();
  ASSERT_EQ(produce("orders", Bytes(batch)), ErrorCode::NONE);
  std::vector<FetchPartition> wish{partition(0)};
  wish[0].fetch_offset = Offset(5);
  wish[0].last_fetched_epoch = LeaderEpoch(0);
  const auto answer = fetch({topic("orders", wish)}, 1);
  EXPECT_EQ(answer->response.responses[0].partitions[0].diverging_epoch.end_offset, Offset(1));
  EXPECT_EQ(answer->response.responses[0].partitions[0].aborted_transactions, std::nullopt);
  wish[0].fetch_offset = Offset(1);
  const auto read = fetch({topic("orders", wish)}, 1);
  EXPECT_NE(read->response.responses[0].partitions[0].aborted_transactions, std::nullopt);
}

TEST_F(RecordHandlersTest, OldClientsAreToldOfASegmentWhoseRecordsAreDeletedBesideTheEnd) {
  const auto batch = one_record();
  ASSERT_EQ(produce("orders", Bytes(batch)), ErrorCode::NONE);
  const auto deleted = broker_->replicas->find("orders", PartitionIndex(0))->delete_records(Offset(1));
  ASSERT_TRUE(deleted.ok());
  using Topic = ListOffsetsRequest::ListOffsetsTopic;
  std::vector<Topic::ListOffsetsPartition> partitions(1);
  partitions[0].timestamp = -1;
  partitions[0].max_num_offsets = 5;
  std::vector<Topic> topics{{"orders", partitions}};
  ListOffsetsRequest request;
  request.replica_id = BrokerId(-1);
  request.topics = topics;
  const auto answer = broker_->ask<ListOffsetsResponse>(handle_list_offsets, request, 0);
  const auto& told = answer->response.topics[0].partitions[0].old_style_offsets;
  EXPECT_EQ(std::vector<int64_t>(told.begin(), told.end()), (std::vector<int64_t>{1, 1}));
}

TEST_F(RecordHandlersTest, AnOfflineDirectoryIsAnotherLeaderToOldClients) {
  broker_->replicas->on_directory_offline({{"orders", PartitionIndex(0)}});
  const std::vector<FetchPartition> wish{partition(0)};
  EXPECT_EQ(fetch({topic("orders", wish)}, 0, 6)->response.responses[0].partitions[0].error_code, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(fetch({topic("orders", wish)}, 0, 5)->response.responses[0].partitions[0].error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

}  // namespace
}  // namespace quokka
