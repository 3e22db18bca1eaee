#include "protocol/records/batch_builder.h"

#include <algorithm>

#include "protocol/base/check.h"
#include "protocol/base/crc32c.h"
#include "protocol/records/varint.h"

namespace quokka {
namespace {

size_t vbytes_size(std::optional<Bytes> bytes) {
  return bytes ? varint_size(static_cast<int32_t>(bytes->size())) + bytes->size() : 1;
}

void put_vbytes(std::vector<uint8_t>& out, std::optional<Bytes> bytes) {
  if (!bytes) return put_varint(out, -1);
  QUOKKA_CHECK_LE(bytes->size(), size_t{INT32_MAX});
  put_varint(out, static_cast<int32_t>(bytes->size()));
  out.insert(out.end(), bytes->begin(), bytes->end());
}

size_t headers_size(std::span<const HeaderView> headers) {
  size_t size = 0;
  for (const HeaderView& header : headers) size += vbytes_size(bytes_of(header.key)) + vbytes_size(header.value);
  return size;
}

int64_t wrapping_difference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

}  // namespace

size_t BatchBuilder::record_size_max(std::optional<Bytes> key, std::optional<Bytes> value,
                                     std::span<const HeaderView> headers) {
  // length, attributes, timestamp delta, offset delta, count of headers
  return 5 + 1 + 10 + 5 + 5 + vbytes_size(key) + vbytes_size(value) + headers_size(headers);
}

void BatchBuilder::begin_record(Offset offset, int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value,
                                size_t headers_bytes, int32_t headers_count) {
  const int64_t offset_delta = offset - fields_.base_offset;
  QUOKKA_CHECK(offset_delta >= 0 && offset_delta <= INT32_MAX, "an offset outside the batch");
  if (!base_timestamp_ms_) base_timestamp_ms_ = fields_.delete_horizon_ms.value_or(timestamp_ms);
  const int64_t timestamp_delta = wrapping_difference(timestamp_ms, *base_timestamp_ms_);
  const size_t length = 1 + varlong_size(timestamp_delta) + varint_size(static_cast<int32_t>(offset_delta)) +
                        vbytes_size(key) + vbytes_size(value) + varint_size(headers_count) + headers_bytes;
  QUOKKA_CHECK_LE(length, size_t{INT32_MAX});
  put_varint(records_, static_cast<int32_t>(length));
  records_.push_back(0);
  put_varlong(records_, timestamp_delta);
  put_varint(records_, static_cast<int32_t>(offset_delta));
  put_vbytes(records_, key);
  put_vbytes(records_, value);
  put_varint(records_, headers_count);
  max_timestamp_ms_ = std::max(max_timestamp_ms_, timestamp_ms);
  last_offset_ = offset;
  ++count_;
}

void BatchBuilder::add_at(Offset offset, int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value,
                          std::span<const HeaderView> headers) {
  begin_record(offset, timestamp_ms, key, value, headers_size(headers), static_cast<int32_t>(headers.size()));
  for (const HeaderView& header : headers) {
    put_vbytes(records_, bytes_of(header.key));
    put_vbytes(records_, header.value);
  }
}

void BatchBuilder::add(int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value,
                       std::span<const HeaderView> headers) {
  add_at(last_offset_ ? last_offset_->next() : fields_.base_offset, timestamp_ms, key, value, headers);
}

void BatchBuilder::add_at(Offset offset, const RecordView& record) {
  begin_record(offset, record.timestamp_ms, record.key, record.value, record.headers_bytes.size(), record.headers_count);
  records_.insert(records_.end(), record.headers_bytes.begin(), record.headers_bytes.end());
}

std::vector<uint8_t> BatchBuilder::build() {
  std::vector<uint8_t> batch(kBatchHeaderBytes);
  // Compressed bytes are appended in place, so that the batch is not copied once more.
  compress(fields_.compression, records_, 2, batch);
  QUOKKA_CHECK_LE(batch.size(), size_t{INT32_MAX});
  BatchAttributes attributes;
  attributes.set_codec(fields_.compression.codec);
  attributes.set_timestamp_type(fields_.log_append_time_ms ? TimestampType::LOG_APPEND_TIME : TimestampType::CREATE_TIME);
  attributes.set_transactional(fields_.is_transactional);
  attributes.set_control(fields_.is_control);
  attributes.set_delete_horizon(fields_.delete_horizon_ms.has_value());

  uint8_t* const at = batch.data();
  store_be<int64_t>(at, fields_.base_offset.value);
  store_be<int32_t>(at + 8, static_cast<int32_t>(batch.size() - kLogOverheadBytes));
  store_be<int32_t>(at + 12, fields_.leader_epoch.value);
  store_be<int8_t>(at + 16, 2);
  store_be<int16_t>(at + 21, attributes.bits);
  store_be<int32_t>(at + 23, static_cast<int32_t>(last_offset_.value_or(fields_.base_offset) - fields_.base_offset));
  store_be<int64_t>(at + 27, base_timestamp_ms_.value_or(fields_.delete_horizon_ms.value_or(kNoTimestamp)));
  store_be<int64_t>(at + 35, fields_.log_append_time_ms.value_or(max_timestamp_ms_));
  store_be<int64_t>(at + 43, fields_.producer_id.value);
  store_be<int16_t>(at + 51, fields_.producer_epoch.value);
  store_be<int32_t>(at + 53, fields_.base_sequence);
  store_be<int32_t>(at + 57, count_);
  store_be<uint32_t>(at + 17, crc32c(Bytes(batch).subspan(21)));
  return batch;
}

}  // namespace quokka
