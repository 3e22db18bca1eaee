#include "broker/log/producer_batches.h"

namespace quokka {

namespace {

// key := version:int16 type:int16, value := version:int16 coordinator_epoch:int32
constexpr int16_t kAbort = 0;
constexpr int16_t kCommit = 1;

}  // namespace

ProducerBatch producer_batch(const BatchView& batch) {
  return {batch.producer_id(), batch.producer_epoch(), batch.base_sequence(), batch.last_sequence(),
          batch.base_offset(), batch.last_offset(),    batch.max_timestamp_ms(), batch.is_transactional()};
}

std::optional<TransactionMarker> transaction_marker(const BatchView& batch) {
  if (!batch.is_control() || batch.is_compressed()) return std::nullopt;
  RecordCursor cursor(batch, batch.payload());
  RecordView record;
  if (!cursor.next(record) || !record.key || record.key->size() < 4 || !record.value || record.value->size() < 6) return std::nullopt;
  const auto type = load_be<int16_t>(record.key->data() + 2);
  if (type != kAbort && type != kCommit) return std::nullopt;
  TransactionMarker marker;
  marker.producer_id = batch.producer_id();
  marker.producer_epoch = batch.producer_epoch();
  marker.coordinator_epoch = load_be<int32_t>(record.value->data() + 2);
  marker.abort = type == kAbort;
  marker.offset = batch.base_offset();
  marker.timestamp = record.timestamp_ms;
  return marker;
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
