// Followers copy their leader byte for byte, and come back into the in-sync set after they were away.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "integration-tests/clients/cluster_fixture.h"

namespace quokka {
namespace {

class ReplicationTest : public ClusterFixture<ReplicationTest> {
 protected:
  static constexpr int32_t partitions = 3;

  void SetUp() override {
    ClusterFixture::SetUp();
    cluster().start_all_brokers();
  }
  static void create(const std::string& topic, const ClientKeys& configs = {}) { KafkaAdmin(bootstrap()).create_topic_and_wait(topic, partitions, 3, configs); }
  static void produce(const std::string& topic, int from, int to, const ClientKeys& keys = {}) {
    ClientKeys all = {{"acks", "all"}, {"enable.idempotence", "true"}, {"compression.type", "zstd"}};
    for (const auto& [key, value] : keys) all[key] = value;
    KafkaProducer producer(bootstrap(), all);
    for (int i = from; i < to; ++i) producer.send(topic, i % partitions, "record " + std::to_string(i) + std::string(200, 'x'));
    producer.flush_all_delivered();
  }
  // The bytes of a replica's segments, in order, by file name.
  static std::map<std::string, std::string> segments(int broker, const std::string& topic, int32_t partition) {
    std::map<std::string, std::string> found;
    const std::string directory = cluster().data_directory(broker) + "/" + topic + "-" + std::to_string(partition);
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(directory, gone)) {
      if (entry.path().extension() != ".log") continue;
      std::ostringstream bytes;
      bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      found[entry.path().filename()] = bytes.str();
    }
    return found;
  }
  static std::string joined(const std::map<std::string, std::string>& files) {
    std::string all;
    for (const auto& [name, bytes] : files) all += bytes;
    return all;
  }
  // All records are on three replicas: the log ends are the high watermark when nobody writes.
  static void expect_equal_replicas(const std::string& topic) {
    for (int32_t partition = 0; partition < partitions; ++partition) {
      SCOPED_TRACE(partition);
      const auto equal = [&] {
        const std::string first = joined(segments(1, topic, partition));
        return !first.empty() && joined(segments(2, topic, partition)) == first && joined(segments(3, topic, partition)) == first;
      };
      EXPECT_TRUE(eventually(client_timeout_ms, equal)) << joined(segments(1, topic, partition)).size() << ", " << joined(segments(2, topic, partition)).size()
                                                        << " and " << joined(segments(3, topic, partition)).size() << " bytes";
    }
  }
  static bool in_sync(const std::string& topic, size_t replicas) {
    for (int32_t partition = 0; partition < partitions; ++partition) {
      const std::optional<znodes::PartitionState> state = znodes().partition_state(topic, partition);
      if (!state || state->isr.size() != replicas) return false;
    }
    return true;
  }
  static bool holds(const std::string& topic, int partition, int broker) {
    const std::vector<BrokerId> isr = znodes().partition_state(topic, partition)->isr;
    return std::find(isr.begin(), isr.end(), BrokerId(broker)) != isr.end();
  }
  static size_t count(const std::string& topic) { return records_of(bootstrap(), topic, partitions).size(); }
};

TEST_F(ReplicationTest, ReplicasAreEqualByteForByte) {
  create("equal", {{"segment.bytes", "100000"}});
  EXPECT_TRUE(in_sync("equal", 3));
  for (const char* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) produce("equal", 0, 1500, {{"compression.type", codec}, {"batch.num.messages", "50"}});
  expect_equal_replicas("equal");
  const std::map<std::string, std::string> files = segments(1, "equal", 0);
  EXPECT_GT(files.size(), 1u) << "the log did not roll";
  EXPECT_EQ(segments(2, "equal", 0), files);
  EXPECT_EQ(segments(3, "equal", 0), files);
  EXPECT_TRUE(in_sync("equal", 3));
}

TEST_F(ReplicationTest, AStoppedFollowerCatchesUp) {
  create("stopped");
  produce("stopped", 0, 300);
  const int follower = 3;
  EXPECT_EQ(cluster().stop_broker(follower), 0);
  EXPECT_TRUE(in_sync("stopped", 2)) << "a clean stop leaves the in-sync set";
  produce("stopped", 300, 900);
  cluster().start_broker(follower);
  cluster().wait_until_ready(follower);
  EXPECT_TRUE(eventually(client_timeout_ms, [] { return in_sync("stopped", 3); }));
  expect_equal_replicas("stopped");
  EXPECT_EQ(count("stopped"), 900u);
}

TEST_F(ReplicationTest, AKilledReplicaCatchesUp) {
  create("killed");
  produce("killed", 0, 300);
  const int victim = 2;
  cluster().kill_broker(victim);
  // Records for the partitions it led wait for the new leader.
  produce("killed", 300, 900);
  for (int32_t partition = 0; partition < partitions; ++partition) EXPECT_FALSE(holds("killed", partition, victim));
  cluster().start_broker(victim);
  cluster().wait_until_ready(victim);
  EXPECT_TRUE(eventually(client_timeout_ms, [] { return in_sync("killed", 3); }));
  expect_equal_replicas("killed");
  EXPECT_EQ(count("killed"), 900u);
}

TEST_F(ReplicationTest, AReplicaKilledAndStartedAtOnceCatchesUp) {
  create("bounced");
  produce("bounced", 0, 300);
  cluster().kill_broker(1);
  cluster().start_broker(1);
  produce("bounced", 300, 900);
  cluster().wait_until_ready(1);
  EXPECT_TRUE(eventually(client_timeout_ms, [] { return in_sync("bounced", 3); }));
  expect_equal_replicas("bounced");
  EXPECT_EQ(count("bounced"), 900u);
}

TEST_F(ReplicationTest, APausedFollowerLeavesTheSetAndReturns) {
  // Its session outlives the pause: the leader, not the controller's view of live brokers, takes it out.
  create("paused", {{"min.insync.replicas", "2"}});
  const int32_t partition = 0;
  const int leader = znodes().partition_state("paused", partition)->leader.value;
  const int follower = leader % 3 + 1;
  produce("paused", 0, 30);
  cluster().broker(follower).pause();
  const auto left = [&] { return !holds("paused", partition, follower); };
  const bool shrunk = eventually(client_timeout_ms, left);
  cluster().broker(follower).resume();
  EXPECT_TRUE(shrunk);
  EXPECT_TRUE(eventually(client_timeout_ms, [] { return in_sync("paused", 3); }));
  produce("paused", 30, 60);
  expect_equal_replicas("paused");
}

TEST_F(ReplicationTest, TooFewInSyncReplicasRefuseAcksAll) {
  create("too-few", {{"min.insync.replicas", "3"}});
  produce("too-few", 0, 3);
  EXPECT_EQ(cluster().stop_broker(3), 0);
  KafkaProducer producer(cluster().address(1) + "," + cluster().address(2), {{"acks", "all"}, {"message.timeout.ms", "2000"}});
  producer.send("too-few", 0, "refused");
  EXPECT_NE(producer.flush().back().error, RdKafka::ERR_NO_ERROR);
  KafkaProducer careless(cluster().address(1) + "," + cluster().address(2), {{"acks", "1"}});
  careless.send("too-few", 0, "taken");
  careless.flush_all_delivered();
}

}  // namespace
}  // namespace quokka
