// Variable-length integers of records: LEB128, low group first, signed ones zigzag.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/base/bytes.h"

namespace quokka {

inline int32_t unzigzag(uint32_t raw) { return static_cast<int32_t>(raw >> 1) ^ -static_cast<int32_t>(raw & 1); }
inline int64_t unzigzag(uint64_t raw) { return static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1); }

// At most 5 bytes of a 32-bit number, 10 of a 64-bit one.
template <class U>
bool take_uvarint(const uint8_t*& at, const uint8_t* end, U& value) {
  constexpr int kBytesMax = (sizeof(U) * 8 + 6) / 7;
  U result = 0;
  for (int i = 0; i < kBytesMax && at != end; ++i) {
    const uint8_t byte = *at++;
    result = static_cast<U>(result | static_cast<U>(static_cast<U>(byte & 0x7f) << (7 * i)));
    if (byte < 0x80) {
      value = result;
      return true;
    }
  }
  return false;
}

// Take one number off the front of [at, end). False: cut off or too long; `at` is then unspecified.
inline bool take_varint(const uint8_t*& at, const uint8_t* end, int32_t& value) {
  uint32_t raw = 0;
  if (at != end && *at < 0x80) {  // nearly all of them
    raw = *at++;
  } else if (!take_uvarint(at, end, raw)) {
    return false;
  }
  value = unzigzag(raw);
  return true;
}

inline bool take_varlong(const uint8_t*& at, const uint8_t* end, int64_t& value) {
  uint64_t raw = 0;
  if (at != end && *at < 0x80) {
    raw = *at++;
  } else if (!take_uvarint(at, end, raw)) {
    return false;
  }
  value = unzigzag(raw);
  return true;
}

inline void put_uvarlong(std::vector<uint8_t>& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<uint8_t>(value));
}
inline void put_varint(std::vector<uint8_t>& out, int32_t value) {
  put_uvarlong(out, (static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31));
}
inline void put_varlong(std::vector<uint8_t>& out, int64_t value) {
  put_uvarlong(out, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

inline size_t uvarlong_size(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}
inline size_t varint_size(int32_t value) {
  return uvarlong_size((static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31));
}
inline size_t varlong_size(int64_t value) {
  return uvarlong_size((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

}  // namespace quokka
