#include "broker/producer/producer_states.h"

#include <algorithm>

#include "protocol/records/record_batch.h"

namespace quokka {

namespace {

std::string text(ProducerId id, ProducerEpoch epoch) {
  return "producer " + std::to_string(id.value) + " epoch " + std::to_string(epoch.value);
}

bool follows(int32_t last_sequence, int32_t next_sequence) {
  return int64_t{next_sequence} == int64_t{last_sequence} + 1 || (next_sequence == 0 && last_sequence == INT32_MAX);
}

}  // namespace

int32_t RememberedBatch::base_sequence() const {
  return last_sequence < 0 ? kNoSequence : sequence_subtract(last_sequence, offset_delta);
}

const RememberedBatch* ProducerStates::Producer::last() const {
  if (batches_count == 0) return nullptr;
  return &batches[(batches_begin + batches_count - 1u) % kBatchesRemembered];
}

RememberedBatch& ProducerStates::Producer::push() {
  if (batches_count == kBatchesRemembered) {
    batches_begin = static_cast<uint8_t>((batches_begin + 1u) % kBatchesRemembered);
    --batches_count;
  }
  return batches[(batches_begin + batches_count++) % kBatchesRemembered];
}

const ProducerStates::Producer* ProducerStates::find_producer(ProducerId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

// The producer, made if unknown, as the one that was heard of last.
ProducerStates::Producer& ProducerStates::touch(ProducerId id) {
  const auto found = by_id_.find(id);
  if (found != by_id_.end()) {
    producers_.splice(producers_.end(), producers_, found->second);
    return *found->second;
  }
  producers_.emplace_back();
  producers_.back().id = id;
  by_id_.emplace(id, std::prev(producers_.end()));
  forget_beyond_limit();
  return producers_.back();
}

void ProducerStates::forget_beyond_limit() {
  auto at = producers_.begin();
  while (producers_.size() > limits_.producers_max && at != std::prev(producers_.end())) {
    if (at->open_transaction_start.value >= 0) {
      ++at;
      continue;
    }
    by_id_.erase(at->id);
    at = producers_.erase(at);
  }
}

std::optional<TransactionGuard> ProducerStates::begin_verification(const ProducerBatch& batch, WallTime now) {
  const Producer* producer = find_producer(batch.producer_id);
  if (producer != nullptr && producer->open_transaction_start.value >= 0 && producer->epoch == batch.producer_epoch) return std::nullopt;
  const auto found = verifications_.find(batch.producer_id);
  if (found == verifications_.end()) {
    if (verifications_.size() >= limits_.verifications_max) {
      const auto silent = [](const auto& a, const auto& b) { return a.second.asked < b.second.asked; };
      verifications_.erase(std::min_element(verifications_.begin(), verifications_.end(), silent));
    }
    const TransactionGuard guard{next_guard_++};
    verifications_.emplace(batch.producer_id, Verification{guard, batch.producer_epoch, batch.base_sequence, now});
    return guard;
  }
  Verification& known = found->second;
  known.asked = now;
  if (batch.producer_epoch > known.epoch) {
    known.epoch = batch.producer_epoch;
    known.lowest_sequence = batch.base_sequence;
  } else if (batch.producer_epoch == known.epoch) {
    known.lowest_sequence = std::min(known.lowest_sequence, batch.base_sequence);
  }
  return known.guard;
}

Status ProducerStates::check_guard(const ProducerBatch& batch, AppendOrigin origin, TransactionGuard guard) const {
  if (guard == TransactionGuard::trusted()) return {};
  const auto who = [&] { return text(batch.producer_id, batch.producer_epoch); };
  const auto found = verifications_.find(batch.producer_id);
  if (found == verifications_.end() || found->second.guard != guard)
    return Error{ErrorCode::INVALID_TXN_STATE, who() + " has no transaction here that its coordinator has confirmed"};
  if (origin == AppendOrigin::CLIENT && batch.base_sequence > found->second.lowest_sequence)
    return Error{ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, who() + " sent sequence " + std::to_string(batch.base_sequence) + ", but " +
                                                              std::to_string(found->second.lowest_sequence) + " has come here and was not appended"};
  return {};
}

Result<ProducerStates::Verdict> ProducerStates::check(const ProducerBatch& batch, AppendOrigin origin, TransactionGuard guard) const {
  const Producer* producer = find_producer(batch.producer_id);
  const bool opens = batch.transactional &&
                     (producer == nullptr || producer->open_transaction_start.value < 0 || producer->epoch != batch.producer_epoch);
  if (producer == nullptr) {
    if (opens) {
      if (const Status status = check_guard(batch, origin, guard); !status) return status.error();
    }
    return Verdict{};  // Nothing is remembered: any sequence may come (retention, DeleteRecords, expiry).
  }

  const auto who = [&] { return text(batch.producer_id, batch.producer_epoch); };
  if (origin == AppendOrigin::CLIENT && batch.producer_epoch == producer->epoch) {
    for (size_t i = 0; i < producer->batches_count; ++i) {
      const RememberedBatch& known = producer->batches[(producer->batches_begin + i) % kBatchesRemembered];
      if (!known.aborted && known.base_sequence() == batch.base_sequence && known.last_sequence == batch.last_sequence)
        return Verdict{known};
    }
  }
  if (batch.producer_epoch < producer->epoch)
    return Error{ErrorCode::INVALID_PRODUCER_EPOCH, who() + " is older than the epoch " + std::to_string(producer->epoch.value) + " known here"};

  if (opens) {
    if (const Status status = check_guard(batch, origin, guard); !status) return status.error();
  }
  if (origin == AppendOrigin::CLIENT) {
    if (batch.producer_epoch != producer->epoch) {
      if (batch.base_sequence != 0 && producer->epoch.value != -1)
        return Error{ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
                     who() + " begins a new epoch with sequence " + std::to_string(batch.base_sequence) + " instead of 0"};
    } else {
      const int32_t last = producer->last() == nullptr ? kNoSequence : producer->last()->last_sequence;
      if (!follows(last, batch.base_sequence))
        return Error{ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, who() + " sent sequence " + std::to_string(batch.base_sequence) + ", the last one here is " +
                                                                  std::to_string(last)};
    }
  }
  if (producer->open_transaction_start.value >= 0 && !batch.transactional)
    return Error{ErrorCode::INVALID_TXN_STATE, who() + " sent a batch outside its open transaction"};
  return Verdict{};
}

Status ProducerStates::check(const TransactionMarker& marker) const {
  const Producer* producer = find_producer(marker.producer_id);
  if (producer == nullptr) return {};
  const auto who = [&] { return text(marker.producer_id, marker.producer_epoch); };
  if (marker.producer_epoch < producer->epoch)
    return Error{ErrorCode::INVALID_PRODUCER_EPOCH, "marker for " + who() + " is older than the epoch " + std::to_string(producer->epoch.value) + " known here"};
  if (marker.coordinator_epoch < producer->coordinator_epoch)
    return Error{ErrorCode::TRANSACTION_COORDINATOR_FENCED, "marker for " + who() + " from coordinator epoch " + std::to_string(marker.coordinator_epoch) +
                                                                ", " + std::to_string(producer->coordinator_epoch) + " was seen before"};
  return {};
}

void ProducerStates::apply(const ProducerBatch& batch) {
  if (!verifications_.empty()) verifications_.erase(batch.producer_id);
  Producer& producer = touch(batch.producer_id);
  if (batch.producer_epoch != producer.epoch) {
    producer.epoch = batch.producer_epoch;
    producer.batches_count = 0;
  }
  RememberedBatch& remembered = producer.push();
  remembered = {batch.last_sequence, batch.last_offset, static_cast<int32_t>(batch.last_offset - batch.base_offset), batch.max_timestamp, false};
  producer.last_timestamp = batch.max_timestamp;
  producer.last_touched = batch.last_offset;
  if (batch.transactional && producer.open_transaction_start.value < 0) {
    producer.open_transaction_start = batch.base_offset;
    open_.emplace(batch.base_offset, batch.producer_id);
  }
}

std::optional<CompletedTransaction> ProducerStates::apply(const TransactionMarker& marker) {
  verifications_.erase(marker.producer_id);
  Producer& producer = touch(marker.producer_id);
  if (marker.producer_epoch != producer.epoch) {
    producer.epoch = marker.producer_epoch;
    producer.batches_count = 0;
  }
  producer.coordinator_epoch = marker.coordinator_epoch;
  producer.last_timestamp = marker.timestamp;
  producer.last_touched = marker.offset;
  if (producer.open_transaction_start.value < 0) return std::nullopt;

  const Offset first = producer.open_transaction_start;
  producer.open_transaction_start = Offset();
  if (marker.abort)
    for (RememberedBatch& batch : producer.batches)
      if (batch.last_offset >= first) batch.aborted = true;
  open_.erase(first);
  decided_unreplicated_.emplace(first, marker.offset);
  const Offset stable = open_.empty() ? marker.offset.next() : open_.begin()->first;
  return CompletedTransaction{marker.producer_id, first, marker.offset, marker.abort, stable};
}

std::optional<Offset> ProducerStates::first_unstable_offset(Offset high_watermark) const {
  std::optional<Offset> first = oldest_open_transaction();
  for (const auto& [start, marker] : decided_unreplicated_) {
    if (first && start >= *first) break;
    if (marker >= high_watermark) return start;
  }
  return first;
}

void ProducerStates::on_high_watermark(Offset high_watermark) {
  // Starts and markers rise differently, but a transaction that began below an undecided one may be kept a little longer without harm.
  for (auto at = decided_unreplicated_.begin(); at != decided_unreplicated_.end() && at->first < high_watermark;)
    at = at->second < high_watermark ? decided_unreplicated_.erase(at) : std::next(at);
}

std::optional<Offset> ProducerStates::oldest_open_transaction() const {
  if (open_.empty()) return std::nullopt;
  return open_.begin()->first;
}

bool ProducerStates::has_open_transaction(ProducerId id) const {
  const Producer* producer = find_producer(id);
  return producer != nullptr && producer->open_transaction_start.value >= 0;
}

void ProducerStates::on_log_start(Offset log_start) {
  for (auto at = decided_unreplicated_.begin(); at != decided_unreplicated_.end() && at->first < log_start;)
    at = at->second < log_start ? decided_unreplicated_.erase(at) : std::next(at);
}

void ProducerStates::expire(WallTime now) {
  std::erase_if(verifications_, [&](const auto& each) { return now.ms - each.second.asked.ms >= limits_.expiration_ms; });
  for (auto at = producers_.begin(); at != producers_.end();) {
    if (at->open_transaction_start.value < 0 && now.ms - at->last_timestamp >= limits_.expiration_ms) {
      by_id_.erase(at->id);
      at = producers_.erase(at);
    } else {
      ++at;
    }
  }
}

void ProducerStates::clear() {
  producers_.clear();
  by_id_.clear();
  open_.clear();
  decided_unreplicated_.clear();
  verifications_.clear();
}

std::optional<ProducerEntry> ProducerStates::find(ProducerId id) const {
  const Producer* producer = find_producer(id);
  if (producer == nullptr) return std::nullopt;
  ProducerEntry entry;
  entry.producer_id = producer->id;
  entry.producer_epoch = producer->epoch;
  if (const RememberedBatch* last = producer->last()) {
    entry.last_sequence = last->last_sequence;
    entry.last_offset = last->last_offset;
    entry.offset_delta = last->offset_delta;
  }
  entry.timestamp = producer->last_timestamp;
  entry.coordinator_epoch = producer->coordinator_epoch;
  entry.open_transaction_start = producer->open_transaction_start;
  return entry;
}

bool ProducerStates::touches(Offset offset) const {
  if (!open_.empty() && open_.rbegin()->first >= offset) return true;
  return std::any_of(producers_.begin(), producers_.end(), [&](const Producer& producer) { return producer.last_touched >= offset; });
}

std::vector<ProducerEntry> ProducerStates::entries() const {
  std::vector<ProducerEntry> all;
  all.reserve(producers_.size());
  for (const Producer& producer : producers_) all.push_back(*find(producer.id));
  return all;
}

void ProducerStates::load(const std::vector<ProducerEntry>& entries, WallTime now) {
  clear();
  for (const ProducerEntry& entry : entries) {
    if (entry.open_transaction_start.value < 0 && now.ms - entry.timestamp >= limits_.expiration_ms) continue;
    Producer& producer = touch(entry.producer_id);
    producer.epoch = entry.producer_epoch;
    producer.coordinator_epoch = entry.coordinator_epoch;
    producer.last_timestamp = entry.timestamp;
    producer.last_touched = entry.last_offset;
    producer.open_transaction_start = entry.open_transaction_start;
    if (entry.last_offset.value >= 0) {
      producer.batches_count = 0;
      producer.push() = {entry.last_sequence, entry.last_offset, entry.offset_delta, entry.timestamp, false};
    }
    if (entry.open_transaction_start.value >= 0) open_.emplace(entry.open_transaction_start, entry.producer_id);
  }
}

}  // namespace quokka
