#include "protocol/wire/arena.h"

#include <algorithm>

namespace quokka {
namespace {

// Blocks grow with what was asked for: a small request costs little, a large one few allocations.
constexpr size_t kFirstBlock = 1024;
constexpr size_t kLargestBlock = 256 * 1024;

}  // namespace

void* Arena::allocate(size_t bytes, size_t alignment) {
  const size_t padding = (alignment - reinterpret_cast<uintptr_t>(next_) % alignment) % alignment;
  if (left_ >= padding && left_ - padding >= bytes) {
    std::byte* const at = next_ + padding;
    next_ = at + bytes;
    left_ -= padding + bytes;
    return at;
  }
  const size_t allowed = bytes_max_ - used_;
  if (bytes > allowed) return nullptr;
  const size_t size = std::max(bytes, std::min(allowed, std::clamp(used_, kFirstBlock, kLargestBlock)));
  std::unique_ptr<std::byte[]> block(new (std::nothrow) std::byte[size]);
  if (block == nullptr) return nullptr;
  used_ += size;
  std::byte* const at = block.get();
  blocks_.push_back(std::move(block));
  // What is left of the emptier block is given up.
  if (size - bytes >= left_) {
    next_ = at + bytes;
    left_ = size - bytes;
  }
  return at;
}

}  // namespace quokka
