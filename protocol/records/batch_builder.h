// Builds one record batch of magic 2 from records: for coordinators, conversion, compaction, tools and tests. A produce request's batches
// never pass through here on the common path.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"
#include "protocol/records/compression.h"
#include "protocol/records/record_batch.h"

namespace quokka {

// The header fields that a writer chooses. The rest follows from the records.
struct BatchFields {
  Offset base_offset{0};
  LeaderEpoch leader_epoch{};
  Compression compression{};
  ProducerId producer_id{};
  ProducerEpoch producer_epoch{};
  int32_t base_sequence = kNoSequence;
  bool is_transactional = false;
  bool is_control = false;
  std::optional<int64_t> log_append_time_ms{};  // set: timestamp type LogAppendTime with this max timestamp
  std::optional<int64_t> delete_horizon_ms{};   // set: replaces the base timestamp (compaction)
};

class BatchBuilder {
 public:
  explicit BatchBuilder(const BatchFields& fields) : fields_(fields) {}

  // Key, value and headers are copied. Offsets count up from base_offset.
  void add(int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value,
           std::span<const HeaderView> headers = {});
  // With its own offset, at least base_offset and above those added before.
  void add_at(Offset offset, int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value,
              std::span<const HeaderView> headers = {});
  // A record read from elsewhere, its encoded headers copied as they are.
  void add_at(Offset offset, const RecordView& record);

  int32_t records_count() const { return count_; }
  size_t plain_size() const { return kBatchHeaderBytes + records_.size(); }  // of the batch, were it not compressed
  // What the next record would add to plain_size(), at most.
  static size_t record_size_max(std::optional<Bytes> key, std::optional<Bytes> value, std::span<const HeaderView> headers);

  // The batch keeps this last offset although its last records are gone (compaction); then it may even be empty.
  void set_last_offset(Offset offset) { last_offset_ = offset; }

  // The whole batch. Ends the building.
  std::vector<uint8_t> build();

 private:
  void begin_record(Offset offset, int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value,
                    size_t headers_bytes, int32_t headers_count);

  BatchFields fields_;
  std::vector<uint8_t> records_;
  std::optional<int64_t> base_timestamp_ms_;
  int64_t max_timestamp_ms_ = kNoTimestamp;
  std::optional<Offset> last_offset_;
  int32_t count_ = 0;
};

}  // namespace quokka
