#include "broker/log/batch_scanner.h"

#include <algorithm>

namespace quokka {

namespace {

constexpr int64_t kLegacyHeaderBytes = 26;  // magic 0: offset, size, crc, magic, attributes, two lengths

Error corrupt_at(const File& file, int64_t position, std::string_view why) {
  return Error{ErrorCode::CORRUPT_MESSAGE, file.path() + " has no batch at position " + std::to_string(position) + ": " + std::string(why)};
}

}  // namespace

bool BatchScanner::refill(size_t bytes_min) {
  base_ = end_;
  const auto left = static_cast<size_t>(to_ - base_);
  const size_t wanted = std::min(left, std::max(chunk_bytes_, bytes_min));
  buffer_.resize(wanted);
  auto read = file_->read_at(buffer_, base_);
  if (!read) {
    stop_ = Stop::failed;
    error_ = read.error();
    return false;
  }
  buffer_.resize(*read);
  cursor_ = BatchCursor(buffer_);
  if (*read == 0 || *read < bytes_min) {
    stop_ = left == 0 ? Stop::end : Stop::torn;
    return false;
  }
  return true;
}

std::optional<BatchView> BatchScanner::next() {
  if (stop_ != Stop::not_yet) return std::nullopt;
  while (true) {
    if (auto batch = cursor_.next()) {
      position_ = end_;
      end_ += static_cast<int64_t>(batch->size());
      return batch;
    }
    if (cursor_.stop() == BatchCursor::Stop::CORRUPT) {
      stop_ = Stop::corrupt;
      error_ = corrupt_at(*file_, end_, cursor_.why());
      return std::nullopt;
    }
    if (end_ == to_) {
      stop_ = Stop::end;
      return std::nullopt;
    }
    // The buffer ends inside a batch, or before it. A batch that begins the buffer and does not fit needs a buffer of its own size.
    size_t bytes_min = 1;
    const auto in_buffer = static_cast<size_t>(end_ - base_);
    if (in_buffer == 0 && buffer_.size() >= kLogOverheadBytes)
      bytes_min = kLogOverheadBytes + static_cast<size_t>(load_be<int32_t>(buffer_.data() + 8));
    else if (in_buffer == 0 && !buffer_.empty())
      bytes_min = buffer_.size() + 1;
    if (!refill(bytes_min)) return std::nullopt;
  }
}

Result<std::optional<BatchPlace>> find_batch(const File& file, int64_t from, int64_t to, Offset offset) {
  uint8_t buffer[8192];
  int64_t buffer_at = 0;
  size_t buffer_bytes = 0;
  int64_t at = from;
  while (at < to) {
    const int64_t needed = std::min<int64_t>(to - at, kBatchHeaderBytes);
    if (at < buffer_at || at + needed > buffer_at + static_cast<int64_t>(buffer_bytes)) {
      const auto count = static_cast<size_t>(std::min<int64_t>(to - at, sizeof buffer));
      auto read = file.read_at({buffer, count}, at);
      if (!read) return read.error();
      buffer_at = at;
      buffer_bytes = *read;
      if (static_cast<int64_t>(*read) < needed) return corrupt_at(file, at, "the file ends");
    }
    const uint8_t* header = buffer + (at - buffer_at);
    if (needed < static_cast<int64_t>(kBatchMagicEndBytes)) return corrupt_at(file, at, "cut off");
    const int64_t bytes = int64_t{kLogOverheadBytes} + load_be<int32_t>(header + 8);
    const int8_t magic = load_be<int8_t>(header + 16);
    const int64_t bytes_min = magic == 2 ? int64_t{kBatchHeaderBytes} : kLegacyHeaderBytes;
    if (magic < 0 || magic > 2) return corrupt_at(file, at, "unknown magic");
    if (bytes < bytes_min || bytes > to - at) return corrupt_at(file, at, "its length does not fit");
    const BatchView view({header, static_cast<size_t>(bytes_min)});
    if (view.last_offset() >= offset) return std::optional(BatchPlace{at, bytes, view.base_offset(), view.last_offset(), view.leader_epoch()});
    at += bytes;
  }
  return std::optional<BatchPlace>();
}

}  // namespace quokka
