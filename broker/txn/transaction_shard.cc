#include "broker/txn/transaction_shard.h"

#include <utility>

#include "broker/journal/coordinator_shards.h"
#include "broker/txn/transaction_records.h"
#include "protocol/base/log.h"

namespace quokka {

namespace {

constexpr Duration kRetryPause = Duration::millis(100);

// Of an answer that waited for the high watermark.
ErrorCode wait_error(ErrorCode error) {
  return error == ErrorCode::REQUEST_TIMED_OUT ? ErrorCode::COORDINATOR_NOT_AVAILABLE : ErrorCode::NOT_COORDINATOR;
}

}  // namespace

TransactionShard::TransactionShard(TransactionSettings settings, Journal::Settings journal, Journal::Ports ports, Surroundings surroundings)
    : loop_(ports.loop), partition_(journal.partition), surroundings_(surroundings), core_(settings), journal_(std::move(journal), ports, *this) {}

ErrorCode TransactionShard::readiness() const { return coordinator_readiness(journal_); }

// --- Requests

TransactionRequestId TransactionShard::keep(Done done) {
  const TransactionRequestId request = next_request_++;
  waiting_.emplace(request, std::move(done));
  return request;
}

void TransactionShard::init(InitTransactions init, Done done) {
  if (!core_.needs_producer_id(init)) return perform(core_.on_init(keep(std::move(done)), init, now()), false);
  surroundings_.producer_ids.next([this, init = std::move(init), done = std::move(done)](Result<ProducerId> id) mutable {
    loop_.post([this, id = std::move(id), init = std::move(init), done = std::move(done)]() mutable {
      if (!id) return done({id.code(), {}});
      if (const ErrorCode error = readiness(); error != ErrorCode::NONE) return done({error, {}});
      init.fresh_id = *id;
      perform(core_.on_init(keep(std::move(done)), init, now()), false);
    });
  });
}

void TransactionShard::add_partitions(const std::string& id, TransactionalProducer producer, const std::set<TopicPartition>& partitions, Done done) {
  perform(core_.on_add_partitions(keep(std::move(done)), id, producer, partitions, now()), false);
}

void TransactionShard::end(const EndTransaction& end, Done done) { perform(core_.on_end(keep(std::move(done)), end, now()), false); }

void TransactionShard::verify(const std::string& id, TransactionalProducer producer, const std::vector<TopicPartition>& partitions,
                              Function<void(std::vector<ErrorCode>)> done) {
  std::vector<ErrorCode> errors = core_.verify(id, producer, partitions);
  journal_.when_committed([errors = std::move(errors), done = std::move(done)](ErrorCode error) mutable {
    if (error != ErrorCode::NONE) errors.assign(errors.size(), wait_error(error));
    done(std::move(errors));
  });
}

void TransactionShard::describe(const std::string& id, Function<void(Result<TransactionRecord>)> done) {
  const TransactionRecord* found = core_.find(id);
  Result<TransactionRecord> told = Error{ErrorCode::TRANSACTIONAL_ID_NOT_FOUND, id};
  if (found != nullptr) told = *found;
  journal_.when_committed([told = std::move(told), done = std::move(done)](ErrorCode error) mutable {
    if (error != ErrorCode::NONE) return done(Error{wait_error(error), "transactions are not committed yet"});
    done(std::move(told));
  });
}

void TransactionShard::on_time_out_check() {
  if (journal_.phase() == Journal::Phase::active) perform(core_.on_time_out_check(now()), true);
}

void TransactionShard::on_expiry_check() {
  if (journal_.phase() == Journal::Phase::active) perform(core_.on_expiry_check(now()), true);
}

// --- What the core decided

void TransactionShard::perform(TransactionEffects effects, bool settled) {
  for (const std::string& note : effects.notes) log_info("{}", note);
  for (const TransactionWrite& write : effects.writes) append(write);
  for (const auto& [request, answer] : effects.answers) {
    auto node = waiting_.extract(request);
    if (node.empty()) continue;
    // CONCURRENT_TRANSACTIONS is the answer just because something is not committed.
    if (settled || answer.error == ErrorCode::CONCURRENT_TRANSACTIONS) {
      node.mapped()(answer);
      continue;
    }
    journal_.when_committed([answer = answer, done = std::move(node.mapped())](ErrorCode error) mutable {
      if (error != ErrorCode::NONE) answer = {wait_error(error), {}};
      done(answer);
    });
  }
  for (MarkerOrder& order : effects.markers) {
    const uint64_t number = order.number;
    surroundings_.markers.send(std::move(order), journal_.epoch(), coordinating_, [this, number](const TopicPartition& partition) {
      loop_.post([this, number, partition] { perform(core_.on_marker_written(number, partition, now()), true); });
    });
  }
  arm_retry();
}

void TransactionShard::append(const TransactionWrite& write) {
  std::vector<JournalEntry> entries;
  entries.reserve(write.records.size());
  for (const StoredTransaction& stored : write.records) entries.push_back(encode_transaction_record(stored));
  journal_.append(entries, {}, [this, number = write.number](ErrorCode error) { on_outcome(number, error); });
}

void TransactionShard::on_outcome(uint64_t number, ErrorCode error) {
  if (error != ErrorCode::REQUEST_TIMED_OUT) return perform(core_.on_written(number, error, now()), true);
  perform(core_.on_write_slow(number), true);
  await_commit([this, number] { perform(core_.on_written(number, ErrorCode::NONE, now()), true); });
}

void TransactionShard::await_commit(Task then) {
  journal_.when_committed([this, then = std::move(then)](ErrorCode error) mutable {
    if (error == ErrorCode::NONE) then();
    else if (error == ErrorCode::REQUEST_TIMED_OUT) await_commit(std::move(then));
  });
}

void TransactionShard::arm_retry() {
  if (retry_ != 0 || !core_.wants_retry()) return;
  retry_ = loop_.call_after(kRetryPause, [this] {
    retry_ = 0;
    if (journal_.phase() == Journal::Phase::active) perform(core_.on_retry(now()), true);
  });
}

// --- JournalState

void TransactionShard::apply(const JournalRecord& record) {
  Result<std::optional<StoredTransaction>> decoded = decode_transaction_record(record.key, record.value);
  if (!decoded) {
    log_error("{}: a record at offset {} is passed over: {}", partition_, record.batch_offset, decoded.error().message);
  } else if (*decoded) {
    core_.apply(**decoded, now());
  }
}

void TransactionShard::on_loaded() {
  coordinating_ = std::make_shared<const int>(0);
  await_commit([this] { perform(core_.on_recovered(now()), true); });
}

void TransactionShard::on_unloaded() {
  coordinating_.reset();
  perform(core_.on_unloaded(), true);
}

}  // namespace quokka
