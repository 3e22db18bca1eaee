#include "tools/record_producer.h"

#include <gtest/gtest.h>

#include <deque>

#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/produce.h"
#include "protocol/client/scripted_broker.h"
#include "tools/partitioner.h"

namespace quokka {
namespace {

using testing::ScriptedBroker;
using testing::ScriptedRequest;

// A cluster of one broker and one topic, whose produce answers are scripted: NONE once the script is used up.
class OneBroker {
 public:
  explicit OneBroker(int partitions, std::vector<ApiKey> apis = {ApiKey::METADATA, ApiKey::PRODUCE, ApiKey::INIT_PRODUCER_ID})
      : partitions_(partitions), broker_(std::move(apis), [this](const ScriptedRequest& request) { return respond(request); }) {
    broker_.start();
  }

  struct Written {
    int32_t partition = 0;
    int64_t producer_id = -1;
    int32_t sequence = -1;
    int32_t records = 0;
    bool crc_is_valid = false;
    bool operator==(const Written&) const = default;
  };

  BlockingClientSettings settings() const {
    BlockingClientSettings settings;
    settings.servers = {{"127.0.0.1", broker_.port()}};
    settings.retry_backoff = Duration::millis(1);
    return settings;
  }

  // Read by the test while no request is under way.
  std::vector<Written> written;
  std::deque<ErrorCode> script;      // answers to produce requests; UNKNOWN_SERVER_ERROR closes the connection instead
  int metadata_requests = 0;

 private:
  std::optional<std::vector<uint8_t>> respond(const ScriptedRequest& request) {
    Arena arena = Arena::for_frame(request.body.size());
    if (request.key == ApiKey::METADATA) return metadata(request.version);
    if (request.key == ApiKey::INIT_PRODUCER_ID) {
      InitProducerIdResponse response;
      response.producer_id = ProducerId(next_producer_id_++);
      return ScriptedBroker::body_of(response, request.version);
    }
    return produce(request.as<ProduceRequest>(arena), request.version);
  }

  std::vector<uint8_t> metadata(int16_t version) {
    ++metadata_requests;
    std::vector<MetadataResponse::MetadataResponseBroker> brokers{{BrokerId(1), "127.0.0.1", broker_.port(), std::nullopt}};
    std::vector<MetadataResponse::MetadataResponseTopic::MetadataResponsePartition> partitions(static_cast<size_t>(partitions_));
    for (size_t i = 0; i < partitions.size(); ++i) {
      partitions[i].partition_index = PartitionIndex(static_cast<int32_t>(i));
      partitions[i].leader_id = BrokerId(1);
    }
    std::vector<MetadataResponse::MetadataResponseTopic> topics(1);
    topics.front().name = "t";
    topics.front().partitions = partitions;
    MetadataResponse response;
    response.brokers = brokers;
    response.topics = topics;
    return ScriptedBroker::body_of(response, version);
  }

  std::optional<std::vector<uint8_t>> produce(const ProduceRequest& request, int16_t version) {
    ErrorCode code = ErrorCode::NONE;
    if (!script.empty()) {
      code = script.front();
      script.pop_front();
    }
    if (code == ErrorCode::UNKNOWN_SERVER_ERROR) return std::nullopt;
    std::vector<ProduceResponse::TopicProduceResponse::PartitionProduceResponse> partitions;
    for (const auto& partition : request.topic_data.front().partition_data) {
      const BatchView batch(*partition.records.bytes);
      written.push_back({partition.index.value, batch.producer_id().value, batch.base_sequence(), batch.records_count(), batch.crc_is_valid()});
      partitions.emplace_back();
      partitions.back().index = partition.index;
      partitions.back().error_code = code;
    }
    std::vector<ProduceResponse::TopicProduceResponse> topics(1);
    topics.front().name = "t";
    topics.front().partition_responses = partitions;
    ProduceResponse response;
    response.responses = topics;
    return ScriptedBroker::body_of(response, version);
  }

  const int partitions_;
  int64_t next_producer_id_ = 7;
  ScriptedBroker broker_;
};

struct Producing {
  Producing(OneBroker& broker, ProducerSettings settings)
      : client(broker.settings(), [](const std::string&) {}),
        producer(client, "t", settings, [this](const Error& error, int32_t records) { failures.emplace_back(error.code, records); },
                 [this](const std::string& text) { warnings.push_back(text); }) {
    const Status status = producer.open();
    EXPECT_TRUE(status.ok()) << status.error().message;
  }
  void add(std::optional<std::string> key, const std::string& value) {
    EXPECT_TRUE(producer.add(1000, key ? std::optional(bytes_of(*key)) : std::nullopt, bytes_of(value), {}).ok());
  }

  BlockingClient client;
  std::vector<std::pair<ErrorCode, int32_t>> failures;
  std::vector<std::string> warnings;
  RecordProducer producer;
};

ProducerSettings quick() {
  ProducerSettings settings;
  settings.retry_backoff = Duration::millis(1);
  return settings;
}

TEST(RecordProducer, sequences_count_up_by_partition) {
  OneBroker broker(1);
  Producing producing(broker, quick());
  producing.add("k", "1");
  producing.add("k", "2");
  producing.producer.flush();
  producing.add("k", "3");
  producing.producer.flush();
  EXPECT_EQ(broker.written, (std::vector<OneBroker::Written>{{0, 7, 0, 2, true}, {0, 7, 2, 1, true}}));
  EXPECT_TRUE(producing.failures.empty());
}

TEST(RecordProducer, a_retry_sends_the_same_sequence) {
  OneBroker broker(1);
  Producing producing(broker, quick());
  // A leader that moved, a lost connection, then success; a duplicate is success, too.
  broker.script = {ErrorCode::NOT_LEADER_OR_FOLLOWER, ErrorCode::UNKNOWN_SERVER_ERROR, ErrorCode::NONE, ErrorCode::DUPLICATE_SEQUENCE_NUMBER};
  producing.add({}, "1");
  producing.producer.flush();
  producing.add({}, "2");
  producing.producer.flush();
  EXPECT_EQ(broker.written, (std::vector<OneBroker::Written>{{0, 7, 0, 1, true}, {0, 7, 0, 1, true}, {0, 7, 1, 1, true}}));
  EXPECT_GE(broker.metadata_requests, 3);
  EXPECT_TRUE(producing.failures.empty());
}

TEST(RecordProducer, what_cannot_be_cured_is_reported_and_leaves_no_gap) {
  OneBroker broker(1);
  Producing producing(broker, quick());
  broker.script = {ErrorCode::INVALID_RECORD};
  producing.add({}, "1");
  producing.add({}, "2");
  producing.producer.flush();
  EXPECT_EQ(producing.failures, (std::vector<std::pair<ErrorCode, int32_t>>{{ErrorCode::INVALID_RECORD, 2}}));
  producing.add({}, "3");
  producing.producer.flush();
  EXPECT_EQ(broker.written.back(), (OneBroker::Written{0, 8, 0, 1, true}));  // a new id begins anew
}

TEST(RecordProducer, a_forgotten_producer_takes_a_new_id) {
  OneBroker broker(1);
  Producing producing(broker, quick());
  broker.script = {ErrorCode::NONE, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER};
  producing.add({}, "1");
  producing.producer.flush();
  producing.add({}, "2");
  producing.producer.flush();
  EXPECT_EQ(broker.written, (std::vector<OneBroker::Written>{{0, 7, 0, 1, true}, {0, 7, 1, 1, true}, {0, 8, 0, 1, true}}));
}

TEST(RecordProducer, retries_end) {
  OneBroker broker(1);
  ProducerSettings settings = quick();
  settings.retries = 2;
  Producing producing(broker, settings);
  broker.script = {ErrorCode::NOT_ENOUGH_REPLICAS, ErrorCode::NOT_ENOUGH_REPLICAS, ErrorCode::NOT_ENOUGH_REPLICAS, ErrorCode::NONE};
  producing.add({}, "1");
  producing.producer.flush();
  EXPECT_EQ(producing.failures, (std::vector<std::pair<ErrorCode, int32_t>>{{ErrorCode::NOT_ENOUGH_REPLICAS, 1}}));
  EXPECT_EQ(broker.written.size(), 3u);
}

TEST(RecordProducer, what_fails_alike_again_and_again_is_told_once_an_interval_and_counted) {
  OneBroker broker(1);
  ProducerSettings settings = quick();
  settings.warn_interval = Duration::seconds(1000);
  Producing seldom(broker, settings);
  broker.script.assign(20, ErrorCode::NOT_ENOUGH_REPLICAS);
  seldom.add({}, "1");
  seldom.producer.flush();
  EXPECT_EQ(seldom.warnings, std::vector<std::string>{"sending again: t-0: NOT_ENOUGH_REPLICAS"});
  broker.script = {ErrorCode::LEADER_NOT_AVAILABLE};
  seldom.add({}, "2");
  seldom.producer.flush();
  EXPECT_EQ(seldom.warnings.size(), 2u) << "another reason is told at once";

  settings.warn_interval = Duration::millis(100);
  Producing counting(broker, settings);
  const MonoTime deadline = counting.client.now() + Duration::seconds(30);
  const auto is_counted = [&] { return counting.warnings.size() > 1 && counting.warnings.back().ends_with(" more like this were left out)"); };
  while (!is_counted() && counting.client.now() < deadline) {
    broker.script.assign(20, ErrorCode::NOT_ENOUGH_REPLICAS);
    counting.add({}, "1");
    counting.producer.flush();
  }
  EXPECT_TRUE(is_counted());
}

TEST(RecordProducer, keys_have_their_partition_and_the_rest_sticks_until_a_batch_is_full) {
  OneBroker broker(3);
  ProducerSettings settings = quick();
  settings.batch_bytes = 500;
  Producing producing(broker, settings);
  producing.add("foobar", "v");
  producing.producer.flush();
  EXPECT_EQ(broker.written.back().partition, partition_of_key(bytes_of("foobar"), 3).value);
  broker.written.clear();
  for (int i = 0; i < 12; ++i) producing.add({}, std::string(100, 'x'));
  producing.producer.flush();
  std::vector<int32_t> partitions;
  int32_t records = 0;
  for (const auto& batch : broker.written) {
    partitions.push_back(batch.partition);
    records += batch.records;
  }
  EXPECT_EQ(records, 12);
  EXPECT_GT(partitions.size(), 2u);
  for (size_t i = 1; i < partitions.size(); ++i) EXPECT_NE(partitions[i], partitions[i - 1]);
}

TEST(RecordProducer, without_producer_ids_records_go_without) {
  OneBroker broker(1, {ApiKey::METADATA, ApiKey::PRODUCE});
  Producing producing(broker, quick());
  producing.add({}, "1");
  producing.producer.flush();
  EXPECT_EQ(broker.written, (std::vector<OneBroker::Written>{{0, -1, -1, 1, true}}));
}

TEST(RecordProducer, a_record_above_the_limit_is_refused_alone) {
  OneBroker broker(1);
  ProducerSettings settings = quick();
  settings.request_bytes_max = 1000;
  Producing producing(broker, settings);
  EXPECT_EQ(producing.producer.add(1000, std::nullopt, bytes_of(std::string(2000, 'x')), {}).code(), ErrorCode::MESSAGE_TOO_LARGE);
  producing.add({}, "1");
  producing.producer.flush();
  EXPECT_EQ(broker.written.size(), 1u);
}

}  // namespace
}  // namespace quokka
