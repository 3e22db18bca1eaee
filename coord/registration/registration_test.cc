#include <gtest/gtest.h>

#include "coord/registration/broker_registration.h"
#include "coord/registration/cluster_admission.h"
#include "coord/registration/cluster_setup.h"
#include "coord/session/fake_zookeeper.h"
#include "coord/znodes/paths.h"
#include "protocol/base/manual_loop.h"

namespace quokka {
namespace {

struct CountingRandom final : Random {
  uint64_t next() override { return ++count * 0x9e3779b97f4a7c15; }
  uint64_t count = 0;
};

znodes::Broker broker_at(const std::string& host, int32_t port) {
  znodes::Broker broker;
  broker.endpoints = {{"PLAINTEXT", host, port, 0}};
  return broker;
}

class RegistrationTest : public ::testing::Test {
 protected:
  void SetUp() override { loop.run_ready(); }

  ManualLoop loop;
  FakeZookeeper server{loop};
  FakeSession zk{server, loop, 6000};
  CountingRandom random;
};

using ClusterSetup = RegistrationTest;

TEST_F(ClusterSetup, CreatesThePersistentPathsInKafkasOrder) {
  std::optional<Status> done;
  ensure_persistent_paths(zk, [&](Status status) { done = std::move(status); });
  loop.run_ready();
  ASSERT_TRUE(done && done->ok());
  std::vector<std::string> order;
  for (const auto& write : server.writes()) {
    order.push_back(write.op.path);
    EXPECT_EQ(write.op.data, std::nullopt);
  }
  const std::vector<std::string> first(order.begin(), order.begin() + 5);
  EXPECT_EQ(first, (std::vector<std::string>{"/consumers", "/brokers", "/brokers/ids", "/brokers/topics", "/config"}));
  EXPECT_EQ(order.back(), "/config/ips");
  server.forget_writes();
  done.reset();
  ensure_persistent_paths(zk, [&](Status status) { done = std::move(status); });
  loop.run_ready();
  EXPECT_TRUE(done && done->ok());
  EXPECT_TRUE(server.writes().empty());
}

TEST_F(ClusterSetup, ALostConnectionIsWaitedFor) {
  std::optional<Status> done;
  zk.lose_writes(3, true);
  ensure_path(zk, "/a/b/c", [&](Status status) { done = std::move(status); });
  loop.run_ready();
  EXPECT_TRUE(done && done->ok());
  EXPECT_TRUE(server.has("/a/b/c"));
}

TEST_F(ClusterSetup, AnExpiredSessionIsTold) {
  std::optional<Status> done;
  zk.hold();
  ensure_path(zk, "/a", [&](Status status) { done = std::move(status); });
  server.expire(zk.session_id());
  loop.run_ready();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->error().message, "cannot create znode /a: session expired");
}

TEST_F(ClusterSetup, TheFirstBrokerMakesTheClusterId) {
  std::optional<Result<std::string>> id;
  obtain_cluster_id(zk, random, [&](Result<std::string> result) { id = std::move(result); });
  loop.run_ready();
  ASSERT_TRUE(id && id->ok());
  EXPECT_EQ(id->value().size(), 22u);
  EXPECT_EQ(server.data("/cluster/id"), "{\"version\":\"1\",\"id\":\"" + id->value() + "\"}");
  std::optional<Result<std::string>> again;
  obtain_cluster_id(zk, random, [&](Result<std::string> result) { again = std::move(result); });
  loop.run_ready();
  EXPECT_EQ(again->value(), id->value());
}

class ClusterAdmission : public RegistrationTest {
 protected:
  // What the answer says; empty if the broker may join.
  std::string answer() {
    std::optional<Status> done;
    ask_admission(zk, [&](Status status) { done = std::move(status); });
    loop.run_ready();
    if (!done) return "no answer";
    return done->ok() ? "" : done->error().message;
  }
  void put_broker(const std::string& id, int32_t version) {
    znodes::Broker broker = broker_at("h", 9092);
    broker.version = version;
    server.put("/brokers/ids/" + id, znodes::encode(broker));
  }
};

TEST_F(ClusterAdmission, AnEmptyEnsembleAndAClusterOfToday) {
  EXPECT_EQ(answer(), "");
  put_broker("1", 5);
  server.put("/controller", R"({"version":2,"brokerid":1,"timestamp":"1","kraftControllerEpoch":-1})");
  EXPECT_EQ(answer(), "");
}

TEST_F(ClusterAdmission, AMigrationToKraftIsRefusedByName) {
  server.put("/migration", R"({"version":0,"kraft_controller_id":3000,"kraft_controller_epoch":1})");
  EXPECT_NE(answer().find("/migration"), std::string::npos) << answer();
}

TEST_F(ClusterAdmission, AKraftControllerIsRefusedByName) {
  server.put("/controller", R"({"version":2,"brokerid":3000,"timestamp":"1","kraftControllerEpoch":4})");
  EXPECT_NE(answer().find("KRaft controller 3000"), std::string::npos) << answer();
}

TEST_F(ClusterAdmission, ABrokerThatWritesInSyncSetsItselfIsRefusedByName) {
  put_broker("1", 5);
  put_broker("12", 4);
  EXPECT_NE(answer().find("broker 12"), std::string::npos) << answer();
  EXPECT_NE(answer().find("inter.broker.protocol.version"), std::string::npos) << answer();
}

TEST_F(ClusterSetup, TwoBrokersAgreeOnTheClusterId) {
  FakeSession other(server, loop);
  loop.run_ready();
  std::optional<Result<std::string>> a;
  std::optional<Result<std::string>> b;
  obtain_cluster_id(zk, random, [&](Result<std::string> result) { a = std::move(result); });
  obtain_cluster_id(other, random, [&](Result<std::string> result) { b = std::move(result); });
  loop.run_ready();
  EXPECT_EQ(a->value(), b->value());
}

TEST_F(ClusterSetup, TheClusterIdSurvivesALostAnswer) {
  server.put("/cluster", std::nullopt);
  zk.lose_writes(1, true);
  std::optional<Result<std::string>> id;
  obtain_cluster_id(zk, random, [&](Result<std::string> result) { id = std::move(result); });
  loop.run_ready();
  ASSERT_TRUE(id && id->ok());
  EXPECT_EQ(server.data("/cluster/id"), "{\"version\":\"1\",\"id\":\"" + id->value() + "\"}");
}

TEST_F(ClusterSetup, BrokerIdsAreDrawnAboveTheReserved) {
  std::vector<int32_t> ids;
  for (int i = 0; i < 2; ++i) {
    generate_broker_id(zk, 1000, [&](Result<BrokerId> id) { ids.push_back(id.value().value); });
    loop.run_ready();
  }
  EXPECT_EQ(ids, (std::vector<int32_t>{1001, 1002}));
  EXPECT_EQ(server.data("/brokers/seqid"), "");
}

TEST(ConnectStringTest, IsTakenApart) {
  EXPECT_EQ(parse_connect_string("a:1,b:2")->chroot, "");
  EXPECT_EQ(parse_connect_string("a:1,b:2/x/y")->chroot, "/x/y");
  EXPECT_EQ(parse_connect_string("a:1,b:2/x/y")->servers, "a:1,b:2");
  EXPECT_EQ(parse_connect_string("a:1/")->chroot, "");
  EXPECT_EQ(parse_connect_string("a, b:2,[::1],[::1]:3/x")->str(), "a:2181,b:2,[::1]:2181,[::1]:3/x") << "ZooKeeper's own port where none is given";
  for (const char* wrong : {"", "a:1,", ",a", "a:x", "a:", ":1", "a:1:2", "a:0", "a:65536", "a b:1"}) EXPECT_FALSE(parse_connect_string(wrong).ok()) << wrong;
  EXPECT_FALSE(parse_connect_string("/x").ok());
  EXPECT_FALSE(parse_connect_string("a:1/x//y").ok());
  EXPECT_FALSE(parse_connect_string("a:1/../y").ok());
}

class BrokerRegistrationTest : public RegistrationTest {
 protected:
  void SetUp() override {
    RegistrationTest::SetUp();
    server.put("/brokers/ids", std::nullopt);
    server.forget_writes();
    registration.on_registered([&](BrokerEpoch epoch) { epochs.push_back(epoch.value); });
  }
  void start() {
    registration.start([&](Result<BrokerEpoch> result) { started = std::move(result); });
    loop.run_ready();
  }

  BrokerRegistration registration{zk, loop, BrokerId(1), broker_at("h", 9092)};
  std::optional<Result<BrokerEpoch>> started;
  std::vector<int64_t> epochs;
};

TEST_F(BrokerRegistrationTest, IsOneTransactionThatLeavesVersionOne) {
  start();
  ASSERT_TRUE(started && started->ok());
  const ZnodeStat stat = server.stat("/brokers/ids/1");
  EXPECT_EQ(started->value().value, stat.czxid);
  EXPECT_EQ(registration.epoch().value, stat.czxid);
  EXPECT_EQ(epochs, std::vector<int64_t>{stat.czxid});
  EXPECT_EQ(stat.version, 1);
  EXPECT_EQ(stat.ephemeral_owner, zk.session_id());
  ASSERT_EQ(server.writes().size(), 2u);
  EXPECT_EQ(server.writes()[0].op.data, std::nullopt);
  EXPECT_EQ(server.writes()[0].zxid, server.writes()[1].zxid);
  EXPECT_EQ(znodes::parse_broker(BrokerId(1), *server.data("/brokers/ids/1"))->timestamp.ms, loop.wall_now().ms);
}

TEST_F(BrokerRegistrationTest, RefusesEndpointsOfAnotherBroker) {
  server.put("/brokers/ids/7", znodes::encode(broker_at("h", 9092)));
  start();
  ASSERT_TRUE(started);
  EXPECT_EQ(started->error().message,
            "advertised listener PLAINTEXT://h:9092 of broker 1 is already registered by broker 7: choose another host or port");
  EXPECT_FALSE(server.has("/brokers/ids/1"));
}

TEST_F(BrokerRegistrationTest, OtherEndpointsAndUnreadableBrokersDoNotMatter) {
  server.put("/brokers/ids/7", znodes::encode(broker_at("h", 9093)));
  server.put("/brokers/ids/8", "nonsense");
  server.put("/brokers/ids/stray", "");
  start();
  EXPECT_TRUE(started && started->ok());
}

TEST_F(BrokerRegistrationTest, ALostAnswerIsLookedUp) {
  zk.lose_writes(1, true);
  start();
  ASSERT_TRUE(started && started->ok());
  EXPECT_EQ(started->value().value, server.stat("/brokers/ids/1").czxid);
  EXPECT_EQ(server.writes().size(), 2u) << "not written twice";
}

TEST_F(BrokerRegistrationTest, ALostRequestIsSentAgain) {
  zk.lose_writes(1, false);
  start();
  ASSERT_TRUE(started && started->ok());
  EXPECT_TRUE(server.has("/brokers/ids/1"));
}

// H33: the session before this one, for example of a process that was killed.
TEST_F(BrokerRegistrationTest, AnEarlierSessionOfOurOwnIsPushedAside) {
  auto before = std::make_unique<FakeSession>(server, loop, 60000);
  loop.run_ready();
  before->create("/brokers/ids/1", "old", CreateMode::ephemeral, [](ZkOutcome, std::string) {});
  loop.run_ready();
  zk.remember_session(before->session_id());
  before.reset();
  start();
  ASSERT_TRUE(started && started->ok());
  EXPECT_EQ(server.stat("/brokers/ids/1").ephemeral_owner, zk.session_id());
}

// H33: a foreign owner at the start is waited for as long as its session may last.
TEST_F(BrokerRegistrationTest, AForeignOwnerThatDiesIsWaitedFor) {
  auto other = std::make_unique<FakeSession>(server, loop, 6000);
  loop.run_ready();
  other->create("/brokers/ids/1", "other", CreateMode::ephemeral, [](ZkOutcome, std::string) {});
  loop.run_ready();
  other.reset();
  start();
  EXPECT_FALSE(started);
  loop.advance(Duration::millis(5900));
  EXPECT_FALSE(started);
  loop.advance(Duration::millis(200));
  ASSERT_TRUE(started && started->ok());
  EXPECT_EQ(server.stat("/brokers/ids/1").ephemeral_owner, zk.session_id());
}

TEST_F(BrokerRegistrationTest, AForeignOwnerThatStaysFailsTheStart) {
  FakeSession other(server, loop, 6000);
  loop.run_ready();
  other.create("/brokers/ids/1", "other", CreateMode::ephemeral, [](ZkOutcome, std::string) {});
  start();
  loop.advance(Duration::millis(9900));
  EXPECT_FALSE(started);
  loop.advance(Duration::millis(200));
  ASSERT_TRUE(started);
  EXPECT_EQ(started->error().code, ErrorCode::DUPLICATE_BROKER_REGISTRATION);
  EXPECT_EQ(server.data("/brokers/ids/1"), "other");
}

TEST_F(BrokerRegistrationTest, AnExpiredSessionIsFollowedByAnotherRegistration) {
  start();
  server.expire(zk.session_id());
  loop.run_ready();
  ASSERT_EQ(epochs.size(), 2u);
  EXPECT_GT(epochs[1], epochs[0]);
  EXPECT_EQ(server.stat("/brokers/ids/1").ephemeral_owner, zk.session_id());
  EXPECT_EQ(registration.epoch().value, epochs[1]);
}

TEST_F(BrokerRegistrationTest, WhileExpiredThereIsNoEpoch) {
  start();
  zk.disconnect();
  loop.advance(Duration::millis(7000));
  struct Probe final : ZookeeperListener {
    explicit Probe(BrokerRegistration& r) : registration(r) {}
    void on_session(SessionEvent event) override {
      if (event == SessionEvent::expired) epoch = registration.epoch();
    }
    void on_watch(WatchEvent, const std::string&) override {}
    BrokerRegistration& registration;
    std::optional<BrokerEpoch> epoch;
  } probe(registration);
  zk.add_listener(probe);
  zk.reconnect();
  loop.run_ready();
  EXPECT_EQ(probe.epoch, BrokerEpoch(-1));
  EXPECT_EQ(epochs.size(), 2u);
  zk.remove_listener(probe);
}

// H33: after an expiry at run time a foreign owner is not a reason to stop.
TEST_F(BrokerRegistrationTest, AForeignOwnerAtRunTimeIsWaitedForWithoutEnd) {
  start();
  FakeSession other(server, loop, 6000);
  loop.run_ready();
  zk.disconnect();
  loop.advance(Duration::millis(7000));
  ASSERT_FALSE(server.has("/brokers/ids/1"));
  other.create("/brokers/ids/1", "other", CreateMode::ephemeral, [](ZkOutcome, std::string) {});
  zk.reconnect();
  loop.advance(Duration::seconds(300));
  EXPECT_EQ(epochs.size(), 1u);
  other.close();
  loop.run_ready();
  ASSERT_EQ(epochs.size(), 2u);
  EXPECT_EQ(server.stat("/brokers/ids/1").ephemeral_owner, zk.session_id());
  server.expire(zk.session_id());
  loop.run_ready();
  EXPECT_EQ(epochs.size(), 3u) << "and so after every expiry";
}

TEST_F(BrokerRegistrationTest, AnExpiryDuringTheStartBeginsAgain) {
  zk.hold();
  start();
  server.expire(zk.session_id());
  loop.run_ready();
  zk.release();
  loop.run_ready();
  ASSERT_TRUE(started && started->ok());
  EXPECT_EQ(epochs.size(), 1u);
}

TEST_F(BrokerRegistrationTest, ARewriteKeepsTheEpoch) {
  start();
  std::optional<Status> rewritten;
  registration.rewrite(broker_at("h", 9999), [&](Status status) { rewritten = std::move(status); });
  loop.run_ready();
  ASSERT_TRUE(rewritten && rewritten->ok());
  EXPECT_EQ(server.stat("/brokers/ids/1").version, 2);
  EXPECT_EQ(server.stat("/brokers/ids/1").czxid, registration.epoch().value);
  server.expire(zk.session_id());
  loop.run_ready();
  EXPECT_NE(server.data("/brokers/ids/1")->find("9999"), std::string::npos);
}

}  // namespace
}  // namespace quokka
