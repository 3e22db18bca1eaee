#include "broker/log/producer_batches.h"

#include "protocol/records/control_record.h"

namespace quokka {

ProducerBatch producer_batch(const BatchView& batch) {
  return {batch.producer_id(), batch.producer_epoch(), batch.base_sequence(), batch.last_sequence(),
          batch.base_offset(), batch.last_offset(),    batch.max_timestamp_ms(), batch.is_transactional()};
}

std::optional<ProducerBatch> idempotent_batch(const BatchView& batch) {
  if (!batch.has_producer_id() || batch.is_control()) return std::nullopt;
  return producer_batch(batch);
}

std::optional<TransactionMarker> transaction_marker(const BatchView& batch) {
  const auto control = read_end_transaction_marker(batch);
  if (!control) return std::nullopt;
  return TransactionMarker{batch.producer_id(), batch.producer_epoch(), control->coordinator_epoch, control->type == ControlRecordType::ABORT,
                           batch.base_offset(), batch.max_timestamp_ms()};
}

std::optional<CompletedTransaction> apply_to_producers(const BatchView& batch, ProducerStates& producers) {
  if (!batch.has_producer_id()) return std::nullopt;
  if (batch.is_control()) {
    const auto marker = transaction_marker(batch);
    return marker ? producers.apply(*marker) : std::nullopt;
  }
  producers.apply(producer_batch(batch));
  return std::nullopt;
}

}  // namespace quokka
