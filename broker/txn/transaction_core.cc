#include "broker/txn/transaction_core.h"

#include <algorithm>
#include <utility>

namespace quokka {

namespace {

// The last epoch is kept for fencing: a producer that comes to the one before gets another id.
constexpr ProducerEpoch kLastEpoch{INT16_MAX};
bool is_exhausted(ProducerEpoch epoch) { return epoch.value >= INT16_MAX - 1; }

bool is_decided(TransactionStatus status) { return status == TransactionStatus::PREPARE_COMMIT || status == TransactionStatus::PREPARE_ABORT; }

ProducerEpoch fencing(ProducerEpoch epoch) { return epoch == kLastEpoch ? epoch : epoch.next(); }

}  // namespace

TransactionEffects TransactionCore::answer(TransactionRequestId request, ErrorCode error) {
  TransactionEffects effects;
  effects.answers.emplace_back(request, TransactionAnswer{error, {}});
  return effects;
}

const TransactionRecord* TransactionCore::find(const std::string& id) const {
  const auto found = transactions_.find(id);
  return found == transactions_.end() ? nullptr : &found->second.record;
}

bool TransactionCore::is_busy(const std::string& id) const {
  const TransactionRecord* record = find(id);
  return writing_.count(id) != 0 || (record != nullptr && is_decided(record->status));
}

uint64_t TransactionCore::write(TransactionEffects& effects, const std::string& id, TransactionRecord record, Pending pending) {
  const uint64_t number = next_number_++;
  writing_[id] = number;
  pending.ids = {id};
  pending_.emplace(number, std::move(pending));
  effects.writes.push_back({number, {{id, std::move(record)}}});
  return number;
}

// --- InitProducerId

bool TransactionCore::needs_producer_id(const InitTransactions& init) const {
  if (init.fresh_id || is_busy(init.id)) return false;
  const TransactionRecord* record = find(init.id);
  if (record == nullptr) return true;
  return record->status != TransactionStatus::ONGOING && is_exhausted(record->producer.epoch);
}

void TransactionCore::init_new(TransactionEffects& effects, TransactionRequestId request, const InitTransactions& init, TransactionTime now) {
  TransactionRecord record;
  record.producer = {*init.fresh_id, ProducerEpoch(0)};
  record.timeout_ms = init.timeout_ms;
  record.last_update_ms = now.wall.ms;
  const TransactionAnswer success{ErrorCode::NONE, record.producer};
  write(effects, init.id, std::move(record), {Pending::Kind::answer, {}, request, success});
}

TransactionEffects TransactionCore::on_init(TransactionRequestId request, const InitTransactions& init, TransactionTime now) {
  if (is_busy(init.id)) return answer(request, ErrorCode::CONCURRENT_TRANSACTIONS);
  if (needs_producer_id(init)) return answer(request, ErrorCode::CONCURRENT_TRANSACTIONS);  // it came to need one meanwhile
  TransactionEffects effects;
  const auto found = transactions_.find(init.id);
  if (found == transactions_.end()) {
    if (transactions_.size() >= settings_.ids_max) return answer(request, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    init_new(effects, request, init, now);
    return effects;
  }
  Transaction& transaction = found->second;
  const TransactionalProducer current = transaction.record.producer;
  const auto& expected = init.expected;
  // One that asks again after its id was exhausted still has the id before.
  const bool is_known = !expected || expected->id == current.id || (expected->id == transaction.last_producer_id && is_exhausted(expected->epoch));
  if (!is_known) return answer(request, ErrorCode::PRODUCER_FENCED);
  if (transaction.record.status == TransactionStatus::ONGOING) {
    effects.notes.push_back("transactional id " + init.id + ": its transaction is aborted, since a producer begins anew");
    decide(effects, init.id, false, fencing(current.epoch), {Pending::Kind::decision, {}, request, {ErrorCode::CONCURRENT_TRANSACTIONS, {}}}, now);
    return effects;
  }

  TransactionRecord next;
  next.producer = current;
  next.timeout_ms = init.timeout_ms;
  next.last_update_ms = now.wall.ms;
  ProducerEpoch last_epoch;
  if (is_exhausted(current.epoch) && (!expected || expected->epoch == current.epoch)) {
    next.producer = {*init.fresh_id, ProducerEpoch(0)};
    if (expected) last_epoch = current.epoch;
  } else if (!expected) {
    next.producer.epoch = current.epoch.next();
  } else if (expected->id == current.id && expected->epoch == current.epoch) {
    next.producer.epoch = current.epoch.next();
    last_epoch = current.epoch;
  } else if (expected->epoch == transaction.last_epoch && transaction.last_epoch.value >= 0) {
    last_epoch = transaction.last_epoch;  // the answer to its last request was lost
  } else {
    return answer(request, ErrorCode::PRODUCER_FENCED);
  }
  transaction.next_last_epoch = last_epoch;
  const TransactionAnswer success{ErrorCode::NONE, next.producer};
  write(effects, init.id, std::move(next), {Pending::Kind::answer, {}, request, success});
  return effects;
}

// --- Partitions

TransactionEffects TransactionCore::on_add_partitions(TransactionRequestId request, const std::string& id, TransactionalProducer producer,
                                                      const std::set<TopicPartition>& partitions, TransactionTime now) {
  const TransactionRecord* record = find(id);
  if (record == nullptr || record->producer.id != producer.id) return answer(request, ErrorCode::INVALID_PRODUCER_ID_MAPPING);
  if (record->producer.epoch != producer.epoch) return answer(request, ErrorCode::PRODUCER_FENCED);
  if (is_busy(id)) return answer(request, ErrorCode::CONCURRENT_TRANSACTIONS);
  const bool is_open = record->status == TransactionStatus::ONGOING;
  if (is_open && std::includes(record->partitions.begin(), record->partitions.end(), partitions.begin(), partitions.end()))
    return answer(request, ErrorCode::NONE);
  TransactionRecord next = *record;
  next.status = TransactionStatus::ONGOING;
  next.partitions.insert(partitions.begin(), partitions.end());
  next.last_update_ms = now.wall.ms;
  if (!is_open) next.start_ms = now.wall.ms;
  TransactionEffects effects;
  write(effects, id, std::move(next), {Pending::Kind::answer, {}, request, {}});
  return effects;
}

std::vector<ErrorCode> TransactionCore::verify(const std::string& id, TransactionalProducer producer, const std::vector<TopicPartition>& partitions) const {
  const auto all = [&](ErrorCode error) { return std::vector<ErrorCode>(partitions.size(), error); };
  const TransactionRecord* record = find(id);
  if (record == nullptr || record->producer.id != producer.id) return all(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
  if (record->producer.epoch != producer.epoch) return all(ErrorCode::PRODUCER_FENCED);
  if (is_decided(record->status)) return all(ErrorCode::CONCURRENT_TRANSACTIONS);
  std::vector<ErrorCode> errors;
  for (const TopicPartition& each : partitions)
    errors.push_back(record->partitions.count(each) != 0 ? ErrorCode::NONE : ErrorCode::TRANSACTION_ABORTABLE);
  return errors;
}

// --- The end

TransactionEffects TransactionCore::on_end(TransactionRequestId request, const EndTransaction& end, TransactionTime now) {
  const auto found = transactions_.find(end.id);
  if (found == transactions_.end() || found->second.record.producer.id != end.producer.id)
    return answer(request, ErrorCode::INVALID_PRODUCER_ID_MAPPING);
  const Transaction& transaction = found->second;
  // Equality: nobody but this coordinator raises epochs (KAFKA-9600).
  if (transaction.record.producer.epoch != end.producer.epoch) return answer(request, ErrorCode::PRODUCER_FENCED);
  if (is_busy(end.id)) return answer(request, ErrorCode::CONCURRENT_TRANSACTIONS);
  switch (transaction.record.status) {
    case TransactionStatus::ONGOING: break;
    case TransactionStatus::COMPLETE_COMMIT: return answer(request, end.commit ? ErrorCode::NONE : ErrorCode::INVALID_TXN_STATE);
    case TransactionStatus::COMPLETE_ABORT: return answer(request, end.commit ? ErrorCode::INVALID_TXN_STATE : ErrorCode::NONE);
    case TransactionStatus::EMPTY:
    case TransactionStatus::PREPARE_COMMIT:
    case TransactionStatus::PREPARE_ABORT: return answer(request, ErrorCode::INVALID_TXN_STATE);
  }
  TransactionEffects effects;
  if (end.arrived < transaction.began) {
    effects = answer(request, ErrorCode::INVALID_TXN_STATE);
    effects.notes.push_back("transactional id " + end.id + ": an EndTxn that came before the transaction began does not end it");
    return effects;
  }
  decide(effects, end.id, end.commit, transaction.record.producer.epoch, {Pending::Kind::decision, {}, request, {}}, now);
  return effects;
}

void TransactionCore::decide(TransactionEffects& effects, const std::string& id, bool commit, ProducerEpoch epoch, Pending pending, TransactionTime now) {
  TransactionRecord next = transactions_.at(id).record;
  next.status = commit ? TransactionStatus::PREPARE_COMMIT : TransactionStatus::PREPARE_ABORT;
  next.producer.epoch = epoch;
  next.last_update_ms = now.wall.ms;
  write(effects, id, std::move(next), std::move(pending));
}

void TransactionCore::send_markers(TransactionEffects& effects, const std::string& id, TransactionTime now) {
  Transaction& transaction = transactions_.at(id);
  const TransactionRecord& record = transaction.record;
  if (record.partitions.empty()) return complete(effects, id, now);
  transaction.order = next_number_++;
  transaction.markers_left = record.partitions;
  orders_.emplace(transaction.order, id);
  effects.markers.push_back({id, transaction.order, record.producer, record.status == TransactionStatus::PREPARE_COMMIT,
                             {record.partitions.begin(), record.partitions.end()}});
}

TransactionEffects TransactionCore::on_marker_written(uint64_t order, const TopicPartition& partition, TransactionTime now) {
  TransactionEffects effects;
  const auto found = orders_.find(order);
  if (found == orders_.end()) return effects;
  const std::string id = found->second;
  Transaction& transaction = transactions_.at(id);
  transaction.markers_left.erase(partition);
  if (!transaction.markers_left.empty()) return effects;
  orders_.erase(found);
  transaction.order = 0;
  complete(effects, id, now);
  return effects;
}

void TransactionCore::complete(TransactionEffects& effects, const std::string& id, TransactionTime now) {
  TransactionRecord next = transactions_.at(id).record;
  next.status = next.status == TransactionStatus::PREPARE_COMMIT ? TransactionStatus::COMPLETE_COMMIT : TransactionStatus::COMPLETE_ABORT;
  next.partitions.clear();
  next.last_update_ms = now.wall.ms;
  write(effects, id, std::move(next), {Pending::Kind::completion, {}, std::nullopt, {}});
}

// --- Time

TransactionEffects TransactionCore::on_time_out_check(TransactionTime now) {
  TransactionEffects effects;
  for (const auto& [id, transaction] : transactions_) {
    const TransactionRecord& record = transaction.record;
    if (record.status != TransactionStatus::ONGOING || writing_.count(id) != 0) continue;
    if (now.mono - transaction.began <= Duration::millis(record.timeout_ms)) continue;
    effects.notes.push_back("transactional id " + id + ": its transaction exceeds its time-out of " + std::to_string(record.timeout_ms) +
                            " ms and is aborted");
    decide(effects, id, false, fencing(record.producer.epoch), {Pending::Kind::decision, {}, std::nullopt, {}}, now);
  }
  return effects;
}

TransactionEffects TransactionCore::on_expiry_check(TransactionTime now) {
  TransactionEffects effects;
  size_t bytes = settings_.expiry_batch_bytes_max;
  for (const auto& [id, transaction] : transactions_) {
    const TransactionRecord& record = transaction.record;
    if (is_busy(id) || record.status == TransactionStatus::ONGOING) continue;
    if (record.last_update_ms > now.wall.ms - settings_.id_expiration_ms) continue;
    const size_t record_bytes = id.size() + 32;
    if (bytes + record_bytes > settings_.expiry_batch_bytes_max) {
      effects.writes.push_back({next_number_++, {}});
      pending_[effects.writes.back().number] = {Pending::Kind::expiry, {}, std::nullopt, {}};
      bytes = 0;
    }
    bytes += record_bytes;
    TransactionWrite& write = effects.writes.back();
    write.records.push_back({id, std::nullopt});
    pending_[write.number].ids.push_back(id);
    writing_[id] = write.number;
  }
  return effects;
}

TransactionEffects TransactionCore::on_retry(TransactionTime now) {
  TransactionEffects effects;
  std::set<std::string> ids;
  ids.swap(incomplete_);
  for (const std::string& id : ids) {
    const TransactionRecord* record = find(id);
    if (record != nullptr && is_decided(record->status) && writing_.count(id) == 0) complete(effects, id, now);
  }
  return effects;
}

// --- Writes

TransactionEffects TransactionCore::on_written(uint64_t number, ErrorCode error, TransactionTime now) {
  TransactionEffects effects;
  auto node = pending_.extract(number);
  if (node.empty()) return effects;
  const Pending& pending = node.mapped();
  for (const std::string& id : pending.ids) {
    const auto writing = writing_.find(id);
    if (writing != writing_.end() && writing->second == number) writing_.erase(writing);
  }
  // NOT_ENOUGH_REPLICAS_AFTER_APPEND: it is committed all the same.
  const bool is_committed = error == ErrorCode::NONE || error == ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
  if (pending.request) {
    TransactionAnswer answer = pending.answer;
    if (error != ErrorCode::NONE) answer = {transaction_write_error(error), {}};
    effects.answers.emplace_back(*pending.request, answer);
  }
  if (is_committed && pending.kind == Pending::Kind::decision) send_markers(effects, pending.ids.front(), now);
  if (!is_committed && pending.kind == Pending::Kind::completion) incomplete_.insert(pending.ids.front());
  if (!is_committed) {
    for (const std::string& id : pending.ids) {
      if (const auto found = transactions_.find(id); found != transactions_.end()) found->second.next_last_epoch.reset();
    }
  }
  return effects;
}

TransactionEffects TransactionCore::on_write_slow(uint64_t number) {
  const auto found = pending_.find(number);
  if (found == pending_.end() || !found->second.request) return {};
  const TransactionRequestId request = *found->second.request;
  found->second.request.reset();
  return answer(request, transaction_write_error(ErrorCode::REQUEST_TIMED_OUT));
}

// --- The log

void TransactionCore::apply(const StoredTransaction& stored, TransactionTime now) {
  if (!stored.record) {
    transactions_.erase(stored.id);
    return;
  }
  const auto [at, is_new] = transactions_.try_emplace(stored.id);
  Transaction& transaction = at->second;
  const bool was_open = !is_new && transaction.record.status == TransactionStatus::ONGOING;
  if (!is_new && transaction.record.producer.id != stored.record->producer.id) transaction.last_producer_id = transaction.record.producer.id;
  // A raise that the producer did not ask for itself, a fence, leaves nobody a way back.
  const auto asked = std::exchange(transaction.next_last_epoch, std::nullopt);
  if (is_new || transaction.record.producer != stored.record->producer) transaction.last_epoch = asked.value_or(ProducerEpoch());
  const int64_t last_start_ms = transaction.record.start_ms;
  transaction.record = *stored.record;
  // Told of an id until its next transaction begins, though not stored, as Kafka does.
  if (transaction.record.status == TransactionStatus::EMPTY) transaction.record.start_ms = last_start_ms;
  if (transaction.record.status == TransactionStatus::ONGOING && !was_open) {
    // One that another coordinator began is as old as it says, but a clock that jumped does not make it older than its time-out.
    const int64_t age_ms = std::clamp<int64_t>(now.wall.ms - transaction.record.start_ms, 0, std::max(0, transaction.record.timeout_ms));
    transaction.began = now.mono - Duration::millis(age_ms);
  }
}

TransactionEffects TransactionCore::on_recovered(TransactionTime now) {
  TransactionEffects effects;
  for (const auto& [id, transaction] : transactions_) {
    if (is_decided(transaction.record.status) && writing_.count(id) == 0 && transaction.order == 0) send_markers(effects, id, now);
  }
  return effects;
}

TransactionEffects TransactionCore::on_unloaded() {
  TransactionEffects effects;
  for (const auto& [number, pending] : pending_) {
    if (pending.request) effects.answers.emplace_back(*pending.request, TransactionAnswer{ErrorCode::NOT_COORDINATOR, {}});
  }
  transactions_.clear();
  writing_.clear();
  pending_.clear();
  orders_.clear();
  incomplete_.clear();
  return effects;
}

std::vector<TransactionOverview> TransactionCore::list() const {
  std::vector<TransactionOverview> all;
  for (const auto& [id, transaction] : transactions_)
    all.push_back({id, transaction.record.producer.id, transaction.record.status, transaction.record.start_ms});
  return all;
}

}  // namespace quokka
