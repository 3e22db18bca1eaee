// Variable-length integers of records: LEB128, low group first, signed ones zigzag.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/base/bytes.h"

namespace quokka {

// Take one number off the front of `in`. False: cut off, or longer than 5 (varint) or 10 (varlong) bytes; `in` is then unspecified.
inline bool take_uvarint(Bytes& in, uint32_t& value) {
  uint32_t result = 0;
  for (int i = 0; i < 5; ++i) {
    if (static_cast<size_t>(i) >= in.size()) return false;
    const uint8_t byte = in[static_cast<size_t>(i)];
    result |= static_cast<uint32_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      value = result;
      in = in.subspan(static_cast<size_t>(i) + 1);
      return true;
    }
  }
  return false;
}

inline bool take_uvarlong(Bytes& in, uint64_t& value) {
  uint64_t result = 0;
  for (int i = 0; i < 10; ++i) {
    if (static_cast<size_t>(i) >= in.size()) return false;
    const uint8_t byte = in[static_cast<size_t>(i)];
    result |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      value = result;
      in = in.subspan(static_cast<size_t>(i) + 1);
      return true;
    }
  }
  return false;
}

inline bool take_varint(Bytes& in, int32_t& value) {
  uint32_t raw = 0;
  if (!in.empty() && in[0] < 0x80) {  // nearly all of them
    raw = in[0];
    in = in.subspan(1);
  } else if (!take_uvarint(in, raw)) {
    return false;
  }
  value = static_cast<int32_t>(raw >> 1) ^ -static_cast<int32_t>(raw & 1);
  return true;
}

inline bool take_varlong(Bytes& in, int64_t& value) {
  uint64_t raw = 0;
  if (!take_uvarlong(in, raw)) return false;
  value = static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
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
