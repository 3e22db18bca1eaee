#include "tools/partitioner.h"

#include <cstring>

namespace quokka {

int32_t murmur2(Bytes bytes) {
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  uint32_t hash = 0x9747b28c ^ static_cast<uint32_t>(bytes.size());
  while (bytes.size() >= 4) {
    uint32_t word;
    std::memcpy(&word, bytes.data(), 4);  // little-endian, as this machine is (bytes.h)
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash = (hash * kMultiplier) ^ word;
    bytes = bytes.subspan(4);
  }
  for (size_t i = bytes.size(); i > 0; --i) hash ^= static_cast<uint32_t>(bytes[i - 1]) << (8 * (i - 1));
  if (!bytes.empty()) hash *= kMultiplier;
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return static_cast<int32_t>(hash);
}

}  // namespace quokka
