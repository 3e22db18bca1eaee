// For fuzzers: bytes as choices, zeros when they are used up.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quokka {

class Choices {
 public:
  Choices(const uint8_t* bytes, size_t size) : at_(bytes), end_(bytes + size) {}

  bool over() const { return at_ == end_; }
  size_t below(size_t count) { return over() ? 0 : *at_++ % count; }
  bool flip() { return below(2) == 1; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace quokka
