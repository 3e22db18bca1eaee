#include "protocol/records/control_record.h"

#include <array>

#include "protocol/records/batch_builder.h"

namespace quokka {

std::vector<uint8_t> write_end_transaction_marker(ProducerId producer_id, ProducerEpoch producer_epoch,
                                                  const EndTransactionMarker& marker, int64_t timestamp_ms) {
  std::array<uint8_t, 4> key{};
  std::array<uint8_t, 6> value{};
  store_be<int16_t>(key.data() + 2, static_cast<int16_t>(marker.type));
  store_be<int32_t>(value.data() + 2, marker.coordinator_epoch);
  BatchBuilder builder({.producer_id = producer_id,
                        .producer_epoch = producer_epoch,
                        .is_transactional = true,
                        .is_control = true});
  builder.add(timestamp_ms, Bytes(key), Bytes(value));
  return builder.build();
}

std::optional<EndTransactionMarker> read_end_transaction_marker(const BatchView& batch) {
  if (!batch.is_v2() || !batch.is_control() || batch.is_compressed()) return std::nullopt;
  RecordCursor cursor(batch, batch.payload());
  RecordView record;
  if (!cursor.next(record) || !record.key || record.key->size() < 4 || !record.value || record.value->size() < 6) {
    return std::nullopt;
  }
  // A version below 0 is corrupt; a higher one is read as 0.
  if (load_be<int16_t>(record.key->data()) < 0 || load_be<int16_t>(record.value->data()) < 0) return std::nullopt;
  const auto type = load_be<int16_t>(record.key->data() + 2);
  if (type != static_cast<int16_t>(ControlRecordType::ABORT) && type != static_cast<int16_t>(ControlRecordType::COMMIT)) {
    return std::nullopt;
  }
  return EndTransactionMarker{static_cast<ControlRecordType>(type), load_be<int32_t>(record.value->data() + 2)};
}

}  // namespace quokka
