#include "broker/quota/replication_throttles.h"

#include <gtest/gtest.h>

#include "protocol/base/log_capture.h"

namespace quokka {
namespace {

constexpr MonoTime at(int64_t ms) { return MonoTime{} + Duration::seconds(100) + Duration::millis(ms); }
constexpr BrokerId self{7};
constexpr PartitionIndex zero{0}, one{1};
constexpr const char *leader_replicas = "leader.replication.throttled.replicas", *follower_replicas = "follower.replication.throttled.replicas",
                     *leader_rate = "leader.replication.throttled.rate", *follower_rate = "follower.replication.throttled.rate";

TEST(ByteRateTest, TheFirstWindowIsTakenForWhole) {
  ByteRate rate(3, Duration::seconds(1));
  EXPECT_EQ(rate.per_second(at(0)), 0);
  rate.record(500, at(0));
  EXPECT_EQ(rate.per_second(at(0)), 500) << "not infinitely fast";
  EXPECT_EQ(rate.per_second(at(500)), 500);
  EXPECT_EQ(rate.per_second(at(2000)), 250) << "since it began";
}

TEST(ByteRateTest, WindowsThatSawNothingForTooLongAreForgotten) {
  ByteRate rate(3, Duration::seconds(1));
  rate.record(300, at(0));
  rate.record(300, at(900));
  rate.record(300, at(1000));
  EXPECT_DOUBLE_EQ(rate.per_second(at(3000)), 300) << "900 bytes in three seconds: the first window's last bytes are not three seconds old";
  EXPECT_DOUBLE_EQ(rate.per_second(at(3900)), 300 / 2.9);
  EXPECT_EQ(rate.per_second(at(4000)), 0);
  // A steady stream is measured as it is, however long it lasts.
  for (int i = 0; i < 100; ++i) rate.record(50, at(5000 + i * 100));
  EXPECT_NEAR(rate.per_second(at(15'000)), 500, 60);
}

class ReplicationThrottleTest : public ::testing::Test {
 protected:
  ReplicationThrottle make(ReplicaSide side) { return ReplicationThrottle({side, self, 2, Duration::seconds(1)}, topics_); }

  ConfigSources sources_;
  TopicConfigs topics_{sources_};
};

TEST_F(ReplicationThrottleTest, AboveTheLimitChosenPartitionsWaitUntilTheRateHasFallen) {
  ReplicationThrottle throttle = make(ReplicaSide::leader);
  topics_.set("t", {{leader_replicas, "0:7, 1:8"}});
  throttle.set_limit(1000);
  throttle.record("t", zero, 1000, at(0));
  EXPECT_FALSE(throttle.holds_back("t", zero, at(0))) << "as much as the limit is not above it";
  throttle.record("t", zero, 1, at(0));
  EXPECT_TRUE(throttle.holds_back("t", zero, at(0)));
  EXPECT_FALSE(throttle.holds_back("t", one, at(0))) << "that one is throttled at broker 8";
  EXPECT_FALSE(throttle.holds_back("u", zero, at(0)));
  EXPECT_FALSE(throttle.holds_back("t", zero, at(1100)));
}

TEST_F(ReplicationThrottleTest, OnlyWhatIsCopiedOfChosenPartitionsCounts) {
  ReplicationThrottle throttle = make(ReplicaSide::follower);
  topics_.set("t", {{follower_replicas, "0:7"}, {leader_replicas, "*"}});
  throttle.record("t", one, 1000, at(0));
  throttle.record("u", zero, 1000, at(0));
  EXPECT_EQ(throttle.bytes_per_second(at(0)), 0);
  topics_.set("t", {{follower_replicas, "*"}});
  throttle.record("t", one, 1000, at(0));
  EXPECT_EQ(throttle.bytes_per_second(at(0)), 1000);
  topics_.set("t", {});
  throttle.set_limit(1);
  EXPECT_FALSE(throttle.holds_back("t", one, at(0))) << "the topic names nobody any more";
}

TEST_F(ReplicationThrottleTest, WithoutALimitNobodyWaits) {
  ReplicationThrottle throttle = make(ReplicaSide::leader);
  topics_.set("t", {{leader_replicas, "*"}});
  throttle.record("t", zero, size_t{1} << 40, at(0));
  EXPECT_FALSE(throttle.holds_back("t", zero, at(0)));
  throttle.set_limit(0);
  EXPECT_TRUE(throttle.holds_back("t", zero, at(0)));
}

TEST_F(ReplicationThrottleTest, RatesComeFromTheBrokersOwnSettingsOrThoseOfAllBrokers) {
  BrokerConfig config;
  config.replication_quota_window_num = 11;
  config.replication_quota_window_size_seconds = 1;
  ReplicationThrottles throttles(config, self, topics_);
  EXPECT_EQ(throttles.leader().limit(), ReplicationThrottle::unlimited);
  throttles.on_broker_config("<default>", {{leader_rate, "100"}, {follower_rate, " 200 "}});
  EXPECT_EQ(throttles.leader().limit(), 100);
  EXPECT_EQ(throttles.follower().limit(), 200);
  throttles.on_broker_config("7", {{leader_rate, "10"}});
  throttles.on_broker_config("8", {{leader_rate, "9"}});
  EXPECT_EQ(throttles.leader().limit(), 10);
  EXPECT_EQ(throttles.follower().limit(), 200);
  throttles.on_broker_config("7", {});
  EXPECT_EQ(throttles.leader().limit(), 100);
  LogCapture log;
  throttles.on_broker_config("<default>", {{leader_rate, "fast"}, {follower_rate, "-1"}});
  EXPECT_EQ(throttles.leader().limit(), ReplicationThrottle::unlimited);
  EXPECT_EQ(throttles.follower().limit(), ReplicationThrottle::unlimited);
  EXPECT_TRUE(log.contains("Invalid value fast"));
}

TEST(ThrottledReplicasTest, AreNamedByPartitionAndBroker) {
  const ThrottledReplicas some = ThrottledReplicas::of("0:1,12:3");
  EXPECT_TRUE(some.contains(PartitionIndex(12), BrokerId(3)));
  EXPECT_FALSE(some.contains(PartitionIndex(12), BrokerId(1)));
  EXPECT_TRUE(ThrottledReplicas::of(" * ").contains(PartitionIndex(5), BrokerId(1)));
  EXPECT_TRUE(ThrottledReplicas::of("").empty());
  EXPECT_TRUE(ThrottledReplicas::of("*:1,x,1:,:2,99999999999:1").empty());
}

}  // namespace
}  // namespace quokka
