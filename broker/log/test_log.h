// For the tests of this room: batches, a pool that runs when told, and logs on a disk in memory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "broker/disk/memory_disk.h"
#include "broker/disk/posix_disk.h"
#include "broker/log/log_directories.h"
#include "protocol/base/manual_loop.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/control_record.h"

namespace quokka::testing {

// Work runs when the test says so, on its own thread.
class ManualPool final : public Pool {
 public:
  void run(Task work) override { ready_.push_back(std::move(work)); }
  bool run_one() {
    if (ready_.empty()) return false;
    Task work = std::move(ready_.front());
    ready_.pop_front();
    work();
    return true;
  }

 private:
  std::deque<Task> ready_;
};

inline void run_all(ManualPool& pool, ManualLoop& loop) {
  while (pool.run_one() || loop.run_ready() > 0) {
  }
}

// A small generator (SplitMix64): the same seed, the same run.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() override {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t end) { return next() % end; }

 private:
  uint64_t state_;
};

struct BatchSpec {
  int records = 1;
  int64_t timestamp = 1700000000000;
  size_t value_bytes = 20;
  ProducerId producer_id{};
  ProducerEpoch producer_epoch{};
  int32_t base_sequence = -1;
  bool transactional = false;
  Compression compression{};
  LeaderEpoch leader_epoch{};
  Offset base_offset{0};
};

// Records n carry the timestamp + n.
inline std::vector<uint8_t> batch_of(const BatchSpec& spec) {
  BatchFields fields;
  fields.base_offset = spec.base_offset;
  fields.leader_epoch = spec.leader_epoch;
  fields.producer_id = spec.producer_id;
  fields.producer_epoch = spec.producer_epoch;
  fields.base_sequence = spec.base_sequence;
  fields.is_transactional = spec.transactional;
  fields.compression = spec.compression;
  BatchBuilder builder(fields);
  const std::string value(spec.value_bytes, 'v');
  for (int i = 0; i < spec.records; ++i) builder.add(spec.timestamp + i, bytes_of("key"), bytes_of(value));
  return builder.build();
}

inline BatchToAppend to_append(std::vector<uint8_t> bytes) { return BatchToAppend(std::move(bytes), -1); }

inline BatchToAppend marker_to_append(ProducerId id, ProducerEpoch epoch, bool abort, int32_t coordinator_epoch = 0, int64_t timestamp = 1700000000000) {
  return to_append(write_end_transaction_marker(id, epoch, {abort ? ControlRecordType::ABORT : ControlRecordType::COMMIT, coordinator_epoch}, timestamp));
}

inline constexpr WallTime kNow{1700000100000};
inline const TopicPartition kPartition{"topic", PartitionIndex(0)};

// The bytes that a read yields.
inline std::string content(const LogRead& read) {
  std::string bytes(static_cast<size_t>(read.slice.length), '\0');
  if (read.slice.length == 0) return bytes;
  auto got = read.slice.file->read_at({reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}, read.slice.position);
  EXPECT_TRUE(got.ok() && *got == bytes.size());
  return bytes;
}

// All that [from, end) of the log holds, batch by batch.
struct ReadBatch {
  Offset base_offset;
  Offset last_offset;
  std::string bytes;
  bool operator==(const ReadBatch&) const = default;
};

inline std::vector<ReadBatch> read_all(const Log& log, Offset from, Offset end, int64_t bytes_max = 1 << 20) {
  std::vector<ReadBatch> batches;
  while (from < end) {
    auto plan = log.plan_read({from, end, bytes_max, true, false});
    EXPECT_TRUE(plan.ok());
    auto read = plan->run();
    EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().message);
    if (!read.ok() || read->slice.length == 0) break;
    const std::string bytes = content(*read);
    BatchCursor cursor(bytes_of(bytes));
    while (const auto batch = cursor.next()) {
      EXPECT_TRUE(batch->crc_is_valid());
      batches.push_back({batch->base_offset(), batch->last_offset(), std::string(text_of(batch->bytes()))});
      from = batch->next_offset();
    }
  }
  return batches;
}

// A log in a directory of its own on a disk in memory.
class LogOnMemory {
 public:
  explicit LogOnMemory(LogConfig config = {}) : config_(std::move(config)) {
    EXPECT_TRUE(disk.make_directories(directory).ok());
    EXPECT_TRUE(disk.sync_directory("/data").ok());
    open();
  }
  // As after a crash unless `clean`.
  void open(bool clean = false, Offset recovery_point = Offset(0), Offset log_start = Offset(0), Offset high_watermark = Offset(0)) {
    log.reset();
    health = std::make_shared<DirectoryHealth>("/data");
    recovery = {};
    auto opened = try_open(clean, recovery_point, log_start, high_watermark);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    log = std::move(*opened);
  }
  Result<std::unique_ptr<Log>> try_open(bool clean, Offset recovery_point, Offset log_start = Offset(0), Offset high_watermark = Offset(0)) {
    Log::Opening opening;
    opening.directory = directory;
    opening.partition = kPartition;
    opening.config = std::make_shared<LogConfig>(config_);
    opening.health = health;
    opening.clean = clean;
    opening.recovery_point = recovery_point;
    opening.log_start = log_start;
    opening.high_watermark = high_watermark;
    opening.first_dirty = first_dirty;
    opening.now = kNow;
    return Log::open(disk, std::move(opening), &recovery);
  }
  Result<AppendResult> append(const BatchSpec& spec = {}, LeaderEpoch epoch = LeaderEpoch(0), AppendOrigin origin = AppendOrigin::CLIENT) {
    BatchToAppend batch = to_append(batch_of(spec));
    return log->append_as_leader(batch, epoch, origin, kNow, TransactionGuard::trusted());
  }
  Result<AppendResult> append_marker(ProducerId id, ProducerEpoch epoch, bool abort, int32_t coordinator_epoch = 0) {
    BatchToAppend marker = marker_to_append(id, epoch, abort, coordinator_epoch);
    return log->append_as_leader(marker, std::max(LeaderEpoch(0), log->epochs().latest()), AppendOrigin::COORDINATOR, kNow);
  }
  Status flush() {
    auto flush = log->begin_flush();
    if (!flush) return {};
    Status status = flush->run();
    log->end_flush(*std::move(flush), status);
    return status;
  }
  std::vector<ReadBatch> all() const { return read_all(*log, log->log_start(), log->log_end()); }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    const auto entries = disk.list(directory);
    for (const DirectoryEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }
  std::string file(const std::string& name) { return disk.read_file(directory + "/" + name)->value_or("(none)"); }
  void write_file(const std::string& name, const std::string& bytes) {
    auto file = disk.open(directory + "/" + name, Disk::Open::create_empty);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->write_at(bytes_of(bytes), 0).ok());
  }

  MemoryDisk disk;
  std::string directory = "/data/topic-0";
  std::shared_ptr<DirectoryHealth> health;
  std::optional<Offset> first_dirty;  // of the cleaner's checkpoint, for the next opening
  Log::Recovery recovery;
  std::unique_ptr<Log> log;

 private:
  LogConfig config_;
};

// A copy of testdata on the real disk, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/quokka-log-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  void copy_from(const std::string& source) { std::filesystem::copy(source, path_, std::filesystem::copy_options::recursive); }

 private:
  std::string path_;
};

}  // namespace quokka::testing
