// XXH32, the checksum inside LZ4 frames (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), seed 0.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "protocol/base/bytes.h"

namespace quokka {

inline uint32_t xxhash32(Bytes input) {
  constexpr uint32_t kPrime1 = 0x9E3779B1u, kPrime2 = 0x85EBCA77u, kPrime3 = 0xC2B2AE3Du, kPrime4 = 0x27D4EB2Fu,
                     kPrime5 = 0x165667B1u;
  const auto lane = [](const uint8_t* at) {
    uint32_t value;
    std::memcpy(&value, at, sizeof value);  // little-endian, as this machine is (bytes.h)
    return value;
  };
  const uint8_t* at = input.data();
  const uint8_t* const end = at + input.size();
  uint32_t hash = kPrime5;
  if (input.size() >= 16) {
    uint32_t sums[4] = {kPrime1 + kPrime2, kPrime2, 0, 0u - kPrime1};
    for (; end - at >= 16; at += 16) {
      for (int i = 0; i < 4; ++i) sums[i] = std::rotl(sums[i] + lane(at + 4 * i) * kPrime2, 13) * kPrime1;
    }
    hash = std::rotl(sums[0], 1) + std::rotl(sums[1], 7) + std::rotl(sums[2], 12) + std::rotl(sums[3], 18);
  }
  hash += static_cast<uint32_t>(input.size());
  for (; end - at >= 4; at += 4) hash = std::rotl(hash + lane(at) * kPrime3, 17) * kPrime4;
  for (; at != end; ++at) hash = std::rotl(hash + *at * kPrime5, 11) * kPrime1;
  hash = (hash ^ (hash >> 15)) * kPrime2;
  hash = (hash ^ (hash >> 13)) * kPrime3;
  return hash ^ (hash >> 16);
}

}  // namespace quokka
