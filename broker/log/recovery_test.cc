// What a restart makes of files that a crash, a person or a bad disk left.
#include <algorithm>

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

LogConfig small_segments() {
  LogConfig config;
  config.segment_bytes = 700;
  config.index_interval_bytes = 200;
  return config;
}

// Several segments, two producers, an aborted and an open transaction, two leader epochs; flushed up to the middle.
void fill(LogOnMemory& on) {
  const auto send = [&](int64_t id, int32_t sequence, bool transactional, int epoch) {
    ASSERT_TRUE(on.append({.records = 2,
                           .timestamp = 1700000000000 + sequence * 1000,
                           .producer_id = ProducerId(id),
                           .producer_epoch = ProducerEpoch(0),
                           .base_sequence = sequence,
                           .transactional = transactional},
                          LeaderEpoch(epoch))
                    .ok());
  };
  for (int i = 0; i < 6; ++i) send(1, i * 2, false, 1);
  send(2, 0, true, 1);
  ASSERT_TRUE(on.append_marker(ProducerId(2), ProducerEpoch(0), true).ok());
  ASSERT_TRUE(on.flush().ok());
  for (int i = 6; i < 12; ++i) send(1, i * 2, false, 3);
  send(2, 2, true, 3);
}

struct Expected {
  std::vector<ReadBatch> batches;
  std::vector<EpochStart> epochs;
  std::vector<ProducerEntry> producers;
};

Expected state_of(const LogOnMemory& on) {
  Expected state{on.all(), on.log->epochs().entries(), on.log->producers().entries()};
  std::sort(state.producers.begin(), state.producers.end(), [](const auto& a, const auto& b) { return a.producer_id < b.producer_id; });
  return state;
}

void expect_same(const Expected& got, const Expected& wanted, const std::string& what) {
  EXPECT_EQ(got.batches, wanted.batches) << what;
  EXPECT_EQ(got.epochs, wanted.epochs) << what;
  EXPECT_EQ(got.producers, wanted.producers) << what;
}

std::string last_log_name(LogOnMemory& on) { return segment_file_name(on.log->segments()->back()->base_offset(), ".log"); }

TEST(Recovery, F28EveryCutOfTheLastTwoBatchesLeavesTheWholeOnes) {
  LogOnMemory on(small_segments());
  fill(on);
  const Offset recovery_point = on.log->recovery_point();
  const std::string name = last_log_name(on);
  const Expected whole = state_of(on);
  const std::string bytes = on.file(name);
  std::vector<size_t> ends;  // of the batches of the last segment
  BatchCursor cursor(bytes_of(bytes));
  while (cursor.next()) ends.push_back(cursor.position());
  ASSERT_GE(ends.size(), 3u);
  const size_t from = ends[ends.size() - 3];
  for (size_t cut = from; cut <= bytes.size(); ++cut) {
    on.log.reset();
    on.write_file(name, bytes.substr(0, cut));
    on.open(false, recovery_point);
    const auto missing = static_cast<size_t>(std::count_if(ends.begin(), ends.end(), [&](size_t end) { return end > cut; }));
    const std::vector<ReadBatch> left(whole.batches.begin(), whole.batches.end() - static_cast<ptrdiff_t>(missing));
    ASSERT_EQ(on.all(), left) << "cut at " << cut;
    ASSERT_EQ(on.log->log_end(), left.back().last_offset.next()) << "cut at " << cut;
    // The file ends there too, and goes on there.
    ASSERT_EQ(on.file(name).size(), ends[ends.size() - 1 - missing]) << "cut at " << cut;
    ASSERT_TRUE(on.append().ok());
    ASSERT_EQ(on.all().back().base_offset, left.back().last_offset.next());
  }
}

TEST(Recovery, F29AFlippedBitInTheTailCutsThere) {
  LogOnMemory on(small_segments());
  fill(on);
  const Offset recovery_point = on.log->recovery_point();
  const std::string name = last_log_name(on);
  const Expected whole = state_of(on);
  const std::string bytes = on.file(name);
  const size_t last = whole.batches.back().bytes.size();
  for (size_t at = bytes.size() - last; at < bytes.size(); ++at) {
    const size_t in_batch = at - (bytes.size() - last);
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      // Outside the CRC, like the base offset: a leader epoch that is too high is told by the leader (Follower.AnEpochThatNobodyCanHaveWritten*).
      const bool is_epoch = in_batch >= 12 && in_batch < 16;
      if (is_epoch && load_be<int32_t>(reinterpret_cast<const uint8_t*>(damaged.data()) + bytes.size() - last + 12) > 3) continue;
      on.log.reset();
      on.write_file(name, damaged);
      on.open(false, recovery_point);
      ASSERT_EQ(on.all().size(), whole.batches.size() - 1) << "byte " << in_batch << " bit " << bit;
      ASSERT_EQ(on.log->log_end(), whole.batches.back().base_offset) << "byte " << in_batch << " bit " << bit;
      ASSERT_FALSE(on.recovery.notes.empty());
    }
  }
}

// Batches of two records with one of them elsewhere: a log that a cleaner left, or its bit was flipped.
std::string batches_at(const std::vector<int64_t>& bases) {
  std::string bytes;
  for (const int64_t base : bases) bytes += text_of(batch_of({.records = 2, .leader_epoch = LeaderEpoch(3), .base_offset = Offset(base)}));
  return bytes;
}

std::vector<int64_t> bases_left(LogOnMemory& on, const std::string& bytes, Offset recovery_point = Offset(0)) {
  on.log.reset();
  on.write_file("00000000000000000000.log", bytes);
  on.open(false, recovery_point);
  std::vector<int64_t> bases;
  for (const ReadBatch& batch : on.all()) bases.push_back(batch.base_offset.value);
  return bases;
}

using Bases = std::vector<int64_t>;

TEST(Recovery, F29AFlippedBaseOffsetIsCutWhereItIsAndNotBehind) {
  LogOnMemory on;
  for (int bit = 0; bit < 63; ++bit) {
    // Offset 8, of which bit 3 is set: then it goes back.
    const int64_t flipped = 8 ^ (int64_t{1} << bit);
    EXPECT_EQ(bases_left(on, batches_at({0, 2, 4, 6, flipped, 10, 12})), (Bases{0, 2, 4, 6})) << bit;
    EXPECT_EQ(on.log->log_end(), Offset(8)) << bit;
  }
}

TEST(Recovery, WhatWasSyncedIsNotDroppedForTheEpochOfTheBatchBeforeIt) {
  LogOnMemory on;
  std::string bytes;
  for (const auto& [base, epoch] : {std::pair(0, 3), std::pair(1, 3), std::pair(2, 2), std::pair(3, 3)})
    bytes += text_of(batch_of({.leader_epoch = LeaderEpoch(epoch), .base_offset = Offset(base)}));
  EXPECT_EQ(bases_left(on, bytes, Offset(4)), (Bases{0, 1, 2, 3}));
  EXPECT_EQ(bases_left(on, bytes, Offset(2)), (Bases{0, 1}));
}

// Batches of one record.
std::string of_epochs(const std::vector<int32_t>& epochs) {
  std::string bytes;
  for (size_t i = 0; i < epochs.size(); ++i)
    bytes += text_of(batch_of({.leader_epoch = LeaderEpoch(epochs[i]), .base_offset = Offset(static_cast<int64_t>(i))}));
  return bytes;
}

// Nothing stands before it that would tell.
TEST(Recovery, F29ANegativeLeaderEpochIsNobodys) {
  LogOnMemory on;
  EXPECT_EQ(bases_left(on, of_epochs({INT32_MIN + 3})), Bases{});
  EXPECT_EQ(bases_left(on, of_epochs({-1})), Bases{0}) << "who does not know its epoch says so";
  EXPECT_EQ(bases_left(on, of_epochs({5, INT32_MIN + 3, 1})), Bases{0}) << "though what is behind it has a lower one than what is before";
}

TEST(Recovery, F29ALowerLeaderEpochBetweenOthersIsDamageAndOneThatStaysIsNot) {
  LogOnMemory on;
  EXPECT_EQ(bases_left(on, of_epochs({5, 5, 4, 5})), (Bases{0, 1}));
  EXPECT_EQ(bases_left(on, of_epochs({5, 5, 1, 1, 2})), (Bases{0, 1, 2, 3, 4})) << "ZooKeeper began anew";
}

TEST(Recovery, F29ABatchThatReachesIntoTheNextSegmentIsCut) {
  LogConfig compacted;
  compacted.cleanup_compact = true;
  LogOnMemory on(compacted);
  on.log.reset();
  on.write_file("00000000000000000008.log", batches_at({8}));
  EXPECT_EQ(bases_left(on, batches_at({0, 2, 7})), (Bases{0, 2}));
}

TEST(Recovery, GapsThatACleanerLeftAreNoDamage) {
  LogConfig compacted;
  compacted.cleanup_compact = true;
  LogOnMemory on(compacted);
  EXPECT_EQ(bases_left(on, batches_at({4, 6, 100, 102, 300})), (Bases{4, 6, 100, 102, 300}));
  // The topic was compacted once, here.
  LogOnMemory before;
  before.first_dirty = Offset(100);
  EXPECT_EQ(bases_left(before, batches_at({4, 6, 100})), (Bases{4, 6, 100}));
  EXPECT_EQ(bases_left(before, batches_at({4, 6, 100, 90})), (Bases{4, 6, 100})) << "its offset goes back";
  // Or where it was copied from: gaps between batches stay, and one at the end that was there before the last flush.
  LogOnMemory once;
  EXPECT_EQ(bases_left(once, batches_at({4, 6, 100, 102})), (Bases{4, 6, 100, 102}));
  EXPECT_EQ(bases_left(once, batches_at({4, 6, 100}), Offset(102)), (Bases{4, 6, 100}));
  EXPECT_EQ(bases_left(once, batches_at({4, 6, 100}), Offset(8)), (Bases{4, 6}));
}

TEST(Recovery, WithoutACutEverythingIsAsBefore) {
  LogOnMemory on(small_segments());
  fill(on);
  const Expected before = state_of(on);
  for (const int recovery_point : {0, 7, 12, 20, 1000}) {
    on.open(false, Offset(recovery_point));
    expect_same(state_of(on), before, "recovery point " + std::to_string(recovery_point));
    EXPECT_TRUE(on.recovery.recovered);
    EXPECT_EQ(on.recovery.truncated_bytes, 0);
  }
}

TEST(Recovery, AClosedLogOpensWithoutReadingItAll) {
  LogOnMemory on(small_segments());
  fill(on);
  const Expected before = state_of(on);
  ASSERT_TRUE(on.log->close().ok());
  on.open(/*clean=*/true, on.log->log_end());
  EXPECT_FALSE(on.recovery.recovered);
  expect_same(state_of(on), before, "clean");
  EXPECT_EQ(on.log->recovery_point(), on.log->log_end());
  // Nothing changed: closing again writes nothing.
  on.disk.forget_operations();
  ASSERT_TRUE(on.log->close().ok());
  for (const auto& operation : on.disk.operations()) EXPECT_NE(operation.name, "write") << operation.path;
}

TEST(Recovery, F30DamagedOrMissingFilesAreRebuilt) {
  LogOnMemory on(small_segments());
  fill(on);
  const Expected before = state_of(on);
  const auto aborted = [&] {
    auto read = on.log->plan_read({Offset(12), Offset(14), 1 << 20, true, true})->run();
    EXPECT_TRUE(read.ok());
    return read->aborted;
  };
  const auto aborted_before = aborted();
  ASSERT_EQ(aborted_before.size(), 1u);
  const Offset end = on.log->log_end();
  ASSERT_TRUE(on.log->close().ok());
  std::map<std::string, std::string> files;
  for (const std::string& name : on.names()) files[name] = on.file(name);
  const auto restore = [&] {
    on.log.reset();
    for (const std::string& name : on.names()) ASSERT_TRUE(on.disk.remove(on.directory + "/" + name).ok());
    for (const auto& [name, bytes] : files) on.write_file(name, bytes);
  };
  for (const auto& [name, bytes] : files) {
    if (name.ends_with(".log")) continue;
    const std::vector<std::pair<std::string, std::string>> damages = {
        {"emptied", ""}, {"zeroed", std::string(bytes.size(), '\0')}, {"cut", bytes.substr(0, bytes.size() / 2 + 1)}, {"longer", bytes + "\x01garbage"},
        {"noise", std::string(bytes.size(), '\xa5')}};
    for (const bool clean : {true, false}) {
      for (const auto& [how, damaged] : damages) {
        // A transaction index or epoch checkpoint that is empty says that there is nothing: nobody can tell that from damage in a closed log.
        const bool plausible = damaged.empty() || how == "zeroed";
        if (clean && (name.ends_with(".txnindex") || name == "leader-epoch-checkpoint") && plausible) continue;
        if (!clean && name == "leader-epoch-checkpoint" && damaged.empty()) continue;
        restore();
        on.write_file(name, damaged);
        on.open(clean, clean ? end : Offset(0));
        expect_same(state_of(on), before, name + " " + how + (clean ? " clean" : " unclean"));
        EXPECT_EQ(aborted(), aborted_before) << name << " " << how << (clean ? " clean" : " unclean");
      }
    }
    if (name.ends_with(".txnindex")) continue;
    restore();
    ASSERT_TRUE(on.disk.remove(on.directory + "/" + name).ok());
    on.open(true, end);
    EXPECT_EQ(on.all(), before.batches) << name << " removed";
    EXPECT_EQ(on.log->epochs().entries(), before.epochs) << name << " removed";
  }
}

// Entries that are plausible and wrong: each points at a batch, but not at its own.
TEST(Recovery, F30AnIndexThatLiesHidesNoRecords) {
  LogConfig config;
  config.index_interval_bytes = 100;
  LogOnMemory on(config);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(on.append({.timestamp = 1700000000000 + i}).ok());
  ASSERT_TRUE(on.log->roll(kNow).ok());
  ASSERT_TRUE(on.append().ok());
  const auto before = on.all();
  ASSERT_TRUE(on.log->close().ok());
  std::string index = on.file("00000000000000000000.index");
  // Every entry takes the position of the one after it.
  for (size_t at = 0; at + 16 <= index.size(); at += 8) std::copy_n(index.begin() + static_cast<ptrdiff_t>(at) + 12, 4, index.begin() + static_cast<ptrdiff_t>(at) + 4);
  on.log.reset();
  on.write_file("00000000000000000000.index", index.substr(0, index.size() - 8));
  on.open(true, Offset(61));
  for (int from = 0; from < 60; ++from) {
    const auto read = testing::read_all(*on.log, Offset(from), Offset(61));
    ASSERT_EQ(read, std::vector(before.begin() + from, before.end())) << from;
    auto found = on.log->plan_timestamp_search(1700000000000 + from).run();
    ASSERT_TRUE(found.ok() && found->has_value());
    ASSERT_EQ((*found)->offset, Offset(from));
    for (int twice = 0; twice < 2; ++twice) on.log->segments()->front()->drop_if_idle();
  }
}

TEST(Recovery, ADamagedPartitionMetadataIsRefusedByName) {
  LogOnMemory on;
  on.log.reset();
  on.write_file("partition.metadata", "version: 0\ntopic_id: nonsense");
  auto opened = on.try_open(true, Offset(0));
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("partition.metadata"), std::string::npos);
}

TEST(Recovery, LeftOversAreClearedAway) {
  LogOnMemory on(small_segments());
  fill(on);
  const Expected before = state_of(on);
  on.log.reset();
  on.write_file("00000000000000000999.index", "no log of that name");
  on.write_file("00000000000000000000.log.deleted", "x");
  on.write_file("leader-epoch-checkpoint.tmp", "x");
  on.write_file("00000000000000000005.snapshot", encode_producer_snapshot({}));
  on.open(false);
  expect_same(state_of(on), before, "left-overs");
  for (const std::string& name : on.names()) {
    EXPECT_FALSE(name.ends_with(".deleted") || name.ends_with(".tmp") || name == "00000000000000000999.index" || name == "00000000000000000005.snapshot")
        << name;
  }
}

TEST(Recovery, ASegmentBehindADamagedOneIsDropped) {
  LogOnMemory on(small_segments());
  fill(on);
  const auto list = on.log->segments();
  ASSERT_GE(list->size(), 3u);
  const std::string name = segment_file_name((*list)[1]->base_offset(), ".log");
  std::string bytes = on.file(name);
  bytes[bytes.size() - 1] = static_cast<char>(bytes[bytes.size() - 1] ^ 1);
  on.log.reset();
  on.write_file(name, bytes);
  on.open(false, Offset(0));
  EXPECT_EQ(on.log->segment_count(), 2u);
  EXPECT_LT(on.log->log_end(), (*list)[2]->base_offset());
  EXPECT_EQ(on.log->size_bytes(), static_cast<int64_t>(on.file(segment_file_name(Offset(0), ".log")).size() + on.file(name).size()));
  ASSERT_TRUE(on.append().ok());
}

}  // namespace
}  // namespace quokka
