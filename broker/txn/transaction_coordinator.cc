#include "broker/txn/transaction_coordinator.h"

#include <utility>

#include "protocol/base/topic_name.h"

namespace quokka {

TransactionCoordinator::TransactionCoordinator(Settings settings, Ports ports)
    : settings_(std::move(settings)), ports_(std::move(ports)), shards_(ports_.loops, ports_.topic, [this](PartitionIndex partition, Loop& loop) {
        Journal::Settings journal = settings_.journal;
        journal.partition = {std::string(kTransactionStateTopic), partition};
        return std::make_unique<TransactionShard>(settings_.transactions, std::move(journal), Journal::Ports{loop, ports_.pool, ports_.logs},
                                                  ports_.surroundings);
      }) {}

void TransactionCoordinator::start() {
  shards_.every(settings_.time_out_check, [](TransactionShard& shard) { shard.on_time_out_check(); });
  shards_.every(settings_.expiry_check, [](TransactionShard& shard) { shard.on_expiry_check(); });
}

void TransactionCoordinator::init(InitTransactions init, TransactionShard::Done done) {
  if (init.id.empty()) return done({ErrorCode::INVALID_REQUEST, {}});
  if (init.timeout_ms <= 0 || init.timeout_ms > settings_.transactions.timeout_max_ms) return done({ErrorCode::INVALID_TRANSACTION_TIMEOUT, {}});
  const std::string holder = init.id;
  shards_.with_shard_of(
      holder, std::move(done), [init = std::move(init)](TransactionShard& shard, auto answer) mutable { shard.init(std::move(init), std::move(answer)); },
      [](ErrorCode error, auto answer) { answer({error, {}}); });
}

void TransactionCoordinator::add_partitions(std::string id, TransactionalProducer producer, std::set<TopicPartition> partitions,
                                            TransactionShard::Done done) {
  if (id.empty()) return done({ErrorCode::INVALID_REQUEST, {}});
  const std::string holder = id;
  shards_.with_shard_of(
      holder, std::move(done),
      [id = std::move(id), producer, partitions = std::move(partitions)](TransactionShard& shard, auto answer) {
        shard.add_partitions(id, producer, partitions, std::move(answer));
      },
      [](ErrorCode error, auto answer) { answer({error, {}}); });
}

void TransactionCoordinator::end(EndTransaction end, TransactionShard::Done done) {
  if (end.id.empty()) return done({ErrorCode::INVALID_REQUEST, {}});
  const std::string holder = end.id;
  shards_.with_shard_of(
      holder, std::move(done), [end = std::move(end)](TransactionShard& shard, auto answer) { shard.end(end, std::move(answer)); },
      [](ErrorCode error, auto answer) { answer({error, {}}); });
}

void TransactionCoordinator::verify(std::string id, TransactionalProducer producer, std::vector<TopicPartition> partitions,
                                    Function<void(std::vector<ErrorCode>)> done) {
  const size_t count = partitions.size();
  if (id.empty()) return done(std::vector<ErrorCode>(count, ErrorCode::INVALID_REQUEST));
  const std::string holder = id;
  shards_.with_shard_of(
      holder, std::move(done),
      [id = std::move(id), producer, partitions = std::move(partitions)](TransactionShard& shard, auto answer) {
        shard.verify(id, producer, partitions, std::move(answer));
      },
      [count](ErrorCode error, auto answer) { answer(std::vector<ErrorCode>(count, error)); });
}

void TransactionCoordinator::describe(std::string id, Function<void(Result<TransactionRecord>)> done) {
  if (id.empty()) return done(Error{ErrorCode::INVALID_REQUEST, "an empty transactional id"});
  shards_.with_shard_of(
      id, std::move(done), [id](TransactionShard& shard, auto answer) { shard.describe(id, std::move(answer)); },
      [id](ErrorCode error, auto answer) { answer(Error{error, id}); });
}

void TransactionCoordinator::list(Function<void(ErrorCode, std::vector<TransactionOverview>)> done) {
  shards_.list(std::move(done));
}

}  // namespace quokka
