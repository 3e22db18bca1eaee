// The throttles of replication (KIP-73), set in ZooKeeper while the brokers run: a throttled reassignment is copied at about the rate, what is copied beside
// it on the same connection is not held up, and without the throttle it ends.
#include <algorithm>
#include <optional>

#include "integration-tests/clients/cluster_fixture.h"
#include "integration-tests/faults/reassignment.h"
#include "integration-tests/faults/workload.h"

namespace quokka {
namespace {

constexpr int64_t limit = 200'000;
// What a fetch may bring above the limit, which is asked for before it.
constexpr int64_t fetch_bytes_max = 16'384, batch_bytes_max = 8'000;
constexpr int64_t slow_bytes = 100 * limit, free_bytes = 5 * limit;  // slow: longer than all else here may take
constexpr int from = 1, to = 2;

class ThrottleTest : public ClusterFixture<ThrottleTest> {
 public:
  static ClusterOptions options() {
    ClusterOptions wanted;
    wanted.keys = {{"auto.leader.rebalance.enable", "false"}, {"replica.fetch.max.bytes", std::to_string(fetch_bytes_max)}};
    return wanted;
  }

 protected:
  // On broker `from` alone.
  static void make(const std::string& topic, int64_t bytes) {
    KafkaAdmin(bootstrap()).create_topic_and_wait(topic, 1, 1);
    reassign(bootstrap(), topic, {{0, {from}}});
    ASSERT_TRUE(eventually(client_timeout_ms, [&] { return is_reassigned(znodes(), topic, {{0, {from}}}); }));
    KafkaProducer producer(bootstrap(), {{"acks", "all"}, {"batch.size", std::to_string(batch_bytes_max)}, {"linger.ms", "5"}});
    for (int64_t sent = 0; sent < bytes; sent += 1000) producer.send(topic, 0, std::string(1000, 'x'));
    producer.flush_all_delivered();
  }
  // As the broker measures it.
  static double rate(int broker, const std::string& side) {
    const std::string series = "kafka_server_" + side + "Replication_Value{name=\"byte-rate\"}";
    const std::optional<double> found = cluster().metric(broker, series);
    EXPECT_TRUE(found) << "no metric " << series;
    return found.value_or(-1);
  }

  // `side`: "Leader" or "Follower", as the metric says it; `broker`: whose limit it is.
  static void copy_throttled(const std::string& side, int broker) {
    std::string key = side;
    key[0] = static_cast<char>(key[0] | 0x20);
    const std::string slow = "slow-" + key, free = "free-" + key, beside = "beside-" + key;
    make(slow, slow_bytes);
    make(free, free_bytes);
    KafkaAdmin(bootstrap()).create_topic_and_wait(beside, 4, 3, {{"min.insync.replicas", "3"}});
    WorkloadOptions load;
    load.bootstrap = bootstrap();
    load.topic = beside;
    load.partitions = 4;
    Workload workload(load);
    znodes().change_config("topics/" + slow, {{key + ".replication.throttled.replicas", "0:1,0:2"}});
    znodes().change_config("brokers/" + std::to_string(broker), {{key + ".replication.throttled.rate", std::to_string(limit)}});

    reassign(bootstrap(), slow, {{0, {to}}});
    double highest = 0;
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return (highest = std::max(highest, rate(broker, side))) > limit / 2; })) << "nothing is copied";
    reassign(bootstrap(), free, {{0, {to}}});
    EXPECT_TRUE(eventually(client_timeout_ms, [&] {
      highest = std::max(highest, rate(broker, side));
      return is_reassigned(znodes(), free, {{0, {to}}});
    })) << "what is not throttled is held up";
    EXPECT_TRUE(workload.wait_for_every_partition(client_timeout_ms)) << "what is in sync is held up";
    highest = std::max(highest, rate(broker, side));
    EXPECT_LE(highest, limit + fetch_bytes_max + batch_bytes_max);
    EXPECT_FALSE(is_reassigned(znodes(), slow, {{0, {to}}}));

    znodes().change_config("brokers/" + std::to_string(broker), {});
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return is_reassigned(znodes(), slow, {{0, {to}}}); })) << "it does not end without the throttle";
    const Findings findings = check_history(workload.stop());
    EXPECT_TRUE(findings.empty()) << findings.str();
  }
};

TEST_F(ThrottleTest, OfWhatALeaderSends) { copy_throttled("Leader", from); }
TEST_F(ThrottleTest, OfWhatAFollowerCopies) { copy_throttled("Follower", to); }

}  // namespace
}  // namespace quokka
