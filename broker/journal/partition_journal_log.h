// The journal's log as a replica of this broker.
#pragma once

#include "broker/journal/journal_log.h"
#include "broker/replica/replica_table.h"

namespace quokka {

class PartitionJournalLog final : public JournalLog {
 public:
  // `clock` tells the time of validation.
  PartitionJournalLog(PartitionPtr partition, Loop& clock) : partition_(std::move(partition)), clock_(clock) {}

  Result<Appended> append(LeaderEpoch epoch, std::vector<uint8_t> batch, TransactionGuard guard, Reached committed) override;
  void await_high_watermark(LeaderEpoch epoch, Offset end, Reached reached) override;
  Result<Chunk> read(LeaderEpoch epoch, std::optional<Offset> from, size_t bytes_max) override;

 private:
  const PartitionPtr partition_;
  Loop& clock_;
  std::shared_ptr<FetchWaiter> wait_;  // for the high watermark: a partition drops waiters that it alone knows
};

class PartitionJournalLogs final : public JournalLogs {
 public:
  PartitionJournalLogs(ReplicaTable& replicas, Loop& clock) : replicas_(replicas), clock_(clock) {}

  JournalLogPtr find(const TopicPartition& partition) override;

 private:
  ReplicaTable& replicas_;
  Loop& clock_;
};

}  // namespace quokka
