// Random schedules of one log against a plain model, restarts and power losses among them; and the files it leaves, checked entry by entry against
// Kafka's format.
#include <algorithm>
#include <map>

#include "broker/log/checkpoints.h"
#include "broker/log/log.h"
#include "broker/log/log_names.h"
#include "broker/log/test_log.h"
#include "broker/producer/producer_snapshot.h"

namespace quokka {
namespace {

using testing::batch_of;
using testing::BatchSpec;
using testing::kNow;
using testing::LogOnMemory;
using testing::ReadBatch;
using testing::SeededRandom;

struct Entry {
  ReadBatch batch;
  LeaderEpoch epoch;
  int64_t max_timestamp = -1;
};

LogConfig config_of(SeededRandom& random) {
  LogConfig config;
  config.segment_bytes = 800 + static_cast<int32_t>(random.below(3000));
  config.producer_id_expiration_ms = LogConfig::kForever;
  config.index_interval_bytes = static_cast<int32_t>(random.below(400));
  config.segment_index_bytes = 120 + static_cast<int32_t>(random.below(500));
  config.retention_ms = -1;
  config.cleanup_compact = true;  // gaps between batches, as followers get them, also at the end
  config.retention_bytes = random.below(3) == 0 ? 3000 : -1;
  return config;
}

class Schedule {
 public:
  explicit Schedule(uint64_t seed) : random_(seed), config_(config_of(random_)), on_(config_) {}

  void run(int steps) {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      const uint64_t dice = random_.below(100);
      if (dice < 55) append();
      else if (dice < 65) follow();
      else if (dice < 72) flush();
      else if (dice < 76) roll();
      else if (dice < 82) truncate();
      else if (dice < 85) raise_start();
      else if (dice < 88) retain();
      else if (dice < 90) start_anew();
      else if (dice < 94) restart(/*clean=*/true);
      else if (dice < 97) restart(/*clean=*/false);
      else lose_power();
      if (step % 7 == 0) compare("step " + std::to_string(step));
    }
    compare("end");
    close_and_check_files();
  }

 private:
  Offset end() const { return on_.log->log_end(); }

  BatchSpec draw() {
    BatchSpec spec;
    spec.records = 1 + static_cast<int>(random_.below(5));
    spec.value_bytes = random_.below(120);
    spec.timestamp = 1700000000000 + static_cast<int64_t>(random_.below(100000));
    if (random_.below(4) == 0) spec.timestamp = -1 - spec.records;  // no useful timestamps
    if (random_.below(3) == 0) spec.compression = {CompressionCodec::LZ4, {}};
    if (random_.below(8) == 0) epoch_ = epoch_.next();
    return spec;
  }
  void remember(Offset from) {
    for (ReadBatch& batch : testing::read_all(*on_.log, from, end())) {
      const BatchView view(bytes_of(batch.bytes));
      model_.push_back({batch, view.leader_epoch(), view.max_timestamp_ms()});
    }
  }

  void append() {
    BatchSpec spec = draw();
    const Offset base = end();
    if (random_.below(2) == 0) {
      spec.producer_id = ProducerId(static_cast<int64_t>(random_.below(3)));
      spec.producer_epoch = ProducerEpoch(0);
      const auto known = on_.log->producers().find(spec.producer_id);
      spec.base_sequence = known && known->last_sequence >= 0 ? known->last_sequence + 1 : 0;
    }
    auto result = on_.append(spec, epoch_);
    ASSERT_TRUE(result.ok()) << result.error().message;
    ASSERT_EQ(result->base_offset, base);
    remember(base);
  }
  void follow() {
    std::vector<uint8_t> bytes;
    Offset next = end();
    for (uint64_t i = 0; i <= random_.below(6); ++i) {
      BatchSpec spec = draw();
      if (random_.below(5) == 0) next = next + static_cast<int64_t>(random_.below(20));
      spec.base_offset = next;
      spec.leader_epoch = epoch_;
      const auto batch = batch_of(spec);
      bytes.insert(bytes.end(), batch.begin(), batch.end());
      next = next + spec.records;
    }
    const Offset from = end();
    ASSERT_TRUE(on_.log->append_as_follower(bytes, kNow).ok());
    remember(from);
  }
  void flush() { ASSERT_TRUE(on_.flush().ok()); }
  void roll() { ASSERT_TRUE(on_.log->roll(kNow).ok()); }

  void truncate() {
    const Offset start = on_.log->log_start();
    const Offset to = start + static_cast<int64_t>(random_.below(static_cast<uint64_t>(end() - start) + 1));
    const Offset before = end();
    ASSERT_TRUE(on_.log->truncate_to(to, kNow).ok());
    std::erase_if(model_, [&](const Entry& entry) { return entry.batch.last_offset >= to; });
    if (to < before) {
      ASSERT_LE(end(), to);
    }
    ASSERT_TRUE(on_.flush().ok());  // as LogDirectories::finish_truncation
    epoch_ = std::max(epoch_, on_.log->epochs().latest());
  }
  void raise_start() {
    on_.log->set_high_watermark(end());
    const Offset start = on_.log->log_start();
    ASSERT_TRUE(on_.log->raise_log_start(start + static_cast<int64_t>(random_.below(static_cast<uint64_t>(end() - start) + 1)) / 3).ok());
    forget_below_start();
  }
  void retain() {
    on_.log->set_high_watermark(end());
    auto removed = on_.log->apply_retention(kNow);
    ASSERT_TRUE(removed.ok());
    for (const std::string& path : removed->paths) ASSERT_TRUE(on_.disk.remove(path).ok());
    forget_below_start();
  }
  void start_anew() {
    const Offset at = end() + static_cast<int64_t>(random_.below(50));
    ASSERT_TRUE(on_.log->truncate_fully_and_start_at(at, kNow).ok());
    ASSERT_TRUE(on_.flush().ok());
    model_.clear();
  }
  void forget_below_start() {
    std::erase_if(model_, [&](const Entry& entry) { return entry.batch.last_offset < on_.log->log_start(); });
  }

  void restart(bool clean) {
    if (clean) {
      ASSERT_TRUE(on_.log->close().ok());
    }
    const Offset end_before = end();
    const auto producers = sorted_producers();
    on_.open(clean, on_.log->recovery_point(), on_.log->log_start(), on_.log->high_watermark());
    ASSERT_EQ(on_.recovery.truncated_bytes, 0);
    // An end inside a gap, made by a truncation, is not seen from the batches.
    if (!model_.empty() && end_before == model_.back().batch.last_offset.next()) {
      ASSERT_EQ(end(), end_before);
    }
    if (clean) {
      ASSERT_EQ(sorted_producers(), producers);
      return;
    }
    // Of a producer whose batches retention took, only a snapshot tells, and the last one may not have been written yet.
    const auto is_gone = [&](const ProducerEntry& entry) { return entry.last_offset < on_.log->segments()->front()->base_offset(); };
    auto before = producers;
    auto after = sorted_producers();
    std::erase_if(before, is_gone);
    std::erase_if(after, is_gone);
    ASSERT_EQ(after, before);
  }
  void lose_power() {
    const Offset safe = on_.log->recovery_point();
    const Offset start = on_.log->log_start();
    on_.log.reset();
    on_.disk.lose_power();
    on_.open(false, safe, start);
    // Every batch below the recovery point is there (the recovery point itself may lie in a gap behind the last one).
    Offset due = start;
    for (const Entry& entry : model_)
      if (entry.batch.last_offset < safe) due = entry.batch.last_offset.next();
    ASSERT_GE(end(), due);
    std::erase_if(model_, [&](const Entry& entry) { return entry.batch.last_offset >= end(); });
  }

  std::vector<ProducerEntry> sorted_producers() const {
    auto entries = on_.log->producers().entries();
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.producer_id < b.producer_id; });
    return entries;
  }

  void compare(const std::string& when) {
    // From a random place to the end, in random pieces.
    const Offset start = on_.log->log_start();
    const Offset from = start + static_cast<int64_t>(random_.below(static_cast<uint64_t>(end() - start) + 1));
    const auto read = testing::read_all(*on_.log, from, end(), 1 + static_cast<int64_t>(random_.below(2000)));
    std::vector<ReadBatch> expected;
    for (const Entry& entry : model_)
      if (entry.batch.last_offset >= from) expected.push_back(entry.batch);
    ASSERT_EQ(read, expected) << when << " from " << from;
    for (const Entry& entry : model_) {
      if (entry.batch.base_offset < start) continue;
      ASSERT_EQ(on_.log->epochs().epoch_at(entry.batch.base_offset), entry.epoch) << when << " at " << entry.batch.base_offset;
    }
    int64_t bytes = 0;
    const auto files = on_.disk.list(on_.directory);
    for (const DirectoryEntry& entry : *files)
      if (entry.name.ends_with(".log")) bytes += entry.size;
    ASSERT_EQ(on_.log->size_bytes(), bytes) << when;
  }

  void close_and_check_files();
  void check_segment(const std::string& digits, Offset base);

  SeededRandom random_;
  const LogConfig config_;
  LogOnMemory on_;
  LeaderEpoch epoch_{0};
  std::vector<Entry> model_;
};

void Schedule::close_and_check_files() {
  ASSERT_TRUE(on_.log->close().ok());
  int logs = 0;
  for (const std::string& name : on_.names()) {
    const auto base = parse_segment_file_name(name, ".log");
    if (!base) continue;
    ++logs;
    check_segment(name.substr(0, 20), *base);
  }
  EXPECT_EQ(static_cast<size_t>(logs), on_.log->segment_count());
  auto epochs = LeaderEpochs::decode(on_.file("leader-epoch-checkpoint"));
  if (!on_.log->epochs().entries().empty()) {
    ASSERT_TRUE(epochs.ok());
    EXPECT_EQ(epochs->entries(), on_.log->epochs().entries());
  }
  if (end() > Offset(0) && on_.file(segment_file_name(end(), ".snapshot")) != "(none)") {
    EXPECT_TRUE(decode_producer_snapshot(bytes_of(on_.file(segment_file_name(end(), ".snapshot")))).ok());
  }
}

// Section 10 of Kafka's file formats, read from the bytes with nothing of the code under test but the batch view.
void Schedule::check_segment(const std::string& digits, Offset base) {
  const std::string log = on_.file(digits + ".log");
  std::map<int64_t, BatchView> at;        // by position
  std::map<int64_t, int64_t> largest;     // relative last offset -> largest timestamp up to that batch
  BatchCursor cursor(bytes_of(log));
  int64_t position = 0;
  int64_t largest_so_far = -1;
  while (const auto batch = cursor.next()) {
    at.emplace(position, *batch);
    largest_so_far = std::max(largest_so_far, batch->max_timestamp_ms());
    largest.emplace(batch->last_offset() - base, largest_so_far);
    position += static_cast<int64_t>(batch->size());
  }
  ASSERT_EQ(cursor.stop(), BatchCursor::Stop::END) << digits;

  const std::string index = on_.file(digits + ".index");
  ASSERT_NE(index, "(none)") << digits;
  ASSERT_EQ(index.size() % 8, 0u);
  int64_t last_offset = -1;
  for (size_t i = 0; i < index.size(); i += 8) {
    const auto* entry = reinterpret_cast<const uint8_t*>(index.data() + i);
    const auto relative = load_be<int32_t>(entry);
    const auto where = load_be<int32_t>(entry + 4);
    ASSERT_GT(relative, last_offset) << digits;
    last_offset = relative;
    ASSERT_EQ(at.count(where), 1u) << digits << " position " << where;
    EXPECT_EQ(at.at(where).last_offset() - base, relative) << digits;
  }
  const std::string times = on_.file(digits + ".timeindex");
  ASSERT_NE(times, "(none)") << digits;
  ASSERT_EQ(times.size() % 12, 0u);
  int64_t last_time = -1;
  for (size_t i = 0; i < times.size(); i += 12) {
    const auto* entry = reinterpret_cast<const uint8_t*>(times.data() + i);
    const auto timestamp = load_be<int64_t>(entry);
    const auto relative = load_be<int32_t>(entry + 8);
    ASSERT_GT(timestamp, last_time) << digits;
    last_time = timestamp;
    ASSERT_EQ(largest.count(relative), 1u) << digits;
    EXPECT_EQ(largest.at(relative), timestamp) << digits;
  }
  if (largest_so_far >= 0) {
    EXPECT_EQ(last_time, largest_so_far) << digits;
  }
}

class RandomSchedules : public ::testing::TestWithParam<int> {};

TEST_P(RandomSchedules, AgreeWithTheModel) {
  for (int i = 0; i < 25 && !HasFailure(); ++i) {
    const auto seed = static_cast<uint64_t>(GetParam() * 1000 + i);
    SCOPED_TRACE("seed " + std::to_string(seed));
    Schedule(seed).run(250);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomSchedules, ::testing::Range(1, 5));

}  // namespace
}  // namespace quokka
