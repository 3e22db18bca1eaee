// The cleaner as a broker runs it: what it chooses and when, failures and their pauses, the throttle, the stop, the checkpoint.
#include "broker/cleaner/log_cleaner.h"

#include "broker/cleaner/test_cleaner.h"

namespace quokka {
namespace {

using testing::CompactedLife;
using testing::compacted;
using testing::kNow;

class Metrics final : public MetricSink {
 public:
  explicit Metrics(const LogCleaner& cleaner) { cleaner.collect(*this); }
  void gauge(std::string_view family, std::string_view name, const Labels& labels, double value) override {
    std::string text = std::string(family) + " " + std::string(name);
    for (const auto& [label, of] : labels) text += " " + label + "=" + of;
    values[text] = value;
  }
  void sample(std::string_view, std::string_view, std::string_view, double) override {}
  std::map<std::string, double> values;
};

void put_many(CompactedLife& life, int records, int keys) {
  for (int i = 0; i < records; ++i) life.put("k" + std::to_string(i % keys), std::to_string(i));
}

LogCleaner::Settings settings(int threads = 1) {
  LogCleaner::Settings settings;
  settings.threads = threads;
  settings.cleaning.buffer_bytes = 200;
  settings.cleaning.map_bytes_max = 1 << 20;
  return settings;
}

TEST(LogCleaner, CleansWhatIsDirtyAndChecksItInACheckpointOfKafkas) {
  MemoryDisk disk;
  {
    CompactedLife life(disk, compacted(), settings(2));
    put_many(life, 60, 7);
    life.seal();
    life.cleaner.start();
    life.run();
    EXPECT_EQ(life.records().size(), 7u);
    EXPECT_EQ(**disk.read_file("/a/cleaner-offset-checkpoint"), "0\n1\nt 0 60\n");
    // Nothing to do until something is dirty again.
    disk.forget_operations();
    life.advance(Duration::seconds(60));
    for (const auto& operation : disk.operations()) EXPECT_NE(operation.name, "write") << operation.path;
    put_many(life, 5, 5);
    life.seal();
    life.advance(Duration::seconds(15));
    EXPECT_EQ(life.records().size(), 7u);
    EXPECT_EQ(**disk.read_file("/a/cleaner-offset-checkpoint"), "0\n1\nt 0 65\n");
    EXPECT_EQ(Metrics(life.cleaner).values["kafka_log_LogCleanerManager uncleanable-partitions-count logDirectory=/a"], 0);
    EXPECT_GT(Metrics(life.cleaner).values["kafka_log_LogCleaner cleaner-recopy-percent"], 0);
    life.directories.stop();
    life.directories.close();
  }
  CompactedLife life(disk);
  EXPECT_EQ(life.log().first_dirty(), Offset(65));
  // With the topic's partition its line goes.
  ASSERT_TRUE(life.directories.remove({"t", PartitionIndex(0)}).ok());
  ASSERT_TRUE(life.directories.checkpoint_first_dirty(life.partition).ok());
  EXPECT_EQ(**disk.read_file("/a/cleaner-offset-checkpoint"), "0\n0\n");
}

TEST(LogCleaner, LeavesLogsAloneThatAreNotCompactedOrNotDirtyEnough) {
  for (const bool compact : {false, true}) {
    MemoryDisk disk;
    LogConfig config = compacted();
    config.cleanup_compact = compact;
    config.min_cleanable_dirty_ratio = 1;
    CompactedLife life(disk, config, settings());
    put_many(life, 60, 7);
    life.seal();
    life.cleaner.start();
    life.advance(Duration::seconds(60));
    EXPECT_EQ(life.records().size(), 60u);
    EXPECT_EQ(Metrics(life.cleaner).values["kafka_log_LogCleanerManager max-dirty-percent"], compact ? 100 : 0);
  }
}

TEST(LogCleaner, TakesWhatIsOlderThanTheMaximumLag) {
  MemoryDisk disk;
  LogConfig config = compacted();
  config.min_cleanable_dirty_ratio = 1;
  config.max_compaction_lag_ms = 100'000;
  CompactedLife life(disk, config, settings());
  put_many(life, 60, 7);
  life.seal();
  life.cleaner.start();
  life.advance(Duration::seconds(90));
  EXPECT_EQ(life.records().size(), 60u);
  life.advance(Duration::seconds(30));
  EXPECT_EQ(life.records().size(), 7u);
}

TEST(LogCleaner, WhatIsNotOnTheDeviceYetIsNotTouched) {
  MemoryDisk disk;
  CompactedLife life(disk, compacted(), settings());
  put_many(life, 60, 7);
  ASSERT_TRUE(life.log().roll(kNow).ok());
  life.cleaner.start();
  life.run();
  EXPECT_EQ(life.records().size(), 60u);
  life.seal();
  life.advance(Duration::seconds(15));
  EXPECT_EQ(life.records().size(), 7u);
}

// A log that cannot be cleaned: the reason is shown, the pauses grow, others are cleaned, and it heals.
TEST(LogCleaner, AFailureConcernsItsLogAloneAndIsTriedAgain) {
  MemoryDisk disk;
  CompactedLife life(disk, compacted(), settings());
  put_many(life, 60, 7);
  life.seal();
  auto other = *life.directories.create({"other", PartitionIndex(3)}, std::nullopt, life.config_);
  const auto sick = life.partition;
  life.partition = other;
  put_many(life, 60, 7);
  life.seal();
  int tries = 0;
  disk.set_fault([&](const MemoryDisk::Operation& operation) {
    if (operation.name != "open" || operation.path != "/a/t-0/00000000000000000000.log.cleaned") return false;
    ++tries;
    return true;
  });
  life.cleaner.start();
  life.run();
  EXPECT_EQ(life.records().size(), 7u);  // of the other
  EXPECT_EQ(tries, 1);
  auto metrics = Metrics(life.cleaner).values;
  EXPECT_EQ(metrics["kafka_log_LogCleanerManager uncleanable-partitions-count logDirectory=/a"], 1);
  EXPECT_GT(metrics["kafka_log_LogCleanerManager uncleanable-bytes logDirectory=/a"], 0);
  bool reason = false;
  for (const auto& [name, value] : metrics)
    reason = reason || (name.find("uncleanable-partition topic=t partition=0 reason=") != std::string::npos && name.find(".log.cleaned") != std::string::npos);
  EXPECT_TRUE(reason);
  EXPECT_FALSE(sick->health->offline());
  for (int i = 0; i < 40; ++i) life.advance(Duration::seconds(15));
  EXPECT_GE(tries, 4);
  EXPECT_LE(tries, 6);  // after 15, 45, 105, 225, 465 seconds
  // New settings are a reason to try at once.
  const int before = tries;
  {
    MutexLock lock(*sick->mutex);
    sick->log->set_config(std::make_shared<LogConfig>(*life.config_));
  }
  life.advance(Duration::seconds(15));
  EXPECT_EQ(tries, before + 1);
  disk.set_fault(nullptr);
  {
    MutexLock lock(*sick->mutex);
    sick->log->set_config(std::make_shared<LogConfig>(*life.config_));
  }
  life.advance(Duration::seconds(15));
  life.partition = sick;
  EXPECT_EQ(life.records().size(), 7u);
  EXPECT_EQ(Metrics(life.cleaner).values["kafka_log_LogCleanerManager uncleanable-partitions-count logDirectory=/a"], 0);
}

TEST(LogCleaner, KeepsToItsRate) {
  MemoryDisk disk;
  LogCleaner::Settings slow = settings(2);
  slow.bytes_per_second = 1000;
  CompactedLife life(disk, compacted(), slow);
  put_many(life, 60, 60);
  life.seal();
  const auto bytes = static_cast<double>(life.log().size_bytes());
  life.cleaner.start();
  life.run();
  // Read for the map, read for the copy, written: three times.
  const Duration needed = Duration::millis(static_cast<int64_t>(3 * bytes));
  Duration passed;
  while (life.log().first_dirty() != Offset(60) && passed < Duration::seconds(60)) {
    life.advance(Duration::millis(5));
    passed = passed + Duration::millis(5);
  }
  EXPECT_GE(passed + Duration::millis(600), needed);
  EXPECT_LE(passed, needed + Duration::millis(600));
}

TEST(LogCleaner, AStopEndsACleaningBetweenTwoStepsAndLeavesNothing) {
  for (int at = 0; at < 200; ++at) {
    MemoryDisk disk;
    CompactedLife life(disk, compacted(), settings(2));
    put_many(life, 60, 7);
    life.seal();
    life.cleaner.start();
    for (int i = 0; i < at; ++i)
      if (!life.pool.run_one()) life.loop.run_one();
    bool stopped = false;
    life.cleaner.stop([&] { stopped = true; });
    life.run();
    EXPECT_TRUE(stopped) << at;
    EXPECT_TRUE(life.names(".cleaned").empty()) << at;
    EXPECT_TRUE(life.names(".swap").empty()) << at;
    EXPECT_EQ(life.latest().size(), 7u);
    life.advance(Duration::seconds(100));
    if (at == 0) {
      EXPECT_EQ(life.records().size(), 60u);
    }
  }
}

}  // namespace
}  // namespace quokka
