#include "broker/journal/coordinator_partition.h"

#include <limits>

namespace quokka {

namespace {

// One code point of well-formed UTF-8; of anything else the byte itself. Moves `at` behind it.
uint32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  const uint32_t first = byte(at++);
  const size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
  if (more == 0 || at + more > text.size()) return first;
  uint32_t point = first & (0x3fu >> more);
  for (size_t i = 0; i < more; ++i) point = point << 6 | (byte(at++) & 0x3f);
  return point;
}

int32_t java_hash(std::string_view text) {
  uint32_t hash = 0;
  for (size_t at = 0; at < text.size();) {
    const uint32_t point = next_code_point(text, at);
    if (point < 0x10000) {
      hash = 31 * hash + point;
    } else {
      hash = 31 * hash + (0xd800 + ((point - 0x10000) >> 10));
      hash = 31 * hash + (0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
  return static_cast<int32_t>(hash);
}

}  // namespace

PartitionIndex coordinator_partition(std::string_view id, int32_t partitions) {
  const int32_t hash = java_hash(id);
  const int32_t positive = hash == std::numeric_limits<int32_t>::min() ? 0 : hash < 0 ? -hash : hash;
  return PartitionIndex(positive % partitions);
}

}  // namespace quokka
