#include "coord/session/fake_zookeeper.h"

#include <gtest/gtest.h>

#include <deque>

#include "coord/session/session_contract.h"
#include "protocol/base/manual_loop.h"

namespace quokka {
namespace {

class FakeHarness {
 public:
  ZookeeperSession& open() {
    sessions_.push_back(std::make_unique<FakeSession>(server_, loop_));
    loop_.run_ready();
    return *sessions_.back();
  }
  template <class Condition>
  bool run_until(Condition condition) {
    loop_.run_ready();
    return condition();
  }
  void expire(ZookeeperSession& session) { server_.expire(session.session_id()); }

 private:
  ManualLoop loop_;
  FakeZookeeper server_{loop_};
  std::deque<std::unique_ptr<FakeSession>> sessions_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Fake, SessionContract, FakeHarness);

class FakeZookeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    zk.add_listener(events);
    loop.run_ready();
  }
  auto into(std::optional<ZkOutcome>& outcome) {
    return [&outcome](ZkOutcome o, std::string) { outcome = o; };
  }

  ManualLoop loop;
  FakeZookeeper server{loop};
  RecordedEvents events;
  FakeSession zk{server, loop, 6000};
};

TEST_F(FakeZookeeperTest, HoldsOperationsWhileDisconnected) {
  std::optional<ZkOutcome> outcome;
  zk.disconnect();
  loop.run_ready();
  EXPECT_FALSE(zk.is_connected());
  zk.create("/a", "", CreateMode::persistent, into(outcome));
  loop.run_ready();
  EXPECT_EQ(outcome, std::nullopt);
  zk.reconnect();
  loop.run_ready();
  EXPECT_EQ(outcome, ZkOutcome::ok);
  EXPECT_EQ(events.sessions, (std::vector{SessionEvent::established, SessionEvent::disconnected, SessionEvent::reconnected}));
}

TEST_F(FakeZookeeperTest, OutcomeOfALostWriteIsUnknown) {
  std::optional<ZkOutcome> first;
  std::optional<ZkOutcome> second;
  zk.lose_writes(1, true);
  zk.create("/a", "", CreateMode::persistent, into(first));
  loop.run_ready();
  EXPECT_EQ(first, ZkOutcome::connection_loss);
  EXPECT_TRUE(server.has("/a"));
  zk.lose_writes(1, false);
  zk.create("/b", "", CreateMode::persistent, into(second));
  loop.run_ready();
  EXPECT_EQ(second, ZkOutcome::connection_loss);
  EXPECT_FALSE(server.has("/b"));
  EXPECT_TRUE(zk.is_connected());
}

TEST_F(FakeZookeeperTest, ReadsSurviveALostConnection) {
  server.put("/a", "x");
  std::optional<ZkOutcome> outcome;
  zk.get("/a", Watch::no, [&](ZkOutcome o, ZnodeData, const ZnodeStat&) { outcome = o; });
  zk.disconnect(FakeSession::UnderWay::lost);
  loop.run_ready();
  EXPECT_EQ(outcome, std::nullopt);
  zk.reconnect();
  loop.run_ready();
  EXPECT_EQ(outcome, ZkOutcome::ok);
}

TEST_F(FakeZookeeperTest, WatchesOutliveADisconnect) {
  server.put("/a", "x");
  zk.get("/a", Watch::yes, [](ZkOutcome, ZnodeData, const ZnodeStat&) {});
  loop.run_ready();
  zk.disconnect();
  server.put("/a", "y");
  loop.run_ready();
  EXPECT_TRUE(events.watches.empty());
  zk.reconnect();
  loop.run_ready();
  EXPECT_TRUE(events.saw(WatchEvent::data_changed, "/a"));
}

TEST_F(FakeZookeeperTest, ACrashedClientExpiresAfterItsTimeout) {
  auto crashing = std::make_unique<FakeSession>(server, loop, 6000);
  loop.run_ready();
  std::optional<ZkOutcome> outcome;
  crashing->create("/e", "", CreateMode::ephemeral, into(outcome));
  loop.run_ready();
  crashing.reset();
  loop.advance(Duration::millis(5900));
  EXPECT_TRUE(server.has("/e"));
  loop.advance(Duration::millis(200));
  EXPECT_FALSE(server.has("/e"));
}

TEST_F(FakeZookeeperTest, AClosedClientGoesAtOnce) {
  std::optional<ZkOutcome> outcome;
  zk.create("/e", "", CreateMode::ephemeral, into(outcome));
  loop.run_ready();
  zk.close();
  EXPECT_FALSE(server.has("/e"));
}

TEST_F(FakeZookeeperTest, AReconnectAfterTheTimeoutFindsTheSessionExpired) {
  const int64_t first = zk.session_id();
  zk.disconnect();
  loop.advance(Duration::millis(7000));
  zk.reconnect();
  loop.run_ready();
  EXPECT_NE(zk.session_id(), first);
  EXPECT_EQ(events.sessions, (std::vector{SessionEvent::established, SessionEvent::disconnected, SessionEvent::expired, SessionEvent::established}));
}

TEST_F(FakeZookeeperTest, AHeldSessionWaits) {
  std::optional<ZkOutcome> outcome;
  zk.hold();
  zk.create("/a", "", CreateMode::persistent, into(outcome));
  loop.run_ready();
  EXPECT_EQ(zk.waiting(), 1u);
  EXPECT_FALSE(server.has("/a"));
  zk.release();
  loop.run_ready();
  EXPECT_EQ(outcome, ZkOutcome::ok);
}

TEST_F(FakeZookeeperTest, KeepsAHistoryOfWrites) {
  zk.multi({ZkOp::create("/a", "1"), ZkOp::set("/a", "2", 0)}, [](MultiResult) {});
  loop.run_ready();
  ASSERT_EQ(server.writes().size(), 2u);
  EXPECT_EQ(server.writes()[0].zxid, server.writes()[1].zxid);
  EXPECT_EQ(server.writes()[1].op.path, "/a");
  EXPECT_EQ(server.writes()[1].session, zk.session_id());
}

}  // namespace
}  // namespace quokka
