// Compacted topics: every key keeps its last value, and nothing else stays, whatever dies meanwhile; committed offsets outlive the compaction of their topic.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "integration-tests/clients/cluster_fixture.h"
#include "integration-tests/clients/group_member.h"

namespace quokka {
namespace {

class CompactionTest : public ClusterFixture<CompactionTest> {
 public:
  static ClusterOptions options() {
    ClusterOptions wanted;
    wanted.keys = {{"log.cleaner.backoff.ms", "200"},          {"log.cleaner.threads", "2"},           {"log.cleaner.min.cleanable.ratio", "0.01"},
                   {"offsets.topic.num.partitions", "1"},      {"offsets.topic.segment.bytes", "4096"}, {"offsets.topic.replication.factor", "3"},
                   {"group.initial.rebalance.delay.ms", "100"}};
    return wanted;
  }

 protected:
  using Values = std::map<std::string, std::string>;

  void SetUp() override {
    ClusterFixture::SetUp();
    cluster().start_all_brokers();
  }
  static Values latest(const std::vector<KafkaRecord>& records) {
    Values values;
    for (const KafkaRecord& record : records) {
      if (record.value)
        values[*record.key] = *record.value;
      else
        values.erase(*record.key);
    }
    return values;
  }
  // Of one partition's segments on one broker.
  static int64_t bytes_of_log(int broker, const std::string& partition) {
    int64_t bytes = 0;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(cluster().data_directory(broker) + "/" + partition, gone))
      if (entry.path().extension() == ".log") bytes += static_cast<int64_t>(entry.file_size(gone));
    return bytes;
  }
  // The checkpoint of a broker says so far the partition is clean.
  static int64_t clean_up_to(int broker, const std::string& topic) {
    std::ifstream file(cluster().data_directory(broker) + "/cleaner-offset-checkpoint");
    std::string name;
    int64_t partition = 0, offset = 0;
    std::string skipped;
    std::getline(file, skipped);
    std::getline(file, skipped);
    while (file >> name >> partition >> offset)
      if (name == topic) return offset;
    return -1;
  }
};

TEST_F(CompactionTest, ATopicHoldsExactlyTheLastValueOfEachKeyAfterKills) {
  const std::string topic = "latest";
  KafkaAdmin(bootstrap()).create_topic_and_wait(topic, 1, 3, {{"cleanup.policy", "compact"}, {"segment.bytes", "16384"}, {"file.delete.delay.ms", "100"},
                                                             {"delete.retention.ms", "0"}});
  Values wanted;
  for (int round = 0; round < 6; ++round) {
    KafkaProducer producer(bootstrap(), {{"acks", "all"}, {"enable.idempotence", "true"}, {"batch.num.messages", "20"}, {"compression.type", round % 2 == 0 ? "none" : "lz4"}});
    for (int i = 0; i < 1500; ++i) {
      KafkaRecord record;
      record.key = "key-" + std::to_string(i * 7919 % 60);
      if (i % 50 != 49) record.value = std::to_string(round) + "-" + std::to_string(i);
      producer.send(topic, record);
      if (record.value)
        wanted[*record.key] = *record.value;
      else
        wanted.erase(*record.key);
      if (i == 700) cluster().kill_broker(round % 3 + 1);
    }
    producer.flush_all_delivered(60'000);
    cluster().start_all_brokers();
  }
  ASSERT_EQ(latest(records_of(bootstrap(), topic)), wanted);
  for (const int broker : cluster().broker_ids())
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return bytes_of_log(broker, topic + "-0") < 40'000; })) << bytes_of_log(broker, topic + "-0");
  const std::vector<KafkaRecord> left = records_of(bootstrap(), topic);
  EXPECT_EQ(latest(left), wanted);
  EXPECT_LT(left.size(), 1500u);
  // Below what is clean no key is there twice.
  std::map<std::string, int> seen;
  int64_t clean = INT64_MAX;
  for (const int broker : cluster().broker_ids()) clean = std::min(clean, clean_up_to(broker, topic));
  EXPECT_GT(clean, 5000);
  for (const KafkaRecord& record : left)
    if (record.offset < clean) {
      EXPECT_EQ(++seen[*record.key], 1) << *record.key << " at " << record.offset;
    }
  cluster().kill_all_brokers();
  cluster().start_all_brokers();
  EXPECT_EQ(latest(records_of(bootstrap(), topic)), wanted);
}

TEST_F(CompactionTest, ARecordWithoutKeyIsRefused) {
  KafkaAdmin(bootstrap()).create_topic_and_wait("keyed", 1, 3, {{"cleanup.policy", "compact"}});
  KafkaProducer producer(bootstrap());
  producer.send("keyed", 0, "no key");
  ASSERT_EQ(producer.flush().size(), 1u);
  EXPECT_EQ(producer.flush().front().error, RdKafka::ERR_INVALID_RECORD);
}

TEST_F(CompactionTest, CommittedOffsetsOutliveTheCompactionOfTheirTopic) {
  constexpr int kRecords = 600;
  KafkaAdmin(bootstrap()).create_topic_and_wait("read", 1, 3);
  {
    KafkaProducer producer(bootstrap(), {{"acks", "all"}});
    for (int i = 0; i < kRecords; ++i) producer.send("read", 0, std::to_string(i));
    producer.flush_all_delivered();
    GroupMember member(bootstrap(), "readers", "read");
    ASSERT_TRUE(eventually(60'000, [&] {
      const auto committed = member.committed();
      return committed.contains(0) && committed.at(0) == kRecords;
    }));
  }
  // Each commit is a record of about a hundred bytes.
  for (const int broker : cluster().broker_ids())
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return bytes_of_log(broker, "__consumer_offsets-0") < 10'000 && clean_up_to(broker, "__consumer_offsets") > 300; }))
        << bytes_of_log(broker, "__consumer_offsets-0");
  EXPECT_EQ(committed_offsets(bootstrap(), "readers", "read", 1).at(0), kRecords);
  cluster().kill_all_brokers();
  cluster().start_all_brokers();
  EXPECT_EQ(committed_offsets(bootstrap(), "readers", "read", 1).at(0), kRecords);
}

}  // namespace
}  // namespace quokka
