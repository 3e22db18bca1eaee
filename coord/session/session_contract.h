// What every ZookeeperSession does, as tests: run against the fake beside it and against a real server in integration-tests.
//
// A Harness has: open() -> ZookeeperSession&, a session that is established; run_until(condition) -> bool, false after a deadline;
// expire(session), which makes the server drop that session while its client is connected.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "coord/session/zookeeper_session.h"

namespace quokka {

struct RecordedEvents final : ZookeeperListener {
  void on_session(SessionEvent event) override { sessions.push_back(event); }
  void on_watch(WatchEvent event, const std::string& path) override { watches.emplace_back(event, path); }
  bool saw(WatchEvent event, const std::string& path) const {
    return std::count(watches.begin(), watches.end(), std::make_pair(event, path)) != 0;
  }

  std::vector<SessionEvent> sessions;
  std::vector<std::pair<WatchEvent, std::string>> watches;
};

template <class Harness>
class SessionContract : public ::testing::Test {
 protected:
  struct Read {
    ZkOutcome outcome = ZkOutcome::failed;
    ZnodeData data;
    ZnodeStat stat;
    std::vector<std::string> children;
  };

  std::pair<ZkOutcome, std::string> create(ZookeeperSession& session, const std::string& path, ZnodeData data,
                                           CreateMode mode = CreateMode::persistent) {
    std::pair<ZkOutcome, std::string> answer{ZkOutcome::failed, ""};
    await([&](bool& done) {
      session.create(path, std::move(data), mode, [&](ZkOutcome outcome, std::string created) {
        answer = {outcome, std::move(created)};
        done = true;
      });
    });
    return answer;
  }
  Read get(ZookeeperSession& session, const std::string& path, Watch watch = Watch::no) {
    Read read;
    await([&](bool& done) {
      session.get(path, watch, [&](ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
        read.outcome = outcome;
        read.data = std::move(data);
        read.stat = stat;
        done = true;
      });
    });
    return read;
  }
  Read exists(ZookeeperSession& session, const std::string& path, Watch watch = Watch::no) {
    Read read;
    await([&](bool& done) {
      session.exists(path, watch, [&](ZkOutcome outcome, const ZnodeStat& stat) {
        read.outcome = outcome;
        read.stat = stat;
        done = true;
      });
    });
    return read;
  }
  Read children(ZookeeperSession& session, const std::string& path, Watch watch = Watch::no) {
    Read read;
    await([&](bool& done) {
      session.get_children(path, watch, [&](ZkOutcome outcome, std::vector<std::string> names, const ZnodeStat& stat) {
        read.outcome = outcome;
        std::sort(names.begin(), names.end());
        read.children = std::move(names);
        read.stat = stat;
        done = true;
      });
    });
    return read;
  }
  Read set(ZookeeperSession& session, const std::string& path, ZnodeData data, int32_t version) {
    Read read;
    await([&](bool& done) {
      session.set(path, std::move(data), version, [&](ZkOutcome outcome, const ZnodeStat& stat) {
        read.outcome = outcome;
        read.stat = stat;
        done = true;
      });
    });
    return read;
  }
  ZkOutcome remove(ZookeeperSession& session, const std::string& path, int32_t version) {
    ZkOutcome answer = ZkOutcome::failed;
    await([&](bool& done) {
      session.remove(path, version, [&](ZkOutcome outcome) {
        answer = outcome;
        done = true;
      });
    });
    return answer;
  }
  MultiResult multi(ZookeeperSession& session, std::vector<ZkOp> ops) {
    MultiResult answer;
    await([&](bool& done) {
      session.multi(std::move(ops), [&](MultiResult result) {
        answer = std::move(result);
        done = true;
      });
    });
    return answer;
  }

  template <class Start>
  void await(Start start) {
    bool done = false;
    start(done);
    EXPECT_FALSE(done) << "completed inside the call";
    ASSERT_TRUE(harness.run_until([&] { return done; })) << "no answer";
  }

  Harness harness;
};

TYPED_TEST_SUITE_P(SessionContract);

TYPED_TEST_P(SessionContract, CreatesAndReads) {
  ZookeeperSession& zk = this->harness.open();
  EXPECT_NE(zk.session_id(), 0);
  EXPECT_TRUE(zk.is_connected());
  EXPECT_EQ(this->create(zk, "/a", "text"), std::make_pair(ZkOutcome::ok, std::string("/a")));
  EXPECT_EQ(this->create(zk, "/a/null", std::nullopt).first, ZkOutcome::ok);
  EXPECT_EQ(this->create(zk, "/a/empty", "").first, ZkOutcome::ok);
  EXPECT_EQ(this->create(zk, "/a", "again").first, ZkOutcome::node_exists);
  EXPECT_EQ(this->create(zk, "/b/c", "").first, ZkOutcome::no_node);

  auto read = this->get(zk, "/a");
  EXPECT_EQ(read.outcome, ZkOutcome::ok);
  EXPECT_EQ(read.data, "text");
  EXPECT_EQ(read.stat.version, 0);
  EXPECT_EQ(read.stat.children, 2);
  EXPECT_EQ(read.stat.ephemeral_owner, 0);
  EXPECT_GT(read.stat.ctime_ms, 0);
  EXPECT_EQ(read.stat.czxid, read.stat.mzxid);
  EXPECT_EQ(this->get(zk, "/a/null").data, std::nullopt);
  EXPECT_EQ(this->get(zk, "/a/empty").data, "");
  EXPECT_EQ(this->get(zk, "/none").outcome, ZkOutcome::no_node);
  EXPECT_EQ(this->exists(zk, "/none").outcome, ZkOutcome::no_node);
  EXPECT_EQ(this->exists(zk, "/a").stat, read.stat);
  EXPECT_EQ(this->children(zk, "/a").children, (std::vector<std::string>{"empty", "null"}));
  EXPECT_EQ(this->children(zk, "/none").outcome, ZkOutcome::no_node);
}

TYPED_TEST_P(SessionContract, SetsAndRemovesAtAVersion) {
  ZookeeperSession& zk = this->harness.open();
  this->create(zk, "/a", "0");
  auto set = this->set(zk, "/a", "1", 0);
  EXPECT_EQ(set.outcome, ZkOutcome::ok);
  EXPECT_EQ(set.stat.version, 1);
  EXPECT_GT(set.stat.mzxid, set.stat.czxid);
  EXPECT_EQ(this->set(zk, "/a", "2", 0).outcome, ZkOutcome::bad_version);
  EXPECT_EQ(this->set(zk, "/a", std::nullopt, kAnyVersion).stat.version, 2);
  EXPECT_EQ(this->get(zk, "/a").data, std::nullopt);
  EXPECT_EQ(this->set(zk, "/none", "", kAnyVersion).outcome, ZkOutcome::no_node);
  this->create(zk, "/a/child", "");
  EXPECT_EQ(this->remove(zk, "/a", 2), ZkOutcome::not_empty);
  EXPECT_EQ(this->remove(zk, "/a/child", 7), ZkOutcome::bad_version);
  EXPECT_EQ(this->remove(zk, "/a/child", kAnyVersion), ZkOutcome::ok);
  EXPECT_EQ(this->remove(zk, "/a", 2), ZkOutcome::ok);
  EXPECT_EQ(this->remove(zk, "/a", 2), ZkOutcome::no_node);
}

TYPED_TEST_P(SessionContract, LargeAndBinaryDataSurvive) {
  ZookeeperSession& zk = this->harness.open();
  std::string bytes(300000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  EXPECT_EQ(this->create(zk, "/large", bytes).first, ZkOutcome::ok);
  EXPECT_EQ(this->get(zk, "/large").data, bytes);
}

TYPED_TEST_P(SessionContract, RefusesPathsThatAreNone) {
  ZookeeperSession& zk = this->harness.open();
  for (const char* path : {"a", "", "/a/", "//a", "/a/../b", "/."}) {
    EXPECT_EQ(this->create(zk, path, "").first, ZkOutcome::invalid_argument) << path;
    EXPECT_EQ(this->get(zk, path).outcome, ZkOutcome::invalid_argument) << path;
    EXPECT_EQ(this->multi(zk, {ZkOp::check(path, 0)}).outcome, ZkOutcome::invalid_argument) << path;
  }
  EXPECT_EQ(this->create(zk, "/still-alive", "").first, ZkOutcome::ok);
}

TYPED_TEST_P(SessionContract, SequentialNamesCount) {
  ZookeeperSession& zk = this->harness.open();
  this->create(zk, "/q", std::nullopt);
  EXPECT_EQ(this->create(zk, "/q/n_", "", CreateMode::persistent_sequential).second, "/q/n_0000000000");
  EXPECT_EQ(this->create(zk, "/q/n_", "", CreateMode::persistent_sequential).second, "/q/n_0000000001");
  this->remove(zk, "/q/n_0000000000", kAnyVersion);
  EXPECT_EQ(this->create(zk, "/q/m_", "", CreateMode::persistent_sequential).second, "/q/m_0000000002");
}

TYPED_TEST_P(SessionContract, PipelinedOperationsCompleteInOrder) {
  ZookeeperSession& zk = this->harness.open();
  this->create(zk, "/p", std::nullopt);
  std::vector<int> order;
  for (int i = 0; i < 500; ++i) {
    if (i % 2 == 0) {
      zk.create("/p/" + std::to_string(i), "x", CreateMode::persistent, [&, i](ZkOutcome outcome, std::string) {
        EXPECT_EQ(outcome, ZkOutcome::ok);
        order.push_back(i);
      });
    } else {
      // Sees the write before it although that was not answered yet.
      zk.get("/p/" + std::to_string(i - 1), Watch::no, [&, i](ZkOutcome outcome, ZnodeData, const ZnodeStat&) {
        EXPECT_EQ(outcome, ZkOutcome::ok);
        order.push_back(i);
      });
    }
  }
  ASSERT_TRUE(this->harness.run_until([&] { return order.size() == 500; }));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TYPED_TEST_P(SessionContract, MultiIsAllOrNothing) {
  ZookeeperSession& zk = this->harness.open();
  this->create(zk, "/epoch", "1");
  MultiResult good = this->multi(zk, {ZkOp::check("/epoch", 0), ZkOp::create("/m", "a"), ZkOp::create("/m/child", std::nullopt),
                                      ZkOp::set("/m", "b", 0), ZkOp::remove("/m/child", kAnyVersion)});
  EXPECT_EQ(good.outcome, ZkOutcome::ok);
  EXPECT_EQ(good.failed_op(), std::nullopt);
  ASSERT_EQ(good.results.size(), 5u);
  EXPECT_EQ(good.results[1].path, "/m");
  EXPECT_EQ(good.results[3].stat.version, 1);
  auto read = this->get(zk, "/m");
  EXPECT_EQ(read.data, "b");
  EXPECT_EQ(good.results[3].stat.czxid, read.stat.czxid);
  EXPECT_EQ(read.stat.czxid, read.stat.mzxid) << "one transaction";

  MultiResult bad = this->multi(zk, {ZkOp::set("/m", "c", 1), ZkOp::check("/epoch", 5), ZkOp::create("/n", "")});
  EXPECT_EQ(bad.outcome, ZkOutcome::bad_version);
  EXPECT_EQ(bad.failed_op(), std::optional<size_t>(1));
  ASSERT_EQ(bad.results.size(), 3u);
  EXPECT_EQ(bad.results[0].outcome, ZkOutcome::not_performed);
  EXPECT_EQ(bad.results[1].outcome, ZkOutcome::bad_version);
  EXPECT_EQ(bad.results[2].outcome, ZkOutcome::not_performed);
  EXPECT_EQ(this->get(zk, "/m").data, "b");
  EXPECT_EQ(this->multi(zk, {ZkOp::create("/m", "")}).outcome, ZkOutcome::node_exists);
  EXPECT_EQ(this->multi(zk, {ZkOp::remove("/none", 0)}).outcome, ZkOutcome::no_node);
}

TYPED_TEST_P(SessionContract, EphemeralRegistrationIsOneTransaction) {
  ZookeeperSession& zk = this->harness.open();
  MultiResult result = this->multi(zk, {ZkOp::create("/e", std::nullopt, CreateMode::ephemeral), ZkOp::set("/e", "json", 0)});
  ASSERT_EQ(result.outcome, ZkOutcome::ok);
  EXPECT_EQ(result.results[1].stat.version, 1);
  EXPECT_EQ(result.results[1].stat.ephemeral_owner, zk.session_id());
  EXPECT_EQ(this->create(zk, "/e/child", "").first, ZkOutcome::no_children_for_ephemerals);
  EXPECT_EQ(this->get(zk, "/e").stat.ephemeral_owner, zk.session_id());
}

TYPED_TEST_P(SessionContract, WatchesFireOnce) {
  ZookeeperSession& zk = this->harness.open();
  ZookeeperSession& other = this->harness.open();
  RecordedEvents events;
  zk.add_listener(events);
  this->create(other, "/w", "0");
  this->get(zk, "/w", Watch::yes);
  this->exists(zk, "/absent", Watch::yes);
  this->children(zk, "/w", Watch::yes);
  this->get(zk, "/unwatched-absent", Watch::yes);

  this->set(other, "/w", "1", kAnyVersion);
  this->set(other, "/w", "2", kAnyVersion);
  this->create(other, "/absent", "");
  this->create(other, "/unwatched-absent", "");
  this->create(other, "/w/child", "");
  this->create(other, "/w/child2", "");
  ASSERT_TRUE(this->harness.run_until([&] { return events.watches.size() >= 3; }));
  this->get(zk, "/w");
  EXPECT_EQ(events.watches.size(), 3u);
  EXPECT_TRUE(events.saw(WatchEvent::data_changed, "/w"));
  EXPECT_TRUE(events.saw(WatchEvent::created, "/absent"));
  EXPECT_TRUE(events.saw(WatchEvent::children_changed, "/w"));

  events.watches.clear();
  this->exists(zk, "/absent", Watch::yes);
  this->remove(other, "/absent", kAnyVersion);
  ASSERT_TRUE(this->harness.run_until([&] { return !events.watches.empty(); }));
  EXPECT_TRUE(events.saw(WatchEvent::deleted, "/absent"));
  zk.remove_listener(events);
}

TYPED_TEST_P(SessionContract, AnEventComesBeforeTheNewData) {
  ZookeeperSession& zk = this->harness.open();
  RecordedEvents events;
  zk.add_listener(events);
  this->create(zk, "/w", "0");
  this->get(zk, "/w", Watch::yes);
  bool event_came_first = false;
  zk.set("/w", "1", 0, [&](ZkOutcome, const ZnodeStat&) { event_came_first = events.saw(WatchEvent::data_changed, "/w"); });
  this->get(zk, "/w");
  EXPECT_TRUE(event_came_first);
  zk.remove_listener(events);
}

TYPED_TEST_P(SessionContract, ExpiryTakesEphemeralsAndBringsANewSession) {
  ZookeeperSession& zk = this->harness.open();
  ZookeeperSession& other = this->harness.open();
  RecordedEvents events;
  RecordedEvents seen_by_other;
  zk.add_listener(events);
  other.add_listener(seen_by_other);
  this->create(zk, "/eph", "x", CreateMode::ephemeral);
  this->exists(other, "/eph", Watch::yes);
  const int64_t first = zk.session_id();

  this->harness.expire(zk);
  ASSERT_TRUE(this->harness.run_until([&] { return !events.sessions.empty() && events.sessions.back() == SessionEvent::established; }));
  EXPECT_EQ(std::count(events.sessions.begin(), events.sessions.end(), SessionEvent::expired), 1);
  EXPECT_NE(zk.session_id(), first);
  EXPECT_NE(zk.session_id(), 0);
  EXPECT_EQ(this->exists(zk, "/eph").outcome, ZkOutcome::no_node);
  ASSERT_TRUE(this->harness.run_until([&] { return seen_by_other.saw(WatchEvent::deleted, "/eph"); }));
  EXPECT_EQ(this->create(zk, "/eph", "y", CreateMode::ephemeral).first, ZkOutcome::ok);
  EXPECT_EQ(this->get(zk, "/eph").stat.ephemeral_owner, zk.session_id());
  zk.remove_listener(events);
  other.remove_listener(seen_by_other);
}

TYPED_TEST_P(SessionContract, NothingSlipsFromAnExpiredSessionIntoTheNext) {
  // Operations called when the owner knows of the expiry but not yet of the new session were meant for the old one.
  struct CallsAtExpiry final : ZookeeperListener {
    void on_session(SessionEvent event) override {
      if (event == SessionEvent::established) established = true;
      if (event != SessionEvent::expired) return;
      EXPECT_EQ(session->session_id(), 0);
      session->create("/late", "", CreateMode::ephemeral, [this](ZkOutcome o, std::string) { outcome = o; });
    }
    void on_watch(WatchEvent, const std::string&) override {}
    ZookeeperSession* session = nullptr;
    bool established = false;
    std::optional<ZkOutcome> outcome;
  } listener;
  ZookeeperSession& zk = this->harness.open();
  listener.session = &zk;
  zk.add_listener(listener);
  this->harness.expire(zk);
  ASSERT_TRUE(this->harness.run_until([&] { return listener.established && listener.outcome; }));
  EXPECT_EQ(listener.outcome, ZkOutcome::session_expired);
  EXPECT_EQ(this->exists(zk, "/late").outcome, ZkOutcome::no_node);
  zk.remove_listener(listener);
}

REGISTER_TYPED_TEST_SUITE_P(SessionContract, CreatesAndReads, SetsAndRemovesAtAVersion, LargeAndBinaryDataSurvive, RefusesPathsThatAreNone,
                            SequentialNamesCount, PipelinedOperationsCompleteInOrder, MultiIsAllOrNothing, EphemeralRegistrationIsOneTransaction,
                            WatchesFireOnce, AnEventComesBeforeTheNewData, ExpiryTakesEphemeralsAndBringsANewSession,
                            NothingSlipsFromAnExpiredSessionIntoTheNext);

}  // namespace quokka
