// What a person meets when starting and stopping a broker: refusals in one line, remarks on keys, the scripts, a restart after kill -9.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "integration-tests/cluster/local_cluster.h"

namespace quokka {
namespace {

std::string text_of_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// build/<variant>, which the scripts are told to take the broker from.
std::string program_directory() {
  std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(at / "quokka-broker") && at != at.root_path()) at = at.parent_path();
  return at.string();
}

class StartTest : public testing::Test {
 protected:
  StartTest() {
    char name[] = "/tmp/quokka-start-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~StartTest() override { std::filesystem::remove_all(directory_); }

  std::string write_properties(const BrokerKeys& keys) {
    std::string path = directory_ + "/server.properties";
    std::ofstream file(path);
    for (const auto& [key, value] : keys) file << key << '=' << value << '\n';
    return path;
  }

  // Of a broker that does not get as far as ZooKeeper: the exit status and what it said.
  std::pair<int, std::string> refusal(const BrokerKeys& keys, std::vector<std::string> more = {}) {
    Child child;
    std::vector<std::string> command = {"scripts/kafka-server-start.sh", write_properties(keys)};
    command.insert(command.end(), more.begin(), more.end());
    child.start(command, directory_ + "/out", {{"QUOKKA_BIN", program_directory()}});
    int status = child.wait(30'000);
    return {status, child.output()};
  }

  std::string directory_;
};

TEST_F(StartTest, ABadValueStopsTheStartWithOneLine) {
  auto [status, said] = refusal({{"zookeeper.connect", "127.0.0.1:1"}, {"broker.id", "1"}, {"num.partitions", "0"}});
  EXPECT_EQ(status, 1);
  EXPECT_NE(said.find("Invalid value 0 for configuration num.partitions: Value must be at least 1"), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST_F(StartTest, AnOverrideIsCheckedLikeTheFile) {
  auto [status, said] = refusal({{"zookeeper.connect", "127.0.0.1:1"}}, {"--override", "authorizer.class.name=kafka.security.authorizer.AclAuthorizer"});
  EXPECT_EQ(status, 1);
  EXPECT_NE(said.find("authorizer.class.name"), std::string::npos) << said;
}

TEST_F(StartTest, ScriptRunsInTheForegroundAndSigtermStopsCleanly) {
  LocalCluster zookeeper({.brokers = 0});
  int port = free_port();
  std::string file = write_properties({{"zookeeper.connect", zookeeper.zookeeper_connect()},
                                       {"broker.id", "7"},
                                       {"listeners", "PLAINTEXT://127.0.0.1:" + std::to_string(port)},
                                       {"log.dirs", directory_ + "/data"},
                                       {"num.partition", "3"},
                                       {"quota.window.num", "12"},
                                       {"quokka.admin.port", "-1"}});
  Child child;
  child.start({"scripts/kafka-server-start.sh", file, "--override", "broker.id=8"}, directory_ + "/out",
              {{"QUOKKA_BIN", program_directory()}, {"LOG_DIR", directory_ + "/logs"}, {"KAFKA_HEAP_OPTS", "-Xmx1G"}});
  ASSERT_TRUE(eventually(60'000, [&] { return child.output().find("serves clients") != std::string::npos || !child.runs(); }));
  ASSERT_TRUE(child.runs()) << child.output();
  child.terminate();
  EXPECT_EQ(child.wait(60'000), 0);
  std::string said = child.output();
  EXPECT_NE(said.find("num.partitions?"), std::string::npos) << "an unknown key gets the nearest known one\n" << said;
  EXPECT_NE(said.find("quota.window.num"), std::string::npos) << "a key without effect is named\n" << said;
  EXPECT_NE(said.find("KAFKA_HEAP_OPTS"), std::string::npos) << said;
  EXPECT_NE(said.find("broker 8"), std::string::npos) << "the override won\n" << said;
  EXPECT_EQ(text_of_file(directory_ + "/logs/server.log"), said) << "the same lines in LOG_DIR";
}

TEST_F(StartTest, SigtermEndsAStartThatWaitsForZookeeper) {
  std::string file = write_properties({{"zookeeper.connect", "127.0.0.1:1"},
                                       {"zookeeper.connection.timeout.ms", "600000"},
                                       {"broker.id", "1"},
                                       {"listeners", "PLAINTEXT://127.0.0.1:" + std::to_string(free_port())},
                                       {"log.dirs", directory_ + "/data"}});
  Child child;
  child.start({"scripts/kafka-server-start.sh", file}, directory_ + "/out", {{"QUOKKA_BIN", program_directory()}});
  ASSERT_TRUE(eventually(60'000, [&] { return std::filesystem::exists(directory_ + "/data/.lock") || !child.runs(); }));
  child.terminate();
  EXPECT_EQ(child.wait(30'000), 0) << child.output();
  EXPECT_TRUE(child.output().ends_with("stopped\n")) << child.output();
}

TEST_F(StartTest, DaemonLogsToItsDirectoryAndTheStopScriptFindsIt) {
  LocalCluster zookeeper({.brokers = 0});
  std::string id = std::to_string(500 + ::getpid() % 400);
  std::string file = write_properties({{"zookeeper.connect", zookeeper.zookeeper_connect()},
                                       {"broker.id", id},
                                       {"listeners", "PLAINTEXT://127.0.0.1:" + std::to_string(free_port())},
                                       {"log.dirs", directory_ + "/data"},
                                       {"quokka.admin.port", "-1"}});
  std::string log = directory_ + "/logs/server.log";
  Child script;
  script.start({"scripts/kafka-server-start.sh", "-daemon", file}, directory_ + "/out",
               {{"QUOKKA_BIN", program_directory()}, {"LOG_DIR", directory_ + "/logs"}});
  EXPECT_EQ(script.wait(30'000), 0) << script.output();
  ASSERT_TRUE(eventually(60'000, [&] { return text_of_file(log).find("serves clients") != std::string::npos; })) << text_of_file(log);
  script.start({"scripts/kafka-server-stop.sh", "--node-id=" + id}, directory_ + "/stop");
  EXPECT_EQ(script.wait(30'000), 0) << script.output();
  EXPECT_TRUE(eventually(60'000, [&] { return text_of_file(log).ends_with("stopped\n"); })) << text_of_file(log);
  // Nobody is left, which the script says, as Kafka's does. The broker has logged its last line, but may still be ending.
  EXPECT_TRUE(eventually(10'000, [&] {
    script.start({"scripts/kafka-server-stop.sh", "--node-id=" + id}, directory_ + "/stop");
    return script.wait(10'000) == 1;
  }));
  EXPECT_NE(script.output().find("No kafka server to stop"), std::string::npos);
}

TEST_F(StartTest, ABrokerKilledIsBackBeforeItsSessionEnds) {
  LocalCluster cluster({.brokers = 1, .session_timeout_ms = 30'000});
  cluster.kill_broker(1);
  auto begin = std::chrono::steady_clock::now();
  cluster.start_broker(1);
  cluster.wait_until_ready(1);
  auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(took, std::chrono::seconds(15)) << "it waited for its old session";
}

TEST_F(StartTest, ThreeBrokersOnThreeZookeepersStopCleanly) {
  LocalCluster cluster({.brokers = 3, .zookeepers = 3});
  for (int id = 1; id <= 3; ++id) EXPECT_NE(cluster.page(id, "/metrics").find(" 200 "), std::string::npos);
  for (int id = 1; id <= 3; ++id) EXPECT_EQ(cluster.stop_broker(id), 0) << cluster.broker(id).last_lines();
}

}  // namespace
}  // namespace quokka
