#include "protocol/records/record_batch.h"

#include <zlib.h>

#include "protocol/base/check.h"
#include "protocol/base/crc32c.h"
#include "protocol/records/varint.h"

namespace quokka {
namespace {

constexpr size_t kCrcAt = 17;
constexpr size_t kAttributesAt = 21;
constexpr size_t kBaseTimestampAt = 27;
constexpr size_t kMaxTimestampAt = 35;
constexpr size_t kLegacyOverheadV0 = 14;  // crc, magic, attributes and the two lengths
constexpr size_t kLegacyOverheadV1 = 22;

uint32_t crc32_ieee(Bytes bytes) {
  return static_cast<uint32_t>(::crc32_z(0, bytes.data(), bytes.size()));
}

// Takes length:varint bytes off the front. A negative length is null.
inline bool take_vbytes(const uint8_t*& at, const uint8_t* end, std::optional<Bytes>& value) {
  int32_t length = 0;
  if (!take_varint(at, end, length)) return false;
  if (length < 0) {
    value.reset();
    return true;
  }
  if (length > end - at) return false;
  value.emplace(at, static_cast<size_t>(length));
  at += length;
  return true;
}

}  // namespace

bool BatchView::crc_is_valid() const {
  if (is_v2()) return crc32c(bytes_.subspan(kAttributesAt)) == crc();
  return crc32_ieee(bytes_.subspan(16)) == crc();
}

int64_t BatchView::base_timestamp_ms() const {
  if (is_v2()) return load_be<int64_t>(bytes_.data() + kBaseTimestampAt);
  return max_timestamp_ms();
}

int64_t BatchView::max_timestamp_ms() const {
  if (is_v2()) return load_be<int64_t>(bytes_.data() + kMaxTimestampAt);
  return magic() == 1 ? load_be<int64_t>(bytes_.data() + 18) : kNoTimestamp;
}

int32_t BatchView::last_sequence() const {
  const int32_t base = base_sequence();
  return base == kNoSequence ? kNoSequence : sequence_add(base, last_offset_delta());
}

int32_t sequence_add(int32_t sequence, int32_t increment) {
  // 2^31 sequences from 0 on: the sum is taken modulo that.
  return static_cast<int32_t>((static_cast<uint32_t>(sequence) + static_cast<uint32_t>(increment)) & 0x7fffffffu);
}

int32_t sequence_subtract(int32_t sequence, int32_t decrement) {
  return static_cast<int32_t>((static_cast<uint32_t>(sequence) - static_cast<uint32_t>(decrement)) & 0x7fffffffu);
}

void patch_base_offset(MutableBytes batch, Offset base_offset) {
  QUOKKA_CHECK_GE(batch.size(), kBatchHeaderBytes);
  store_be<int64_t>(batch.data(), base_offset.value);
}

void patch_leader_epoch(MutableBytes batch, LeaderEpoch leader_epoch) {
  QUOKKA_CHECK_GE(batch.size(), kBatchHeaderBytes);
  store_be<int32_t>(batch.data() + 12, leader_epoch.value);
}

void patch_max_timestamp(MutableBytes batch, TimestampType type, int64_t max_timestamp_ms) {
  QUOKKA_CHECK_GE(batch.size(), kBatchHeaderBytes);
  const BatchView view(batch);
  if (view.timestamp_type() == type && view.max_timestamp_ms() == max_timestamp_ms) return;
  BatchAttributes attributes{static_cast<int16_t>(view.attributes().bits & 0x7f)};
  attributes.set_timestamp_type(type);
  store_be<int16_t>(batch.data() + kAttributesAt, attributes.bits);
  store_be<int64_t>(batch.data() + kMaxTimestampAt, max_timestamp_ms);
  store_be<uint32_t>(batch.data() + kCrcAt, crc32c(Bytes(batch).subspan(kAttributesAt)));
}

std::optional<BatchView> BatchCursor::next() {
  if (stop_ != Stop::NOT_YET) return std::nullopt;
  const Bytes left = range_.subspan(position_);
  if (left.empty()) return stopped(Stop::END, {});
  if (left.size() < kLogOverheadBytes) return stopped(Stop::TORN, "the range ends inside a batch's length");
  const int32_t length = load_be<int32_t>(left.data() + 8);
  if (length < static_cast<int32_t>(kLegacyOverheadV0)) {
    return stopped(Stop::CORRUPT, "a batch length below the smallest there is");
  }
  const size_t size = kLogOverheadBytes + static_cast<size_t>(length);
  if (size > batch_bytes_max_) return stopped(Stop::CORRUPT, "a batch length above the largest allowed");
  if (left.size() < kBatchMagicEndBytes) return stopped(Stop::TORN, "the range ends before a batch's magic");
  const auto magic = static_cast<int8_t>(left[16]);
  if (magic < 0 || magic > 2) return stopped(Stop::CORRUPT, "a magic byte other than 0, 1 and 2");
  const size_t header = magic == 2 ? kBatchHeaderBytes
                                   : kLogOverheadBytes + (magic == 1 ? kLegacyOverheadV1 : kLegacyOverheadV0);
  if (size < header) return stopped(Stop::CORRUPT, "a batch length below that of its header");
  if (left.size() < size) return stopped(Stop::TORN, "the range ends inside a batch");
  position_ += size;
  return BatchView(left.first(size));
}

std::optional<HeaderView> HeaderCursor::next() {
  if (count_ <= 0) return std::nullopt;
  --count_;
  std::optional<Bytes> key;
  HeaderView header;
  const uint8_t* at = left_.data();
  const uint8_t* const end = at + left_.size();
  const bool whole = take_vbytes(at, end, key) && key.has_value() && take_vbytes(at, end, header.value);
  QUOKKA_CHECK(whole, "headers that no RecordCursor has checked");
  left_ = Bytes(at, end);
  header.key = text_of(*key);
  return header;
}

RecordCursor::RecordCursor(const BatchView& batch, Bytes records)
    : left_(records),
      base_offset_(batch.base_offset()),
      base_timestamp_ms_(batch.base_timestamp_ms()),
      count_(batch.records_count()) {
  if (batch.timestamp_type() == TimestampType::LOG_APPEND_TIME) append_time_ms_ = batch.max_timestamp_ms();
  if (count_ < 0) error_ = "a negative count of records";
}

bool RecordCursor::next(RecordView& record) {
  if (!error_.empty()) return false;
  if (read_ == count_) {
    // A batch that says it has no records is not looked into: compaction leaves such ones.
    return count_ > 0 && !left_.empty() ? fail("bytes after the last record") : false;
  }
  const uint8_t* at = left_.data();
  const uint8_t* const end = at + left_.size();
  int32_t length = 0;
  if (!take_varint(at, end, length)) return fail("a record's length is cut off or too long");
  if (length < 0) return fail("a record's length is negative");
  if (length > end - at) return fail("a record is longer than what is left of the batch");
  const uint8_t* const record_end = at + length;
  if (!parse(at, record_end, record)) return false;
  record.size = static_cast<size_t>(record_end - left_.data());
  left_ = left_.subspan(record.size);
  ++read_;
  return true;
}

bool RecordCursor::parse(const uint8_t* at, const uint8_t* end, RecordView& record) {
  if (at == end) return fail("a record without attributes");
  record.attributes = static_cast<int8_t>(*at++);
  int64_t timestamp_delta = 0;
  int32_t offset_delta = 0;
  if (!take_varlong(at, end, timestamp_delta)) return fail("a record's timestamp delta is cut off or too long");
  if (!take_varint(at, end, offset_delta)) return fail("a record's offset delta is cut off or too long");
  if (!take_vbytes(at, end, record.key)) return fail("a record's key is longer than the record");
  if (!take_vbytes(at, end, record.value)) return fail("a record's value is longer than the record");
  // Sums wrap as Kafka's do; what they must lie in is for the reader to check.
  record.timestamp_ms = append_time_ms_ ? *append_time_ms_
                                        : static_cast<int64_t>(static_cast<uint64_t>(base_timestamp_ms_) +
                                                               static_cast<uint64_t>(timestamp_delta));
  record.offset = Offset(static_cast<int64_t>(static_cast<uint64_t>(base_offset_.value) +
                                              static_cast<uint64_t>(int64_t{offset_delta})));
  if (!take_varint(at, end, record.headers_count)) return fail("a record's count of headers is cut off or too long");
  if (record.headers_count < 0) return fail("a record's count of headers is negative");
  if (record.headers_count > end - at) return fail("more headers than a record has bytes");
  record.headers_bytes = Bytes(at, end);
  for (int32_t i = 0; i < record.headers_count; ++i) {
    std::optional<Bytes> part;
    if (!take_vbytes(at, end, part)) return fail("a header's key is longer than the record");
    if (!part) return fail("a header's key is null");
    if (!take_vbytes(at, end, part)) return fail("a header's value is longer than the record");
  }
  if (at != end) return fail("a record is longer than what it holds");
  return true;
}

}  // namespace quokka
