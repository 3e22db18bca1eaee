// What a leader checks of records that are to be appended, and what it makes of them: Kafka's rules of a client's append, with Kafka's
// error codes. No locks, no log: offsets are assigned afterwards by BatchToAppend::assign.
//
// Order for a produce request, as Kafka has it: peek_first_batch of every partition (an error there is the whole request's), then per
// partition check_produce_version, leadership and in-sync replicas, then validate_append outside the partition's lock, then under it
// producer state, assign, write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/error_code.h"
#include "protocol/base/ids.h"
#include "protocol/base/time.h"
#include "protocol/records/compression.h"
#include "protocol/records/record_batch.h"

namespace quokka {

enum class AppendOrigin {
  CLIENT,       // a produce request
  COORDINATOR,  // group and transaction coordinators, transaction markers: trusted
};

// Of one topic, from its configuration.
struct AppendRules {
  std::optional<Compression> compression{};  // compression.type; nullopt is `producer`: keep the client's codec
  TimestampType timestamp_type = TimestampType::CREATE_TIME;  // message.timestamp.type
  int64_t timestamp_before_max_ms = INT64_MAX;                // message.timestamp.before.max.ms
  int64_t timestamp_after_max_ms = INT64_MAX;                 // message.timestamp.after.max.ms
  bool compacted = false;                                     // cleanup.policy has `compact`: records without key are refused
  int64_t batch_bytes_max = 1048588;                          // max.message.bytes
};

// Error of one record of a refused batch (Produce v8+: record_errors).
struct RecordError {
  int32_t batch_index = 0;  // index of the record in the batch
  std::string message;

  bool operator==(const RecordError&) const = default;
};

inline constexpr size_t kRecordErrorsMax = 1000;

struct AppendRefused {
  ErrorCode code = ErrorCode::UNKNOWN_SERVER_ERROR;
  std::string message;  // for a log line
  // Kafka's response names a message only when records are to blame; else error_message is null.
  bool message_in_response = false;
  std::vector<RecordError> record_errors{};  // the first kRecordErrorsMax
};

// One batch of magic 2, ready but for its offsets; or nothing (is_empty), when an old produce request held no whole message: Kafka answers
// success with base offset -1 and writes nothing.
class BatchToAppend {
 public:
  BatchToAppend() = default;
  // In place: `bytes` are the request's.
  BatchToAppend(MutableBytes bytes, int64_t max_timestamp_ms) : bytes_(bytes), max_timestamp_ms_(max_timestamp_ms) {}
  BatchToAppend(std::vector<uint8_t> rewritten, int64_t max_timestamp_ms)
      : rewritten_(std::move(rewritten)), bytes_(rewritten_), max_timestamp_ms_(max_timestamp_ms) {}
  BatchToAppend(BatchToAppend&&) = default;  // a vector's bytes stay where they are when it is moved
  BatchToAppend& operator=(BatchToAppend&&) = default;

  bool is_empty() const { return bytes_.empty(); }
  bool is_rewritten() const { return !rewritten_.empty(); }
  BatchView view() const { return BatchView(bytes_); }
  Bytes bytes() const { return bytes_; }  // what goes into the log once assign was called
  int64_t max_timestamp_ms() const { return max_timestamp_ms_; }  // of the records; the offset that goes with it is the last one
  // LogAppendTime topics: what the response reports; -1 otherwise.
  int64_t log_append_time_ms() const { return log_append_time_ms_; }
  void set_log_append_time_ms(int64_t ms) { log_append_time_ms_ = ms; }

  // Under the partition's lock: gives the batch its place. The CRC is not concerned.
  void assign(Offset base_offset, LeaderEpoch leader_epoch) {
    patch_base_offset(bytes_, base_offset);
    patch_leader_epoch(bytes_, leader_epoch);
  }

 private:
  std::vector<uint8_t> rewritten_;
  MutableBytes bytes_;
  int64_t max_timestamp_ms_ = kNoTimestamp;
  int64_t log_append_time_ms_ = kNoTimestamp;
};

using Validation = std::variant<BatchToAppend, AppendRefused>;

// What Kafka looks at before it takes a produce request apart.
struct FirstBatch {
  // CORRUPT_MESSAGE or UNKNOWN_SERVER_ERROR: every partition of the request is answered so. NONE otherwise.
  ErrorCode error = ErrorCode::NONE;
  bool is_transactional = false;  // the request needs authority over its transactional id, whatever its header says
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
};
FirstBatch peek_first_batch(Bytes records);

// Rules that go with the request's version: since v3 exactly one batch of magic 2, zstd only since v7. nullopt: fine.
std::optional<AppendRefused> check_produce_version(Bytes records, int16_t produce_version);

// Checks `records`, the bytes of one partition, and finds what to append. `records` are changed in place only where the topic's timestamp
// type or a wrong max timestamp demands it, and only if the result is not a refusal. `scratch` is reused memory of the calling thread.
//
// Codes: INVALID_RECORD, INVALID_TIMESTAMP, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE (batch_bytes_max, or more when decompressed than `limits`
// allow), and UNKNOWN_SERVER_ERROR where Kafka answers so: compressed bytes that cannot be read, codecs 5 to 7, a negative timestamp
// in a batch that must be rewritten.
Validation validate_append(MutableBytes records, const TopicPartition& partition, const AppendRules& rules, AppendOrigin origin,
                           WallTime now, const DecompressionLimits& limits, DecompressionScratch& scratch);

}  // namespace quokka
