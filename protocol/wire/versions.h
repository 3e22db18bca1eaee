// Ranges of a message's versions, and what a message says about itself.
#pragma once

#include <cstdint>
#include <limits>

namespace quokka {

// Versions of a message, both ends inclusive.
struct Versions {
  int16_t first = 0;
  int16_t last = std::numeric_limits<int16_t>::max();
  bool ignorable = false;  // where there is no room for a value it is dropped; else the message cannot be written

  constexpr bool contains(int16_t version) const { return first <= version && version <= last; }
  constexpr Versions or_dropped() const { return {first, last, true}; }
};
constexpr Versions always() { return {}; }
constexpr Versions never() { return {1, 0}; }
constexpr Versions since(int16_t first) { return {first}; }
constexpr Versions until(int16_t last) { return {0, last}; }
constexpr Versions between(int16_t first, int16_t last) { return {first, last}; }

inline constexpr int16_t kNeverFlexible = std::numeric_limits<int16_t>::max();

// Flexible versions (KIP-482) have compact lengths, and a section of tagged fields after every struct.
struct MessageSchema {
  const char* name;
  int16_t version_min;
  int16_t version_max;
  int16_t flexible_from;
};
template <class M>
inline constexpr MessageSchema kSchemaOf{M::kName, M::kVersionMin, M::kVersionMax, M::kFlexibleFrom};

}  // namespace quokka
