// Three brokers on an ensemble of three: any one of them shows the whole cluster, and topics come from the administrator and by themselves.
#include <set>

#include "integration-tests/clients/cluster_fixture.h"

namespace quokka {
namespace {

class MetadataTest : public ClusterFixture<MetadataTest> {
 public:
  static ClusterOptions options() {
    ClusterOptions wanted;
    wanted.zookeepers = 3;
    wanted.chroot = "/quokka/one";
    return wanted;
  }

 protected:
  static std::set<std::string> topics_seen_by(int broker) {
    std::set<std::string> names;
    const std::unique_ptr<RdKafka::Metadata> answer = KafkaAdmin(cluster().address(broker)).metadata();
    for (const RdKafka::TopicMetadata* topic : *answer->topics()) names.insert(topic->topic());
    return names;
  }
  static bool all_see(const std::string& topic) {
    for (int id : {1, 2, 3})
      if (topics_seen_by(id).count(topic) == 0) return false;
    return true;
  }
};

TEST_F(MetadataTest, AnyBrokerListsTheWholeCluster) {
  KafkaAdmin(bootstrap()).create_topic_and_wait("seen-everywhere", 12, 3);
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return all_see("seen-everywhere"); }));
  const int controller = znodes().controller();
  std::string cluster_id;
  for (int asked : {1, 2, 3}) {
    SCOPED_TRACE(asked);
    KafkaAdmin admin(cluster().address(asked));
    const std::unique_ptr<RdKafka::Metadata> answer = admin.metadata();
    EXPECT_EQ(answer->orig_broker_id(), asked);
    std::map<int, std::string> brokers;
    for (const RdKafka::BrokerMetadata* broker : *answer->brokers()) brokers[broker->id()] = broker->host() + ":" + std::to_string(broker->port());
    EXPECT_EQ(brokers, (std::map<int, std::string>{{1, cluster().address(1)}, {2, cluster().address(2)}, {3, cluster().address(3)}}));
    EXPECT_EQ(admin.handle().controllerid(client_timeout_ms), controller);
    const std::string id = admin.handle().clusterid(client_timeout_ms);
    EXPECT_EQ(id.size(), 22u);
    if (cluster_id.empty()) cluster_id = id;
    EXPECT_EQ(id, cluster_id);
    ASSERT_EQ(answer->topics()->size(), 1u);
    const RdKafka::TopicMetadata& topic = *answer->topics()->front();
    EXPECT_EQ(topic.topic(), "seen-everywhere");
    ASSERT_EQ(topic.partitions()->size(), 12u);
    std::map<int, int> led;
    for (const RdKafka::PartitionMetadata* partition : *topic.partitions()) {
      EXPECT_EQ(partition->err(), RdKafka::ERR_NO_ERROR);
      EXPECT_EQ(partition->replicas()->size(), 3u);
      EXPECT_EQ(partition->isrs()->size(), 3u);
      EXPECT_EQ(partition->leader(), partition->replicas()->front());
      ++led[partition->leader()];
    }
    EXPECT_EQ(led, (std::map<int, int>{{1, 4}, {2, 4}, {3, 4}}));
  }
}

TEST_F(MetadataTest, KcatListsItFromAnyBroker) {
  KafkaAdmin admin(bootstrap());
  admin.create_topic_and_wait("kcat-a", 2, 1);
  admin.create_topic_and_wait("kcat-b", 5, 3);
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return all_see("kcat-b") && all_see("kcat-a"); }));
  const int controller = znodes().controller();
  for (int asked : {1, 2, 3}) {
    const std::string listed = kcat("-L -b " + cluster().address(asked));
    SCOPED_TRACE(listed);
    EXPECT_NE(listed.find(" 3 brokers:"), std::string::npos);
    for (int id : {1, 2, 3}) {
      const std::string line = " broker " + std::to_string(id) + " at " + cluster().address(id) + (id == controller ? " (controller)" : "") + "\n";
      EXPECT_NE(listed.find(line), std::string::npos) << line;
    }
    EXPECT_NE(listed.find("topic \"kcat-a\" with 2 partitions:"), std::string::npos);
    EXPECT_NE(listed.find("topic \"kcat-b\" with 5 partitions:"), std::string::npos);
  }
}

TEST_F(MetadataTest, CreationAndDeletionThroughAnyBroker) {
  for (int asked : {1, 2, 3}) {
    SCOPED_TRACE(asked);
    const std::string topic = "through-" + std::to_string(asked);
    KafkaAdmin admin(cluster().address(asked));
    admin.create_topic_and_wait(topic, 3, 2, {{"retention.ms", "86400000"}});
    EXPECT_EQ(admin.create_topic(topic, 3, 2), RdKafka::ERR_TOPIC_ALREADY_EXISTS);
    const std::string config = znodes().text("/config/topics/" + topic).value_or("absent");
    EXPECT_NE(config.find("\"retention.ms\":\"86400000\""), std::string::npos) << config;
    EXPECT_EQ(admin.delete_topic(topic), RdKafka::ERR_NO_ERROR);
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return !znodes().stat("/brokers/topics/" + topic) && !all_see(topic); }));
    EXPECT_EQ(admin.delete_topic(topic), RdKafka::ERR_UNKNOWN_TOPIC_OR_PART);
  }
}

TEST_F(MetadataTest, WhatCannotBeCreatedIsRefused) {
  KafkaAdmin admin(bootstrap());
  EXPECT_EQ(admin.create_topic("too-many-replicas", 1, 4), RdKafka::ERR_INVALID_REPLICATION_FACTOR);
  EXPECT_EQ(admin.create_topic("a/b", 1, 1), RdKafka::ERR_TOPIC_EXCEPTION);
  EXPECT_EQ(admin.create_topic("bad-config", 1, 1, {{"retention.ms", "soon"}}), RdKafka::ERR_INVALID_CONFIG);
  EXPECT_FALSE(znodes().stat("/brokers/topics/too-many-replicas"));
  EXPECT_FALSE(znodes().stat("/brokers/topics/bad-config"));
}

TEST_F(MetadataTest, AProducerMakesItsTopic) {
  KafkaProducer producer(cluster().address(2));
  producer.send("made-by-producing", RdKafka::Topic::PARTITION_UA, "first");
  producer.flush_all_delivered();
  const std::vector<KafkaRecord> records = records_of(cluster().address(3), "made-by-producing");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].value, "first");
}

TEST_F(MetadataTest, ConsumersAndAdministratorsDoNotMakeTopics) {
  KafkaAdmin admin(bootstrap());
  EXPECT_THROW(admin.watermarks("never-made"), std::runtime_error);
  EXPECT_FALSE(znodes().stat("/brokers/topics/never-made"));
}

}  // namespace
}  // namespace quokka
