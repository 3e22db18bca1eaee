// The transaction coordinator of a broker: one shard for each partition of __transaction_state that it leads, spread over the event loops. Finds the shard
// of a transactional id, and answers for those it has not.
//
// Any thread may call; `done` is called once, on any thread. Errors beside those of the shard: INVALID_REQUEST, INVALID_TRANSACTION_TIMEOUT,
// COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/journal/coordinator_shards.h"
#include "broker/txn/transaction_shard.h"

namespace quokka {

class TransactionCoordinator {
 public:
  struct Settings {
    TransactionSettings transactions;
    Journal::Settings journal;  // but for the partition
    Duration time_out_check = Duration::seconds(10);
    Duration expiry_check = Duration::seconds(3600);
  };
  // All outlive this; the loops and the pool run nothing any more when it is destroyed.
  struct Ports {
    std::vector<Loop*> loops;
    Pool& pool;
    JournalLogs& logs;
    CoordinatorTopic& topic;  // __transaction_state
    TransactionShard::Surroundings surroundings;
  };

  TransactionCoordinator(Settings settings, Ports ports);
  TransactionCoordinator(const TransactionCoordinator&) = delete;
  TransactionCoordinator& operator=(const TransactionCoordinator&) = delete;

  // Begins to look for time-outs and expired ids.
  void start();
  void stop(Task done) { shards_.stop(std::move(done)); }

  // Of __transaction_state. nullopt: that is not there, or not known well enough; who asks is to ask again.
  std::optional<PartitionIndex> partition_of(std::string_view id) { return ports_.topic.partition_of(id); }
  void on_view() { ports_.topic.on_view(); }

  // --- Leadership of partitions of __transaction_state, in the order in which it changes.
  void lead(PartitionIndex partition, LeaderEpoch epoch) { shards_.lead(partition, epoch); }
  void resign(PartitionIndex partition, std::optional<LeaderEpoch> epoch) { shards_.resign(partition, epoch); }

  // --- Requests
  void init(InitTransactions init, TransactionShard::Done done);
  void add_partitions(std::string id, TransactionalProducer producer, std::set<TopicPartition> partitions, TransactionShard::Done done);
  void end(EndTransaction end, TransactionShard::Done done);
  void verify(std::string id, TransactionalProducer producer, std::vector<TopicPartition> partitions, Function<void(std::vector<ErrorCode>)> done);
  void describe(std::string id, Function<void(Result<TransactionRecord>)> done);
  // All of this broker; COORDINATOR_LOAD_IN_PROGRESS if a shard is being loaded.
  void list(Function<void(ErrorCode, std::vector<TransactionOverview>)> done);

 private:
  const Settings settings_;
  const Ports ports_;
  CoordinatorShards<TransactionShard> shards_;
};

}  // namespace quokka
