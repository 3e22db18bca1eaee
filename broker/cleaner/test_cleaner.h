// For the tests of this room: a log directory with one compacted log on a disk in memory, records by key, and a cleaning by hand.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/cleaner/cleaning.h"
#include "broker/cleaner/log_cleaner.h"
#include "broker/log/test_log.h"

namespace quokka::testing {

using KeysAndValues = std::map<std::string, std::string>;

inline LogConfig compacted(int32_t segment_bytes = 500) {
  LogConfig config;
  config.cleanup_delete = false;
  config.cleanup_compact = true;
  config.segment_bytes = segment_bytes;
  config.index_interval_bytes = 100;
  config.min_cleanable_dirty_ratio = 0;
  return config;
}

struct KeyedBatch {
  std::vector<std::pair<std::string, std::optional<std::string>>> records;
  ProducerId producer_id{};
  ProducerEpoch producer_epoch{};
  int32_t base_sequence = -1;
  bool transactional = false;
  Compression compression{};
  int64_t timestamp = kNow.ms;
};

inline std::vector<uint8_t> bytes_of_batch(const KeyedBatch& batch, Offset base = Offset(0)) {
  BatchFields fields;
  fields.base_offset = base;
  fields.leader_epoch = LeaderEpoch(0);
  fields.producer_id = batch.producer_id;
  fields.producer_epoch = batch.producer_epoch;
  fields.base_sequence = batch.base_sequence;
  fields.is_transactional = batch.transactional;
  fields.compression = batch.compression;
  BatchBuilder builder(fields);
  for (const auto& [key, value] : batch.records)
    builder.add(batch.timestamp, bytes_of(key), value ? std::optional(bytes_of(*value)) : std::nullopt);
  return builder.build();
}

// One life of a broker's directory with the log t-0.
class CompactedLife {
 public:
  explicit CompactedLife(MemoryDisk& on, LogConfig config = compacted(), LogCleaner::Settings cleaning = {})
      : disk(on),
        config_(std::make_shared<LogConfig>(std::move(config))),
        directories(disk, pool, loop, random, settings()),
        cleaner(std::move(cleaning), {disk, directories, pool, loop, random}) {
    disk.set_wall_clock([this] { return loop.wall_now().ms; });
    EXPECT_TRUE(directories.open().ok());
    EXPECT_TRUE(directories.bind_identity("HIuJn5rvRwCPXTkH59j3Fg", BrokerId(1)).ok());
    bool loaded = false;
    directories.load([this](const std::string&) { return config_; }, [](const LogDirectories::Progress&) {},
                     [&](Result<LogDirectories::LoadReport> report) { loaded = report.ok(); });
    run_all(pool, loop);
    EXPECT_TRUE(loaded);
    auto found = directories.create({"t", PartitionIndex(0)}, std::nullopt, config_);
    EXPECT_TRUE(found.ok());
    partition = *found;
    MutexLock lock(*partition->mutex);
    partition->log->set_high_watermark(partition->log->log_end());
  }
  ~CompactedLife() { disk.set_wall_clock(nullptr); }

  // NO lock: one thread.
  Log& log() NO_THREAD_SAFETY_ANALYSIS { return *partition->log; }
  Offset append(const KeyedBatch& batch) {
    BatchToAppend bytes = to_append(bytes_of_batch(batch));
    auto result = log().append_as_leader(bytes, LeaderEpoch(0), AppendOrigin::CLIENT, loop.wall_now(), TransactionGuard::trusted());
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    log().set_high_watermark(log().log_end());
    return result.ok() ? result->last_offset : Offset();
  }
  Offset put(const std::string& key, const std::string& value) { return append({.records = {{key, value}}}); }
  Offset remove(const std::string& key) { return append({.records = {{key, std::nullopt}}}); }
  void end_transaction(ProducerId id, bool abort) {
    BatchToAppend marker = marker_to_append(id, ProducerEpoch(0), abort, 0, loop.wall_now().ms);
    EXPECT_TRUE(log().append_as_leader(marker, LeaderEpoch(0), AppendOrigin::COORDINATOR, loop.wall_now()).ok());
    log().set_high_watermark(log().log_end());
  }
  // Everything appended so far lies in sealed segments on the device.
  void seal() {
    EXPECT_TRUE(log().roll(loop.wall_now()).ok());
    EXPECT_TRUE(directories.flush(partition).ok());
  }
  std::unique_ptr<Cleaning> begin_cleaning(size_t buffer_bytes = 200, size_t map_bytes_max = 1 << 20) {
    CleaningPlan plan{partition, log().compaction_view(), {}, 0};
    plan.first_dirty = plan.view.first_dirty.value_or(plan.view.log_start);
    plan.segments = plan.view.rewritable;
    Cleaning::Settings settings;
    settings.map_bytes_max = map_bytes_max;
    settings.buffer_bytes = buffer_bytes;
    return std::make_unique<Cleaning>(disk, directories, std::move(plan), settings, loop.wall_now());
  }
  // To its end; the offset up to which the log is clean.
  Offset clean(size_t map_bytes_max = 1 << 20) {
    seal();
    auto cleaning = begin_cleaning(200, map_bytes_max);
    while (true) {
      auto state = cleaning->step();
      EXPECT_TRUE(state.ok()) << (state.ok() ? "" : state.error().message);
      if (!state.ok()) return {};
      if (*state == Cleaning::State::going_on) continue;
      EXPECT_EQ(*state, Cleaning::State::done);
      log().set_first_dirty(cleaning->end());
      run_all(pool, loop);
      return cleaning->end();
    }
  }
  struct Kept {
    int64_t offset;
    std::string key;
    std::optional<std::string> value;
    bool operator==(const Kept&) const = default;
  };
  // Data records in the order of the log, aborted ones included.
  std::vector<Kept> records() {
    std::vector<Kept> found;
    DecompressionScratch scratch;
    for (const ReadBatch& each : read_all(log(), log().log_start(), log().log_end(), 300)) {
      const BatchView batch(bytes_of(each.bytes));
      std::vector<uint8_t> plain(batch.payload().begin(), batch.payload().end());
      if (batch.is_compressed()) {
        EXPECT_TRUE(decompress(batch.codec(), batch.payload(), 2, {}, scratch, plain).ok());
      }
      if (batch.is_control()) continue;
      RecordCursor cursor(batch, plain);
      RecordView record;
      while (cursor.next(record))
        found.push_back({record.offset.value, std::string(text_of(*record.key)), record.value ? std::optional(std::string(text_of(*record.value))) : std::nullopt});
      EXPECT_TRUE(cursor.ok());
    }
    return found;
  }
  KeysAndValues latest() {
    KeysAndValues values;
    for (const Kept& each : records()) {
      if (each.value) values[each.key] = *each.value;
      else values.erase(each.key);
    }
    return values;
  }
  std::vector<std::string> names(const std::string& suffix = "") {
    std::vector<std::string> names;
    const auto entries = disk.list("/a/t-0");
    for (const DirectoryEntry& entry : *entries)
      if (entry.name.ends_with(suffix)) names.push_back(entry.name);
    return names;
  }
  void run() { run_all(pool, loop); }
  void advance(Duration span) {
    loop.advance(span);
    run();
  }

  static LogDirectories::Settings settings() {
    LogDirectories::Settings settings;
    settings.log_dirs = {"/a"};
    return settings;
  }

  MemoryDisk& disk;
  LogConfigPtr config_;
  ManualPool pool;
  ManualLoop loop{kNow};
  SeededRandom random{7};
  LogDirectories directories;
  LogCleaner cleaner;
  PartitionLogPtr partition;
};

}  // namespace quokka::testing
