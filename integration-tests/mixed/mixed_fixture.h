// A test of clusters in which Quokka's brokers and Apache Kafka's live together. Its parameter: the ids, of three, that run Kafka.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <set>
#include <string>

#include "integration-tests/faults/scene.h"

namespace quokka {

class MixedFixture : public testing::TestWithParam<std::set<int>> {
 protected:
  void SetUp() override {
    const char* tree = ::getenv("QUOKKA_KAFKA_TREE");
    if (!tree) GTEST_SKIP() << "QUOKKA_KAFKA_TREE names no tree of Apache Kafka: make mixed-test";
    options_.cluster.kafka_tree = tree;
    options_.cluster.kafka_brokers = GetParam();
    options_.cluster.session_timeout_ms = Scene::session_timeout_ms;
    options_.cluster.tick_ms = Scene::tick_ms;
    // So that a broker that came back leads again before the next is killed.
    options_.cluster.keys["leader.imbalance.check.interval.seconds"] = "3";
    options_.seed = static_cast<uint32_t>(testing::UnitTest::GetInstance()->random_seed()) + 1;
  }
  static int one_of_kafka() { return *GetParam().begin(); }
  static int one_of_quokka() {
    int id = 1;
    while (GetParam().contains(id)) ++id;
    return id;
  }
  static std::string kind(int id) { return GetParam().contains(id) ? "Kafka" : "Quokka"; }
  // All brokers: this one, then one of the other kind, then who is left.
  static std::vector<int> headed_by(int id) {
    const int heir = kind(id) == "Kafka" ? one_of_quokka() : one_of_kafka();
    return {id, heir, 6 - id - heir};
  }

  // Everything the history promises but that nothing is there twice. A Kafka broker of which clients hear before it leads refuses a producer's batches
  // until it does, and finds the next out of order; librdkafka then goes on under a new producer id, and sends again what the leader before had taken.
  static Findings expect_kept(Scene& scene, const History& history) {
    Findings findings = check_history(history);
    for (Anomaly anomaly : all_anomalies) {
      if (anomaly == Anomaly::duplicate || anomaly == Anomaly::reordered) continue;
      EXPECT_EQ(findings.count(anomaly), 0) << name(anomaly) << '\n' << findings.str();
    }
    EXPECT_EQ(scene.problems(), std::vector<std::string>());
    return findings;
  }
  // Kafka's own kafka-replica-verification compares every batch below the high watermark; nobody produces meanwhile.
  void expect_equal_replicas(Scene& scene) {
    Child tool;
    tool.start({"/usr/bin/java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", options_.cluster.kafka_tree + "/libs/*",
                "org.apache.kafka.tools.ReplicaVerificationTool", "--broker-list", scene.cluster().bootstrap(), "--topics-include", scene.topic(), "--time",
                "-2", "--report-interval-ms", "500"},
               scene.cluster().directory() + "/replica-verification");
    const std::string complete = "max lag is 0 for partition " + scene.topic();
    const bool compared = eventually(Scene::heal_timeout_ms, [&] { return tool.output().find(complete) != std::string::npos || !tool.runs(); });
    tool.kill();
    EXPECT_TRUE(compared && tool.output().find(complete) != std::string::npos) << tool.output();
    EXPECT_EQ(tool.output().find("match"), std::string::npos) << tool.output();
  }
  // For messages: who runs, whom ZooKeeper knows, and what those said last that ended.
  static std::string brokers_in_words(Scene& scene) {
    std::string words;
    for (int id : scene.cluster().broker_ids()) {
      const bool runs = scene.cluster().broker(id).runs();
      words += kind(id) + ' ' + std::to_string(id) + (runs ? " runs" : " has ended") + (scene.znodes().registration(id) ? "" : ", is not registered") + "; ";
      if (!runs) words += scene.cluster().broker(id).last_lines(500);
    }
    return words;
  }

  SceneOptions options_;
};

inline const auto two_quokka_one_kafka = testing::Values(std::set<int>{3});
inline const auto one_quokka_two_kafka = testing::Values(std::set<int>{2, 3});

}  // namespace quokka
