// What went wrong in other logs, one test a row of the project's list of hazards.
#include <algorithm>

#include "broker/log/checkpoints.h"
#include "broker/log/log.h"
#include "broker/log/log_names.h"
#include "broker/log/test_log.h"

namespace quokka {
namespace {

using testing::batch_of;
using testing::BatchSpec;
using testing::kNow;
using testing::LogOnMemory;

LogConfig small_segments(int32_t bytes = 300) {
  LogConfig config;
  config.segment_bytes = bytes;
  config.index_interval_bytes = 100;
  return config;
}

// KAFKA-3968: a power loss right after a segment was created lost the file, though its bytes were synced.
TEST(LogHazards, H57ANewSegmentsNameIsDurableBeforeTheRecoveryPointPasses) {
  LogOnMemory on(small_segments());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(on.append().ok());
    ASSERT_TRUE(on.flush().ok());
    ASSERT_EQ(on.log->recovery_point(), Offset(i + 1));
    const auto before = on.all();
    on.log.reset();
    on.disk.lose_power();
    on.open(false, Offset(i + 1));
    ASSERT_EQ(on.all(), before) << i;
  }
  EXPECT_GT(on.log->segment_count(), 2u);
}

TEST(LogHazards, H57TheDirectoryIsSyncedOnceANewFile) {
  LogOnMemory on(small_segments(1 << 20));
  ASSERT_TRUE(on.append().ok());
  ASSERT_TRUE(on.flush().ok());
  on.disk.forget_operations();
  ASSERT_TRUE(on.append().ok());
  ASSERT_TRUE(on.flush().ok());
  for (const auto& operation : on.disk.operations()) EXPECT_NE(operation.name, "sync_directory");
}

// KAFKA-16541: the epoch checkpoint was rewritten without a sync.
TEST(LogHazards, H58TheEpochCheckpointIsReplacedDurably) {
  LogOnMemory on;
  ASSERT_TRUE(on.append({}, LeaderEpoch(1)).ok());
  ASSERT_TRUE(on.flush().ok());
  ASSERT_TRUE(on.append({}, LeaderEpoch(2)).ok());
  on.disk.forget_operations();
  ASSERT_TRUE(on.flush().ok());
  std::vector<std::string> steps;
  for (const auto& operation : on.disk.operations())
    if (operation.path.find("leader-epoch") != std::string::npos || operation.name == "sync_directory") steps.push_back(operation.name);
  EXPECT_EQ(steps, (std::vector<std::string>{"open", "write", "sync", "rename", "sync_directory"}));
  // Wherever the power goes, the old or the new one is there, whole.
  for (const char* failing : {"write", "sync", "rename", "sync_directory"}) {
    LogOnMemory each;
    ASSERT_TRUE(each.append({}, LeaderEpoch(1)).ok());
    ASSERT_TRUE(each.flush().ok());
    ASSERT_TRUE(each.append({}, LeaderEpoch(2)).ok());
    each.disk.set_fault([&](const MemoryDisk::Operation& operation) {
      return operation.name == failing && (operation.name == "sync_directory" || operation.path.find("leader-epoch") != std::string::npos);
    });
    EXPECT_FALSE(each.flush().ok()) << failing;
    each.disk.set_fault(nullptr);
    each.disk.lose_power();
    const std::string text = each.file("leader-epoch-checkpoint");
    EXPECT_TRUE(text == "0\n1\n1 0\n" || text == "0\n2\n1 0\n2 1\n") << failing << ": " << text;
  }
}

// KAFKA-10101: a recovery point behind the end of the log; a log that ends below its log start.
TEST(LogHazards, H60ARecoveryPointBeyondTheEndIsClamped) {
  LogOnMemory on(small_segments());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(on.append({}, LeaderEpoch(i)).ok());
  const auto before = on.all();
  const auto epochs = on.log->epochs().entries();
  on.open(false, Offset(500));
  EXPECT_EQ(on.log->recovery_point(), Offset(10));
  EXPECT_EQ(on.all(), before);
  EXPECT_EQ(on.log->epochs().entries(), epochs);  // none was checkpointed
}

TEST(LogHazards, H60ALogThatEndsBelowItsStartBeginsAnewThere) {
  for (const bool clean : {false, true}) {
    LogOnMemory on(small_segments());
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(on.append({.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = i}, LeaderEpoch(3)).ok());
    ASSERT_TRUE(on.log->close().ok());
    on.open(clean, Offset(10), /*log_start=*/Offset(50), /*high_watermark=*/Offset(50));
    EXPECT_EQ(on.log->log_start(), Offset(50));
    EXPECT_EQ(on.log->log_end(), Offset(50));
    EXPECT_EQ(on.log->high_watermark(), Offset(50));
    EXPECT_TRUE(on.log->producers().empty());
    EXPECT_TRUE(on.log->epochs().entries().empty());
    EXPECT_EQ(on.append()->base_offset, Offset(50));
  }
}

// KAFKA-10778, KAFKA-7866: appends went on after an I/O error; the end of the log lagged behind its bytes.
TEST(LogHazards, H61AnIoErrorFencesTheLogAtOnce) {
  LogOnMemory on;
  ASSERT_TRUE(on.append().ok());
  int writes = 0;
  on.disk.set_fault([&](const MemoryDisk::Operation& operation) { return operation.name == "write" && ++writes == 1; });
  EXPECT_EQ(on.append().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  // The disk works again, the log does not: half a batch lies behind its end.
  EXPECT_TRUE(on.log->fenced());
  EXPECT_TRUE(on.health->offline());
  EXPECT_EQ(on.append().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(on.log->append_as_follower(batch_of({.base_offset = Offset(1)}), kNow).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(on.log->roll(kNow).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(on.log->truncate_to(Offset(0), kNow).code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_FALSE(on.log->begin_flush().has_value());
  EXPECT_EQ(on.log->log_end(), Offset(1));
  on.open(false, Offset(0));
  EXPECT_EQ(on.log->log_end(), Offset(1));
  EXPECT_GT(on.recovery.truncated_bytes, 0);
}

TEST(LogHazards, H61ATransactionIndexThatCannotBeWrittenLetsNothingPass) {
  LogOnMemory on(small_segments(250));
  ASSERT_TRUE(on.append({.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = 0, .transactional = true}).ok());
  ASSERT_TRUE(on.append_marker(ProducerId(1), ProducerEpoch(0), true).ok());
  ASSERT_TRUE(on.append().ok());
  ASSERT_GT(on.log->segment_count(), 1u);
  on.disk.set_fault([](const MemoryDisk::Operation& operation) { return operation.name == "write" && operation.path.ends_with(".txnindex"); });
  EXPECT_EQ(on.flush().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  on.disk.set_fault(nullptr);
  EXPECT_EQ(on.log->recovery_point(), Offset(0));
  EXPECT_EQ(on.append().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  // What is in memory is right all the same: a reader gets the data with its aborted transactions.
  auto read = on.log->plan_read({Offset(0), Offset(2), 1 << 20, true, true})->run();
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->aborted.size(), 1u);
}

// KAFKA-10432: epoch 0 was taken for none when the epochs were rebuilt.
TEST(LogHazards, H62EpochZeroCountsWhenEpochsAreRebuilt) {
  LogOnMemory on(small_segments());
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(on.append({}, LeaderEpoch(i < 5 ? 0 : 2)).ok());
  const std::vector<EpochStart> epochs = on.log->epochs().entries();
  ASSERT_EQ(epochs, (std::vector<EpochStart>{{LeaderEpoch(0), Offset(0)}, {LeaderEpoch(2), Offset(5)}}));
  ASSERT_TRUE(on.log->close().ok());
  for (const bool clean : {true, false}) {
    ASSERT_TRUE(on.disk.remove("/data/topic-0/leader-epoch-checkpoint").ok());
    on.open(clean, Offset(clean ? 8 : 0));
    EXPECT_EQ(on.log->epochs().entries(), epochs);
  }
}

// KAFKA-12520: a crash among the renames of a replacement of segments. `old` are two segments, `merged` their replacement.
struct Replacement {
  explicit Replacement(LogOnMemory& on) {
    const auto list = on.log->segments();
    first = segment_file_name((*list)[0]->base_offset(), "");
    second = segment_file_name((*list)[1]->base_offset(), "");
    old_first = on.file(first + ".log");
    old_second = on.file(second + ".log");
    merged = old_first + old_second;
  }
  std::string first, second, old_first, old_second, merged;
};

TEST(LogHazards, H63AnUnfinishedReplacementIsUndoneAFinishedOneCompleted) {
  LogOnMemory on(small_segments());
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(on.append().ok());
  ASSERT_TRUE(on.flush().ok());
  const auto before = on.all();
  const size_t segments = on.log->segment_count();
  const Replacement r(on);
  // Still being written.
  on.log.reset();
  on.write_file(r.first + ".log.cleaned", r.merged.substr(0, 50));
  on.open(false, Offset(12));
  EXPECT_EQ(on.all(), before);
  EXPECT_EQ(on.log->segment_count(), segments);
  // Written, and none of the old ones removed yet; removed one; removed both.
  for (int removed = 0; removed < 3; ++removed) {
    on.log.reset();
    ASSERT_TRUE(on.disk.remove("/data/topic-0/" + r.first + ".log").ok());
    on.write_file(r.first + ".log", r.old_first);
    on.write_file(r.second + ".log", r.old_second);
    on.write_file(r.first + ".log.swap", r.merged);
    if (removed > 0) {
      ASSERT_TRUE(on.disk.remove("/data/topic-0/" + r.first + ".log").ok());
    }
    if (removed > 1) {
      ASSERT_TRUE(on.disk.remove("/data/topic-0/" + r.second + ".log").ok());
    }
    on.open(false, Offset(12));
    EXPECT_EQ(on.all(), before) << removed;
    EXPECT_EQ(on.log->segment_count(), segments - 1) << removed;
  }
  // Two replacements of which only the later one was renamed: the earlier says that the swap is not complete.
  on.log.reset();
  on.write_file(r.first + ".log", r.old_first);
  on.write_file(r.second + ".log", r.old_second);
  on.write_file(r.first + ".log.cleaned", r.old_first);
  on.write_file(r.second + ".log.swap", "not to be used");
  on.open(false, Offset(12));
  EXPECT_EQ(on.all(), before);
  // A start that dies while it makes order: the next one must not take the swap for complete.
  for (const char* dies_at : {".swap", ".cleaned"}) {
    on.log.reset();
    on.write_file(r.first + ".index.cleaned", "");
    on.write_file(r.first + ".log.swap", "not to be used");
    on.disk.set_fault([&](const MemoryDisk::Operation& operation) { return operation.name == "remove" && operation.path.ends_with(dies_at); });
    EXPECT_FALSE(on.try_open(false, Offset(12)).ok()) << dies_at;
    on.disk.set_fault(nullptr);
    on.open(false, Offset(12));
    EXPECT_EQ(on.all(), before) << dies_at;
  }
}

// KAFKA-6264: a segment whose offsets do not fit 32 bits relative to its base.
TEST(LogHazards, H63ASegmentWithTooFarOffsetsIsSplit) {
  LogConfig compacted;
  compacted.cleanup_compact = true;
  LogOnMemory on(compacted);
  on.log.reset();
  std::string bytes;
  const std::vector<int64_t> offsets = {0, 5, int64_t{INT32_MAX} + 1, int64_t{INT32_MAX} + 2, 3 * int64_t{INT32_MAX}};
  for (const int64_t offset : offsets) bytes += text_of(batch_of({.leader_epoch = LeaderEpoch(0), .base_offset = Offset(offset)}));
  on.write_file("00000000000000000000.log", bytes);
  on.open(false);
  std::vector<int64_t> found;
  for (const auto& batch : on.all()) found.push_back(batch.base_offset.value);
  EXPECT_EQ(found, offsets);
  EXPECT_EQ(on.log->segment_count(), 3u);
  EXPECT_EQ(on.log->size_bytes(), static_cast<int64_t>(bytes.size()));
  // A crash between the copy and the cut leaves both.
  on.log.reset();
  on.write_file("00000000000000000000.log", bytes);
  on.open(false);
  found.clear();
  for (const auto& batch : on.all()) found.push_back(batch.base_offset.value);
  EXPECT_EQ(found, offsets);
  EXPECT_EQ(on.log->segment_count(), 3u);
}

// KAFKA-6492: an empty active segment whose base is too far below the next offset.
TEST(LogHazards, H64TheSegmentRollsWhereOffsetsWouldNotFit) {
  LogOnMemory on;
  const int64_t far = int64_t{INT32_MAX} + 10;
  ASSERT_TRUE(on.log->append_as_follower(batch_of({.base_offset = Offset(far)}), kNow).ok());
  EXPECT_EQ(on.log->segments()->back()->base_offset(), Offset(far));
  EXPECT_EQ(on.log->segment_count(), 1u);
  ASSERT_TRUE(on.log->append_as_follower(batch_of({.base_offset = Offset(far + INT32_MAX)}), kNow).ok());
  EXPECT_EQ(on.log->segment_count(), 1u);  // exactly the largest that fits
  ASSERT_TRUE(on.log->append_as_follower(batch_of({.base_offset = Offset(far + INT32_MAX + 1)}), kNow).ok());
  EXPECT_EQ(on.log->segment_count(), 2u);
  const auto before = on.all();
  on.open(false);
  EXPECT_EQ(on.all(), before);
}

TEST(LogHazards, H64TruncatingToAnEmptySegmentAndGoingOn) {
  LogOnMemory on(small_segments());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(on.append().ok());
  ASSERT_TRUE(on.flush().ok());
  const Offset base = on.log->segments()->back()->base_offset();
  ASSERT_TRUE(on.log->truncate_to(base, kNow).ok());
  EXPECT_EQ(on.log->log_end(), base);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(on.append().ok());
  const auto before = on.all();
  EXPECT_EQ(before.size(), static_cast<size_t>(base.value) + 10);
  ASSERT_TRUE(on.log->close().ok());
  on.open(true, on.log->log_end());
  EXPECT_EQ(on.all(), before);
  ASSERT_TRUE(on.log->truncate_to(Offset(0), kNow).ok());
  EXPECT_EQ(on.append()->base_offset, Offset(0));
}

// KAFKA-6388: a file that a crash left under the name of the segment that begins now.
TEST(LogHazards, H64RollingOntoAnExistingFile) {
  LogOnMemory on(small_segments());
  ASSERT_TRUE(on.append().ok());
  on.write_file("00000000000000000001.log", std::string(1000, 'x'));  // longer than what comes
  on.write_file("00000000000000000001.index", "left over");
  ASSERT_TRUE(on.log->roll(kNow).ok());
  ASSERT_TRUE(on.append().ok());
  EXPECT_EQ(on.all().size(), 2u);
  EXPECT_EQ(on.file("00000000000000000001.log").size(), batch_of({}).size());
  EXPECT_EQ(on.file("00000000000000000001.index"), "(none)");
}

// fsyncgate: a failed sync drops dirty pages, and the next one succeeds.
TEST(LogHazards, H66AFailedSyncIsNeverTriedAgain) {
  LogOnMemory on;
  ASSERT_TRUE(on.append().ok());
  int syncs = 0;
  on.disk.set_fault([&](const MemoryDisk::Operation& operation) { return operation.name == "sync" && ++syncs == 1; });
  EXPECT_EQ(on.flush().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_TRUE(on.health->offline());
  EXPECT_NE(on.health->reason().find("sync"), std::string::npos);
  EXPECT_EQ(on.log->recovery_point(), Offset(0));
  on.disk.forget_operations();
  EXPECT_FALSE(on.log->begin_flush().has_value());
  EXPECT_EQ(on.append().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_FALSE(on.log->close().ok());
  for (const auto& operation : on.disk.operations()) EXPECT_NE(operation.name, "sync");
}

// A mapped index on a full disk, or cut off under the map, would kill the process.
TEST(LogHazards, H67AnIndexThatCannotBeWrittenOrIsCutOffIsAnErrorOrRebuilt) {
  LogOnMemory full(small_segments());
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(full.append().ok());
  full.disk.set_fault([](const MemoryDisk::Operation& operation) { return operation.name == "write" && operation.path.ends_with("index"); });
  EXPECT_EQ(full.flush().code(), ErrorCode::KAFKA_STORAGE_ERROR);

  LogOnMemory cut(small_segments());
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(cut.append().ok());
  ASSERT_TRUE(cut.flush().ok());
  const auto before = cut.all();
  for (const std::string& name : cut.names())
    if (name.ends_with("index")) cut.write_file(name, "");
  EXPECT_EQ(cut.all(), before);
  for (int i = 0; i < 2; ++i)
    for (const SegmentPtr& segment : *cut.log->segments()) segment->drop_if_idle();
  EXPECT_EQ(cut.all(), before);
}

// A slice on its way to a socket when the log is cut and written again.
TEST(LogHazards, H68ASliceOfATruncatedLogEndsEarlyOrCarriesWholeNewBatches) {
  LogOnMemory on;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(on.append({}, LeaderEpoch(0)).ok());
  auto read = on.log->plan_read({Offset(0), Offset(4), 1 << 20, true, false})->run();
  ASSERT_TRUE(on.log->truncate_to(Offset(1), kNow).ok());
  std::vector<uint8_t> bytes(static_cast<size_t>(read->slice.length));
  // The file ends before the slice: the connection sees fewer bytes than it announced, and closes.
  EXPECT_LT(*read->slice.file->read_at(bytes, read->slice.position), bytes.size());
  ASSERT_TRUE(on.append({.value_bytes = 300}, LeaderEpoch(1)).ok());
  ASSERT_EQ(*read->slice.file->read_at(bytes, read->slice.position), bytes.size());
  BatchCursor cursor(bytes);
  int whole = 0;
  while (const auto batch = cursor.next()) {
    EXPECT_TRUE(batch->crc_is_valid());
    ++whole;
  }
  EXPECT_EQ(whole, 1);  // the new batch is longer than the slice: the receiver sees an incomplete one, or a wrong CRC
}

}  // namespace
}  // namespace quokka
