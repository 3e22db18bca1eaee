#include "protocol/records/conversion.h"

#include <zlib.h>

#include <algorithm>
#include <optional>

#include "protocol/records/legacy.h"
#include "protocol/records/record_batch.h"

namespace quokka {
namespace {

void put_sized(std::vector<uint8_t>& out, std::optional<Bytes> bytes) {
  const size_t at = out.size();
  out.resize(at + 4);
  store_be<int32_t>(out.data() + at, bytes ? static_cast<int32_t>(bytes->size()) : -1);
  if (bytes) out.insert(out.end(), bytes->begin(), bytes->end());
}

// Appends one entry; its attributes are codec and timestamp type.
void put_entry(std::vector<uint8_t>& out, Offset offset, int8_t magic, BatchAttributes attributes, int64_t timestamp_ms,
               std::optional<Bytes> key, std::optional<Bytes> value) {
  const size_t start = out.size();
  out.resize(start + (magic == 0 ? 18 : 26));
  put_sized(out, key);
  put_sized(out, value);
  uint8_t* const at = out.data() + start;
  const size_t size = out.size() - start;
  store_be<int64_t>(at, offset.value);
  store_be<int32_t>(at + 8, static_cast<int32_t>(size - kLogOverheadBytes));
  store_be<int8_t>(at + 16, magic);
  store_be<int8_t>(at + 17, static_cast<int8_t>(attributes.bits));
  if (magic > 0) store_be<int64_t>(at + 18, timestamp_ms);
  store_be<uint32_t>(at + 12, static_cast<uint32_t>(::crc32_z(0, at + 16, size - 16)));
}

// The entries of one batch under way: separate ones, or the inner set of a wrapper.
class SetWriter {
 public:
  SetWriter(const BatchView& batch, int8_t magic, std::vector<uint8_t>& out)
      : codec_(batch.codec()), magic_(magic), out_(out) {
    if (magic > 0) attributes_.set_timestamp_type(batch.timestamp_type());
  }

  void add(Offset offset, int64_t timestamp_ms, std::optional<Bytes> key, std::optional<Bytes> value) {
    if (!first_) first_ = offset;
    last_ = offset;
    timestamp_max_ = std::max(timestamp_max_, timestamp_ms);
    const bool wrapped = codec_ != CompressionCodec::NONE;
    const Offset stored = wrapped && magic_ > 0 ? Offset(offset - *first_) : offset;
    put_entry(wrapped ? inner_ : out_, stored, magic_, attributes_, timestamp_ms, key, value);
  }

  void finish() {
    if (codec_ == CompressionCodec::NONE || !first_) return;
    std::vector<uint8_t> packed;
    compress({codec_, {}}, inner_, magic_, packed);
    BatchAttributes attributes = attributes_;
    attributes.set_codec(codec_);
    put_entry(out_, last_, magic_, attributes, timestamp_max_, std::nullopt, Bytes(packed));
  }

 private:
  CompressionCodec codec_;
  int8_t magic_;
  std::vector<uint8_t>& out_;
  BatchAttributes attributes_;
  std::vector<uint8_t> inner_;
  std::optional<Offset> first_;
  Offset last_;
  int64_t timestamp_max_ = kNoTimestamp;
};

Error corrupt(const BatchView& batch, std::string_view why) {
  return Error{ErrorCode::CORRUPT_MESSAGE,
               "the batch at offset " + std::to_string(batch.base_offset().value) + " cannot be converted: " + std::string(why)};
}

Status convert_v2(const BatchView& batch, int8_t to_magic, Offset first_offset, const DecompressionLimits& limits,
                  DecompressionScratch& scratch, std::vector<uint8_t>& plain, std::vector<uint8_t>& out) {
  Bytes records = batch.payload();
  if (batch.is_compressed() && batch.records_count() > 0) {
    Status status = decompress(batch.codec(), records, 2, limits, scratch, plain);
    if (!status.ok()) return status;
    records = plain;
  }
  SetWriter writer(batch, to_magic, out);
  RecordCursor cursor(batch, records);
  RecordView record;
  while (cursor.next(record)) {
    if (batch.is_compressed() || record.offset >= first_offset) {
      writer.add(record.offset, record.timestamp_ms, record.key, record.value);
    }
  }
  if (!cursor.ok()) return corrupt(batch, cursor.error());
  writer.finish();
  return {};
}

Status convert_legacy(const BatchView& entry, Offset first_offset, const DecompressionLimits& limits,
                      DecompressionScratch& scratch, std::vector<uint8_t>& plain, std::vector<uint8_t>& out) {
  SetWriter writer(entry, 0, out);
  LegacyCursor cursor(entry, limits, scratch, plain);
  LegacyMessage message;
  while (cursor.next(message)) {
    if (entry.is_compressed() || message.offset >= first_offset) {
      writer.add(message.offset, message.timestamp_ms, message.key, message.value);
    }
  }
  if (cursor.error()) return corrupt(entry, cursor.error()->message);
  writer.finish();
  return {};
}

}  // namespace

Status convert_down(Bytes batches, int8_t to_magic, Offset first_offset, const DecompressionLimits& limits,
                    DecompressionScratch& scratch, std::vector<uint8_t>& out) {
  std::vector<uint8_t> plain;
  BatchCursor cursor(batches);
  while (const auto batch = cursor.next()) {
    if (batch->is_control()) continue;
    if (!batch->attributes().codec_is_known()) return corrupt(*batch, "an unknown codec");
    if (batch->codec() == CompressionCodec::ZSTD) {
      return Error{ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, "zstd batches cannot be converted for old consumers"};
    }
    Status status;
    if (batch->magic() <= to_magic) {
      out.insert(out.end(), batch->bytes().begin(), batch->bytes().end());
    } else if (batch->is_v2()) {
      status = convert_v2(*batch, to_magic, first_offset, limits, scratch, plain, out);
    } else {
      status = convert_legacy(*batch, first_offset, limits, scratch, plain, out);
    }
    if (!status.ok()) return status;
  }
  if (cursor.stop() == BatchCursor::Stop::CORRUPT) {
    return Error{ErrorCode::CORRUPT_MESSAGE, "records cannot be converted: " + std::string(cursor.why())};
  }
  return {};
}

}  // namespace quokka
