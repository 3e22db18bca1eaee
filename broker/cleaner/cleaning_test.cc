// One cleaning of one log: what stays, what readers, truncations and deletions meet meanwhile.
#include "broker/cleaner/cleaning.h"

#include <algorithm>

#include "broker/cleaner/test_cleaner.h"
#include "broker/log/checkpoints.h"

namespace quokka {
namespace {

using testing::CompactedLife;
using testing::compacted;
using testing::KeysAndValues;
using testing::KeyedBatch;
using testing::kNow;
using testing::read_all;
using State = Cleaning::State;

void put_many(CompactedLife& life, int records, int keys, const std::string& tag = "") {
  for (int i = 0; i < records; ++i) life.put("k" + std::to_string(i % keys), tag + std::to_string(i));
}

std::string content_of(Log& log) {
  std::string all;
  for (const auto& batch : read_all(log, log.log_start(), log.log_end())) all += batch.bytes;
  return all;
}

TEST(Cleaning, ALogHoldsTheLastValueOfEachKeyAndItsSegmentsAreMerged) {
  MemoryDisk disk;
  CompactedLife life(disk);
  put_many(life, 60, 7);
  const size_t segments = life.log().segment_count();
  ASSERT_GT(segments, 8u);
  const KeysAndValues before = life.latest();
  life.clean();
  EXPECT_EQ(life.latest(), before);
  const auto records = life.records();
  EXPECT_EQ(records.size(), 7u);
  EXPECT_EQ(records.front(), (CompactedLife::Kept{53, "k4", "53"}));
  EXPECT_EQ(life.log().log_end(), Offset(60));
  EXPECT_EQ(life.log().log_start(), Offset(0));
  EXPECT_EQ(life.log().first_dirty(), Offset(60));
  // And goes on: the new values make the old ones go.
  put_many(life, 10, 7, "new");
  const KeysAndValues after = life.latest();
  life.clean();
  EXPECT_EQ(life.latest(), after);
  EXPECT_EQ(life.records().size(), 7u);
  EXPECT_LE(life.log().segment_count(), 5u);  // by their sizes before the cleaning, several fit into one
  EXPECT_TRUE(life.names(".cleaned").empty());
  EXPECT_TRUE(life.names(".swap").empty());
  life.advance(Duration::seconds(120));  // file.delete.delay.ms
  EXPECT_TRUE(life.names(".deleted").empty());
  // The producers' state at the beginning of each segment that is left, and of no other.
  std::vector<std::string> snapshots;
  for (const SegmentPtr& segment : *life.log().segments())
    if (segment->base_offset() > Offset(0)) snapshots.push_back(segment->path(".snapshot").substr(7));
  EXPECT_EQ(life.names(".snapshot"), snapshots);
  EXPECT_GT(snapshots.size(), 1u);
}

TEST(Cleaning, ReadsFindTheirWayThroughTheHoles) {
  MemoryDisk disk;
  CompactedLife life(disk);
  for (int i = 0; i < 60; ++i) life.append({.records = {{"k" + std::to_string(i % 7), std::to_string(i)}}, .timestamp = kNow.ms + i});
  life.clean();
  Log& log = life.log();
  // Any offset below the first one leads to it.
  for (int64_t from = 0; from <= 53; ++from) {
    auto plan = log.plan_read({Offset(from), log.log_end(), 1, true, true});
    ASSERT_TRUE(plan.ok());
    auto read = plan->run();
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->base_offset, Offset(53)) << from;
  }
  auto search = log.plan_timestamp_search(kNow.ms + 20).run();
  ASSERT_TRUE(search.ok() && *search);
  EXPECT_EQ((*search)->offset, Offset(53));
  search = log.plan_timestamp_search(std::nullopt).run();
  EXPECT_EQ((*search)->offset, Offset(59));
  EXPECT_EQ(log.end_of_epoch(LeaderEpoch(0)).end_offset, Offset(60));
}

// A follower copies the holes with the batches; its log ends where the leader's does.
TEST(Cleaning, AFollowerCopiesTheHoles) {
  MemoryDisk disk, other;
  CompactedLife leader(disk), follower(other);
  put_many(leader, 40, 5);
  leader.clean();
  put_many(leader, 3, 5, "x");
  ASSERT_TRUE(follower.log().append_as_follower(bytes_of(content_of(leader.log())), kNow).ok());
  EXPECT_EQ(content_of(follower.log()), content_of(leader.log()));
  EXPECT_EQ(follower.log().log_end(), leader.log().log_end());
}

TEST(Cleaning, TombstonesAreHeldBackForTheirTime) {
  MemoryDisk disk;
  LogConfig config = compacted();
  config.delete_retention_ms = 10'000;
  CompactedLife life(disk, config);
  put_many(life, 10, 2);
  life.remove("k0");
  life.clean();
  using Kept = CompactedLife::Kept;
  EXPECT_EQ(life.records(), (std::vector<Kept>{{9, "k1", "9"}, {10, "k0", std::nullopt}}));
  life.advance(Duration::millis(9'999));
  life.clean();  // nothing is dirty: nothing is done
  life.put("z", "1");
  life.clean();
  EXPECT_EQ(life.records(), (std::vector<Kept>{{9, "k1", "9"}, {10, "k0", std::nullopt}, {11, "z", "1"}}));
  life.advance(Duration::millis(1));
  life.put("z", "2");
  life.clean();
  EXPECT_EQ(life.records(), (std::vector<Kept>{{9, "k1", "9"}, {12, "z", "2"}}));
}

// KAFKA-14055, KAFKA-5490: a producer that goes on after its last batch was cleaned away is neither out of order nor unknown.
TEST(Cleaning, H56TheLastBatchOfAProducerIsKeptEmpty) {
  MemoryDisk disk;
  const auto batch = [](int sequence, const std::string& key) {
    return KeyedBatch{.records = {{key, "v" + std::to_string(sequence)}}, .producer_id = ProducerId(5), .producer_epoch = ProducerEpoch(1), .base_sequence = sequence};
  };
  {
    CompactedLife life(disk);
    for (int i = 0; i < 4; ++i) life.append(batch(i, "a"));
    life.put("a", "last");
    life.clean();
    EXPECT_EQ(life.records().size(), 1u);
    ASSERT_EQ(read_all(life.log(), Offset(0), Offset(5)).size(), 2u);
    EXPECT_EQ(BatchView(bytes_of(read_all(life.log(), Offset(0), Offset(5)).front().bytes)).records_count(), 0);
    // No snapshot helps: the state comes from the batches.
    life.directories.stop();
    for (const std::string& name : life.names(".snapshot")) ASSERT_TRUE(disk.remove("/a/t-0/" + name).ok());
  }
  disk.kill();
  CompactedLife life(disk);
  ASSERT_TRUE(life.log().producers().find(ProducerId(5)));
  EXPECT_EQ(life.log().producers().find(ProducerId(5))->last_sequence, 3);
  life.append(batch(4, "b"));
  EXPECT_EQ(life.latest(), (KeysAndValues{{"a", "last"}, {"b", "v4"}}));
}

KeyedBatch in_transaction(int64_t producer, int sequence, const std::string& key, const std::string& value) {
  return {.records = {{key, value}}, .producer_id = ProducerId(producer), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence, .transactional = true};
}

// KAFKA-13727: what is read committed stays the same, also of transactions that reach over segments and over cleanings.
TEST(Cleaning, H56AbortedRecordsGoAndTheirMarkersAndIndexOutliveThem) {
  MemoryDisk disk;
  LogConfig config = compacted(300);
  config.delete_retention_ms = 1000;
  CompactedLife life(disk, config);
  life.put("a", "good");
  life.append(in_transaction(1, 0, "a", "aborted"));
  life.append(in_transaction(2, 0, "b", "committed"));
  for (int i = 0; i < 6; ++i) life.put("fill" + std::to_string(i), "x");
  life.append(in_transaction(1, 1, "c", "aborted"));
  life.end_transaction(ProducerId(2), false);
  life.end_transaction(ProducerId(1), true);
  life.append(in_transaction(1, 2, "d", "open"));
  ASSERT_GT(life.log().segment_count(), 3u);
  const Offset stable = life.log().last_stable_offset();
  ASSERT_EQ(stable, Offset(12));
  const Offset end = life.clean();
  EXPECT_LE(end, stable);  // nothing undecided is touched
  KeysAndValues kept = life.latest();
  EXPECT_EQ(kept.at("a"), "good");
  EXPECT_EQ(kept.at("b"), "committed");
  EXPECT_EQ(kept.at("d"), "open");
  // A reader of the cleaned part is told of the transaction as long as its marker is there; then both go.
  life.end_transaction(ProducerId(1), false);
  for (int round = 0; round < 4; ++round) {
    life.advance(Duration::millis(1500));
    life.put("again", std::to_string(round));
    life.clean();
    EXPECT_EQ(life.latest().at("a"), "good");
    EXPECT_EQ(life.latest().contains("c"), false);
    EXPECT_EQ(life.latest().at("b"), "committed");
  }
  int markers = 0;
  for (const auto& each : read_all(life.log(), Offset(0), life.log().log_end())) markers += BatchView(bytes_of(each.bytes)).is_control() ? 1 : 0;
  EXPECT_EQ(markers, 2);  // the commits, whose records are there
  EXPECT_TRUE(life.names(".txnindex").empty());
}

TEST(Cleaning, AMapThatIsTooSmallCleansAPartAtATime) {
  MemoryDisk disk;
  CompactedLife life(disk);
  put_many(life, 80, 40);
  const KeysAndValues before = life.latest();
  Offset end;
  int rounds = 0;
  while (end < Offset(80) && rounds < 50) {
    const Offset next = life.clean(12 * OffsetMap::kEntryBytes);
    ASSERT_GT(next, end);
    end = next;
    ++rounds;
    ASSERT_EQ(life.latest(), before);
  }
  EXPECT_GT(rounds, 4);
  EXPECT_EQ(life.records().size(), 40u);
}

TEST(Cleaning, ReadersOfReplacedSegmentsGoOn) {
  MemoryDisk disk;
  CompactedLife life(disk);
  put_many(life, 60, 7);
  life.seal();
  const std::string before = content_of(life.log());
  std::vector<ReadPlan> plans;
  for (int64_t from = 0; from < 60; ++from) plans.push_back(*life.log().plan_read({Offset(from), Offset(60), 1, true, true}));
  const TimestampPlan search = life.log().plan_timestamp_search(kNow.ms);
  auto cleaning = life.begin_cleaning();
  do {
    life.directories.apply_retention(kNow);  // closes what nobody used, the second time
    life.directories.apply_retention(kNow);
  } while (*cleaning->step() == State::going_on);
  life.advance(Duration::seconds(120));  // the old files are gone
  for (size_t i = 0; i < plans.size(); ++i) {
    auto read = plans[i].run();
    ASSERT_TRUE(read.ok()) << i << read.error().message;
    EXPECT_EQ(read->base_offset, Offset(static_cast<int64_t>(i)));
    EXPECT_EQ(BatchView(bytes_of(testing::content(*read))).base_offset(), Offset(static_cast<int64_t>(i)));
  }
  auto found = search.run();
  ASSERT_TRUE(found.ok() && *found);
  EXPECT_EQ((*found)->offset, Offset(0));
}

TEST(Cleaning, WhatComesAfterATruncationIsDirty) {
  MemoryDisk disk;
  CompactedLife life(disk);
  put_many(life, 60, 60);
  life.clean();
  ASSERT_TRUE(life.directories.checkpoint_first_dirty(life.partition).ok());
  ASSERT_TRUE(life.log().truncate_to(Offset(33), kNow).ok());
  ASSERT_TRUE(life.directories.finish_truncation(life.partition).ok());
  const Offset base = life.log().segments()->back()->base_offset();
  ASSERT_LE(base, Offset(33));
  EXPECT_EQ(life.log().first_dirty(), base);
  EXPECT_EQ(**disk.read_file("/a/cleaner-offset-checkpoint"), "0\n1\nt 0 " + std::to_string(base.value) + "\n");
  ASSERT_TRUE(life.log().truncate_fully_and_start_at(Offset(90), kNow).ok());
  EXPECT_FALSE(life.log().first_dirty());
}

bool ends_within(Cleaning& cleaning, int steps) {
  for (int i = 0; i < steps; ++i) {
    if (*cleaning.step() != State::going_on) return true;
  }
  return false;
}

State end_of(Cleaning& cleaning) {
  Result<State> state = State::going_on;
  while (state && *state == State::going_on) state = cleaning.step();
  EXPECT_TRUE(state.ok()) << (state.ok() ? "" : state.error().message);
  return state.ok() ? *state : State::going_on;
}

// Wherever in a cleaning it happens, a truncation is what counts.
TEST(Cleaning, ATruncationMeanwhileUndoesIt) {
  bool reached_the_end = false;
  int done = 0;
  for (int at = 0; !reached_the_end; ++at) {
    MemoryDisk disk;
    CompactedLife life(disk, compacted(300));
    put_many(life, 30, 5);
    life.seal();
    auto cleaning = life.begin_cleaning();
    const bool ended = ends_within(*cleaning, at);
    reached_the_end = ended;
    ASSERT_TRUE(life.log().truncate_to(Offset(17), kNow).ok());
    ASSERT_TRUE(life.directories.finish_truncation(life.partition).ok());
    const auto left = life.records();
    if (!ended) done += end_of(*cleaning) == State::done ? 1 : 0;
    ASSERT_LE(life.log().log_end(), Offset(17));
    EXPECT_EQ(life.records(), left) << at;
    EXPECT_TRUE(life.names(".cleaned").empty());
    EXPECT_TRUE(life.names(".swap").empty());
    ASSERT_LT(at, 1000);
  }
  EXPECT_LE(done, 1);  // where all was replaced already
}

TEST(Cleaning, ATruncationBetweenTheHalvesOfAReplacementTakesItBack) {
  MemoryDisk disk;
  CompactedLife life(disk, compacted(300));
  put_many(life, 30, 5);
  life.seal();
  CompactionView view = life.log().compaction_view();
  auto by = std::make_shared<Segment>(disk, "/a/t-0", Offset(0));
  by->set_sealed({0, (*view.segments)[1]->seal()->next_offset, -1, 0}, nullptr);
  for (const char* suffix : {".log.cleaned", ".index.cleaned", ".timeindex.cleaned"}) ASSERT_TRUE(disk.open(by->path(suffix), Disk::Open::create).ok());
  ASSERT_EQ(*life.log().begin_replacement({{(*view.segments)[0], (*view.segments)[1]}, by}), true);
  EXPECT_EQ(life.names(".swap").size(), 3u);
  EXPECT_EQ(life.log().apply_retention(kNow)->segments, 0u);
  ASSERT_TRUE(life.log().truncate_to(Offset(2), kNow).ok());
  EXPECT_TRUE(life.names(".swap").empty());
  EXPECT_FALSE(life.log().finish_replacement()->has_value());
  EXPECT_EQ(life.records().size(), 2u);
}

TEST(Cleaning, ADeletionMeanwhileEndsIt) {
  for (int at = 0; at < 40; ++at) {
    MemoryDisk disk;
    CompactedLife life(disk, compacted(300));
    put_many(life, 30, 5);
    life.seal();
    auto cleaning = life.begin_cleaning();
    const bool ended = ends_within(*cleaning, at);
    ASSERT_TRUE(life.directories.remove({"t", PartitionIndex(0)}).ok());
    // A topic of the same name takes its place.
    life.partition = *life.directories.create({"t", PartitionIndex(0)}, std::nullopt, life.config_);
    life.put("k0", "of the new topic");
    if (!ended) {
      EXPECT_EQ(end_of(*cleaning), State::superseded) << at;
    }
    EXPECT_EQ(life.latest(), (KeysAndValues{{"k0", "of the new topic"}}));
    EXPECT_TRUE(life.names(".cleaned").empty());
    EXPECT_TRUE(life.names(".swap").empty());
    EXPECT_FALSE(life.partition->health->offline());
  }
}

TEST(Cleaning, DeleteRecordsAndRetentionMeanwhileTakeWhatTheyTake) {
  for (int at = 0; at < 40; ++at) {
    MemoryDisk disk;
    CompactedLife life(disk, compacted(300));
    put_many(life, 30, 30);
    life.seal();
    auto cleaning = life.begin_cleaning();
    const bool ended = ends_within(*cleaning, at);
    ASSERT_TRUE(life.log().raise_log_start(Offset(14)).ok());
    life.directories.apply_retention(kNow);
    if (!ended) end_of(*cleaning);
    EXPECT_EQ(life.log().log_start(), Offset(14));
    KeysAndValues wanted;
    for (int i = 14; i < 30; ++i) wanted["k" + std::to_string(i)] = std::to_string(i);
    KeysAndValues found = life.latest();
    for (const auto& [key, value] : wanted) EXPECT_EQ(found[key], value) << at;
    EXPECT_FALSE(life.partition->health->offline());
  }
}

TEST(Cleaning, ADamagedBatchIsTheReasonAndNothingChanges) {
  MemoryDisk disk;
  CompactedLife life(disk);
  put_many(life, 30, 5);
  life.seal();
  auto file = disk.open("/a/t-0/00000000000000000000.log", Disk::Open::read_write);
  ASSERT_TRUE((*file)->write_at(bytes_of("\xff"), 70).ok());
  const auto names = life.names();
  auto cleaning = life.begin_cleaning();
  Result<State> state = State::going_on;
  while (state && *state == State::going_on) state = cleaning->step();
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.code(), ErrorCode::CORRUPT_MESSAGE);
  EXPECT_NE(state.error().message.find("00000000000000000000.log"), std::string::npos) << state.error().message;
  EXPECT_EQ(life.names(), names);
  EXPECT_FALSE(life.partition->health->offline());
}

// What clients have in the page cache stays there, and what only the cleaning read or wrote does not come to lie in it.
TEST(Cleaning, ThePageCacheOfClientsIsLeftAlone) {
  for (const bool cold : {false, true}) {
    MemoryDisk disk;
    CompactedLife life(disk);
    put_many(life, 30, 5);
    life.seal();
    disk.set_cold(cold);
    disk.forget_operations();
    auto cleaning = life.begin_cleaning();
    while (*cleaning->step() == State::going_on) {
    }
    std::set<std::string> forgotten;
    for (const auto& operation : disk.operations())
      if (operation.name == "forget_cached") forgotten.insert(operation.path.substr(7));
    EXPECT_EQ(forgotten.contains("00000000000000000000.log.cleaned"), cold);
    EXPECT_EQ(forgotten.size() > 2, cold);
  }
}

}  // namespace
}  // namespace quokka
