#include "broker/cleaner/offset_map.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace quokka {

namespace {

struct SipState {
  uint64_t v0, v1, v2, v3;

  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
  uint64_t folded() const { return v0 ^ v1 ^ v2 ^ v3; }
};

uint64_t load_le(const uint8_t* at, size_t bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < bytes; ++i) word |= uint64_t{at[i]} << (8 * i);
  return word;
}

}  // namespace

Hash128 siphash128(Bytes bytes, HashSecret secret) {
  SipState state{0x736f6d6570736575 ^ secret.first, 0x646f72616e646f6d ^ secret.second ^ 0xee, 0x6c7967656e657261 ^ secret.first,
                 0x7465646279746573 ^ secret.second};
  const auto take = [&](uint64_t word) {
    state.v3 ^= word;
    state.rounds(2);
    state.v0 ^= word;
  };
  const size_t whole = bytes.size() / 8 * 8;
  for (size_t at = 0; at < whole; at += 8) take(load_le(bytes.data() + at, 8));
  take(load_le(bytes.data() + whole, bytes.size() - whole) | uint64_t{bytes.size()} << 56);
  Hash128 hash;
  state.v2 ^= 0xee;
  state.rounds(4);
  hash.low = state.folded();
  state.v1 ^= 0xdd;
  state.rounds(4);
  hash.high = state.folded();
  return hash;
}

OffsetMap::OffsetMap(size_t bytes_max, double load, uint64_t keys_max, HashSecret secret) : secret_(secret) {
  load = std::clamp(load, 0.01, kLoadMax);
  const auto affordable = static_cast<uint64_t>(std::max<size_t>(bytes_max / kEntryBytes, 2));
  const double wanted = static_cast<double>(keys_max) / load + 2;
  const uint64_t slots = wanted < static_cast<double>(affordable) ? static_cast<uint64_t>(wanted) : affordable;
  entries_.resize(slots);
  keys_max_ = std::max<size_t>(1, static_cast<size_t>(static_cast<double>(slots) * load));
}

// Of the hash's entry, or of the free one where it would go.
size_t OffsetMap::place_of(const Hash128& hash) const {
  auto place = static_cast<size_t>(hash.low % entries_.size());
  while (entries_[place].offset >= 0 && !(entries_[place].hash == hash))
    if (++place == entries_.size()) place = 0;
  return place;
}

bool OffsetMap::put(Bytes key, Offset offset) {
  const Hash128 hash = siphash128(key, secret_);
  Entry& entry = entries_[place_of(hash)];
  if (entry.offset < 0) {
    if (size_ >= keys_max_) return false;
    ++size_;
    entry.hash = hash;
  }
  entry.offset = offset.value;
  latest_ = offset;
  return true;
}

std::optional<Offset> OffsetMap::find(Bytes key) const {
  const Entry& entry = entries_[place_of(siphash128(key, secret_))];
  if (entry.offset < 0) return std::nullopt;
  return Offset(entry.offset);
}

}  // namespace quokka
