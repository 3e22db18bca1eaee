// Memory for the arrays of one message: allocated in blocks, freed all at once, bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

namespace quokka {

// One thread at a time. Objects in it are never destroyed: they must not own anything.
class Arena {
 public:
  // A decoded message takes at most this many times the bytes it came in.
  static constexpr size_t kExpansionMax = 64;

  explicit Arena(size_t bytes_max) : bytes_max_(bytes_max) {}
  static Arena for_frame(size_t frame_bytes) { return Arena(frame_bytes * kExpansionMax + 4096); }
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  // `count` default-constructed objects; nullptr when the bound would be passed.
  template <class T>
  T* make(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>, "an arena destroys nothing");
    if (count > bytes_max_ / sizeof(T)) return nullptr;
    void* at = allocate(count * sizeof(T), alignof(T));
    if (at == nullptr) return nullptr;
    T* first = static_cast<T*>(at);
    for (size_t i = 0; i < count; ++i) new (first + i) T();
    return first;
  }

  size_t bytes_used() const { return used_; }

 private:
  static constexpr size_t kBlockBytes = 4096;

  void* allocate(size_t bytes, size_t alignment) {
    size_t padding = (alignment - reinterpret_cast<uintptr_t>(next_) % alignment) % alignment;
    if (next_ == nullptr || padding + bytes > left_) {
      const size_t block = bytes + alignment > kBlockBytes ? bytes + alignment : kBlockBytes;
      if (block > bytes_max_ - used_) return nullptr;
      blocks_.push_back(std::make_unique<std::byte[]>(block));
      used_ += block;
      next_ = blocks_.back().get();
      left_ = block;
      padding = (alignment - reinterpret_cast<uintptr_t>(next_) % alignment) % alignment;
    }
    std::byte* at = next_ + padding;
    next_ = at + bytes;
    left_ -= padding + bytes;
    return at;
  }

  size_t bytes_max_;
  size_t used_ = 0;
  std::byte* next_ = nullptr;
  size_t left_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
};

}  // namespace quokka
