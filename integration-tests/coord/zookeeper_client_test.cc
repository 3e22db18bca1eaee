#include "coord/session/zookeeper_client.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coord/session/session_contract.h"
#include "integration-tests/coord/real_sessions.h"

namespace quokka {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Real, SessionContract, RealSessions);

class RealZookeeper : public SessionContract<RealSessions> {
 protected:
  ZookeeperClient& connect(const ZookeeperSettings& settings) { return harness.connect(settings); }
  ZookeeperClient& connect() { return harness.connect(harness.settings()); }
};

// In a child process: opens a session, creates an ephemeral, says so through the pipe and hangs.
[[noreturn]] void hold_a_session(const ZookeeperSettings& settings, int pipe_end) {
  WaitingLoop loop;
  ThreadPool pool(2);
  ZookeeperClient client(loop, pool, settings);
  bool created = false;
  client.create("/e", "", CreateMode::ephemeral, [&](ZkOutcome outcome, std::string) { created = outcome == ZkOutcome::ok; });
  const bool ready = loop.run_until([&] { return created && read_session_file(settings.session_file).has_value(); }, Duration::seconds(30));
  if (ready && ::write(pipe_end, "x", 1) == 1) loop.run_until([] { return false; }, Duration::seconds(60));
  ::_exit(1);
}

// A broker that was killed comes back at once.
TEST_F(RealZookeeper, TheNextStartEndsTheSessionOfAKilledProcess) {
  ZookeeperSettings settings = harness.settings();
  settings.session_timeout_ms = 60000;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) hold_a_session(settings, ends[1]);
  ::close(ends[1]);
  char byte = 0;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);
  ::close(ends[0]);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const int64_t old = read_session_file(settings.session_file)->id;

  const MonoTime begin = harness.loop.now();
  ZookeeperClient& next = connect(settings);
  EXPECT_EQ(exists(next, "/e").outcome, ZkOutcome::no_node);
  EXPECT_LT((harness.loop.now() - begin).to_millis(), 10000);
  EXPECT_TRUE(next.is_own_session(old));
  EXPECT_TRUE(next.is_own_session(next.session_id()));
  EXPECT_FALSE(next.is_own_session(12345));
  EXPECT_NE(next.session_id(), old);
  ASSERT_TRUE(harness.run_until([&] {
    auto key = read_session_file(settings.session_file);
    return key && key->id == next.session_id();
  }));
}

TEST_F(RealZookeeper, AnOrderlyCloseTakesEphemeralsAndTheFile) {
  ZookeeperSettings settings = harness.settings();
  ZookeeperClient& first = connect(settings);
  ZookeeperClient& other = connect();
  create(first, "/e", "", CreateMode::ephemeral);
  ASSERT_TRUE(harness.run_until([&] { return std::filesystem::exists(settings.session_file); }));
  harness.close(first);
  EXPECT_EQ(exists(other, "/e").outcome, ZkOutcome::no_node);
  EXPECT_FALSE(std::filesystem::exists(settings.session_file));
}

TEST_F(RealZookeeper, ASessionOutlivesTheServersRestart) {
  ZookeeperClient& zk = connect();
  RecordedEvents events;
  zk.add_listener(events);
  create(zk, "/a", "x", CreateMode::ephemeral);
  create(zk, "/w", "x");
  get(zk, "/w", Watch::yes);
  const int64_t id = zk.session_id();
  harness.server().kill();
  ASSERT_TRUE(harness.run_until([&] { return !zk.is_connected(); }));
  std::optional<ZkOutcome> held;
  zk.set("/w", "y", 0, [&](ZkOutcome outcome, const ZnodeStat&) { held = outcome; });
  harness.server().start();
  ASSERT_TRUE(harness.run_until([&] { return held.has_value(); }));
  EXPECT_EQ(held, ZkOutcome::ok);
  EXPECT_EQ(zk.session_id(), id);
  EXPECT_EQ(exists(zk, "/a").outcome, ZkOutcome::ok);
  EXPECT_TRUE(events.saw(WatchEvent::data_changed, "/w")) << "the watch was set anew";
  EXPECT_EQ(events.sessions, (std::vector{SessionEvent::disconnected, SessionEvent::reconnected}));
  zk.remove_listener(events);
}

TEST_F(RealZookeeper, AServerThatHangsLeavesWritesUnknownAndReadsWaiting) {
  ZookeeperSettings settings = harness.settings();
  settings.session_timeout_ms = 3000;
  ZookeeperClient& zk = connect(settings);
  create(zk, "/a", "0");
  harness.server().pause();
  std::optional<ZkOutcome> written;
  std::optional<ZkOutcome> read;
  zk.set("/a", "1", kAnyVersion, [&](ZkOutcome outcome, const ZnodeStat&) { written = outcome; });
  zk.get("/a", Watch::yes, [&](ZkOutcome outcome, ZnodeData, const ZnodeStat&) { read = outcome; });
  ASSERT_TRUE(harness.run_until([&] { return written.has_value(); }));
  EXPECT_EQ(written, ZkOutcome::connection_loss);
  EXPECT_FALSE(read.has_value());
  harness.server().resume();
  ASSERT_TRUE(harness.run_until([&] { return read.has_value(); }));
  // The pause may have outlasted the session.
  EXPECT_TRUE(read == ZkOutcome::ok || read == ZkOutcome::session_expired);
}

TEST_F(RealZookeeper, ManyWatchesAreSpreadOverSessions) {
  ZookeeperSettings settings = harness.settings();
  settings.watch_bytes_max = 1000;
  ZookeeperClient& zk = connect(settings);
  RecordedEvents events;
  zk.add_listener(events);
  const std::string name(95, 'n');
  for (int i = 0; i < 25; ++i) {
    create(zk, "/" + name + std::to_string(i), "0");
    EXPECT_EQ(get(zk, "/" + name + std::to_string(i), Watch::yes).outcome, ZkOutcome::ok);
    EXPECT_EQ(get(zk, "/" + name + std::to_string(i), Watch::yes).outcome, ZkOutcome::ok) << "the same watch again costs nothing";
  }
  const size_t sessions = zk.session_count();
  EXPECT_GE(sessions, 3u);
  EXPECT_LE(sessions, 4u);
  EXPECT_EQ(get(zk, "/none", Watch::yes).outcome, ZkOutcome::no_node);
  for (int i = 0; i < 25; ++i) set(zk, "/" + name + std::to_string(i), "1", 0);
  ASSERT_TRUE(harness.run_until([&] { return events.watches.size() == 25; }));
  // What fired is forgotten: there is room again.
  for (int i = 0; i < 25; ++i) get(zk, "/" + name + std::to_string(i), Watch::yes);
  EXPECT_EQ(zk.session_count(), sessions);
  zk.remove_listener(events);
}

// H41: 20,000 topics have more bytes of watches than a server takes in one packet.
TEST_F(RealZookeeper, TwentyThousandWatchesOutliveARestart) {
  ZookeeperClient& zk = connect();
  RecordedEvents events;
  zk.add_listener(events);
  const std::string name = "/" + std::string(100, 'n');
  size_t created = 0;
  size_t watched = 0;
  constexpr size_t kCount = 20000;
  for (size_t i = 0; i < kCount; ++i) zk.create(name + std::to_string(i), "", CreateMode::persistent, [&](ZkOutcome o, std::string) { created += o == ZkOutcome::ok; });
  ASSERT_TRUE(harness.run_until([&] { return created == kCount; }));
  for (size_t i = 0; i < kCount; ++i) {
    zk.get(name + std::to_string(i), Watch::yes, [&](ZkOutcome o, ZnodeData, const ZnodeStat&) { watched += o == ZkOutcome::ok; });
  }
  ASSERT_TRUE(harness.run_until([&] { return watched == kCount; }));
  EXPECT_GE(zk.session_count(), 4u);
  EXPECT_EQ(children(zk, "/").children.size(), kCount);
  const int64_t id = zk.session_id();
  harness.server().kill();
  ASSERT_TRUE(harness.run_until([&] { return !zk.is_connected(); }));
  harness.server().start();
  ASSERT_TRUE(harness.run_until([&] { return zk.is_connected(); }));
  EXPECT_EQ(zk.session_id(), id);
  for (size_t i = 0; i < kCount; i += 1000) set(zk, name + std::to_string(i), "1", kAnyVersion);
  ASSERT_TRUE(harness.run_until([&] { return events.watches.size() >= 20; }));
  EXPECT_EQ(events.watches.size(), 20u);
  zk.remove_listener(events);
}

TEST_F(RealZookeeper, TooLargeARequestIsRefusedHere) {
  ZookeeperClient& zk = connect();
  EXPECT_EQ(create(zk, "/a", std::string(1100000, 'x')).first, ZkOutcome::invalid_argument);
  EXPECT_TRUE(zk.is_connected());
}

TEST_F(RealZookeeper, AnUnknownServerNameIsTriedAgainAndCanBeClosed) {
  ZookeeperSettings settings = harness.settings_for("no-such-host.invalid:2181");
  settings.reopen_delay = Duration::millis(10);
  ZookeeperClient& zk = harness.start(settings);
  bool called = false;
  zk.get("/a", Watch::no, [&](ZkOutcome, ZnodeData, const ZnodeStat&) { called = true; });
  const MonoTime end = harness.loop.now() + Duration::millis(200);
  harness.run_until([&] { return harness.loop.now() >= end; });
  EXPECT_FALSE(called);
  EXPECT_EQ(zk.session_id(), 0);
  harness.close(zk);
  EXPECT_FALSE(called);
}

TEST_F(RealZookeeper, AServerThatComesLaterIsFound) {
  harness.server().kill();
  ZookeeperClient& zk = harness.start(harness.settings());
  std::optional<ZkOutcome> created;
  zk.create("/a", "", CreateMode::persistent, [&](ZkOutcome outcome, std::string) { created = outcome; });
  harness.server().start();
  ASSERT_TRUE(harness.run_until([&] { return created.has_value(); }));
  EXPECT_EQ(created, ZkOutcome::ok);
}

}  // namespace
}  // namespace quokka
