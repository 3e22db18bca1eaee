// Registration, topics and configurations on a real server, below a chroot that does not exist yet.
#include <gtest/gtest.h>

#include "coord/configs/config_store.h"
#include "coord/configs/config_writer.h"
#include "coord/registration/broker_registration.h"
#include "coord/registration/cluster_setup.h"
#include "coord/topics/topic_writer.h"
#include "coord/znodes/controller.h"
#include "integration-tests/coord/real_sessions.h"

namespace quokka {
namespace {

znodes::Broker broker_at(int32_t port) {
  znodes::Broker broker;
  broker.endpoints = {{"PLAINTEXT", "127.0.0.1", port, 0}};
  return broker;
}

struct Told final : ConfigListener {
  void on_config(const znodes::ConfigEntity& entity, const znodes::ConfigMap& config) override { configs[entity.path()] = config; }
  std::map<std::string, znodes::ConfigMap> configs;
};

class ClusterState : public ::testing::Test {
 protected:
  template <class Start>
  Status run(Start start) {
    std::optional<Status> done;
    start([&](Status status) { done = std::move(status); });
    EXPECT_TRUE(sessions.run_until([&] { return done.has_value(); }));
    return done.value_or(Status(Error{}));
  }
  // A session below the chroot /x/y of this test.
  ZookeeperClient& connect_below_new_chroot() {
    ZookeeperClient& outside = sessions.connect(sessions.settings());
    EXPECT_TRUE(run([&](Function<void(Status)> done) { ensure_path(outside, "/x/y", std::move(done)); }).ok());
    ZookeeperClient& zk = sessions.connect(sessions.settings_for(sessions.connect_string() + "/x/y"));
    EXPECT_TRUE(run([&](Function<void(Status)> done) { ensure_persistent_paths(zk, std::move(done)); }).ok());
    return zk;
  }

  RealSessions sessions;
};

TEST_F(ClusterState, ABrokerRegistersAndRegistersAgain) {
  ZookeeperClient& zk = connect_below_new_chroot();
  SystemRandom random;
  std::optional<Result<std::string>> id;
  obtain_cluster_id(zk, random, [&](Result<std::string> result) { id = std::move(result); });
  std::optional<Result<BrokerId>> broker;
  generate_broker_id(zk, 1000, [&](Result<BrokerId> result) { broker = std::move(result); });
  ASSERT_TRUE(sessions.run_until([&] { return id && broker; }));
  EXPECT_EQ(id->value().size(), 22u);
  EXPECT_EQ(broker->value(), BrokerId(1001));

  BrokerRegistration registration(zk, sessions.loop, broker->value(), broker_at(9092));
  std::vector<BrokerEpoch> epochs;
  registration.on_registered([&](BrokerEpoch epoch) { epochs.push_back(epoch); });
  std::optional<Result<BrokerEpoch>> started;
  registration.start([&](Result<BrokerEpoch> result) { started = std::move(result); });
  ASSERT_TRUE(sessions.run_until([&] { return started.has_value(); }));
  ASSERT_TRUE(started->ok());
  sessions.expire(zk);
  ASSERT_TRUE(sessions.run_until([&] { return epochs.size() == 2; }));
  EXPECT_LT(epochs[0], epochs[1]);
  ZnodeStat stat;
  zk.exists("/brokers/ids/1001", Watch::no, [&](ZkOutcome, const ZnodeStat& now) { stat = now; });
  ASSERT_TRUE(sessions.run_until([&] { return stat.czxid != 0; }));
  EXPECT_EQ(stat.czxid, epochs[1].value);
  EXPECT_EQ(stat.version, 1);
  EXPECT_EQ(stat.ephemeral_owner, zk.session_id());
}

TEST_F(ClusterState, TheSameEndpointTwiceIsRefused) {
  ZookeeperClient& zk = connect_below_new_chroot();
  BrokerRegistration first(zk, sessions.loop, BrokerId(1), broker_at(9092));
  BrokerRegistration second(zk, sessions.loop, BrokerId(2), broker_at(9092));
  std::optional<Result<BrokerEpoch>> started;
  first.start([&](Result<BrokerEpoch> result) { started = std::move(result); });
  ASSERT_TRUE(sessions.run_until([&] { return started.has_value(); }));
  EXPECT_TRUE(started->ok());
  started.reset();
  second.start([&](Result<BrokerEpoch> result) { started = std::move(result); });
  ASSERT_TRUE(sessions.run_until([&] { return started.has_value(); }));
  EXPECT_EQ(started->code(), ErrorCode::DUPLICATE_BROKER_REGISTRATION);
}

TEST_F(ClusterState, TopicsAndConfigurationsTravelBetweenBrokers) {
  ZookeeperClient& writer = connect_below_new_chroot();
  ZookeeperClient& reader = sessions.connect(sessions.settings_for(sessions.connect_string() + "/x/y"));
  EXPECT_TRUE(run([&](Function<void(Status)> done) {
    writer.create("/controller", znodes::encode(znodes::Controller{BrokerId(1), {1}, -1}), CreateMode::ephemeral,
                  [d = std::move(done)](ZkOutcome, std::string) mutable { d(Status()); });
  }).ok());
  ConfigStore store(reader, sessions.loop);
  Told told;
  EXPECT_TRUE(run([&](Function<void(Status)> done) { store.start(told, std::move(done)); }).ok());

  NewTopic topic{"t", Uuid{1, 2}, {{"retention.ms", "5"}}, {{PartitionIndex(0), {BrokerId(1)}}}};
  EXPECT_TRUE(run([&](Function<void(Status)> done) { create_topic(writer, topic, std::move(done)); }).ok());
  EXPECT_EQ(run([&](Function<void(Status)> done) { create_topic(writer, topic, std::move(done)); }).code(), ErrorCode::TOPIC_ALREADY_EXISTS);
  EXPECT_TRUE(run([&](Function<void(Status)> done) { add_partitions(writer, "t", {{PartitionIndex(1), {BrokerId(2)}}}, std::move(done)); }).ok());
  EXPECT_TRUE(run([&](Function<void(Status)> done) { request_topic_deletion(writer, "t", std::move(done)); }).ok());
  std::optional<Result<StoredTopic>> stored;
  read_topic(reader, "t", [&](Result<StoredTopic> result) { stored = std::move(result); });
  ASSERT_TRUE(sessions.run_until([&] { return stored.has_value(); }));
  EXPECT_EQ(stored->value().topic.partitions.size(), 2u);

  const znodes::ConfigEntity entity{znodes::ConfigType::topics, "t", std::nullopt};
  EXPECT_TRUE(run([&](Function<void(Status)> done) { change_config(writer, entity, {{"retention.ms", "6"}}, std::move(done)); }).ok());
  ASSERT_TRUE(sessions.run_until([&] { return told.configs["topics/t"] == znodes::ConfigMap{{"retention.ms", "6"}}; }));

  const znodes::ConfigEntity client{znodes::ConfigType::users, "<default>", znodes::sanitize("a b/c")};
  EXPECT_TRUE(run([&](Function<void(Status)> done) { change_config(writer, client, {{"producer_byte_rate", "1"}}, std::move(done)); }).ok());
  ASSERT_TRUE(sessions.run_until([&] { return told.configs.count("users/<default>/clients/a%20b%2Fc") == 1; }));
  EXPECT_TRUE(run([&](Function<void(Status)> done) { change_config(writer, client, {}, std::move(done)); }).ok());
  ASSERT_TRUE(sessions.run_until([&] { return told.configs["users/<default>/clients/a%20b%2Fc"].empty(); }));
}

}  // namespace
}  // namespace quokka
