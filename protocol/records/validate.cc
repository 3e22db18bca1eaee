#include "protocol/records/validate.h"

#include <algorithm>

#include "protocol/records/batch_builder.h"
#include "protocol/records/legacy.h"
#include "protocol/records/record_scan.h"

namespace quokka {
namespace {

AppendRefused refused(ErrorCode code, std::string message) { return {code, std::move(message)}; }

// Kafka's reader takes this length for one that fits, and fails on it in a way of its own.
bool has_overflowing_length(Bytes left) {
  return left.size() >= kBatchMagicEndBytes && load_be<int32_t>(left.data() + 8) > INT32_MAX - 12 && left[16] <= 2;
}

// What a batch that BatchCursor did not yield is answered with; nullopt at the end and for a torn one.
std::optional<AppendRefused> refusal_of_rest(const BatchCursor& cursor, Bytes records) {
  if (has_overflowing_length(records.subspan(cursor.position()))) {
    return refused(ErrorCode::UNKNOWN_SERVER_ERROR, "a batch length that overflows");
  }
  if (cursor.stop() != BatchCursor::Stop::CORRUPT) return std::nullopt;
  return refused(ErrorCode::CORRUPT_MESSAGE, std::string(cursor.why()));
}

int64_t saturating_difference(int64_t a, int64_t b) {
  int64_t result = 0;
  if (__builtin_sub_overflow(a, b, &result)) return a < b ? INT64_MIN : INT64_MAX;
  return result;
}
int64_t wrapping_sum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

// What the checks of a record need to see of it, wherever it comes from.
struct CheckedRecord {
  Offset offset;
  int64_t timestamp_ms = kNoTimestamp;
  bool has_key = false;
  // For the text of an error alone.
  const char* kind = "DefaultRecord";
  int64_t key_bytes = 0;
  int64_t value_bytes = 0;

  std::string str() const {
    return std::string(kind) + "(offset=" + std::to_string(offset.value) + ", timestamp=" +
           std::to_string(timestamp_ms) + ", key=" + std::to_string(key_bytes) + " bytes, value=" +
           std::to_string(value_bytes) + " bytes)";
  }
};

int64_t size_of(std::optional<Bytes> bytes) { return bytes ? static_cast<int64_t>(bytes->size()) : 0; }

CheckedRecord checked(const RecordView& record) {
  return {record.offset, record.timestamp_ms, record.key.has_value(), "DefaultRecord", size_of(record.key), size_of(record.value)};
}

// Checks of single records, and the errors they found in one batch.
class RecordChecks {
 public:
  RecordChecks(const TopicPartition& partition, const AppendRules& rules, WallTime now)
      : partition_(partition), rules_(rules), now_(now) {}

  void check(TimestampType batch_type, const CheckedRecord& record) {
    const int32_t index = index_++;
    if (rules_.compacted && !record.has_key) {
      return add(index, false, "Compacted topic cannot accept message without key in topic partition " + partition_.str());
    }
    // The second branch is Kafka's, too: a topic of create times accepts LogAppendTime batches that carry a time.
    if (rules_.timestamp_type == TimestampType::CREATE_TIME && record.timestamp_ms != kNoTimestamp) {
      if (is_in_range(record.timestamp_ms)) return;
      add(index, true,
          "Timestamp " + std::to_string(record.timestamp_ms) + " of message with offset " +
              std::to_string(record.offset.value) + " is out of range. The timestamp should be within [" +
              std::to_string(wrapping_sum(now_.ms, -rules_.timestamp_before_max_ms)) + ", " +
              std::to_string(wrapping_sum(now_.ms, rules_.timestamp_after_max_ms)) + "]");
    } else if (batch_type == TimestampType::LOG_APPEND_TIME) {
      add(index, true,
          "Invalid timestamp type in message " + record.str() +
              ". Producer should not set timestamp type to LogAppendTime.");
    }
  }

  void wrong_magic(int8_t batch_magic) {
    add(index_++, false,
        "A message's magic does not match outer magic " + std::to_string(batch_magic) + " in topic partition " +
            partition_.str());
  }

  // What the batch is refused with, if any record was.
  std::optional<AppendRefused> result() {
    if (count_ == 0) return std::nullopt;
    AppendRefused answer{ErrorCode::INVALID_TIMESTAMP, "One or more records have been rejected due to invalid timestamp", true};
    if (!any_timestamp_) {
      answer.code = ErrorCode::INVALID_RECORD;
      answer.message = "One or more records have been rejected due to " + std::to_string(count_) +
                       " record errors in total, and only showing the first three errors at most: [";
      for (size_t i = 0; i < std::min<size_t>(errors_.size(), 3); ++i) {
        answer.message += std::string(i == 0 ? "" : ", ") + "RecordError(batchIndex=" +
                          std::to_string(errors_[i].batch_index) + ", message='" + errors_[i].message + "')";
      }
      answer.message += "]";
    }
    answer.record_errors = std::move(errors_);
    return answer;
  }

 private:
  bool is_in_range(int64_t timestamp_ms) const {
    return saturating_difference(now_.ms, timestamp_ms) <= rules_.timestamp_before_max_ms &&
           saturating_difference(timestamp_ms, now_.ms) <= rules_.timestamp_after_max_ms;
  }
  void add(int32_t index, bool is_timestamp, std::string message) {
    ++count_;
    any_timestamp_ = any_timestamp_ || is_timestamp;
    if (errors_.size() < kRecordErrorsMax) errors_.push_back({index, std::move(message)});
  }

  const TopicPartition& partition_;
  const AppendRules& rules_;
  WallTime now_;
  int32_t index_ = 0;
  size_t count_ = 0;
  bool any_timestamp_ = false;
  std::vector<RecordError> errors_;
};

// One call of validate_append.
class Validator {
 public:
  Validator(MutableBytes records, const TopicPartition& partition, const AppendRules& rules, AppendOrigin origin,
            WallTime now, const DecompressionLimits& limits, DecompressionScratch& scratch)
      : records_(records), partition_(partition), rules_(rules), origin_(origin), now_(now), limits_(limits),
        scratch_(scratch) {}

  Validation run() {
    if (auto refusal = check_entries()) return std::move(*refusal);
    if (entries_ == 0) return BatchToAppend();
    const Compression target = rules_.compression.value_or(Compression{source_codec_});
    const BatchView first(first_);
    if ((first.is_v2() || source_codec_ != CompressionCodec::NONE) && entries_ > 1) {
      return refused(ErrorCode::INVALID_RECORD, "Compressed outer record has more than one batch");
    }
    if (!first.is_v2()) return rewrite_legacy(target);
    if (auto refusal = check_header(first)) return std::move(*refusal);
    // Control records are not compressed unless they came so.
    const bool keeps = target.codec == source_codec_ || (source_codec_ == CompressionCodec::NONE && first.is_control());
    if (!keeps) return rewrite(first, target);
    return first.is_compressed() ? keep_compressed(first) : keep_plain(first);
  }

 private:
  // Header, size and CRC of every batch, whatever else it is.
  std::optional<AppendRefused> check_entries() {
    BatchCursor cursor(records_);
    while (const auto batch = cursor.next()) {
      if (batch->is_v2() && origin_ == AppendOrigin::CLIENT && batch->base_offset() != Offset(0)) {
        return refused(ErrorCode::INVALID_RECORD, "The baseOffset of the record batch in the append to " + partition_.str() +
                                                      " should be 0, but it is " + std::to_string(batch->base_offset().value));
      }
      if (static_cast<int64_t>(batch->size()) > rules_.batch_bytes_max) return too_large(batch->size());
      if (!batch->crc_is_valid()) {
        return refused(ErrorCode::CORRUPT_MESSAGE, "Record is corrupt (stored crc = " + std::to_string(batch->crc()) +
                                                       ") in topic partition " + partition_.str() + ".");
      }
      if (!batch->attributes().codec_is_known()) {
        return refused(ErrorCode::UNKNOWN_SERVER_ERROR,
                       "Unknown compression type id: " + std::to_string(batch->attributes().codec_id()));
      }
      if (entries_ == 0) first_ = records_.first(batch->size());
      if (batch->is_compressed()) source_codec_ = batch->codec();
      mixed_magic_ = mixed_magic_ || batch->magic() != BatchView(first_).magic();
      ++entries_;
    }
    return refusal_of_rest(cursor, records_);
  }

  AppendRefused too_large(size_t bytes) const {
    return refused(ErrorCode::MESSAGE_TOO_LARGE, "The record batch size in the append to " + partition_.str() + " is " +
                                                     std::to_string(bytes) + " bytes which exceeds the maximum configured value of " +
                                                     std::to_string(rules_.batch_bytes_max) + ".");
  }

  std::optional<AppendRefused> check_header(const BatchView& batch) const {
    if (origin_ != AppendOrigin::CLIENT) return std::nullopt;
    const auto invalid = [&](const std::string& what) {
      return refused(ErrorCode::INVALID_RECORD, what + " in topic partition " + partition_.str());
    };
    const int64_t range = int64_t{batch.last_offset_delta()} + 1;
    const int64_t count = batch.records_count();
    if (range <= 0) return invalid("Batch has an invalid offset range: last offset delta " + std::to_string(range - 1));
    if (count <= 0) return invalid("Invalid reported count for record batch: " + std::to_string(count));
    if (range != count) {
      return invalid("Inconsistent batch offset range of " + std::to_string(range) + " and count of records " +
                     std::to_string(count));
    }
    if (batch.is_control()) return invalid("Clients are not allowed to write control records");
    if (batch.has_producer_id() && batch.base_sequence() < 0) {
      return invalid("Invalid sequence number " + std::to_string(batch.base_sequence()) + " in record batch with producerId " +
                     std::to_string(batch.producer_id().value));
    }
    return std::nullopt;
  }

  Validation keep_plain(const BatchView& batch) {
    RecordChecks checks(partition_, rules_, now_);
    RecordCursor cursor(batch, batch.payload());
    RecordView record;
    int64_t max_timestamp_ms = kNoTimestamp;
    while (cursor.next(record)) {
      checks.check(batch.timestamp_type(), checked(record));
      max_timestamp_ms = std::max(max_timestamp_ms, record.timestamp_ms);
    }
    if (!cursor.ok()) return refused(ErrorCode::INVALID_RECORD, std::string(cursor.error()));
    if (auto refusal = checks.result()) return std::move(*refusal);
    return keep(max_timestamp_ms);
  }

  Validation keep_compressed(const BatchView& batch) {
    RecordChecks checks(partition_, rules_, now_);
    Decompressor stream(batch.codec(), batch.payload(), batch.magic(), limits_, scratch_);
    RecordScan scan(stream, batch.records_count());
    ScannedRecord record;
    ScanResult result;
    const bool appended = batch.timestamp_type() == TimestampType::LOG_APPEND_TIME;
    int64_t max_timestamp_ms = kNoTimestamp;
    int64_t expected_delta = 0;
    bool in_order = true;
    while ((result = scan.next(record)) == ScanResult::RECORD) {
      CheckedRecord view{Offset(wrapping_sum(batch.base_offset().value, record.offset_delta)),
                         appended ? batch.max_timestamp_ms() : wrapping_sum(batch.base_timestamp_ms(), record.timestamp_delta),
                         record.key_bytes >= 0, "PartialDefaultRecord", record.key_bytes, record.value_bytes};
      checks.check(batch.timestamp_type(), view);
      max_timestamp_ms = std::max(max_timestamp_ms, view.timestamp_ms);
      in_order = in_order && record.offset_delta == expected_delta++;
    }
    if (result != ScanResult::DONE) return unscannable(result);
    if (auto refusal = checks.result()) return std::move(*refusal);
    // Kafka fails here with an unspecific error.
    if (!in_order && origin_ == AppendOrigin::CLIENT) {
      return refused(ErrorCode::INVALID_RECORD, "Offsets inside a compressed batch do not count up from 0");
    }
    return keep(max_timestamp_ms);
  }

  AppendRefused unscannable(ScanResult result) const {
    if (result == ScanResult::TOO_LARGE) return larger_than_limit();
    if (result == ScanResult::UNREADABLE) {
      return refused(ErrorCode::UNKNOWN_SERVER_ERROR, "Failed to decompress record stream");
    }
    return refused(ErrorCode::INVALID_RECORD, "records that are not well-formed, too few or too many in a compressed batch");
  }

  AppendRefused larger_than_limit() const {
    return refused(ErrorCode::MESSAGE_TOO_LARGE, "The records of a batch for " + partition_.str() + " take more than " +
                                                     std::to_string(limits_.decompressed_bytes_max) + " bytes when decompressed.");
  }

  // The request's own bytes, with the timestamp fields the topic wants.
  Validation keep(int64_t max_timestamp_ms) {
    const bool append_time = rules_.timestamp_type == TimestampType::LOG_APPEND_TIME;
    if (append_time) max_timestamp_ms = now_.ms;
    patch_max_timestamp(first_, rules_.timestamp_type, max_timestamp_ms);
    BatchToAppend result(first_, max_timestamp_ms);
    if (append_time) result.set_log_append_time_ms(now_.ms);
    return result;
  }

  BatchBuilder builder(const BatchView& first, const Compression& target) const {
    BatchFields fields;
    fields.compression = target;
    fields.producer_id = first.producer_id();
    fields.producer_epoch = first.producer_epoch();
    fields.base_sequence = first.base_sequence();
    fields.is_transactional = first.is_transactional();
    fields.is_control = first.is_control();
    if (rules_.timestamp_type == TimestampType::LOG_APPEND_TIME) fields.log_append_time_ms = now_.ms;
    return BatchBuilder(fields);
  }

  // A batch of magic 2 whose codec is not the topic's.
  Validation rewrite(const BatchView& batch, const Compression& target) {
    Bytes records = batch.payload();
    std::vector<uint8_t> plain;
    if (batch.is_compressed()) {
      const Status status = decompress(batch.codec(), records, 2, limits_, scratch_, plain);
      if (status.code() == ErrorCode::MESSAGE_TOO_LARGE) return larger_than_limit();
      if (!status.ok()) return refused(ErrorCode::UNKNOWN_SERVER_ERROR, status.error().message);
      records = plain;
    }
    RecordChecks checks(partition_, rules_, now_);
    BatchBuilder batch_builder = builder(batch, target);
    RecordCursor cursor(batch, records);
    RecordView record;
    while (cursor.next(record)) {
      checks.check(batch.timestamp_type(), checked(record));
      note_time(record.timestamp_ms);
      batch_builder.add_at(Offset(batch_builder.records_count()), record);
    }
    if (!cursor.ok()) return refused(ErrorCode::INVALID_RECORD, std::string(cursor.error()));
    return finish(checks, batch_builder);
  }

  // Message sets of magic 0 and 1 become one batch.
  Validation rewrite_legacy(const Compression& target) {
    if (mixed_magic_) return refused(ErrorCode::INVALID_RECORD, "Batches of different magic in one append to " + partition_.str());
    BatchBuilder batch_builder = builder(BatchView(first_), target);
    std::vector<uint8_t> plain;
    BatchCursor entries(records_);
    while (const auto entry = entries.next()) {
      RecordChecks checks(partition_, rules_, now_);
      LegacyCursor cursor(*entry, limits_, scratch_, plain);
      LegacyMessage message;
      while (cursor.next(message)) {
        if (message.entry.magic() != entry->magic()) {
          checks.wrong_magic(entry->magic());
          continue;
        }
        if (entry->is_compressed() && !message.entry.crc_is_valid()) {
          return refused(ErrorCode::CORRUPT_MESSAGE, "Record is corrupt (stored crc = " + std::to_string(message.entry.crc()) +
                                                         ") in topic partition " + partition_.str());
        }
        checks.check(entry->magic() == 0 ? TimestampType::CREATE_TIME : entry->timestamp_type(),
                     {message.offset, message.timestamp_ms, message.key.has_value(), "LegacyRecord",
                      size_of(message.key), size_of(message.value)});
        note_time(message.timestamp_ms);
        batch_builder.add(message.timestamp_ms, message.key, message.value);
      }
      if (cursor.error()) return refused(cursor.error()->code, cursor.error()->message);
      if (auto refusal = checks.result()) return std::move(*refusal);
    }
    RecordChecks passed(partition_, rules_, now_);
    return finish(passed, batch_builder);
  }

  void note_time(int64_t timestamp_ms) {
    max_timestamp_ms_ = std::max(max_timestamp_ms_, timestamp_ms);
    has_negative_time_ = has_negative_time_ || (timestamp_ms < 0 && timestamp_ms != kNoTimestamp);
  }

  Validation finish(RecordChecks& checks, BatchBuilder& batch_builder) {
    if (auto refusal = checks.result()) return std::move(*refusal);
    if (has_negative_time_) return refused(ErrorCode::UNKNOWN_SERVER_ERROR, "Invalid negative timestamp");
    std::vector<uint8_t> bytes = batch_builder.build();
    if (static_cast<int64_t>(bytes.size()) > rules_.batch_bytes_max) return too_large(bytes.size());
    const bool append_time = rules_.timestamp_type == TimestampType::LOG_APPEND_TIME;
    BatchToAppend result(std::move(bytes), append_time ? now_.ms : max_timestamp_ms_);
    if (append_time) result.set_log_append_time_ms(now_.ms);
    return result;
  }

  MutableBytes records_;
  const TopicPartition& partition_;
  const AppendRules& rules_;
  AppendOrigin origin_;
  WallTime now_;
  const DecompressionLimits& limits_;
  DecompressionScratch& scratch_;

  MutableBytes first_;  // the first batch or entry
  size_t entries_ = 0;
  bool mixed_magic_ = false;
  CompressionCodec source_codec_ = CompressionCodec::NONE;
  int64_t max_timestamp_ms_ = kNoTimestamp;
  bool has_negative_time_ = false;
};

}  // namespace

FirstBatch peek_first_batch(Bytes records) {
  FirstBatch first;
  BatchCursor cursor(records);
  if (const auto batch = cursor.next()) {
    first.is_transactional = batch->is_transactional();
    first.producer_id = batch->producer_id();
    first.producer_epoch = batch->producer_epoch();
  } else if (const auto refusal = refusal_of_rest(cursor, records)) {
    first.error = refusal->code;
  }
  return first;
}

std::optional<AppendRefused> check_produce_version(Bytes records, int16_t produce_version) {
  if (produce_version < 3) return std::nullopt;
  const std::string request = "Produce requests with version " + std::to_string(produce_version);
  BatchCursor cursor(records);
  const auto batch = cursor.next();
  if (!batch) {
    if (auto refusal = refusal_of_rest(cursor, records)) return refusal;
    return refused(ErrorCode::INVALID_RECORD, request + " must have at least one record batch per partition");
  }
  if (!batch->is_v2()) {
    return refused(ErrorCode::INVALID_RECORD, request + " are only allowed to contain record batches with magic version 2");
  }
  if (produce_version < 7) {
    if (!batch->attributes().codec_is_known()) {
      return refused(ErrorCode::UNKNOWN_SERVER_ERROR,
                     "Unknown compression type id: " + std::to_string(batch->attributes().codec_id()));
    }
    if (batch->codec() == CompressionCodec::ZSTD) {
      return refused(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, request + " are not allowed to use ZStandard compression");
    }
  }
  if (cursor.next()) {
    return refused(ErrorCode::INVALID_RECORD, request + " are only allowed to contain exactly one record batch per partition");
  }
  return refusal_of_rest(cursor, records);
}

Validation validate_append(MutableBytes records, const TopicPartition& partition, const AppendRules& rules, AppendOrigin origin,
                           WallTime now, const DecompressionLimits& limits, DecompressionScratch& scratch) {
  return Validator(records, partition, rules, origin, now, limits, scratch).run();
}

}  // namespace quokka
