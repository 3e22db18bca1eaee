#include "protocol/base/uuid.h"

namespace quokka {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kTextLength = 22;

int digit_of(char c) {
  const auto at = kAlphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string Uuid::str() const {
  // 128 bits as 21 digits of six bits and one of two bits (shifted up by four).
  std::string text(kTextLength, 'A');
  unsigned __int128 bits = (static_cast<unsigned __int128>(high) << 64) | low;
  text[kTextLength - 1] = kAlphabet[static_cast<size_t>(bits & 0x3) << 4];
  bits >>= 2;
  for (size_t i = kTextLength - 1; i-- > 0; bits >>= 6) text[i] = kAlphabet[static_cast<size_t>(bits & 0x3f)];
  return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextLength) return std::nullopt;
  unsigned __int128 bits = 0;
  for (size_t i = 0; i < kTextLength; ++i) {
    const int digit = digit_of(text[i]);
    if (digit < 0) return std::nullopt;
    if (i + 1 < kTextLength) {
      bits = bits << 6 | static_cast<unsigned>(digit);
    } else {
      if (digit & 0xf) return std::nullopt;
      bits = bits << 2 | static_cast<unsigned>(digit >> 4);
    }
  }
  return Uuid{static_cast<uint64_t>(bits >> 64), static_cast<uint64_t>(bits)};
}

Uuid Uuid::from_random(uint64_t high_bits, uint64_t low_bits) {
  return {(high_bits & ~uint64_t{0xf000}) | 0x4000, (low_bits & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62)};
}

}  // namespace quokka
