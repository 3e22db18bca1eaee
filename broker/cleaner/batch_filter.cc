#include "broker/cleaner/batch_filter.h"

#include "protocol/base/crc32c.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/legacy.h"

namespace quokka {

namespace {

Error corrupt(const BatchView& batch, std::string_view why) {
  return Error{ErrorCode::CORRUPT_MESSAGE, "the batch at offset " + std::to_string(batch.base_offset().value) + " cannot be read: " + std::string(why)};
}

Status check_whole(const BatchView& batch) {
  if (!batch.crc_is_valid()) return corrupt(batch, "its CRC is wrong");
  if (!batch.attributes().codec_is_known()) return corrupt(batch, "its compression is not known");
  return {};
}

void append(Bytes bytes, std::vector<uint8_t>& out) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// The header alone: offsets, epoch, times, producer and sequence stay.
void append_empty(const BatchView& batch, std::vector<uint8_t>& out) {
  const size_t at = out.size();
  append(batch.bytes().first(kBatchHeaderBytes), out);
  uint8_t* const header = out.data() + at;
  BatchAttributes attributes;
  attributes.set_timestamp_type(batch.timestamp_type());
  attributes.set_transactional(batch.is_transactional());
  attributes.set_control(batch.is_control());
  store_be<int32_t>(header + 8, static_cast<int32_t>(kBatchHeaderBytes - kLogOverheadBytes));
  store_be<int16_t>(header + 21, attributes.bits);
  store_be<int64_t>(header + 27, kNoTimestamp);
  store_be<int32_t>(header + 57, 0);
  store_be<uint32_t>(header + 17, crc32c(Bytes(header, kBatchHeaderBytes).subspan(21)));
}

Result<Bytes> decompressed(const BatchView& batch, DecompressionScratch& scratch, std::vector<uint8_t>& plain) {
  if (!batch.is_compressed()) return batch.payload();
  if (const Status status = decompress(batch.codec(), batch.payload(), batch.magic(), {}, scratch, plain); !status)
    return corrupt(batch, status.error().message);
  return Bytes(plain);
}

BatchFields fields_of(const BatchView& batch) {
  BatchFields fields;
  fields.base_offset = batch.base_offset();
  fields.leader_epoch = batch.leader_epoch();
  fields.compression.codec = batch.codec();
  fields.producer_id = batch.producer_id();
  fields.producer_epoch = batch.producer_epoch();
  fields.base_sequence = batch.base_sequence();
  fields.is_transactional = batch.is_transactional();
  fields.is_control = batch.is_control();
  if (batch.timestamp_type() == TimestampType::LOG_APPEND_TIME) fields.log_append_time_ms = batch.max_timestamp_ms();
  return fields;
}

}  // namespace

Status for_each_key(const BatchView& batch, DecompressionScratch& scratch, std::vector<uint8_t>& plain, const std::function<bool(Offset, Bytes)>& each) {
  if (const Status status = check_whole(batch); !status) return status;
  if (!batch.is_v2()) {
    LegacyCursor cursor(batch, {}, scratch, plain);
    LegacyMessage message;
    while (cursor.next(message))
      if (message.key && !each(message.offset, *message.key)) return {};
    return cursor.error() ? corrupt(batch, cursor.error()->message) : Status();
  }
  const Result<Bytes> records = decompressed(batch, scratch, plain);
  if (!records) return records.error();
  RecordCursor cursor(batch, *records);
  RecordView record;
  while (cursor.next(record))
    if (record.key && !each(record.offset, *record.key)) return {};
  return cursor.ok() ? Status() : corrupt(batch, cursor.error());
}

Result<bool> BatchFilter::filter(const BatchView& batch, std::vector<uint8_t>& out) {
  if (const Status status = check_whole(batch); !status) return status.error();
  if (!batch.is_v2()) return filter_legacy(batch, out);
  const bool control = batch.is_control();
  const bool discardable = control ? transactions_.on_marker(batch) : transactions_.on_batch(batch);
  const auto horizon = batch.delete_horizon_ms();
  const bool discard = discardable && (!control || (horizon && *horizon <= rules_.now.ms));
  bool last_of_producer = false;
  if (batch.has_producer_id()) {
    // Of a producer that left nothing but markers, the marker has the epoch that fences.
    const auto last = last_of_(batch.producer_id());
    last_of_producer = last && (last->last_data_offset.value >= 0 ? batch.last_offset() == last->last_data_offset
                                                                  : control && batch.producer_epoch() == last->epoch);
  }
  counts_.records_read += batch.records_count();
  if (discard) {
    if (last_of_producer) append_empty(batch, out);
    return last_of_producer;
  }

  const Result<Bytes> records = decompressed(batch, scratch_, plain_);
  if (!records) return records.error();
  std::vector<RecordView> kept;
  bool all = true, tombstones = false;
  RecordCursor cursor(batch, *records);
  RecordView record;
  while (cursor.next(record)) {
    if (!control && !keeps(batch, record.offset, record.key, record.value.has_value())) {
      all = false;
      continue;
    }
    kept.push_back(record);
    tombstones = tombstones || !record.value;
  }
  if (!cursor.ok()) return corrupt(batch, cursor.error());
  counts_.records_kept += static_cast<int64_t>(kept.size());
  if (kept.empty()) {
    if (last_of_producer) append_empty(batch, out);
    return last_of_producer;
  }
  const bool set_horizon = !horizon && (tombstones || (control && discardable));
  if (all && !set_horizon) {
    append(batch.bytes(), out);
    return true;
  }
  BatchFields fields = fields_of(batch);
  fields.delete_horizon_ms = set_horizon ? rules_.now.ms + rules_.delete_retention_ms : horizon;
  BatchBuilder builder(fields);
  for (const RecordView& each : kept) builder.add_at(each.offset, each);
  builder.set_last_offset(batch.last_offset());
  append(builder.build(), out);
  return true;
}

// `key` and what else is known of a record of a batch that is not control.
bool BatchFilter::keeps(const BatchView& batch, Offset offset, std::optional<Bytes> key, bool has_value) {
  if (offset > map_.latest()) return true;
  if (!key) {
    ++counts_.records_without_key;
    return false;
  }
  const auto last = map_.find(*key);
  if (last && offset < *last) return false;
  if (has_value) return true;
  if (!batch.is_v2()) return rules_.keep_legacy_tombstones;
  const auto horizon = batch.delete_horizon_ms();
  return !horizon || rules_.now.ms < *horizon;
}

Result<bool> BatchFilter::filter_legacy(const BatchView& batch, std::vector<uint8_t>& out) {
  LegacyCursor cursor(batch, {}, scratch_, plain_);
  LegacyMessage message;
  std::vector<LegacyMessage> kept;
  bool all = true;
  while (cursor.next(message)) {
    ++counts_.records_read;
    if (keeps(batch, message.offset, message.key, message.value.has_value()))
      kept.push_back(message);
    else
      all = false;
  }
  if (cursor.error()) return corrupt(batch, cursor.error()->message);
  counts_.records_kept += static_cast<int64_t>(kept.size());
  if (kept.empty()) return false;
  if (all) {
    append(batch.bytes(), out);
    return true;
  }
  BatchFields fields;
  fields.base_offset = kept.front().offset;
  fields.compression.codec = batch.codec();
  if (batch.magic() > 0 && batch.timestamp_type() == TimestampType::LOG_APPEND_TIME) fields.log_append_time_ms = batch.max_timestamp_ms();
  BatchBuilder builder(fields);
  for (const LegacyMessage& each : kept) builder.add_at(each.offset, each.timestamp_ms, each.key, each.value);
  append(builder.build(), out);
  return true;
}

}  // namespace quokka
