#include "broker/txn/transaction_coordinator.h"

#include <memory>
#include <utility>

#include "protocol/base/mutex.h"
#include "protocol/base/topic_name.h"

namespace quokka {

TransactionCoordinator::TransactionCoordinator(Settings settings, Ports ports)
    : settings_(std::move(settings)), ports_(std::move(ports)), shards_(ports_.loops, [this](PartitionIndex partition, Loop& loop) {
        Journal::Settings journal = settings_.journal;
        journal.partition = {std::string(kTransactionStateTopic), partition};
        return std::make_unique<TransactionShard>(settings_.transactions, std::move(journal), Journal::Ports{loop, ports_.pool, ports_.logs},
                                                  ports_.surroundings);
      }) {}

void TransactionCoordinator::start() {
  shards_.every(settings_.time_out_check, [](TransactionShard& shard) { shard.on_time_out_check(); });
  shards_.every(settings_.expiry_check, [](TransactionShard& shard) { shard.on_expiry_check(); });
}

PartitionIndex TransactionCoordinator::partition_of(std::string_view id) const {
  return coordinator_partition(*ports_.view.get(), kTransactionStateTopic, settings_.partitions, id);
}

// The two ways out of one request share its `done`.

void TransactionCoordinator::init(InitTransactions init, TransactionShard::Done done) {
  if (init.id.empty()) return done({ErrorCode::INVALID_REQUEST, {}});
  if (init.timeout_ms <= 0 || init.timeout_ms > settings_.transactions.timeout_max_ms) return done({ErrorCode::INVALID_TRANSACTION_TIMEOUT, {}});
  auto answer = std::make_shared<TransactionShard::Done>(std::move(done));
  const PartitionIndex partition = partition_of(init.id);
  shards_.with_shard(
      partition, [init = std::move(init), answer](TransactionShard& shard) mutable { shard.init(std::move(init), std::move(*answer)); },
      [answer](ErrorCode error) { (*answer)({error, {}}); });
}

void TransactionCoordinator::add_partitions(std::string id, TransactionalProducer producer, std::set<TopicPartition> partitions,
                                            TransactionShard::Done done) {
  if (id.empty()) return done({ErrorCode::INVALID_REQUEST, {}});
  auto answer = std::make_shared<TransactionShard::Done>(std::move(done));
  const PartitionIndex partition = partition_of(id);
  shards_.with_shard(
      partition,
      [id = std::move(id), producer, partitions = std::move(partitions), answer](TransactionShard& shard) {
        shard.add_partitions(id, producer, partitions, std::move(*answer));
      },
      [answer](ErrorCode error) { (*answer)({error, {}}); });
}

void TransactionCoordinator::end(EndTransaction end, TransactionShard::Done done) {
  if (end.id.empty()) return done({ErrorCode::INVALID_REQUEST, {}});
  auto answer = std::make_shared<TransactionShard::Done>(std::move(done));
  const PartitionIndex partition = partition_of(end.id);
  shards_.with_shard(
      partition, [end = std::move(end), answer](TransactionShard& shard) { shard.end(end, std::move(*answer)); },
      [answer](ErrorCode error) { (*answer)({error, {}}); });
}

void TransactionCoordinator::verify(std::string id, TransactionalProducer producer, std::vector<TopicPartition> partitions,
                                    Function<void(std::vector<ErrorCode>)> done) {
  const size_t count = partitions.size();
  if (id.empty()) return done(std::vector<ErrorCode>(count, ErrorCode::INVALID_REQUEST));
  auto answer = std::make_shared<Function<void(std::vector<ErrorCode>)>>(std::move(done));
  const PartitionIndex partition = partition_of(id);
  shards_.with_shard(
      partition,
      [id = std::move(id), producer, partitions = std::move(partitions), answer](TransactionShard& shard) {
        shard.verify(id, producer, partitions, std::move(*answer));
      },
      [count, answer](ErrorCode error) { (*answer)(std::vector<ErrorCode>(count, error)); });
}

void TransactionCoordinator::describe(std::string id, Function<void(Result<TransactionRecord>)> done) {
  if (id.empty()) return done(Error{ErrorCode::INVALID_REQUEST, "an empty transactional id"});
  auto answer = std::make_shared<Function<void(Result<TransactionRecord>)>>(std::move(done));
  const PartitionIndex partition = partition_of(id);
  shards_.with_shard(
      partition, [id, answer](TransactionShard& shard) { shard.describe(id, std::move(*answer)); },
      [id, answer](ErrorCode error) { (*answer)(Error{error, id}); });
}

void TransactionCoordinator::list(Function<void(ErrorCode, std::vector<TransactionOverview>)> done) {
  struct Gathered {
    Mutex mutex;
    ErrorCode error GUARDED_BY(mutex) = ErrorCode::NONE;
    std::vector<TransactionOverview> all GUARDED_BY(mutex);
  };
  auto gathered = std::make_shared<Gathered>();
  const auto gather = [gathered](TransactionShard& shard) {
    MutexLock lock(gathered->mutex);
    if (shard.readiness() == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) gathered->error = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    for (TransactionOverview& each : shard.list()) gathered->all.push_back(std::move(each));
  };
  shards_.on_every(gather, [gathered, done = std::move(done)]() mutable {
    ErrorCode error = ErrorCode::NONE;
    std::vector<TransactionOverview> all;
    {
      MutexLock lock(gathered->mutex);
      error = gathered->error;
      all = std::move(gathered->all);
    }
    done(error, std::move(all));
  });
}

}  // namespace quokka
