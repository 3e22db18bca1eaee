// Record batches where they lie: a view over the bytes of one batch, iteration over the batches of a range and over the records of a
// batch, and the two patches that a leader makes. Nothing here owns, copies or decompresses.
//
// batch (magic 2) := base_offset:int64 batch_length:int32 partition_leader_epoch:int32 magic:int8 crc:uint32 attributes:int16
//                    last_offset_delta:int32 base_timestamp:int64 max_timestamp:int64 producer_id:int64 producer_epoch:int16
//                    base_sequence:int32 records_count:int32 record*            (record* compressed as one stream unless codec is 0)
// record          := length:varint attributes:int8 timestamp_delta:varlong offset_delta:varint key:vbytes value:vbytes
//                    headers_count:varint (key:vbytes value:vbytes)*            (vbytes := length:varint bytes; -1 is null)
// batch_length counts what follows it. The CRC (CRC-32C) covers attributes to the end, so base_offset and partition_leader_epoch may be
// rewritten in place. Entries of magic 0 and 1 (legacy.h) begin alike: offset:int64 size:int32 crc:uint32 magic:int8 attributes:int8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"

namespace quokka {

// The values are those on the wire. 5 to 7 are not assigned; a batch that names one is refused by validation.
enum class CompressionCodec : int8_t { NONE = 0, GZIP = 1, SNAPPY = 2, LZ4 = 3, ZSTD = 4 };

enum class TimestampType : int8_t { CREATE_TIME = 0, LOG_APPEND_TIME = 1 };

inline constexpr size_t kLogOverheadBytes = 12;        // base_offset and batch_length
inline constexpr size_t kBatchMagicEndBytes = 17;      // what must be there to know a batch's size and magic
inline constexpr size_t kBatchHeaderBytes = 61;        // magic 2, up to the first record
inline constexpr int64_t kNoTimestamp = -1;
inline constexpr int32_t kNoSequence = -1;

// The attributes of a batch of magic 2; the low byte of magic 0 and 1 has the same codec and timestamp bits.
struct BatchAttributes {
  int16_t bits = 0;

  int8_t codec_id() const { return static_cast<int8_t>(bits & 0x07); }
  CompressionCodec codec() const { return static_cast<CompressionCodec>(codec_id()); }
  bool codec_is_known() const { return codec_id() <= 4; }
  bool is_compressed() const { return codec_id() != 0; }
  TimestampType timestamp_type() const {
    return (bits & 0x08) != 0 ? TimestampType::LOG_APPEND_TIME : TimestampType::CREATE_TIME;
  }
  bool is_transactional() const { return (bits & 0x10) != 0; }
  bool is_control() const { return (bits & 0x20) != 0; }
  bool has_delete_horizon() const { return (bits & 0x40) != 0; }

  void set_codec(CompressionCodec codec) { set(0x07, static_cast<int>(codec)); }
  void set_timestamp_type(TimestampType type) { set(0x08, type == TimestampType::LOG_APPEND_TIME ? 0x08 : 0); }
  void set_transactional(bool on) { set(0x10, on ? 0x10 : 0); }
  void set_control(bool on) { set(0x20, on ? 0x20 : 0); }
  void set_delete_horizon(bool on) { set(0x40, on ? 0x40 : 0); }

 private:
  void set(int mask, int value) { bits = static_cast<int16_t>((bits & ~mask) | value); }
};

// One whole batch, or one entry of magic 0 or 1, as BatchCursor yields it: at least kBatchHeaderBytes (magic 2) or the smallest entry
// (legacy), and no more than its own bytes. Copy it freely; the bytes must outlive it.
// Fields that magic 0 and 1 lack answer "none": leader epoch, producer id and epoch, sequence, records_count -1; base_offset is then the
// entry's offset field, which is the last offset.
class BatchView {
 public:
  BatchView() = default;
  explicit BatchView(Bytes batch) : bytes_(batch) {}

  Bytes bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }  // of the whole batch, header and length field included

  int8_t magic() const { return load_be<int8_t>(bytes_.data() + 16); }
  bool is_v2() const { return magic() >= 2; }
  uint32_t crc() const { return load_be<uint32_t>(bytes_.data() + (is_v2() ? 17 : 12)); }
  bool crc_is_valid() const;  // the stored CRC is that of the bytes

  Offset base_offset() const { return Offset(load_be<int64_t>(bytes_.data())); }
  Offset last_offset() const { return Offset(wrap_add(base_offset().value, last_offset_delta())); }
  Offset next_offset() const { return Offset(wrap_add(last_offset().value, 1)); }
  int32_t last_offset_delta() const { return is_v2() ? load_be<int32_t>(bytes_.data() + 23) : 0; }
  LeaderEpoch leader_epoch() const { return LeaderEpoch(is_v2() ? load_be<int32_t>(bytes_.data() + 12) : -1); }

  BatchAttributes attributes() const {
    return {is_v2() ? load_be<int16_t>(bytes_.data() + 21) : static_cast<int16_t>(bytes_[17])};
  }
  CompressionCodec codec() const { return attributes().codec(); }
  bool is_compressed() const { return attributes().is_compressed(); }
  TimestampType timestamp_type() const { return attributes().timestamp_type(); }
  bool is_transactional() const { return is_v2() && attributes().is_transactional(); }
  bool is_control() const { return is_v2() && attributes().is_control(); }
  // The time from which tombstones and markers of the batch may be dropped; it lies where base_timestamp does.
  std::optional<int64_t> delete_horizon_ms() const {
    return is_v2() && attributes().has_delete_horizon() ? std::optional(base_timestamp_ms()) : std::nullopt;
  }

  int64_t base_timestamp_ms() const;
  int64_t max_timestamp_ms() const;

  ProducerId producer_id() const { return ProducerId(is_v2() ? load_be<int64_t>(bytes_.data() + 43) : -1); }
  bool has_producer_id() const { return producer_id().value > -1; }
  ProducerEpoch producer_epoch() const {
    return ProducerEpoch(is_v2() ? load_be<int16_t>(bytes_.data() + 51) : int16_t{-1});
  }
  int32_t base_sequence() const { return is_v2() ? load_be<int32_t>(bytes_.data() + 53) : kNoSequence; }
  int32_t last_sequence() const;  // wraps 2147483647 -> 0; kNoSequence without base sequence
  int32_t records_count() const { return is_v2() ? load_be<int32_t>(bytes_.data() + 57) : -1; }

  // Magic 2 only: the records as they are stored, compressed if codec() says so.
  Bytes payload() const { return bytes_.subspan(kBatchHeaderBytes); }

 private:
  static int64_t wrap_add(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
  Bytes bytes_;
};

// a + b as sequences of one producer: 2147483647 is followed by 0.
int32_t sequence_add(int32_t sequence, int32_t increment);
int32_t sequence_subtract(int32_t sequence, int32_t decrement);

// What a leader changes in a batch of magic 2 without touching its CRC. The caller passes one whole batch.
void patch_base_offset(MutableBytes batch, Offset base_offset);
void patch_leader_epoch(MutableBytes batch, LeaderEpoch leader_epoch);
// Sets timestamp type and max timestamp and, if either changes, the CRC. High attribute bits that have no meaning are cleared then, as
// Kafka does.
void patch_max_timestamp(MutableBytes batch, TimestampType type, int64_t max_timestamp_ms);

// Goes over the batches of a byte range: `while (auto batch = cursor.next())`. Looks at lengths and magic only, not at CRCs.
class BatchCursor {
 public:
  enum class Stop {
    NOT_YET,  // next() has not returned nullopt
    END,      // the range ended behind the last batch
    TORN,     // the range ends inside a batch (a fetch response or a log's tail: normal)
    CORRUPT,  // a length or magic that no batch has; why() says which
  };

  // A batch longer than `batch_bytes_max` is corrupt.
  explicit BatchCursor(Bytes range, size_t batch_bytes_max = std::numeric_limits<int32_t>::max())
      : range_(range), batch_bytes_max_(batch_bytes_max) {}

  std::optional<BatchView> next();
  size_t position() const { return position_; }  // bytes of the batches yielded so far
  Stop stop() const { return stop_; }
  std::string_view why() const { return why_; }

 private:
  std::optional<BatchView> stopped(Stop stop, std::string_view why) {
    stop_ = stop;
    why_ = why;
    return std::nullopt;
  }
  Bytes range_;
  size_t batch_bytes_max_;
  size_t position_ = 0;
  Stop stop_ = Stop::NOT_YET;
  std::string_view why_;
};

struct HeaderView {
  std::string_view key;
  std::optional<Bytes> value;
};

// The headers of one record that RecordCursor has checked: nothing here can fail.
class HeaderCursor {
 public:
  HeaderCursor(Bytes headers, int32_t count) : left_(headers), count_(count) {}
  std::optional<HeaderView> next();

 private:
  Bytes left_;
  int32_t count_;
};

// One record, where it lies.
struct RecordView {
  Offset offset;
  int64_t timestamp_ms = kNoTimestamp;
  int8_t attributes = 0;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  int32_t headers_count = 0;
  Bytes headers_bytes;  // the encoded headers, without their count
  size_t size = 0;      // as stored, length field included

  HeaderCursor headers() const { return HeaderCursor(headers_bytes, headers_count); }
};

// Goes over the records of a batch of magic 2: `while (cursor.next(record))`, then ok().
// Checks everything a record's structure has: lengths that fit, header keys, that the declared count of records fills the bytes exactly.
class RecordCursor {
 public:
  // `records`: batch.payload() if the batch is not compressed, else that decompressed.
  RecordCursor(const BatchView& batch, Bytes records);

  bool next(RecordView& record);
  bool ok() const { return error_.empty(); }
  std::string_view error() const { return error_; }

 private:
  bool fail(std::string_view error) {
    error_ = error;
    return false;
  }
  bool parse(const uint8_t* at, const uint8_t* end, RecordView& record);

  Bytes left_;
  Offset base_offset_;
  int64_t base_timestamp_ms_;
  std::optional<int64_t> append_time_ms_;
  int32_t count_;
  int32_t read_ = 0;
  std::string_view error_;
};

}  // namespace quokka
