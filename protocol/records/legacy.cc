#include "protocol/records/legacy.h"

namespace quokka {
namespace {

constexpr int32_t kMessageBytesMin = 14;

bool take_sized(Bytes& in, std::optional<Bytes>& value) {
  if (in.size() < 4) return false;
  const int32_t length = load_be<int32_t>(in.data());
  in = in.subspan(4);
  value.reset();
  if (length < 0) return true;
  if (static_cast<size_t>(length) > in.size()) return false;
  value = in.first(static_cast<size_t>(length));
  in = in.subspan(static_cast<size_t>(length));
  return true;
}

}  // namespace

bool read_legacy_message(const BatchView& entry, LegacyMessage& message) {
  const size_t lengths_at = entry.magic() == 0 ? 18 : 26;
  if (entry.size() < lengths_at) return false;
  message.entry = entry;
  message.offset = entry.base_offset();
  message.timestamp_ms = entry.max_timestamp_ms();
  Bytes in = entry.bytes().subspan(lengths_at);
  return take_sized(in, message.key) && take_sized(in, message.value);
}

LegacyCursor::LegacyCursor(const BatchView& entry, const DecompressionLimits& limits, DecompressionScratch& scratch,
                           std::vector<uint8_t>& plain)
    : entry_(entry), plain_(plain) {
  plain_.clear();
  if (entry.is_compressed() && !open_wrapper(limits, scratch)) done_ = true;
}

bool LegacyCursor::fail(ErrorCode code, std::string text) {
  error_ = Error{code, std::move(text)};
  done_ = true;
  return false;
}

bool LegacyCursor::open_wrapper(const DecompressionLimits& limits, DecompressionScratch& scratch) {
  if (!entry_.attributes().codec_is_known()) return fail(ErrorCode::UNKNOWN_SERVER_ERROR, "an unknown codec");
  if (entry_.codec() == CompressionCodec::ZSTD) {
    return fail(ErrorCode::INVALID_RECORD, "zstd in a message set of magic " + std::to_string(entry_.magic()));
  }
  LegacyMessage wrapper;
  if (!read_legacy_message(entry_, wrapper)) {
    return fail(ErrorCode::INVALID_RECORD, "a wrapper message whose lengths do not fit");
  }
  if (!wrapper.value) return fail(ErrorCode::INVALID_RECORD, "a compressed message set with null value");
  const Status status = decompress(entry_.codec(), *wrapper.value, entry_.magic(), limits, scratch, plain_);
  if (!status.ok()) {
    const bool large = status.code() == ErrorCode::MESSAGE_TOO_LARGE;
    return fail(large ? ErrorCode::MESSAGE_TOO_LARGE : ErrorCode::UNKNOWN_SERVER_ERROR, status.error().message);
  }
  left_ = plain_;
  // A first pass finds the last inner offset, which says where the offsets of magic 1 count from.
  std::optional<BatchView> last;
  Bytes left = left_;
  while (auto inner = take_inner(left)) last = inner;
  if (error_) return false;
  if (!last) return fail(ErrorCode::INVALID_RECORD, "a compressed message set without messages");
  if (entry_.magic() == 1 && entry_.base_offset().value != 0) {  // 0: some producers never set it
    const int64_t last_inner = last->base_offset().value;
    if (entry_.base_offset().value < last_inner) {
      return fail(ErrorCode::INVALID_RECORD, "a wrapper's offset is below its last message's");
    }
    first_offset_ = static_cast<int64_t>(static_cast<uint64_t>(entry_.base_offset().value) -
                                         static_cast<uint64_t>(last_inner));
  }
  return true;
}

std::optional<BatchView> LegacyCursor::take_inner(Bytes& left) {
  if (left.size() < kLogOverheadBytes) return std::nullopt;
  const int32_t length = load_be<int32_t>(left.data() + 8);
  if (length < kMessageBytesMin) {
    fail(ErrorCode::CORRUPT_MESSAGE, "an inner message smaller than a message can be");
    return std::nullopt;
  }
  const size_t size = kLogOverheadBytes + static_cast<size_t>(length);
  if (size > left.size()) return std::nullopt;
  const BatchView inner(left.first(size));
  if (inner.magic() < 0 || inner.magic() > 1 || (inner.magic() == 1 && length < 22)) {
    fail(ErrorCode::INVALID_RECORD, "an inner message of another magic or too small for its own");
    return std::nullopt;
  }
  left = left.subspan(size);
  return inner;
}

bool LegacyCursor::next(LegacyMessage& message) {
  if (done_) return false;
  if (!entry_.is_compressed()) {
    done_ = true;
    return read_legacy_message(entry_, message) || fail(ErrorCode::INVALID_RECORD, "a message whose lengths do not fit");
  }
  const auto inner = take_inner(left_);
  if (!inner) {
    done_ = true;
    return false;
  }
  if (!read_legacy_message(*inner, message)) {
    return fail(ErrorCode::INVALID_RECORD, "an inner message whose lengths do not fit");
  }
  if (inner->is_compressed()) return fail(ErrorCode::INVALID_RECORD, "a compressed message inside a compressed one");
  if (entry_.magic() == 1) {
    message.offset = Offset(static_cast<int64_t>(static_cast<uint64_t>(first_offset_) +
                                                 static_cast<uint64_t>(message.offset.value)));
  }
  if (inner->magic() == 1 && entry_.timestamp_type() == TimestampType::LOG_APPEND_TIME) {
    message.timestamp_ms = entry_.max_timestamp_ms();
  }
  return true;
}

}  // namespace quokka
