#include "broker/node/node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "broker/disk/memory_disk.h"
#include "coord/session/fake_zookeeper.h"
#include "protocol/base/manual_loop.h"

namespace quokka {
namespace {

struct PoolOnLoop final : Pool {
  explicit PoolOnLoop(Loop& l) : loop(l) {}
  void run(Task work) override { loop.post(std::move(work)); }
  Loop& loop;
};

struct CountedRandom final : Random {
  uint64_t next() override { return value += 0x9e3779b97f4a7c15; }
  uint64_t value = 1;
};

// Nobody can be reached.
struct NoStreams final : Streams {
  explicit NoStreams(Loop& l) : loop(l) {}
  void connect(const std::string& host, uint16_t, Duration, Function<void(Result<std::unique_ptr<Stream>>)> done) override {
    loop.post([host, d = std::move(done)]() mutable { d(Error{ErrorCode::NETWORK_EXCEPTION, host + " is not there"}); });
  }
  Loop& loop;
};

struct RecordedCalls final : CallSource {
  explicit RecordedCalls(std::vector<std::string>& s) : steps(s) {}
  Result<std::vector<ListenerEndpoint>> listen(const Listeners& listeners, CallHandler&, Registry&) override {
    if (refused) return *refused;
    steps.push_back("listen");
    std::vector<ListenerEndpoint> told = listeners.advertised;
    for (ListenerEndpoint& each : told) each = {each.listener, each.protocol, "b1", 9092};
    return told;
  }
  void start() override { steps.push_back("start"); }
  void stop(Task done) override {
    steps.push_back("stop");
    done();
  }
  std::vector<std::string>& steps;
  std::optional<Error> refused;
};

struct NodeTest : testing::Test {
  LoadedConfig config(std::map<std::string, std::string> given = {}) {
    LoadedConfig loaded;
    loaded.sources.fixed = {{"broker.id", "1"}, {"zookeeper.connect", "zk:2181"}, {"log.dirs", "/data"}, {"zookeeper.connection.timeout.ms", "6000"},
                            {"controlled.shutdown.retry.backoff.ms", "5000"}};
    for (auto& [key, value] : given) loaded.sources.fixed[key] = value;
    Result<BrokerConfig> made = make_broker_config(loaded.sources);
    EXPECT_TRUE(made.ok()) << (made ? "" : made.error().message);
    loaded.config = *std::move(made);
    return loaded;
  }
  void make(LoadedConfig loaded) {
    const auto open = [this](const std::string& connect, const std::string&) {
      steps.push_back("session to " + connect);
      auto session = std::make_unique<FakeSession>(zookeeper, loop, 6000);
      if (mute) session->hold();
      return session;
    };
    node = std::make_unique<Node>(std::move(loaded), NodePorts{{{loop, streams}}, {loop, streams}, pool, disk, random, open, calls});
  }
  // The answer of the start, if it has come without time going by.
  std::optional<Status> start() {
    node->start([this](Status status) { answer = std::move(status); }, nullptr);
    loop.run_ready();
    return answer;
  }
  bool stop() {
    auto stopped = std::make_shared<bool>(false);
    node->stop([stopped] { *stopped = true; });
    loop.run_ready();
    for (int i = 0; i < 100 && !*stopped; ++i) loop.advance(Duration::millis(200));
    return *stopped;
  }
  bool is_clean() { return *disk.exists("/data/.kafka_cleanshutdown"); }

  ~NodeTest() override { loop.discard(); }

  ManualLoop zookeeper_loop;
  ManualLoop loop;
  PoolOnLoop pool{loop};
  NoStreams streams{loop};
  MemoryDisk disk;
  CountedRandom random;
  FakeZookeeper zookeeper{zookeeper_loop};
  std::vector<std::string> steps;
  RecordedCalls calls{steps};
  bool mute = false;
  std::optional<Status> answer;
  std::unique_ptr<Node> node;
};

TEST_F(NodeTest, StartsAndStopsInOrder) {
  make(config());
  ASSERT_TRUE(start() && answer->ok()) << (answer ? answer->error().message : "no answer");
  EXPECT_EQ(steps, (std::vector<std::string>{"session to zk:2181", "listen", "start"}));
  EXPECT_TRUE(zookeeper.has("/brokers/ids/1"));
  EXPECT_GT(node->broker_epoch(), 0);
  EXPECT_NE(zookeeper.data("/brokers/ids/1")->find("b1"), std::string::npos);
  EXPECT_FALSE(is_clean());

  EXPECT_TRUE(stop());
  EXPECT_EQ(steps.back(), "stop");
  EXPECT_FALSE(zookeeper.has("/brokers/ids/1"));
  EXPECT_TRUE(is_clean());
  EXPECT_NE(*disk.lock("/data/.lock"), nullptr);
}

TEST_F(NodeTest, ShowsMetricsOfTheClusterItControlsAndOfItsOwnReplicas) {
  zookeeper.put("/brokers/topics/t", R"({"version":2,"partitions":{"0":[2]},"adding_replicas":{},"removing_replicas":{}})");
  zookeeper.put("/brokers/topics/t/partitions/0/state", R"({"controller_epoch":1,"leader":2,"version":1,"leader_epoch":3,"isr":[2]})");
  make(config());
  ASSERT_TRUE(start() && answer->ok());
  loop.advance(Duration::seconds(3));
  const std::string page = node->metrics().render();
  for (const char* line : {"kafka_controller_KafkaController_Value{name=\"ActiveControllerCount\"} 1", "kafka_controller_KafkaController_Value{name=\"GlobalTopicCount\"} 1",
                           "kafka_controller_KafkaController_Value{name=\"OfflinePartitionsCount\"} 1",
                           "kafka_controller_ControllerStats_Count{name=\"UncleanLeaderElectionsPerSec\"} 0", "kafka_server_ReplicaManager_Value{name=\"PartitionCount\"} 0",
                           "kafka_server_ReplicaManager_Count{name=\"IsrShrinksPerSec\"} 0", "kafka_log_LogManager_Value{name=\"OfflineLogDirectoryCount\"} 0",
                           "kafka_log_LogManager_Value{name=\"LogDirectoryOffline\",logDirectory=\"/data\"} 0"}) {
    EXPECT_NE(page.find("\n" + std::string(line) + "\n"), std::string::npos) << line << page;
  }
  // Each type has its sentence.
  for (size_t at = page.find("# TYPE "); at != std::string::npos; at = page.find("# TYPE ", at + 1)) {
    const std::string metric = page.substr(at + 7, page.find(' ', at + 7) - at - 7);
    EXPECT_NE(page.find("# HELP " + metric + " "), std::string::npos) << "broker/metrics/family_help.cc does not know the family of " << metric;
  }
  EXPECT_TRUE(stop());
}

TEST_F(NodeTest, ACrashClosesNothing) {
  make(config());
  ASSERT_TRUE(start() && answer->ok());
  loop.discard();
  node.reset();
  loop.run_ready();
  EXPECT_TRUE(zookeeper.has("/brokers/ids/1"));
  EXPECT_FALSE(is_clean());
  zookeeper_loop.advance(Duration::seconds(7));
  EXPECT_FALSE(zookeeper.has("/brokers/ids/1"));
}

TEST_F(NodeTest, ASilentZooKeeperEndsTheStartInTime) {
  mute = true;
  make(config());
  EXPECT_FALSE(start());
  loop.advance(Duration::millis(5999));
  EXPECT_FALSE(answer);
  loop.advance(Duration::millis(2));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().message,
            "no ZooKeeper server of zk:2181 answered within zookeeper.connection.timeout.ms (6000): is the ensemble running?");
  EXPECT_TRUE(stop());
}

TEST_F(NodeTest, IsStoppedInTheMiddleOfItsStart) {
  mute = true;
  make(config());
  EXPECT_FALSE(start());
  EXPECT_TRUE(stop());
  loop.advance(Duration::seconds(60));
  EXPECT_FALSE(answer);
  EXPECT_NE(*disk.lock("/data/.lock"), nullptr);
}

TEST_F(NodeTest, TheChrootIsMadeOnASessionAboveIt) {
  make(config({{"zookeeper.connect", "zk:2181/kafka"}}));
  ASSERT_TRUE(start() && answer->ok());
  EXPECT_EQ(steps, (std::vector<std::string>{"session to zk:2181", "session to zk:2181/kafka", "listen", "start"}));
  EXPECT_TRUE(zookeeper.has("/kafka"));
  EXPECT_TRUE(stop());
}

TEST_F(NodeTest, AClusterThatCannotBeJoinedEndsTheStartBeforeRegistration) {
  zookeeper.put("/migration", R"({"version":0,"kraft_controller_id":3000,"kraft_controller_epoch":1})");
  make(config());
  ASSERT_TRUE(start() && !answer->ok());
  EXPECT_NE(answer->error().message.find("migrated to KRaft"), std::string::npos) << answer->error().message;
  EXPECT_FALSE(zookeeper.has("/brokers/ids/1"));
  EXPECT_TRUE(stop());
}

TEST_F(NodeTest, AListenerThatCannotBeOpenedEndsTheStartBeforeRegistration) {
  calls.refused = Error{ErrorCode::INVALID_CONFIG, "the port is taken"};
  make(config());
  ASSERT_TRUE(start());
  EXPECT_EQ(answer->error().message, "the port is taken");
  EXPECT_FALSE(zookeeper.has("/brokers/ids/1"));
  EXPECT_TRUE(stop());
  EXPECT_TRUE(is_clean());
}

TEST_F(NodeTest, DirectoriesOfAnotherBrokerAreRefusedBeforeZooKeeperIsAsked) {
  make(config());
  ASSERT_TRUE(start() && answer->ok());
  ASSERT_TRUE(stop());
  loop.discard();
  node.reset();
  steps.clear();
  answer.reset();
  make(config({{"broker.id", "2"}}));
  ASSERT_TRUE(start());
  EXPECT_EQ(answer->error().message,
            "broker.id is 2, but the log directories are those of broker 1 (meta.properties): name the directories of this broker, or its id");
  EXPECT_TRUE(steps.empty());
  EXPECT_TRUE(stop());
}

}  // namespace
}  // namespace quokka
