#include "broker/metrics/registry.h"

#include <gtest/gtest.h>

#include <thread>

#include "broker/metrics/process_metrics.h"

namespace quokka {
namespace {

bool has_line(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line + "\n") != std::string::npos; }

size_t times(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Registry, NamesAreThoseThatCruiseControlAsksFor) {
  Registry registry;
  registry.meter("kafka_server_BrokerTopicMetrics", "BytesInPerSec", {{"topic", ""}}).mark(7);
  registry.timing("kafka_network_RequestMetrics", "TotalTimeMs", {{"request", "Produce"}}).record(2.5);
  registry.gauge("kafka_log_Log", "Size", {{"topic", "t"}, {"partition", "3"}}).set(99);
  registry.tick(MonoTime{1});
  registry.tick(MonoTime{5000001});
  std::string text = registry.render();
  EXPECT_TRUE(has_line(text, R"(kafka_server_BrokerTopicMetrics_Count{name="BytesInPerSec",topic=""} 7)")) << text;
  EXPECT_TRUE(has_line(text, R"(kafka_server_BrokerTopicMetrics_OneMinuteRate{name="BytesInPerSec",topic=""} 1.4)")) << text;
  EXPECT_TRUE(has_line(text, R"(kafka_network_RequestMetrics_Max{name="TotalTimeMs",request="Produce"} 2.5)")) << text;
  EXPECT_TRUE(has_line(text, R"(kafka_network_RequestMetrics_999thPercentile{name="TotalTimeMs",request="Produce"} 2.496)")) << text;
  EXPECT_TRUE(has_line(text, R"(kafka_log_Log_Value{name="Size",topic="t",partition="3"} 99)")) << text;
}

TEST(Registry, OneHeadingForEachMetricAndItsSamplesTogether) {
  Registry registry;
  registry.gauge("f", "a").set(1);
  registry.gauge("f", "b", {}, [] { return 2.0; });
  registry.collect([](MetricSink& sink) {
    sink.gauge("g", "x", {}, 1);
    sink.gauge("f", "c", {}, 3);
  });
  std::string text = registry.render();
  EXPECT_EQ(times(text, "# TYPE f_Value gauge\n"), 1u) << text;
  EXPECT_NE(text.find("# TYPE f_Value gauge\nf_Value{name=\"a\"} 1\nf_Value{name=\"b\"} 2\nf_Value{name=\"c\"} 3\n"), std::string::npos) << text;
}

TEST(Registry, FamiliesThatAreKnownHaveAHelpLineForEachMetric) {
  Registry registry;
  registry.gauge("kafka_server_ReplicaManager", "LeaderCount").set(1);
  registry.meter("kafka_server_ReplicaManager", "IsrShrinksPerSec").mark();
  registry.timing("kafka_network_RequestMetrics", "TotalTimeMs").record(1);
  registry.gauge("other", "x").set(1);
  const std::string text = registry.render();
  EXPECT_NE(text.find("# HELP kafka_server_ReplicaManager_Value Replicas on this broker, and changes of the in-sync sets that it leads.\n"
                      "# TYPE kafka_server_ReplicaManager_Value gauge\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(times(text, "# HELP ") + 1, times(text, "# TYPE ")) << text;
  EXPECT_EQ(times(text, "# HELP kafka_server_ReplicaManager_Count "), 1u) << text;
  EXPECT_EQ(text.find("# HELP other"), std::string::npos);
}

TEST(Registry, TheSameNameIsTheSameMetric) {
  Registry registry;
  registry.meter("f", "m", {{"topic", "t"}}).mark();
  registry.meter("f", "m", {{"topic", "t"}}).mark();
  EXPECT_EQ(registry.meter("f", "m", {{"topic", "t"}}).count(), 2u);
}

TEST(Registry, ARemovedTopicLeavesNoSeries) {
  Registry registry;
  registry.meter("f", "m", {{"topic", "gone"}}).mark();
  registry.meter("f", "m", {{"topic", "kept"}}).mark();
  registry.remove("topic", "gone");
  std::string text = registry.render();
  EXPECT_EQ(text.find("gone"), std::string::npos);
  EXPECT_NE(text.find("kept"), std::string::npos);
}

TEST(Registry, LabelValuesAreEscaped) {
  Registry registry;
  registry.gauge("f", "m", {{"client", "a\"b\\c\nd"}}).set(1);
  EXPECT_TRUE(has_line(registry.render(), R"(f_Value{name="m",client="a\"b\\c\nd"} 1)"));
}

TEST(Registry, RatesDecayWhenNothingHappens) {
  Registry registry;
  Meter& meter = registry.meter("f", "m");
  registry.tick(MonoTime{1});
  meter.mark(500);
  int64_t at = 1;
  for (int i = 0; i < 13; ++i) registry.tick(MonoTime{at += 5000000});
  // 100/s at the first tick, then one minute of nothing: 1/e of it.
  std::string text = registry.render();
  size_t value = text.find("f_OneMinuteRate{name=\"m\"} ");
  ASSERT_NE(value, std::string::npos);
  EXPECT_NEAR(std::stod(text.substr(value + 26)), 100 / 2.718281828, 0.01);
}

TEST(Timing, PercentilesAreWithinFourPercent) {
  Timing timing;
  for (int i = 1; i <= 10000; ++i) timing.record(i / 10.0);
  Timing::Summary summary = timing.summary();
  EXPECT_NEAR(summary.percentiles[0], 500, 20);
  EXPECT_NEAR(summary.percentiles[4], 990, 40);
  EXPECT_NEAR(summary.percentiles[5], 999, 40);
  EXPECT_DOUBLE_EQ(summary.max, 1000);
  EXPECT_NEAR(summary.mean, 500.05, 0.01);
  EXPECT_EQ(summary.count, 10000u);
}

TEST(Timing, ForgetsAfterTwoWindows) {
  Registry registry;
  Timing& timing = registry.timing("f", "t");
  timing.record(5);
  registry.tick(MonoTime{1});
  registry.tick(MonoTime{60000001});
  EXPECT_EQ(timing.summary().max, 5);
  registry.tick(MonoTime{120000001});
  EXPECT_EQ(timing.summary().max, 0);
  EXPECT_EQ(timing.summary().count, 1u);
}

TEST(Registry, MayBeUsedFromManyThreadsWhileRendered) {
  Registry registry;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&registry] {
      for (int i = 0; i < 500; ++i) {
        registry.meter("f", "m", {{"topic", std::to_string(i % 7)}}).mark();
        registry.timing("f", "t").record(i);
      }
    });
  for (int i = 0; i < 20; ++i) {
    registry.render();
    registry.tick(MonoTime{i * 6000000LL + 1});
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(registry.timing("f", "t").count(), 2000u);
}

TEST(ProcessMetrics, AreThere) {
  std::string text = render_process_metrics();
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds"})
    EXPECT_NE(text.find("\n" + std::string(name) + " "), std::string::npos) << name;
}

}  // namespace
}  // namespace quokka
