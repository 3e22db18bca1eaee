// Kafka's Uuid: topic ids, directory ids, cluster id text. Sixteen bytes, most significant first.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "protocol/base/bytes.h"

namespace quokka {

struct Uuid {
  uint64_t high = 0;
  uint64_t low = 0;

  constexpr auto operator<=>(const Uuid&) const = default;
  constexpr bool is_zero() const { return high == 0 && low == 0; }

  // 22 characters of unpadded URL-safe base64, Kafka's text form.
  std::string str() const;
  // nullopt unless the text is such 22 characters.
  static std::optional<Uuid> parse(std::string_view text);
  // Version 4 (RFC 4122) from 128 random bits. The caller draws again while is_reserved() (Kafka: 0, 1, or a text that begins with '-').
  static Uuid from_random(uint64_t high_bits, uint64_t low_bits);
  bool is_reserved() const { return high == 0 && low <= 1; }
};

using TopicId = Uuid;

inline std::ostream& operator<<(std::ostream& out, const Uuid& id) { return out << id.str(); }

}  // namespace quokka

template <>
struct std::hash<quokka::Uuid> {
  size_t operator()(const quokka::Uuid& id) const noexcept { return static_cast<size_t>(id.high * 31 ^ id.low); }
};
