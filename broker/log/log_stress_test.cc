// Threads on one log: appends, reads, flushes and retention at once, under one lock as the partition's. Meant for TSan; every batch read is whole.
#include <atomic>
#include <thread>

#include "broker/log/test_log.h"

namespace quokka {
namespace {

using testing::batch_of;
using testing::TemporaryDirectory;

class LogStress : public ::testing::Test {
 protected:
  void SetUp() override {
    LogConfig config;
    config.segment_bytes = 20'000;
    config.index_interval_bytes = 500;
    config.retention_bytes = 100'000;
    Log::Opening opening;
    opening.directory = data.path();
    opening.partition = testing::kPartition;
    opening.config = std::make_shared<LogConfig>(config);
    opening.health = std::make_shared<DirectoryHealth>(data.path());
    opening.now = testing::kNow;
    auto opened = Log::open(disk, std::move(opening));
    ASSERT_TRUE(opened.ok());
    log = std::move(*opened);
  }

  void read(bool from_start, uint64_t seed) {
    testing::SeededRandom random(seed);
    while (!done) {
      std::optional<ReadPlan> plan;
      std::optional<TimestampPlan> search;
      {
        MutexLock lock(mutex);
        const int64_t span = log->log_end() - log->log_start();
        const Offset from = from_start ? log->log_start() : log->log_start() + static_cast<int64_t>(random.below(static_cast<uint64_t>(span) + 1));
        auto planned = log->plan_read({from, log->log_end(), 30'000, true, true});
        ASSERT_TRUE(planned.ok());
        plan = std::move(*planned);
        search = log->plan_timestamp_search(std::nullopt);
      }
      auto found = plan->run();
      if (!found) {
        ASSERT_EQ(found.code(), ErrorCode::OFFSET_OUT_OF_RANGE) << found.error().message;  // retention was faster
        continue;
      }
      const std::string bytes = testing::content(*found);
      BatchCursor cursor(bytes_of(bytes));
      while (const auto batch = cursor.next()) {
        ASSERT_TRUE(batch->crc_is_valid());
        ++batches_read;
      }
      (void)search->run();
    }
  }

  void flush() {
    while (!done) {
      std::optional<Flush> flush;
      {
        MutexLock lock(mutex);
        flush = log->begin_flush();
      }
      if (!flush) continue;
      const Status status = flush->run();
      MutexLock lock(mutex);
      log->end_flush(*std::move(flush), status);
    }
  }

  void remove_old() {
    while (!done) {
      std::vector<std::string> paths;
      std::shared_ptr<const SegmentList> segments;
      {
        MutexLock lock(mutex);
        auto removed = log->apply_retention(testing::kNow);
        ASSERT_TRUE(removed.ok());
        paths = std::move(removed->paths);
        segments = log->segments();
      }
      for (const std::string& path : paths) ASSERT_TRUE(disk.remove(path).ok());
      for (const SegmentPtr& segment : *segments) segment->drop_if_idle();
    }
  }

  TemporaryDirectory data;
  PosixDisk disk;
  std::unique_ptr<Log> log;
  Mutex mutex;
  std::atomic<bool> done{false};
  std::atomic<int> batches_read{0};
};

TEST_F(LogStress, AppendsReadsFlushesAndRetentionRunBesideEachOther) {
  std::vector<std::thread> threads;
  threads.emplace_back([this] { read(true, 1); });
  threads.emplace_back([this] { read(false, 2); });
  threads.emplace_back([this] { flush(); });
  threads.emplace_back([this] { remove_old(); });
  for (int i = 0; i < 4000; ++i) {
    BatchToAppend batch = testing::to_append(batch_of({.records = 1 + i % 3, .timestamp = testing::kNow.ms + i}));
    MutexLock lock(mutex);
    ASSERT_TRUE(log->append_as_leader(batch, LeaderEpoch(i / 1000), AppendOrigin::CLIENT, testing::kNow).ok());
    log->set_high_watermark(log->log_end());
  }
  while (batches_read < 100) std::this_thread::yield();
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(log->fenced()) << log->health()->reason();
}

}  // namespace
}  // namespace quokka
