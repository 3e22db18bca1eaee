#include "broker/journal/partition_journal_log.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "protocol/records/validate.h"

namespace quokka {

namespace {

constexpr int16_t kAcksAll = -1;

AppendRules rules_of(const LogConfig& config) {
  AppendRules rules;
  if (config.compression) rules.compression = Compression{*config.compression, std::nullopt};
  rules.timestamp_type = config.timestamp_type;
  rules.compacted = config.cleanup_compact;
  rules.batch_bytes_max = config.max_message_bytes;
  return rules;
}

// Waits at the partition until the high watermark is far enough, looking again each time it moves.
class HighWatermarkWait final : public FetchWaiter, public std::enable_shared_from_this<HighWatermarkWait> {
 public:
  HighWatermarkWait(PartitionPtr partition, LeaderEpoch epoch, Offset end, JournalLog::Reached reached)
      : partition_(std::move(partition)), epoch_(epoch), end_(end), reached_(std::move(reached)) {}

  void wake() override {
    for (;;) {
      const Result<Partition::OffsetView> offsets = partition_->offsets(LeaderEpoch(), true);
      if (!offsets) return reached_(offsets.code());
      // A later epoch of the same leadership is as good.
      if (offsets->leader_epoch < epoch_) return reached_(ErrorCode::NOT_LEADER_OR_FOLLOWER);
      if (offsets->high_watermark >= end_) return reached_(ErrorCode::NONE);
      if (partition_->park(shared_from_this(), Isolation::read_uncommitted, offsets->high_watermark, offsets->leader_epoch)) return;
    }
  }

 private:
  const PartitionPtr partition_;
  const LeaderEpoch epoch_;
  const Offset end_;
  JournalLog::Reached reached_;
};

}  // namespace

Result<JournalLog::Appended> PartitionJournalLog::append(LeaderEpoch epoch, std::vector<uint8_t> batch, TransactionGuard guard, Reached committed) {
  const Result<Partition::AppendPermit> permit = partition_->permit_append(kAcksAll);
  if (!permit) return permit.error();
  if (permit->leader_epoch != epoch)
    return Error{ErrorCode::FENCED_LEADER_EPOCH, partition_->name().str() + " is led under another epoch than " + std::to_string(epoch.value)};
  DecompressionScratch scratch;
  Validation validation = validate_append(batch, partition_->name(), rules_of(*permit->config), AppendOrigin::COORDINATOR, clock_.wall_now(), {}, scratch);
  if (const auto* refused = std::get_if<AppendRefused>(&validation)) return Error{refused->code, refused->message};
  BatchToAppend valid = std::get<BatchToAppend>(std::move(validation));

  auto shared = std::make_shared<Reached>(std::move(committed));
  Result<Partition::Appended> appended =
      partition_->append(valid, permit->leader_epoch, AppendOrigin::COORDINATOR, [shared](ErrorCode error) { (*shared)(error); }, {}, guard);
  if (!appended) {
    const bool leads_under_another = appended.code() == ErrorCode::NOT_LEADER_OR_FOLLOWER && partition_->permit_append(1).ok();
    return leads_under_another ? Error{ErrorCode::FENCED_LEADER_EPOCH, appended.error().message} : appended.error();
  }
  if (!appended->waits) (*shared)(ErrorCode::NONE);
  return Appended{appended->result.base_offset, appended->result.last_offset + 1};
}

void PartitionJournalLog::await_high_watermark(LeaderEpoch epoch, Offset end, Reached reached) {
  wait_ = std::make_shared<HighWatermarkWait>(partition_, epoch, end, std::move(reached));
  wait_->wake();
}

Result<JournalLog::Chunk> PartitionJournalLog::read(LeaderEpoch epoch, std::optional<Offset> from, size_t bytes_max) {
  const Result<Partition::OffsetView> offsets = partition_->offsets(epoch, true);
  if (!offsets) return offsets.error();
  Chunk chunk;
  chunk.from = std::max(from.value_or(offsets->log_start), offsets->log_start);
  chunk.log_end = offsets->log_end;
  chunk.high_watermark = offsets->high_watermark;
  if (chunk.from >= chunk.log_end) return chunk;

  Partition::Read wanted;
  wanted.offset = chunk.from;
  wanted.bytes_max = static_cast<int64_t>(bytes_max);
  wanted.min_one_message = true;
  wanted.isolation = Isolation::log_end;
  wanted.current_leader_epoch = epoch;
  const Result<Partition::ReadAnswer> answer = partition_->read(wanted);
  if (!answer) return answer.error();
  const Result<LogRead> read = answer->plan.run();
  if (!read) return read.error();
  if (read->slice.length == 0) return chunk;
  chunk.batches.resize(static_cast<size_t>(read->slice.length));
  const Result<size_t> got = read->slice.file->read_at(chunk.batches, read->slice.position);
  if (!got) return got.error();
  chunk.batches.resize(*got);
  return chunk;
}

JournalLogPtr PartitionJournalLogs::find(const TopicPartition& partition) {
  PartitionPtr found = replicas_.find(partition.topic, partition.partition);
  return found ? std::make_shared<PartitionJournalLog>(std::move(found), clock_) : nullptr;
}

}  // namespace quokka
