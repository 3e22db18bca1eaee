// Views of bytes and big-endian loads and stores. Nothing here owns or allocates.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace quokka {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

inline Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
inline std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

namespace detail {
template <size_t N> struct UintOf;
template <> struct UintOf<1> { using type = uint8_t; };
template <> struct UintOf<2> { using type = uint16_t; };
template <> struct UintOf<4> { using type = uint32_t; };
template <> struct UintOf<8> { using type = uint64_t; };

constexpr uint8_t swap_bytes(uint8_t v) { return v; }
constexpr uint16_t swap_bytes(uint16_t v) { return __builtin_bswap16(v); }
constexpr uint32_t swap_bytes(uint32_t v) { return __builtin_bswap32(v); }
constexpr uint64_t swap_bytes(uint64_t v) { return __builtin_bswap64(v); }
}  // namespace detail

static_assert(std::endian::native == std::endian::little, "loads and stores swap: a big-endian machine needs none");

// The caller has checked that sizeof(T) bytes are there. T: an integer or double.
template <class T>
T load_be(const uint8_t* at) {
  typename detail::UintOf<sizeof(T)>::type raw;
  std::memcpy(&raw, at, sizeof raw);
  return std::bit_cast<T>(detail::swap_bytes(raw));
}

template <class T>
void store_be(uint8_t* at, T value) {
  auto raw = detail::swap_bytes(std::bit_cast<typename detail::UintOf<sizeof(T)>::type>(value));
  std::memcpy(at, &raw, sizeof raw);
}

}  // namespace quokka
