// The consumer of tools against brokers that the test plays.
#include "tools/record_consumer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "protocol/client/scripted_broker.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/records/batch_builder.h"

namespace quokka {
namespace {

using testing::ScriptedBroker;
using testing::ScriptedRequest;

// Two brokers, 1 and 2, and a topic "t" with a partition for each of `leaders`. Its records are named by partition and offset, "0:5", and lie
// from `log_start` up to `log_end` of the partition.
class TwoBrokers {
 public:
  explicit TwoBrokers(std::vector<int32_t> first_leaders) : leaders(std::move(first_leaders)), log_start(leaders.size(), 0), log_end(leaders.size(), 3) {
    const std::vector<ApiKey> apis{ApiKey::METADATA, ApiKey::LIST_OFFSETS, ApiKey::FETCH};
    for (const int32_t id : {1, 2}) {
      brokers_.push_back(std::make_unique<ScriptedBroker>(apis, [this, id](const ScriptedRequest& request) { return respond(id, request); }));
    }
    for (auto& broker : brokers_) broker->start();
  }

  BlockingClientSettings settings() const {
    BlockingClientSettings settings;
    settings.servers = {{"127.0.0.1", brokers_.front()->port()}};
    settings.retry_backoff = Duration::millis(1);
    return settings;
  }

  // Changed by the test while no request is under way.
  std::vector<int32_t> leaders;
  std::vector<int64_t> log_start, log_end;
  std::shared_future<void> broker_1_answers_fetches_after;  // at once, if empty

 private:
  using Fetched = FetchResponse::FetchableTopicResponse;
  using Listed = ListOffsetsResponse::ListOffsetsTopicResponse;

  std::optional<std::vector<uint8_t>> respond(int32_t id, const ScriptedRequest& request) {
    Arena arena = Arena::for_frame(request.body.size());
    if (request.key == ApiKey::METADATA) return metadata(request.version);
    if (request.key == ApiKey::LIST_OFFSETS) return offsets(request.as<ListOffsetsRequest>(arena), request.version);
    if (id == 1 && broker_1_answers_fetches_after.valid()) broker_1_answers_fetches_after.wait();
    return records(id, request.as<FetchRequest>(arena), request.version);
  }

  std::vector<uint8_t> metadata(int16_t version) const {
    std::vector<MetadataResponse::MetadataResponseBroker> brokers;
    for (size_t i = 0; i < brokers_.size(); ++i) brokers.push_back({BrokerId(1 + static_cast<int32_t>(i)), "127.0.0.1", brokers_[i]->port(), std::nullopt});
    std::vector<MetadataResponse::MetadataResponseTopic::MetadataResponsePartition> partitions(leaders.size());
    for (size_t i = 0; i < partitions.size(); ++i) {
      partitions[i].partition_index = PartitionIndex(static_cast<int32_t>(i));
      partitions[i].leader_id = BrokerId(leaders[i]);
    }
    std::vector<MetadataResponse::MetadataResponseTopic> topics(1);
    topics.front().name = "t";
    topics.front().partitions = partitions;
    MetadataResponse response;
    response.brokers = brokers;
    response.topics = topics;
    return ScriptedBroker::body_of(response, version);
  }

  std::vector<uint8_t> offsets(const ListOffsetsRequest& request, int16_t version) const {
    std::vector<Listed::ListOffsetsPartitionResponse> partitions;
    for (const auto& asked : request.topics.front().partitions) {
      const auto i = static_cast<size_t>(asked.partition_index.value);
      partitions.emplace_back().partition_index = asked.partition_index;
      partitions.back().offset = Offset(asked.timestamp == -2 ? log_start[i] : log_end[i]);
    }
    std::vector<Listed> topics(1);
    topics.front().name = "t";
    topics.front().partitions = partitions;
    ListOffsetsResponse response;
    response.topics = topics;
    return ScriptedBroker::body_of(response, version);
  }

  std::vector<uint8_t> records(int32_t id, const FetchRequest& request, int16_t version) const {
    std::vector<Fetched::PartitionData> partitions;
    std::vector<std::vector<uint8_t>> batches;
    batches.reserve(request.topics.front().partitions.size());
    for (const auto& asked : request.topics.front().partitions) {
      const auto i = static_cast<size_t>(asked.partition.value);
      partitions.emplace_back().partition_index = asked.partition;
      if (leaders[i] != id) {
        partitions.back().error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
      } else if (asked.fetch_offset.value < log_start[i] || asked.fetch_offset.value > log_end[i]) {
        partitions.back().error_code = ErrorCode::OFFSET_OUT_OF_RANGE;
      } else if (asked.fetch_offset.value < log_end[i]) {
        partitions.back().records.bytes = batches.emplace_back(batch(i, asked.fetch_offset.value));
      }
    }
    std::vector<Fetched> topics(1);
    topics.front().topic = "t";
    topics.front().partitions = partitions;
    FetchResponse response;
    response.responses = topics;
    return ScriptedBroker::body_of(response, version);
  }

  std::vector<uint8_t> batch(size_t partition, int64_t from) const {
    BatchFields fields;
    fields.base_offset = Offset(from);
    BatchBuilder builder(fields);
    for (int64_t offset = from; offset < log_end[partition]; ++offset) {
      const std::string text = std::to_string(partition) + ":" + std::to_string(offset);
      builder.add(1000, std::nullopt, bytes_of(text));
    }
    return builder.build();
  }

  std::vector<std::unique_ptr<ScriptedBroker>> brokers_;
};

struct Consuming {
  Consuming(TwoBrokers& brokers, ConsumerSettings settings)
      : client(brokers.settings(), [](const std::string&) {}), consumer(client, settings, [this](const std::string& text) { warnings.push_back(text); }) {}

  // Polls until `count` records have come, sorted: partitions come in any order.
  std::vector<std::string> read(size_t count) {
    std::vector<std::string> values;
    const MonoTime end = client.now() + Duration::seconds(20);
    while (values.size() < count && client.now() < end) {
      status = consumer.poll(Duration::millis(20), [&](const TopicPartition&, const FetchedRecord& fetched) {
        values.emplace_back(text_of(*fetched.record.value));
        return values.size() < count;
      });
      if (!status.ok()) break;
    }
    std::ranges::sort(values);
    return values;
  }

  BlockingClient client;
  std::vector<std::string> warnings;
  RecordConsumer consumer;
  Status status;
};

ConsumerSettings from(StartAt reset) {
  ConsumerSettings settings;
  settings.reset = reset;
  return settings;
}

using Values = std::vector<std::string>;

TEST(RecordConsumer, reads_all_partitions_in_order) {
  TwoBrokers brokers({1, 2, 1});
  Consuming consuming(brokers, from(StartAt::EARLIEST));
  consuming.consumer.subscribe("t");
  EXPECT_EQ(consuming.read(9), (Values{"0:0", "0:1", "0:2", "1:0", "1:1", "1:2", "2:0", "2:1", "2:2"}));
}

TEST(RecordConsumer, a_silent_leader_does_not_hold_up_another) {
  TwoBrokers brokers({1, 2});
  std::promise<void> answer;
  brokers.broker_1_answers_fetches_after = answer.get_future().share();
  Consuming consuming(brokers, from(StartAt::EARLIEST));
  consuming.consumer.subscribe("t");
  EXPECT_EQ(consuming.read(3), (Values{"1:0", "1:1", "1:2"}));
  answer.set_value();
  EXPECT_EQ(consuming.read(3), (Values{"0:0", "0:1", "0:2"}));
}

TEST(RecordConsumer, one_partition_begins_where_it_is_told) {
  TwoBrokers brokers({1, 2});
  Consuming by_number(brokers, from(StartAt::EARLIEST));
  by_number.consumer.assign({"t", PartitionIndex(1)}, StartAt::LATEST, Offset(2));
  EXPECT_EQ(by_number.read(1), (Values{"1:2"}));

  // The end, although the reset says otherwise: nothing is there until a record comes.
  Consuming at_end(brokers, from(StartAt::EARLIEST));
  at_end.consumer.assign({"t", PartitionIndex(0)}, StartAt::LATEST, std::nullopt);
  int seen = 0;
  ASSERT_TRUE(at_end.consumer.poll(Duration::millis(50), [&](const auto&, const auto&) { return ++seen > 0; }).ok());
  EXPECT_EQ(seen, 0);

  Consuming nowhere(brokers, from(StartAt::EARLIEST));
  nowhere.consumer.assign({"t", PartitionIndex(9)}, StartAt::EARLIEST, std::nullopt);
  nowhere.read(1);
  EXPECT_EQ(nowhere.status.error().message, "topic 't' has no partition 9");
}

TEST(RecordConsumer, a_position_that_is_gone_is_reset) {
  TwoBrokers brokers({1});
  brokers.log_start = {1};
  Consuming earliest(brokers, from(StartAt::EARLIEST));
  earliest.consumer.assign({"t", PartitionIndex(0)}, StartAt::LATEST, Offset(0));
  EXPECT_EQ(earliest.read(2), (Values{"0:1", "0:2"}));
  EXPECT_EQ(earliest.warnings, (Values{"t-0: offset 0 is out of range; going on at the beginning"}));

  Consuming none(brokers, from(StartAt::NOWHERE));
  none.consumer.assign({"t", PartitionIndex(0)}, StartAt::LATEST, Offset(0));
  none.read(1);
  EXPECT_EQ(none.status.code(), ErrorCode::OFFSET_OUT_OF_RANGE);
}

TEST(RecordConsumer, follows_a_partition_to_its_new_leader) {
  TwoBrokers brokers({1});
  Consuming consuming(brokers, from(StartAt::EARLIEST));
  consuming.consumer.subscribe("t");
  EXPECT_EQ(consuming.read(3).size(), 3u);
  brokers.leaders = {2};
  brokers.log_end = {5};
  EXPECT_EQ(consuming.read(2), (Values{"0:3", "0:4"}));
}

}  // namespace
}  // namespace quokka
