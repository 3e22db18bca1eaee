// What one librdkafka application asks of a cluster: acknowledgements, where to begin reading, headers, keys, sizes, deleting.
#include <algorithm>

#include "integration-tests/clients/cluster_fixture.h"

namespace quokka {
namespace {

class ClientsTest : public ClusterFixture<ClientsTest> {
 protected:
  // A topic of one partition with three replicas.
  static std::string topic(const ClientKeys& configs = {}) {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    KafkaAdmin(bootstrap()).create_topic_and_wait(name, 1, 3, configs);
    return name;
  }
  static void produce(const std::string& topic, int count, const ClientKeys& keys = {}) {
    KafkaProducer producer(bootstrap(), keys);
    for (int i = 0; i < count; ++i) {
      KafkaRecord record;
      record.value = std::to_string(i);
      record.timestamp_ms = base_timestamp_ms + i * 1000;
      producer.send(topic, record);
    }
    producer.flush_all_delivered();
  }
  static std::vector<std::string> values(const std::vector<KafkaRecord>& records) {
    std::vector<std::string> all;
    for (const KafkaRecord& record : records) all.push_back(record.value.value_or("(null)"));
    return all;
  }
  static constexpr int64_t base_timestamp_ms = 1'700'000'000'000;
};

TEST_F(ClientsTest, EveryKindOfAcknowledgement) {
  const std::string name = topic();
  std::vector<std::string> wanted;
  for (const char* acks : {"0", "1", "all"}) {
    KafkaProducer producer(bootstrap(), {{"acks", acks}});
    for (int i = 0; i < 100; ++i) {
      wanted.push_back(std::string(acks) + " " + std::to_string(i));
      producer.send(name, 0, wanted.back());
    }
    producer.flush_all_delivered();
    // With acks=0 nobody says when they are there.
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return KafkaAdmin(bootstrap()).watermarks(name).second == static_cast<int64_t>(wanted.size()); })) << acks;
  }
  EXPECT_EQ(values(records_of(bootstrap(), name)), wanted);
}

TEST_F(ClientsTest, OffsetsOfDeliveriesAreThoseRead) {
  const std::string name = topic();
  KafkaProducer producer(bootstrap(), {{"acks", "all"}, {"batch.num.messages", "7"}});
  for (int i = 0; i < 50; ++i) producer.send(name, 0, std::to_string(i));
  producer.flush_all_delivered();
  std::vector<int64_t> offsets;
  for (const Delivery& delivery : producer.flush()) offsets.push_back(delivery.offset);
  std::vector<int64_t> wanted(50);
  for (size_t i = 0; i < wanted.size(); ++i) wanted[i] = static_cast<int64_t>(i);
  EXPECT_EQ(offsets, wanted);
}

TEST_F(ClientsTest, ReadingFromTheBeginningTheEndAndBetween) {
  const std::string name = topic();
  produce(name, 100, {{"batch.num.messages", "10"}});
  EXPECT_EQ(records_of(bootstrap(), name).size(), 100u);
  const std::vector<std::string> from_50 = values(records_of(bootstrap(), name, 1, 50));
  ASSERT_EQ(from_50.size(), 50u);
  EXPECT_EQ(from_50.front(), "50");
  EXPECT_TRUE(records_of(bootstrap(), name, 1, RdKafka::Topic::OFFSET_END).empty());
  EXPECT_EQ(values(records_of(bootstrap(), name, 1, RdKafka::Consumer::OffsetTail(3))), (std::vector<std::string>{"97", "98", "99"}));
  // Beyond the end, the client begins where auto.offset.reset says.
  EXPECT_EQ(records_of(bootstrap(), name, 1, 1000, {{"auto.offset.reset", "earliest"}}).size(), 100u);
}

TEST_F(ClientsTest, ReadingFromATimestamp) {
  const std::string name = topic();
  produce(name, 100, {{"batch.num.messages", "10"}});
  KafkaAdmin admin(bootstrap());
  EXPECT_EQ(admin.offset_at(name, 0, base_timestamp_ms - 5), 0);
  EXPECT_EQ(admin.offset_at(name, 0, base_timestamp_ms + 42'000), 42);
  EXPECT_EQ(admin.offset_at(name, 0, base_timestamp_ms + 42'001), 43);
  EXPECT_EQ(admin.offset_at(name, 0, base_timestamp_ms + 99'000), 99);
  EXPECT_EQ(admin.offset_at(name, 0, base_timestamp_ms + 99'001), RdKafka::Topic::OFFSET_END);
  EXPECT_EQ(records_of(bootstrap(), name)[42].timestamp_ms, base_timestamp_ms + 42'000);
}

TEST_F(ClientsTest, BothIsolationLevels) {
  const std::string name = topic();
  produce(name, 20);
  EXPECT_EQ(records_of(bootstrap(), name, 1, RdKafka::Topic::OFFSET_BEGINNING, {{"isolation.level", "read_committed"}}).size(), 20u);
  EXPECT_EQ(records_of(bootstrap(), name, 1, RdKafka::Topic::OFFSET_BEGINNING, {{"isolation.level", "read_uncommitted"}}).size(), 20u);
}

TEST_F(ClientsTest, TheHighLevelConsumerWithAnAssignment) {
  const std::string name = topic();
  produce(name, 20);
  std::string error;
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  for (const auto& [key, value] : ClientKeys{{"bootstrap.servers", bootstrap()}, {"group.id", "g"}, {"enable.auto.commit", "false"}, {"log_level", "0"}})
    ASSERT_EQ(conf->set(key, value, error), RdKafka::Conf::CONF_OK) << error;
  std::unique_ptr<RdKafka::KafkaConsumer> consumer(RdKafka::KafkaConsumer::create(conf.get(), error));
  ASSERT_TRUE(consumer) << error;
  std::unique_ptr<RdKafka::TopicPartition> begin(RdKafka::TopicPartition::create(name, 0, 5));
  ASSERT_EQ(consumer->assign({begin.get()}), RdKafka::ERR_NO_ERROR);
  int64_t next = 5;
  EXPECT_TRUE(eventually(client_timeout_ms, [&] {
    std::unique_ptr<RdKafka::Message> message(consumer->consume(100));
    if (message->err() == RdKafka::ERR_NO_ERROR) {
      EXPECT_EQ(message->offset(), next);
      ++next;
    }
    return next == 20;
  }));
  consumer->unassign();
}

TEST_F(ClientsTest, HeadersKeysAndNulls) {
  const std::string name = topic();
  std::vector<KafkaRecord> sent(5);
  sent[0].key = "key";
  sent[0].value = "value";
  sent[0].headers = {{"a", "1"}, {"a", "2"}, {"empty", ""}, {"", "unnamed"}, {"null", std::nullopt}};
  sent[1].value = "no key";
  sent[2].key = "tombstone";
  sent[3].value = "";
  sent[3].headers = {{"bytes", std::string("\0\xff\x01", 3)}};
  sent[4].key = std::string("\0", 1);
  sent[4].value = std::string("\0\0", 2);
  KafkaProducer producer(bootstrap(), {{"acks", "all"}});
  for (const KafkaRecord& record : sent) producer.send(name, record);
  producer.flush_all_delivered();
  const std::vector<KafkaRecord> read = records_of(bootstrap(), name);
  ASSERT_EQ(read.size(), sent.size());
  for (size_t i = 0; i < sent.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(read[i].key, sent[i].key);
    // librdkafka hands out an empty value as it does a null one.
    EXPECT_EQ(read[i].value.value_or(""), sent[i].value.value_or(""));
    ASSERT_EQ(read[i].headers.size(), sent[i].headers.size());
    for (size_t h = 0; h < sent[i].headers.size(); ++h) {
      EXPECT_EQ(read[i].headers[h].first, sent[i].headers[h].first);
      EXPECT_EQ(read[i].headers[h].second.value_or(""), sent[i].headers[h].second.value_or(""));
    }
  }
}

TEST_F(ClientsTest, ARecordAsLargeAsAllowed) {
  const std::string name = topic();
  std::string large(1'048'000, 'a');
  for (size_t i = 0; i < large.size(); i += 7) large[i] = static_cast<char>('a' + i % 26);
  KafkaProducer producer(bootstrap(), {{"acks", "all"}, {"message.max.bytes", "4000000"}});
  producer.send(name, 0, large);
  producer.flush_all_delivered();
  const std::vector<KafkaRecord> read = records_of(bootstrap(), name);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_TRUE(read[0].value == large);
  // A consumer that asks for less gets it all the same.
  EXPECT_EQ(records_of(bootstrap(), name, 1, 0, {{"fetch.message.max.bytes", "1000"}}).size(), 1u);
}

TEST_F(ClientsTest, ARecordLargerThanAllowed) {
  const std::string name = topic({{"max.message.bytes", "100000"}});
  KafkaProducer producer(bootstrap(), {{"acks", "all"}, {"message.max.bytes", "4000000"}});
  producer.send(name, 0, std::string(100'001, 'a'));
  EXPECT_EQ(producer.flush().back().error, RdKafka::ERR_MSG_SIZE_TOO_LARGE);
  producer.send(name, 0, std::string(99'000, 'a'));
  EXPECT_EQ(producer.flush().back().error, RdKafka::ERR_NO_ERROR);
  EXPECT_EQ(KafkaAdmin(bootstrap()).watermarks(name), (std::pair<int64_t, int64_t>(0, 1)));
}

TEST_F(ClientsTest, RecordsAreDeletedFromTheBeginning) {
  const std::string name = topic();
  produce(name, 100, {{"batch.num.messages", "10"}});
  KafkaAdmin admin(bootstrap());
  EXPECT_EQ(admin.delete_records(name, 0, 37), 37);
  EXPECT_EQ(admin.watermarks(name), (std::pair<int64_t, int64_t>(37, 100)));
  const std::vector<std::string> left = values(records_of(bootstrap(), name));
  ASSERT_EQ(left.size(), 63u);
  EXPECT_EQ(left.front(), "37");
  EXPECT_EQ(admin.delete_records(name, 0, RdKafka::Topic::OFFSET_END), 100);
  EXPECT_TRUE(records_of(bootstrap(), name).empty());
  EXPECT_THROW(admin.delete_records(name, 0, 101), std::runtime_error);
}

TEST_F(ClientsTest, AnIdempotentProducerKeepsOrder) {
  const std::string name = topic();
  KafkaProducer producer(bootstrap(), {{"enable.idempotence", "true"}, {"batch.num.messages", "5"}, {"linger.ms", "0"}});
  std::vector<std::string> wanted;
  for (int i = 0; i < 2000; ++i) {
    wanted.push_back(std::to_string(i));
    producer.send(name, 0, wanted.back());
  }
  producer.flush_all_delivered();
  EXPECT_EQ(values(records_of(bootstrap(), name)), wanted);
}

TEST_F(ClientsTest, AReaderWaitsForWhatComes) {
  const std::string name = topic();
  produce(name, 1);
  KafkaProducer producer(bootstrap(), {{"linger.ms", "0"}});
  std::string error;
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  conf->set("bootstrap.servers", bootstrap(), error);
  conf->set("fetch.wait.max.ms", "20000", error);
  conf->set("log_level", "0", error);
  std::unique_ptr<RdKafka::Consumer> consumer(RdKafka::Consumer::create(conf.get(), error));
  std::unique_ptr<RdKafka::Topic> handle(RdKafka::Topic::create(consumer.get(), name, nullptr, error));
  ASSERT_EQ(consumer->start(handle.get(), 0, 0), RdKafka::ERR_NO_ERROR);
  for (int64_t wanted = 0; wanted < 10; ++wanted) {
    if (wanted > 0) producer.send(name, 0, "another");
    if (wanted > 0) producer.flush_all_delivered();
    // The fetch is parked at the broker for 20 s: it is the append that wakes it.
    std::unique_ptr<RdKafka::Message> message(consumer->consume(handle.get(), 0, 10'000));
    ASSERT_EQ(message->err(), RdKafka::ERR_NO_ERROR) << message->errstr();
    EXPECT_EQ(message->offset(), wanted);
  }
  consumer->stop(handle.get(), 0);
}

}  // namespace
}  // namespace quokka
