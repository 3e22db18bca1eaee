// Appends, reads, rolls, truncation and retention of one log.
#include "broker/log/log.h"

#include "broker/log/test_log.h"

namespace quokka {
namespace {

using testing::batch_of;
using testing::BatchSpec;
using testing::content;
using testing::kNow;
using testing::LogOnMemory;

LogConfig small_segments(int32_t bytes = 1000) {
  LogConfig config;
  config.segment_bytes = bytes;
  config.index_interval_bytes = 200;
  return config;
}

std::vector<uint8_t> follower_batch(int64_t base_offset, int records = 1, int32_t epoch = 0, int64_t timestamp = 1700000000000) {
  BatchSpec spec;
  spec.records = records;
  spec.base_offset = Offset(base_offset);
  spec.leader_epoch = LeaderEpoch(epoch);
  spec.timestamp = timestamp;
  return batch_of(spec);
}

std::vector<uint8_t> joined(std::initializer_list<std::vector<uint8_t>> parts) {
  std::vector<uint8_t> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<int64_t> segment_bases(const Log& log) {
  std::vector<int64_t> bases;
  for (const SegmentPtr& segment : *log.segments()) bases.push_back(segment->base_offset().value);
  return bases;
}

TEST(Log, ALeadersAppendPatchesOffsetAndEpochAndNothingElse) {
  LogOnMemory on;
  ASSERT_TRUE(on.append({.records = 3}, LeaderEpoch(4)).ok());
  auto second = on.append({.records = 2}, LeaderEpoch(4));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->base_offset, Offset(3));
  EXPECT_EQ(second->last_offset, Offset(4));
  EXPECT_EQ(second->log_append_time, -1);
  EXPECT_EQ(second->log_start, Offset(0));
  EXPECT_EQ(on.log->log_end(), Offset(5));
  const auto batches = on.all();
  ASSERT_EQ(batches.size(), 2u);
  std::vector<uint8_t> expected = batch_of({.records = 2});
  patch_base_offset(expected, Offset(3));
  patch_leader_epoch(expected, LeaderEpoch(4));
  EXPECT_EQ(batches[1].bytes, std::string(text_of(expected)));
  EXPECT_EQ(on.log->epochs().latest(), LeaderEpoch(4));
}

TEST(Log, ABatchAboveSegmentBytesIsRefused) {
  LogOnMemory on(small_segments(500));
  EXPECT_EQ(on.append({.value_bytes = 600}).code(), ErrorCode::RECORD_LIST_TOO_LARGE);
  EXPECT_EQ(on.log->log_end(), Offset(0));
}

TEST(Log, AFollowerTakesBatchesAsTheyCome) {
  LogOnMemory on;
  auto bytes = joined({follower_batch(0, 2, 1), follower_batch(5, 1, 3), follower_batch(6, 1, 3)});  // a gap that compaction left
  auto result = on.log->append_as_follower(bytes, kNow);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->base_offset, Offset(0));
  EXPECT_EQ(on.log->log_end(), Offset(7));
  EXPECT_EQ(on.log->epochs().entries(), (std::vector<EpochStart>{{LeaderEpoch(1), Offset(0)}, {LeaderEpoch(3), Offset(5)}}));
  EXPECT_EQ(on.all().size(), 3u);
}

TEST(Log, AFollowerLeavesOutAnIncompleteBatchAndRefusesOldOffsets) {
  LogOnMemory on;
  auto bytes = joined({follower_batch(0), follower_batch(1)});
  bytes.resize(bytes.size() - 5);
  ASSERT_TRUE(on.log->append_as_follower(bytes, kNow).ok());
  EXPECT_EQ(on.log->log_end(), Offset(1));
  EXPECT_EQ(on.log->append_as_follower(follower_batch(0), kNow).code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  auto twice = joined({follower_batch(1), follower_batch(1)});
  EXPECT_EQ(on.log->append_as_follower(twice, kNow).code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(on.log->log_end(), Offset(2));  // the first of the two was good
}

TEST(Log, OneFollowersAppendMayFillSeveralSegments) {
  LogOnMemory on(small_segments(300));
  std::vector<uint8_t> bytes;
  for (int i = 0; i < 20; ++i) {
    const auto one = follower_batch(i);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  ASSERT_TRUE(on.log->append_as_follower(bytes, kNow).ok());
  EXPECT_EQ(on.all().size(), 20u);
  for (const SegmentPtr& segment : *on.log->segments())
    if (segment->sealed()) {
      EXPECT_LE(segment->seal()->bytes, 300);
    }
  EXPECT_GT(on.log->segment_count(), 5u);
}

TEST(Log, H23AFollowerHasNoOpinionAboutSequences) {
  LogOnMemory on;
  BatchSpec spec;
  spec.producer_id = ProducerId(1);
  spec.producer_epoch = ProducerEpoch(0);
  spec.base_sequence = 100;
  ASSERT_TRUE(on.log->append_as_follower(batch_of(spec), kNow).ok());
  spec.base_sequence = 7;
  spec.base_offset = Offset(1);
  EXPECT_TRUE(on.log->append_as_follower(batch_of(spec), kNow).ok());
}

TEST(Log, A4ARepeatedBatchIsAnsweredWithItsFirstPlace) {
  LogOnMemory on;
  BatchSpec spec{.records = 2, .timestamp = 1700000000500, .producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = 0};
  ASSERT_TRUE(on.append({}).ok());
  ASSERT_TRUE(on.append(spec).ok());
  ASSERT_TRUE(on.append({}).ok());
  auto again = on.append(spec);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->base_offset, Offset(1));
  EXPECT_EQ(again->last_offset, Offset(2));
  EXPECT_EQ(again->log_append_time, 1700000000501);
  EXPECT_EQ(on.log->log_end(), Offset(4));
  spec.base_sequence = 9;
  EXPECT_EQ(on.append(spec).code(), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
}

TEST(Log, H44StateChangesOnlyAfterTheBytesAreWritten) {
  LogOnMemory on;
  BatchSpec spec{.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = 0};
  on.disk.set_fault([](const MemoryDisk::Operation& operation) { return operation.name == "write"; });
  EXPECT_EQ(on.append(spec).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_TRUE(on.log->producers().empty());
  EXPECT_EQ(on.log->log_end(), Offset(0));
  EXPECT_TRUE(on.log->epochs().entries().empty());
}

TEST(Log, RollsBySize) {
  LogOnMemory on(small_segments(300));
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(on.append().ok());
  const auto size = static_cast<int64_t>(batch_of({}).size());
  EXPECT_EQ(segment_bases(*on.log).size(), static_cast<size_t>((6 * size + 299) / 300));
  EXPECT_EQ(on.log->size_bytes(), 6 * size);
  EXPECT_EQ(on.all().size(), 6u);
}

TEST(Log, RollsByTheTimestampsOfBatches) {
  LogConfig config;
  config.segment_ms = 1000;
  LogOnMemory on(config);
  ASSERT_TRUE(on.append({.timestamp = 5000}).ok());
  ASSERT_TRUE(on.append({.timestamp = 6000}).ok());  // exactly segment.ms: stays
  EXPECT_EQ(segment_bases(*on.log), (std::vector<int64_t>{0}));
  auto late = on.append({.timestamp = 6001});
  EXPECT_TRUE(late->rolled);
  EXPECT_EQ(segment_bases(*on.log), (std::vector<int64_t>{0, 2}));
}

TEST(Log, RollsWhenAnIndexIsFull) {
  LogConfig config;
  config.index_interval_bytes = 1;
  config.segment_index_bytes = 48;  // six offset entries, four time entries
  LogOnMemory on(config);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(on.append({.timestamp = 1700000000000 + i * 10}).ok());
  EXPECT_GT(on.log->segment_count(), 1u);
  for (const SegmentPtr& segment : *on.log->segments()) {
    if (!segment->sealed()) continue;
    auto indexes = segment->indexes();
    EXPECT_LE((*indexes)->times.entries().size(), 4u);
    EXPECT_LE((*indexes)->offsets.entries().size(), 6u);
  }
}

TEST(Log, ReadsStopAtTheBoundTheyAreGiven) {
  LogOnMemory on(small_segments());
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(on.append({.records = 2}).ok());
  for (int from = 0; from < 80; ++from) {
    for (const int end : {from, from + 1, from + 2, from + 7, 80}) {
      if (end > 80) continue;
      const auto batches = testing::read_all(*on.log, Offset(from), Offset(end));
      // Whole batches below the bound, from the one that holds the first offset on. A bound inside a batch leaves it out, as Kafka's does.
      const int first = from / 2;
      const int last = end / 2;
      ASSERT_EQ(batches.size(), static_cast<size_t>(std::max(0, end <= from ? 0 : last - first))) << from << " to " << end;
      if (!batches.empty()) {
        ASSERT_EQ(batches.front().base_offset, Offset(first * 2));
      }
    }
  }
  EXPECT_EQ(on.log->plan_read({Offset(81), Offset(81), 100, true, false}).code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_TRUE(on.log->plan_read({Offset(80), Offset(80), 100, true, false})->run().ok());
}

TEST(Log, ASmallLimitStillYieldsOneBatchIfAsked) {
  LogOnMemory on;
  ASSERT_TRUE(on.append({.value_bytes = 500}).ok());
  ASSERT_TRUE(on.append({.value_bytes = 500}).ok());
  const auto whole = static_cast<int64_t>(batch_of({.value_bytes = 500}).size());
  auto with = on.log->plan_read({Offset(0), Offset(2), 10, true, false})->run();
  EXPECT_EQ(with->slice.length, whole);
  EXPECT_FALSE(with->first_batch_incomplete);
  auto without = on.log->plan_read({Offset(0), Offset(2), 10, false, false})->run();
  EXPECT_EQ(without->slice.length, 10);
  EXPECT_TRUE(without->first_batch_incomplete);
  auto one_and_a_half = on.log->plan_read({Offset(0), Offset(2), whole + whole / 2, true, false})->run();
  EXPECT_EQ(one_and_a_half->slice.length, whole + whole / 2);
}

TEST(Log, ReadsNearTheEndNeedNoFile) {
  LogOnMemory on;
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(on.append().ok());
  EXPECT_TRUE(on.log->plan_read({Offset(199), Offset(200), 1000, true, false})->exact());
  EXPECT_TRUE(on.log->plan_read({Offset(150), Offset(190), 1000, true, false})->exact());
  EXPECT_FALSE(on.log->plan_read({Offset(5), Offset(200), 1000, true, false})->exact());
}

TEST(Log, APlanSaysWhetherItsReadWouldWaitForTheDevice) {
  LogOnMemory on(small_segments());
  while (on.log->segment_count() < 4) ASSERT_TRUE(on.append().ok());
  ASSERT_TRUE(on.flush().ok());
  on.open(true, on.log->log_end());
  const auto plan = [&on](Offset offset, bool aborted = false) {
    auto planned = on.log->plan_read({offset, on.log->log_end(), 1 << 20, true, aborted});
    EXPECT_TRUE(planned.ok());
    return *planned;
  };
  EXPECT_TRUE(plan(Offset(0)).cold()) << "its indexes are not in memory";
  ASSERT_TRUE(plan(Offset(0)).run().ok());
  EXPECT_FALSE(plan(Offset(0)).cold());
  EXPECT_TRUE(plan(Offset(0), true).cold()) << "an abort may be listed in a later segment";
  ASSERT_TRUE(plan(Offset(0), true).run().ok());
  EXPECT_FALSE(plan(Offset(0), true).cold());
  on.disk.set_cold(true);
  EXPECT_TRUE(plan(Offset(0)).cold()) << "headers are not in the page cache";
  // What was just written is known without a look at any file.
  const Offset end = on.log->log_end();
  ASSERT_TRUE(on.append().ok());
  ASSERT_TRUE(plan(end).exact());
  EXPECT_FALSE(plan(end).cold());
}

TEST(Log, AReadPlannedBeforeAnAppendSeesNothingOfIt) {
  LogOnMemory on;
  ASSERT_TRUE(on.append().ok());
  auto plan = on.log->plan_read({Offset(0), on.log->log_end(), 1 << 20, true, false});
  ASSERT_TRUE(on.append().ok());
  EXPECT_EQ(content(*plan->run()).size(), batch_of({}).size());
}

TEST(Log, AbortedTransactionsAreListedWithTheirData) {
  LogOnMemory on(small_segments(600));
  const auto transaction = [&](int64_t id, int32_t sequence, bool abort) {
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(on.append({.producer_id = ProducerId(id), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence + i, .transactional = true}).ok());
    ASSERT_TRUE(on.append_marker(ProducerId(id), ProducerEpoch(0), abort).ok());
  };
  transaction(1, 0, true);    // 0-2, marker 3
  transaction(2, 0, false);   // 4-6, 7
  transaction(1, 3, true);    // 8-10, 11
  transaction(3, 0, true);    // 12-14, 15
  on.log->set_high_watermark(on.log->log_end());
  EXPECT_EQ(on.log->last_stable_offset(), Offset(16));
  const auto aborted = [&](int from, int end, int64_t bytes = 1 << 20) {
    auto read = on.log->plan_read({Offset(from), Offset(end), bytes, true, true})->run();
    std::vector<std::pair<int64_t, int64_t>> list;
    for (const AbortedTransaction& each : read->aborted) list.emplace_back(each.producer_id.value, each.first_offset.value);
    return list;
  };
  using List = std::vector<std::pair<int64_t, int64_t>>;
  EXPECT_GT(on.log->segment_count(), 2u);
  EXPECT_EQ(aborted(0, 1), (List{{1, 0}}));
  EXPECT_EQ(aborted(2, 16, 1), (List{{1, 0}}));
  EXPECT_EQ(aborted(4, 8), List{});
  const List nine = aborted(9, 16, 1);
  EXPECT_NE(std::find(nine.begin(), nine.end(), std::pair<int64_t, int64_t>(1, 8)), nine.end());
  EXPECT_EQ(aborted(13, 16), (List{{3, 12}}));
}

TEST(Log, TheLastStableOffsetStandsAtAnOpenTransaction) {
  LogOnMemory on;
  ASSERT_TRUE(on.append().ok());
  ASSERT_TRUE(on.append({.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = 0, .transactional = true}).ok());
  ASSERT_TRUE(on.append().ok());
  on.log->set_high_watermark(Offset(3));
  EXPECT_EQ(on.log->last_stable_offset(), Offset(1));
  ASSERT_TRUE(on.append_marker(ProducerId(1), ProducerEpoch(0), false).ok());
  EXPECT_EQ(on.log->last_stable_offset(), Offset(1));  // the marker is not committed yet
  on.log->set_high_watermark(Offset(4));
  EXPECT_EQ(on.log->last_stable_offset(), Offset(4));
  EXPECT_EQ(on.append_marker(ProducerId(1), ProducerEpoch(0), false, -1).code(), ErrorCode::TRANSACTION_COORDINATOR_FENCED);
}

TEST(Log, TruncationDropsWholeBatchesFromTheEnd) {
  for (const int offset : {0, 1, 6, 7, 13, 20, 39, 40}) {
    LogOnMemory on(small_segments());
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(on.append({.records = 2}, LeaderEpoch(i / 5)).ok());
    const auto before = on.all();
    ASSERT_TRUE(on.log->truncate_to(Offset(offset), kNow).ok());
    const int end = offset / 2 * 2;
    EXPECT_EQ(on.log->log_end(), Offset(end));
    EXPECT_EQ(on.all(), std::vector(before.begin(), before.begin() + end / 2));
    EXPECT_LE(on.log->recovery_point(), Offset(end));
    // Appends go on from there, and a restart finds the same.
    ASSERT_TRUE(on.append({.records = 3}, LeaderEpoch(9)).ok());
    const auto after = on.all();
    EXPECT_EQ(after.back().base_offset, Offset(end));
    ASSERT_TRUE(on.flush().ok());
    on.open();
    EXPECT_EQ(on.all(), after) << offset;
    EXPECT_EQ(on.log->epochs().end_of(LeaderEpoch(9), on.log->log_end()).end_offset, Offset(end + 3));
  }
}

// A flush that runs beside the truncation writes the snapshot after that looked for it.
TEST(Log, AFlushBesideATruncationLeavesNoSnapshotOfWhatWasCut) {
  LogOnMemory on;
  const BatchSpec plain{.records = 5};
  ASSERT_TRUE(on.append(plain).ok());
  ASSERT_TRUE(on.append({.records = 5, .producer_id = ProducerId(7), .producer_epoch = ProducerEpoch(0), .base_sequence = 0, .transactional = true}).ok());
  ASSERT_TRUE(on.log->roll(kNow).ok());
  auto flush = on.log->begin_flush();
  ASSERT_TRUE(flush);
  ASSERT_TRUE(on.log->truncate_to(Offset(5), kNow).ok());
  const Status status = flush->run();
  ASSERT_TRUE(status.ok());
  on.log->end_flush(*std::move(flush), status);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(on.append(plain, LeaderEpoch(1)).ok());
  const BatchSpec idempotent{.records = 5, .producer_id = ProducerId(9), .producer_epoch = ProducerEpoch(0), .base_sequence = 0};
  ASSERT_TRUE(on.append(idempotent, LeaderEpoch(1)).ok());
  ASSERT_TRUE(on.flush().ok());
  ASSERT_TRUE(on.log->truncate_to(Offset(15), kNow).ok());
  on.log->set_high_watermark(Offset(15));
  EXPECT_EQ(on.log->last_stable_offset(), Offset(15)) << "nobody will ever end that transaction";
}

TEST(Log, H8TruncationAtTheEndStillTrimsTheEpochs) {
  LogOnMemory on;
  ASSERT_TRUE(on.append({}, LeaderEpoch(1)).ok());
  on.log->assign_epoch(LeaderEpoch(3));  // leadership without a write
  EXPECT_EQ(on.log->epochs().latest(), LeaderEpoch(3));
  ASSERT_TRUE(on.log->truncate_to(Offset(1), kNow).ok());
  EXPECT_EQ(on.log->epochs().latest(), LeaderEpoch(1));
}

TEST(Log, H20StartingAnewMovesTheHighWatermarkWithTheLogStart) {
  LogOnMemory on(small_segments());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(on.append({.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = i}).ok());
  on.log->set_high_watermark(Offset(15));
  ASSERT_TRUE(on.flush().ok());
  ASSERT_TRUE(on.log->truncate_fully_and_start_at(Offset(100), kNow).ok());
  EXPECT_EQ(on.log->log_start(), Offset(100));
  EXPECT_EQ(on.log->log_end(), Offset(100));
  EXPECT_EQ(on.log->high_watermark(), Offset(100));
  EXPECT_TRUE(on.log->producers().empty());
  EXPECT_TRUE(on.log->epochs().entries().empty());
  EXPECT_EQ(on.log->size_bytes(), 0);
  EXPECT_EQ(on.append()->base_offset, Offset(100));
  on.open();
  EXPECT_EQ(on.log->log_start(), Offset(100));
  EXPECT_EQ(on.all().size(), 1u);
}

TEST(Log, TruncationTakesBackProducersAndTransactions) {
  LogOnMemory on(small_segments(600));
  const auto send = [&](int32_t sequence) {
    return on.append({.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence, .transactional = true});
  };
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(send(i).ok());
  ASSERT_TRUE(on.append_marker(ProducerId(1), ProducerEpoch(0), true).ok());  // 8
  ASSERT_TRUE(on.append().ok());
  ASSERT_TRUE(on.log->truncate_to(Offset(7), kNow).ok());
  EXPECT_EQ(on.log->producers().find(ProducerId(1))->last_sequence, 6);
  EXPECT_EQ(on.log->producers().oldest_open_transaction(), Offset(0));
  EXPECT_EQ(send(8).code(), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  ASSERT_TRUE(send(7).ok());
  auto read = on.log->plan_read({Offset(0), Offset(8), 1 << 20, true, true})->run();
  EXPECT_TRUE(read->aborted.empty());
}

TEST(Log, AReadDuringATruncationIsRetried) {
  LogOnMemory on;
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(on.append().ok());
  auto plan = on.log->plan_read({Offset(2), Offset(300), 1 << 20, true, false});
  ASSERT_TRUE(on.log->truncate_to(Offset(100), kNow).ok());
  EXPECT_EQ(plan->run().code(), ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

TEST(Log, RetentionBySizeKeepsWhatIsNotCommitted) {
  LogConfig config = small_segments(300);
  config.retention_bytes = 0;
  config.retention_ms = -1;
  LogOnMemory on(config);
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(on.append().ok());
  const auto bases = segment_bases(*on.log);
  ASSERT_GT(bases.size(), 3u);
  on.log->set_high_watermark(Offset(bases[2]));
  auto removed = on.log->apply_retention(kNow);
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(removed->segments, 2u);
  EXPECT_EQ(on.log->log_start(), Offset(bases[2]));
  EXPECT_EQ(on.log->epochs().entries().front().start, Offset(bases[2]));
  for (const std::string& path : removed->paths) EXPECT_TRUE(path.ends_with(".deleted")) << path;
  EXPECT_EQ(on.log->plan_read({Offset(0), Offset(1), 10, true, false}).code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  // All committed: everything may go, and the log goes on where it was.
  on.log->set_high_watermark(on.log->log_end());
  ASSERT_TRUE(on.log->apply_retention(kNow).ok());
  EXPECT_EQ(on.log->log_start(), Offset(12));
  EXPECT_EQ(on.append()->base_offset, Offset(12));
}

TEST(Log, H45ProducersAreRememberedBeyondTheRetentionOfTheirRecords) {
  LogConfig config;
  config.retention_bytes = 0;
  LogOnMemory on(config);
  const BatchSpec spec{.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = 0};
  ASSERT_TRUE(on.append(spec).ok());
  on.log->set_high_watermark(Offset(1));
  ASSERT_TRUE(on.log->apply_retention(kNow).ok());
  ASSERT_EQ(on.log->log_start(), Offset(1));
  EXPECT_TRUE(on.append(spec)->duplicate) << "the producer did not hear of its first success";
}

TEST(Log, RetentionBySizeKeepsAtLeastTheSize) {
  LogConfig config = small_segments(300);
  const auto one = static_cast<int64_t>(batch_of({}).size());
  config.retention_bytes = 5 * one;
  LogOnMemory on(config);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(on.append({.timestamp = kNow.ms}).ok());
  on.log->set_high_watermark(on.log->log_end());
  ASSERT_TRUE(on.log->apply_retention(kNow).ok());
  EXPECT_GE(on.log->size_bytes(), 5 * one);
  EXPECT_LT(on.log->size_bytes(), 5 * one + 300);
}

TEST(Log, RetentionByTimeGoesByTheLargestTimestamp) {
  LogConfig config = small_segments(300);
  config.retention_ms = 1000;
  LogOnMemory on(config);
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(on.append({.timestamp = kNow.ms + i * 100}).ok());
  on.log->set_high_watermark(on.log->log_end());
  ASSERT_TRUE(on.log->apply_retention({kNow.ms + 1000}).ok());
  EXPECT_EQ(on.log->log_start(), Offset(0));
  const auto bases = segment_bases(*on.log);
  ASSERT_TRUE(on.log->apply_retention({kNow.ms + (bases[1] - 1) * 100 + 1001}).ok());
  EXPECT_EQ(on.log->log_start(), Offset(bases[1]));
  ASSERT_TRUE(on.log->apply_retention({kNow.ms + 100000}).ok());
  EXPECT_EQ(on.log->log_start(), Offset(9));
}

TEST(Log, CompactedTopicsKeepTheirSegments) {
  LogConfig config = small_segments(300);
  config.retention_ms = 1;
  config.retention_bytes = 0;
  config.cleanup_delete = false;
  config.cleanup_compact = true;
  LogOnMemory on(config);
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(on.append().ok());
  on.log->set_high_watermark(on.log->log_end());
  ASSERT_TRUE(on.log->apply_retention({kNow.ms * 2}).ok());
  EXPECT_EQ(on.log->log_start(), Offset(0));
}

TEST(Log, DeleteRecordsRaisesTheLogStart) {
  LogOnMemory on(small_segments(300));
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(on.append().ok());
  on.log->set_high_watermark(Offset(7));
  EXPECT_EQ(on.log->raise_log_start(Offset(8)).code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  ASSERT_TRUE(on.log->raise_log_start(Offset(5)).ok());
  ASSERT_TRUE(on.log->raise_log_start(Offset(3)).ok());  // never back
  EXPECT_EQ(on.log->log_start(), Offset(5));
  EXPECT_EQ(on.log->plan_read({Offset(4), Offset(7), 10, true, false}).code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  ASSERT_TRUE(on.log->apply_retention(kNow).ok());
  EXPECT_LE(on.log->segments()->front()->base_offset(), Offset(5));
  EXPECT_GT(on.log->segments()->front()->base_offset(), Offset(0));
  EXPECT_EQ(on.log->log_start(), Offset(5));
}

TEST(Log, TopicIdsAreWrittenOnceAndNeverChanged) {
  LogOnMemory on;
  const TopicId id = Uuid::from_random(1, 2);
  ASSERT_TRUE(on.log->set_topic_id(id).ok());
  ASSERT_TRUE(on.log->set_topic_id(id).ok());
  EXPECT_EQ(on.log->set_topic_id(Uuid::from_random(3, 4)).code(), ErrorCode::INCONSISTENT_TOPIC_ID);
  EXPECT_EQ(on.file("partition.metadata"), "version: 0\ntopic_id: " + id.str());
  on.open();
  EXPECT_EQ(on.log->topic_id(), id);
}

TEST(Log, F41WithoutDescriptorsTheOperationFailsAndTheLogLives) {
  LogOnMemory on(small_segments());
  while (on.log->segment_count() < 3) ASSERT_TRUE(on.append({.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = static_cast<int32_t>(on.log->log_end().value)}).ok());
  const auto before = on.all();
  on.disk.set_out_of_descriptors(true);
  EXPECT_EQ(on.log->roll(kNow).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(on.log->truncate_to(Offset(1), kNow).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(on.log->truncate_fully_and_start_at(Offset(100), kNow).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_FALSE(on.flush().ok());
  EXPECT_FALSE(on.log->fenced());
  EXPECT_FALSE(on.health->offline());
  EXPECT_TRUE(on.health->take_wants_descriptors());
  EXPECT_EQ(on.log->recovery_point(), Offset(0));
  on.disk.set_out_of_descriptors(false);
  EXPECT_EQ(on.all(), before);
  ASSERT_TRUE(on.append().ok());
  ASSERT_TRUE(on.flush().ok());
  EXPECT_TRUE(on.log->fully_flushed());
  EXPECT_EQ(on.log->recovery_point(), on.log->log_end());
  // What the first flush could not write came with the second.
  const auto after = on.all();
  on.disk.lose_power();
  on.open(false, Offset(after.back().last_offset.value + 1));
  EXPECT_EQ(on.all(), after);
  EXPECT_EQ(on.recovery.notes, std::vector<std::string>());
}

TEST(Log, WriteBehindComesDueEveryFewMegabytes) {
  LogOnMemory on;
  int due = 0;
  int64_t covered = 0;
  for (int i = 0; i < 40; ++i) {
    auto result = on.append({.value_bytes = 500'000});
    ASSERT_TRUE(result.ok());
    if (!result->write_behind) continue;
    ++due;
    EXPECT_EQ(result->write_behind->position, covered);
    covered += result->write_behind->length;
  }
  EXPECT_EQ(due, 2);
}

TEST(Log, TimestampsAreSearchedInOldAndNewSegments) {
  LogOnMemory on(small_segments(500));
  // Timestamps that are not in order: 10, 30, 20, 50, 40 ...
  for (int i = 0; i < 40; ++i) {
    const int step = i % 2 == 0 ? i : i + 2;
    ASSERT_TRUE(on.append({.timestamp = 1'000'000 + step * 10}).ok());
  }
  const auto find = [&](int64_t timestamp) -> int64_t {
    auto found = on.log->plan_timestamp_search(timestamp).run();
    EXPECT_TRUE(found.ok());
    return found.ok() && *found ? (*found)->offset.value : -1;
  };
  for (int64_t timestamp = 999'990; timestamp <= 1'000'420; timestamp += 5) {
    int64_t expected = -1;
    for (int i = 0; i < 40 && expected < 0; ++i) {
      const int step = i % 2 == 0 ? i : i + 2;
      if (1'000'000 + step * 10 >= timestamp) expected = i;
    }
    EXPECT_EQ(find(timestamp), expected) << timestamp;
  }
  auto largest = on.log->plan_timestamp_search(std::nullopt).run();
  EXPECT_EQ((*largest)->offset, Offset(39));
  EXPECT_EQ((*largest)->timestamp, 1'000'410);
  LogOnMemory empty;
  EXPECT_FALSE(empty.log->plan_timestamp_search(std::nullopt).run()->has_value());
}

TEST(Log, TheLargestTimestampMayBeThatOfADeletedRecord) {
  LogOnMemory on;
  for (const int64_t timestamp : {1000, 3000, 2000}) ASSERT_TRUE(on.append({.timestamp = timestamp}).ok());
  on.log->set_high_watermark(Offset(3));
  ASSERT_TRUE(on.log->raise_log_start(Offset(2)).ok());
  auto largest = on.log->plan_timestamp_search(std::nullopt).run();
  ASSERT_TRUE(largest.ok() && largest->has_value());
  EXPECT_EQ((*largest)->offset, Offset(1));
  EXPECT_FALSE(on.log->plan_timestamp_search(2500).run()->has_value());
}

TEST(Log, TimestampsAreFoundInsideCompressedBatches) {
  LogOnMemory on;
  ASSERT_TRUE(on.append({.records = 10, .timestamp = 1000, .compression = {CompressionCodec::ZSTD, {}}}).ok());
  auto found = on.log->plan_timestamp_search(1007).run();
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->offset, Offset(7));
  EXPECT_EQ((*found)->timestamp, 1007);
}

}  // namespace
}  // namespace quokka
