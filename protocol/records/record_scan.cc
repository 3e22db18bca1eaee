#include "protocol/records/record_scan.h"

#include <algorithm>

#include "protocol/records/varint.h"

namespace quokka {

bool RecordScan::refill() {
  if (end_ == StreamEnd::MORE) end_ = stream_.next(chunk_);
  return end_ == StreamEnd::MORE;
}

bool RecordScan::skip(int32_t bytes) {
  if (bytes > record_left_) return false;
  record_left_ -= bytes;
  auto left = static_cast<size_t>(std::max(bytes, 0));
  while (left > 0) {
    if (chunk_.empty() && !refill()) return false;
    const size_t part = std::min(left, chunk_.size());
    chunk_ = chunk_.subspan(part);
    left -= part;
  }
  return true;
}

bool RecordScan::varint(int32_t& value) {
  if (chunk_.size() >= 5) {  // all of it is here
    const uint8_t* at = chunk_.data();
    if (!take_varint(at, at + 5, value)) return false;
    const auto taken = static_cast<size_t>(at - chunk_.data());
    record_left_ -= static_cast<int64_t>(taken);
    chunk_ = chunk_.subspan(taken);
    return true;
  }
  uint32_t raw = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    uint8_t byte = 0;
    if (!take_byte(byte)) return false;
    raw |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = unzigzag(raw);
      return true;
    }
  }
  return false;
}

bool RecordScan::varlong(int64_t& value) {
  if (chunk_.size() >= 10) {
    const uint8_t* at = chunk_.data();
    if (!take_varlong(at, at + 10, value)) return false;
    const auto taken = static_cast<size_t>(at - chunk_.data());
    record_left_ -= static_cast<int64_t>(taken);
    chunk_ = chunk_.subspan(taken);
    return true;
  }
  uint64_t raw = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    uint8_t byte = 0;
    if (!take_byte(byte)) return false;
    raw |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = unzigzag(raw);
      return true;
    }
  }
  return false;
}

bool RecordScan::scan(ScannedRecord& record) {
  int32_t length = 0;
  record_left_ = 5;
  if (!varint(length) || length < 0) return false;
  record_left_ = length;
  uint8_t attributes = 0;
  int32_t headers = 0;
  if (!take_byte(attributes) || !varlong(record.timestamp_delta) || !varint(record.offset_delta)) return false;
  if (!varint(record.key_bytes) || !skip(std::max(record.key_bytes, 0))) return false;
  if (!varint(record.value_bytes) || !skip(std::max(record.value_bytes, 0))) return false;
  if (!varint(headers) || headers < 0) return false;
  for (int32_t i = 0; i < headers; ++i) {
    int32_t part = 0;
    if (!varint(part) || part < 0 || !skip(part)) return false;
    if (!varint(part) || !skip(std::max(part, 0))) return false;
    if (record_left_ < 0) return false;  // else a count of 2^31 would be believed for long
  }
  return record_left_ == 0;
}

ScanResult RecordScan::next(ScannedRecord& record) {
  bool good = true;
  if (read_ < count_) {
    good = scan(record);
    if (good) {
      ++read_;
      return ScanResult::RECORD;
    }
  } else {
    good = chunk_.empty() && !refill() && end_ == StreamEnd::END;
  }
  if (end_ == StreamEnd::UNREADABLE) return ScanResult::UNREADABLE;
  if (end_ == StreamEnd::TOO_LARGE) return ScanResult::TOO_LARGE;
  return good ? ScanResult::DONE : ScanResult::INVALID;
}

}  // namespace quokka
