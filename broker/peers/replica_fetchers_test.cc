#include "broker/peers/replica_fetchers.h"

#include <gtest/gtest.h>

#include "broker/peers/scripted_leader.h"
#include "broker/replica/partition_for_test.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/list_offsets.h"

namespace quokka {
namespace {

using testing::kOne;
using testing::kPartition;
using testing::kThree;
using testing::kTwo;
using testing::leader_batches;

constexpr Duration kBackoff = Duration::millis(1000);

// Broker 1 fetches from broker 2, which the test plays.
class ReplicaFetchersTest : public ::testing::Test {
 protected:
  using Wish = FetchRequest::FetchTopic::FetchPartition;
  using Topic = FetchResponse::FetchableTopicResponse;

  // What the leader says of one partition.
  struct Told {
    int32_t index = 0;
    ErrorCode error = ErrorCode::NONE;
    std::vector<uint8_t> records{};
    int64_t high_watermark = 0;
    int64_t log_start = 0;
    std::optional<EpochEnd> diverging{};
    TopicId topic_id{};  // zero: the broker's
  };

  ReplicaFetchersTest() {
    know_leader(true);
    ReplicaFetchers::Settings settings;
    settings.self = kOne;
    settings.link.listener = "PLAINTEXT";
    settings.backoff = kBackoff;
    fetchers_ = std::make_unique<ReplicaFetchers>(settings, ReplicaFetchers::Ports{{{broker_.loop, leader_}}, broker_.pool, view_, broker_epoch_, throttle_});
  }

  void know_leader(bool known) {
    ClusterUpdate update;
    update.brokers = {{kOne, {}, {}}};
    if (known) update.brokers.push_back({kTwo, {{"PLAINTEXT", "leader", 9092, 0}}, {}});
    view_.apply(update);
  }
  void follow(int32_t epoch, std::vector<int32_t> indexes = {0}) {
    for (const int32_t index : indexes) {
      ASSERT_EQ(broker_.become(kTwo, epoch, {kTwo}, true, index), ErrorCode::NONE);
      fetchers_->follow(broker_.partition(index), kTwo);
    }
    broker_.run();
  }
  std::vector<int32_t> wished(const FetchRequest& request) {
    std::vector<int32_t> indexes;
    for (const auto& topic : request.topics) {
      for (const Wish& wish : topic.partitions) indexes.push_back(wish.partition.value);
    }
    return indexes;
  }
  std::vector<int32_t> forgotten(const FetchRequest& request) {
    std::vector<int32_t> indexes;
    for (const auto& topic : request.forgotten_topics_data) {
      for (const PartitionIndex index : topic.partitions) indexes.push_back(index.value);
    }
    return indexes;
  }
  void answer(const std::vector<Told>& all, int32_t session_id = 77) {
    std::vector<Topic::PartitionData> partitions;
    std::vector<Topic> topics;
    partitions.reserve(all.size());
    for (const Told& told : all) {
      Topic::PartitionData& data = partitions.emplace_back();
      data.partition_index = PartitionIndex(told.index);
      data.error_code = told.error;
      data.high_watermark = Offset(told.high_watermark);
      data.log_start_offset = Offset(told.log_start);
      data.records.bytes = Bytes(told.records);
      if (told.diverging) data.diverging_epoch = {told.diverging->epoch.value, told.diverging->end_offset};
      Topic topic;
      topic.topic = kPartition.topic;
      topic.topic_id = told.topic_id.is_zero() ? broker_.topic_id : told.topic_id;
      topic.partitions = Array<Topic::PartitionData>(&data, 1);
      topics.push_back(topic);
    }
    FetchResponse response;
    response.session_id = session_id;
    response.responses = topics;
    leader_.answer(response);
    broker_.run();
  }
  void answer_error(ErrorCode error) {
    FetchResponse response;
    response.error_code = error;
    leader_.answer(response);
    broker_.run();
  }
  void answer_offset(int64_t timestamp, int64_t offset) {
    const auto request = leader_.expect<ListOffsetsRequest>();
    ASSERT_EQ(request.topics[0].partitions[0].timestamp, timestamp);
    std::vector<ListOffsetsResponse::ListOffsetsTopicResponse::ListOffsetsPartitionResponse> partitions(1);
    partitions[0].offset = Offset(offset);
    std::vector<ListOffsetsResponse::ListOffsetsTopicResponse> topics(1);
    topics[0].name = kPartition.topic;
    topics[0].partitions = partitions;
    ListOffsetsResponse response;
    response.topics = topics;
    leader_.answer(response);
    broker_.run();
  }
  FetchRequest expect() { return leader_.expect<FetchRequest>(); }
  void advance(Duration span) {
    broker_.loop.advance(span);
    broker_.run();
  }

  testing::ReplicasOnMemory broker_;
  testing::ScriptedLeader leader_{broker_.loop};
  ViewHolder view_;
  std::atomic<int64_t> broker_epoch_{55};
  ConfigSources sources_;
  TopicConfigs topic_configs_{sources_};
  ReplicationThrottle throttle_{{ReplicaSide::follower, kOne, 2, Duration::seconds(1)}, topic_configs_};
  std::unique_ptr<ReplicaFetchers> fetchers_;
};

TEST_F(ReplicaFetchersTest, ASessionNamesPartitionsOnceAndThenWhatChanged) {
  follow(3, {0, 1});
  const FetchRequest first = expect();
  EXPECT_EQ(leader_.version(), 17);
  EXPECT_EQ(first.session_id, 0);
  EXPECT_EQ(first.session_epoch, 0);
  EXPECT_EQ(first.replica_state.replica_id, kOne);
  EXPECT_EQ(first.replica_state.replica_epoch, BrokerEpoch(55)) << "a leader tells lives of a broker apart by it (KIP-903)";
  ASSERT_EQ(first.topics.size(), 1u);
  EXPECT_EQ(first.topics[0].topic_id, broker_.topic_id);
  ASSERT_EQ(wished(first), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(first.topics[0].partitions[0].current_leader_epoch, LeaderEpoch(3));
  EXPECT_EQ(first.topics[0].partitions[0].fetch_offset, Offset(0));
  EXPECT_EQ(first.topics[0].partitions[0].last_fetched_epoch, LeaderEpoch(-1));

  answer({{.index = 0, .records = leader_batches(0, 2, 3), .high_watermark = 1}, {.index = 1}});
  EXPECT_EQ(broker_.log_end(), Offset(2));
  EXPECT_EQ(broker_.high_watermark(), Offset(1));
  const FetchRequest second = expect();
  EXPECT_EQ(second.session_id, 77);
  EXPECT_EQ(second.session_epoch, 1);
  ASSERT_EQ(wished(second), std::vector<int32_t>{0});
  EXPECT_EQ(second.topics[0].partitions[0].fetch_offset, Offset(2));
  EXPECT_EQ(second.topics[0].partitions[0].last_fetched_epoch, LeaderEpoch(3));

  answer({});
  EXPECT_EQ(expect().session_epoch, 2);
  EXPECT_TRUE(wished(expect()).empty());
  EXPECT_EQ(leader_.unanswered(), 1u) << "one fetch in flight";
}

TEST_F(ReplicaFetchersTest, AStoppedPartitionIsForgotten) {
  follow(3, {0, 1});
  answer({{.index = 0}, {.index = 1}});
  fetchers_->unfollow({kPartition.topic, PartitionIndex(1)});
  broker_.run();
  answer({});
  EXPECT_EQ(forgotten(expect()), std::vector<int32_t>{1});
  answer({});
  EXPECT_TRUE(forgotten(expect()).empty()) << "told once";
}

TEST_F(ReplicaFetchersTest, APartitionInTroubleRestsAndDoesNotHoldUpTheOthers) {
  follow(3, {0, 1});
  answer({{.index = 0, .error = ErrorCode::KAFKA_STORAGE_ERROR}, {.index = 1, .records = leader_batches(0, 1, 3)}});
  EXPECT_EQ(forgotten(expect()), std::vector<int32_t>{0});
  EXPECT_EQ(wished(expect()), std::vector<int32_t>{1});
  answer({{.index = 1, .records = leader_batches(1, 1, 3)}});
  EXPECT_EQ(broker_.partition(1)->state().log_end, Offset(2));
  advance(kBackoff);
  answer({});
  EXPECT_EQ(wished(expect()), std::vector<int32_t>{0}) << "it had its rest";
}

TEST_F(ReplicaFetchersTest, AFetcherWhosePartitionsAllRestWakesForTheLastOfThemToo) {
  follow(3, {0, 1});
  answer({{.index = 0, .error = ErrorCode::KAFKA_STORAGE_ERROR}, {.index = 1}});
  advance(Duration::millis(600));
  answer({{.index = 1, .error = ErrorCode::KAFKA_STORAGE_ERROR}});
  EXPECT_EQ(leader_.unanswered(), 0u) << "both rest";
  advance(Duration::millis(400));
  ASSERT_EQ(leader_.unanswered(), 1u);
  EXPECT_EQ(wished(expect()), std::vector<int32_t>{0});
  answer({{.index = 0, .error = ErrorCode::KAFKA_STORAGE_ERROR}});
  // The timer of that rest is not the last one that is needed: 1 rests, too.
  advance(kBackoff);
  ASSERT_EQ(leader_.unanswered(), 1u);
  EXPECT_EQ(wished(expect()).back(), 1);
  answer({{.index = 1, .error = ErrorCode::KAFKA_STORAGE_ERROR}});
  if (leader_.unanswered() > 0) answer({{.index = 0, .error = ErrorCode::KAFKA_STORAGE_ERROR}});
  advance(kBackoff);
  ASSERT_EQ(leader_.unanswered(), 1u);
  EXPECT_EQ(wished(expect()).front(), 0);
}

TEST_F(ReplicaFetchersTest, AThrottledPartitionIsLeftOutWhileTheRateIsAboveTheLimitAndDoesNotHoldUpTheOthers) {
  topic_configs_.set(kPartition.topic, {{"follower.replication.throttled.replicas", "0:1"}});
  throttle_.set_limit(10);
  follow(3, {0, 1});
  answer({{.index = 0, .records = leader_batches(0, 4, 3), .high_watermark = 9}, {.index = 1, .records = leader_batches(0, 4, 3), .high_watermark = 9}});
  EXPECT_EQ(forgotten(expect()), std::vector<int32_t>{0});
  EXPECT_EQ(wished(expect()), std::vector<int32_t>{1});
  answer({{.index = 1, .records = leader_batches(4, 1, 3), .high_watermark = 9}});
  EXPECT_EQ(wished(expect()), std::vector<int32_t>{1}) << "that one goes on";
  advance(Duration::seconds(2));
  answer({});
  EXPECT_EQ(wished(expect()), std::vector<int32_t>{0}) << "the rate has fallen";
}

TEST_F(ReplicaFetchersTest, AThrottledPartitionThatHasCaughtUpIsCopiedOn) {
  topic_configs_.set(kPartition.topic, {{"follower.replication.throttled.replicas", "*"}});
  throttle_.set_limit(10);
  follow(3);
  answer({{.records = leader_batches(0, 4, 3), .high_watermark = 4}});
  EXPECT_EQ(wished(expect()), std::vector<int32_t>{0}) << "or it would fall out of the in-sync set";
  answer({});
  EXPECT_EQ(leader_.unanswered(), 1u);
}

TEST_F(ReplicaFetchersTest, AFetcherWhosePartitionsAreAllThrottledAsksAgainWhenTheRateHasFallen) {
  topic_configs_.set(kPartition.topic, {{"follower.replication.throttled.replicas", "*"}});
  throttle_.set_limit(10);
  follow(3);
  answer({{.records = leader_batches(0, 4, 3), .high_watermark = 9}});
  EXPECT_EQ(leader_.unanswered(), 0u);
  advance(kBackoff);
  EXPECT_EQ(leader_.unanswered(), 0u);
  advance(kBackoff);
  EXPECT_EQ(leader_.unanswered(), 1u);
}

TEST_F(ReplicaFetchersTest, H9ADivergingAnswerTruncatesAndItsHighWatermarkIsNotUsed) {
  follow(3);
  answer({{.records = leader_batches(0, 4, 3)}});
  follow(6);
  answer({});  // of the fetch of before
  ASSERT_EQ(wished(expect()), std::vector<int32_t>{0});
  answer({{.high_watermark = 4, .diverging = EpochEnd{LeaderEpoch(3), Offset(2)}}});
  EXPECT_EQ(broker_.log_end(), Offset(2));
  EXPECT_EQ(broker_.high_watermark(), Offset(0));
  const FetchRequest again = expect();
  ASSERT_EQ(wished(again), std::vector<int32_t>{0});
  EXPECT_EQ(again.topics[0].partitions[0].fetch_offset, Offset(2));
}

TEST_F(ReplicaFetchersTest, H7AnAnswerToAFetchOfAnotherEpochIsDropped) {
  follow(3);
  expect();
  follow(4);
  answer({{.records = leader_batches(0, 4, 3), .high_watermark = 4}});
  EXPECT_EQ(broker_.log_end(), Offset(0));
  EXPECT_EQ(expect().topics[0].partitions[0].current_leader_epoch, LeaderEpoch(4));
  // The same for what was said to be wrong under the older epoch: it does not rest.
  follow(5);
  answer({{.error = ErrorCode::FENCED_LEADER_EPOCH}});
  ASSERT_EQ(leader_.unanswered(), 1u);
  EXPECT_EQ(expect().topics[0].partitions[0].current_leader_epoch, LeaderEpoch(5));
}

TEST_F(ReplicaFetchersTest, H21OutOfRangeAsksWhereTheLeadersLogLies) {
  follow(3);
  answer({{.records = leader_batches(0, 4, 3)}});
  answer({{.error = ErrorCode::OFFSET_OUT_OF_RANGE}});
  answer_offset(-1, 90);
  answer_offset(-2, 40);
  EXPECT_EQ(broker_.log_end(), Offset(40));
  EXPECT_EQ(broker_.partition()->state().log_start, Offset(40));
  EXPECT_EQ(expect().topics[0].partitions[0].fetch_offset, Offset(40));
}

TEST_F(ReplicaFetchersTest, ALogThatBeginsInsideABatchIsFollowed) {
  follow(3);
  answer({{.error = ErrorCode::OFFSET_OUT_OF_RANGE}});
  answer_offset(-1, 20);
  answer_offset(-2, 7);
  ASSERT_EQ(expect().topics[0].partitions[0].fetch_offset, Offset(7));
  answer({{.records = leader_batches(5, 3, 3, 5), .high_watermark = 20, .log_start = 7}});
  EXPECT_EQ(broker_.log_end(), Offset(20));
  EXPECT_EQ(broker_.partition()->state().log_start, Offset(7));
  EXPECT_EQ(expect().topics[0].partitions[0].fetch_offset, Offset(20));
}

TEST_F(ReplicaFetchersTest, ALostSessionBeginsAnewAtOnceALostConnectionAfterAWhile) {
  follow(3);
  answer({{.records = leader_batches(0, 1, 3)}});
  answer_error(ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  ASSERT_EQ(leader_.unanswered(), 1u);
  EXPECT_EQ(expect().session_id, 0);
  EXPECT_EQ(wished(expect()), std::vector<int32_t>{0});
  answer({});
  leader_.hang_up();
  EXPECT_EQ(leader_.unanswered(), 0u);
  advance(kBackoff);
  ASSERT_EQ(leader_.unanswered(), 1u);
  EXPECT_EQ(expect().session_id, 0);
  EXPECT_EQ(expect().topics[0].partitions[0].fetch_offset, Offset(1));
  EXPECT_EQ(leader_.connections(), 2u);
}

TEST_F(ReplicaFetchersTest, ALeaderThatIsNotKnownYetIsWaitedFor) {
  know_leader(false);
  follow(3);
  EXPECT_EQ(leader_.unanswered(), 0u);
  know_leader(true);
  advance(kBackoff);
  EXPECT_EQ(wished(expect()), std::vector<int32_t>{0});
}

TEST_F(ReplicaFetchersTest, H28WhatIsToldOfADeletedTopicIsNotTakenForItsSuccessor) {
  follow(3);
  answer({{.records = leader_batches(0, 1, 3)}});
  const TopicId old = broker_.topic_id;
  fetchers_->unfollow(kPartition);
  ASSERT_EQ(broker_.table->stop(kPartition, LeaderEpoch(-2), true), ErrorCode::NONE);
  broker_.topic_id = TopicId{8, 9};
  follow(0);
  // The fetch of before is answered: the leader knows the id no more.
  answer({{.error = ErrorCode::UNKNOWN_TOPIC_ID, .topic_id = old}});
  ASSERT_EQ(leader_.unanswered(), 1u) << "the new one does not rest for it";
  const FetchRequest next = expect();
  EXPECT_EQ(next.topics[0].topic_id, broker_.topic_id);
  ASSERT_EQ(next.forgotten_topics_data.size(), 1u);
  EXPECT_EQ(next.forgotten_topics_data[0].topic_id, old);
}

TEST_F(ReplicaFetchersTest, WithFlushMessages1TheNextFetchWaitsForTheDevice) {
  LogConfig durable;
  durable.flush_messages = 1;
  broker_.config = std::make_shared<LogConfig>(durable);
  follow(3, {0, 1});
  leader_.expect<FetchRequest>();
  bool asked_before_sync = false;
  broker_.disk.set_fault([&](const MemoryDisk::Operation& operation) {
    if (operation.name == "sync" && operation.path.ends_with(".log")) asked_before_sync = asked_before_sync || leader_.unanswered() > 0;
    return false;
  });
  answer({{.index = 0, .records = leader_batches(0, 2, 3)}, {.index = 1, .records = leader_batches(0, 1, 3)}});
  EXPECT_FALSE(asked_before_sync) << "to ask from there on is to acknowledge";
  const FetchRequest next = expect();
  ASSERT_EQ(wished(next), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(next.topics[0].partitions[0].fetch_offset, Offset(2));
}

TEST_F(ReplicaFetchersTest, H7BoundsAskedUnderAnotherEpochCutNothing) {
  follow(3);
  answer({{.records = leader_batches(0, 4, 3), .high_watermark = 4}});
  answer({{.error = ErrorCode::OFFSET_OUT_OF_RANGE, .high_watermark = -1}});
  answer_offset(-1, 2);
  follow(4);  // the same leader, elected anew: where its log was is another matter
  answer_offset(-2, 0);
  broker_.run();
  EXPECT_EQ(broker_.log_end(), Offset(4));
}

TEST_F(ReplicaFetchersTest, TopicsWithoutIdAreFetchedByNameAndTakeTheBrokerEpochFromNoOther) {
  const TopicId id = std::exchange(broker_.topic_id, TopicId());
  follow(3);
  EXPECT_EQ(expect().topics[0].topic, kPartition.topic);
  EXPECT_EQ(leader_.version(), 12);
  EXPECT_EQ(expect().replica_id, kOne);
  broker_.topic_id = id;
  follow(3, {1});
  ASSERT_EQ(leader_.unanswered(), 2u);
  answer({{.records = leader_batches(0, 1, 3), .topic_id = id}});
  EXPECT_EQ(leader_.version(), 17);
  EXPECT_EQ(expect().replica_state.replica_epoch, BrokerEpoch(55));
  EXPECT_EQ(wished(expect()), std::vector<int32_t>{1});
}

TEST_F(ReplicaFetchersTest, WhatCannotBeAppendedIsAskedForAgainAfterARest) {
  follow(3);
  std::vector<uint8_t> damaged = leader_batches(0, 1, 3);
  damaged.back() ^= 1;
  answer({{.records = damaged}});
  EXPECT_EQ(broker_.log_end(), Offset(0));
  EXPECT_EQ(leader_.unanswered(), 0u);
  advance(kBackoff);
  answer({{.records = leader_batches(0, 1, 3)}});
  EXPECT_EQ(broker_.log_end(), Offset(1));
}

}  // namespace
}  // namespace quokka
