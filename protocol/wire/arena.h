// Memory for the arrays of one message: allocated in blocks, freed all at once, bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

namespace quokka {

// One thread at a time. Objects in it are never destroyed: they must not own anything.
class Arena {
 public:
  // A decoded message takes at most this many times the bytes it came in.
  static constexpr size_t kExpansionMax = 64;

  explicit Arena(size_t bytes_max) : bytes_max_(bytes_max) {}
  static Arena for_frame(size_t frame_bytes) { return Arena(frame_bytes * kExpansionMax); }
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  // nullptr when the bound would be passed, or the machine has no more. `alignment` is at most that of max_align_t.
  void* allocate(size_t bytes, size_t alignment);

  // `count` default-constructed objects; nullptr as allocate().
  template <class T>
  T* make(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>, "an arena destroys nothing");
    if (count > bytes_max_ / sizeof(T)) return nullptr;
    T* first = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    if (first == nullptr) return nullptr;
    for (size_t i = 0; i < count; ++i) new (first + i) T();
    return first;
  }

  // Taken from the heap, room not given out yet included; never above the bound.
  size_t bytes_used() const { return used_; }

 private:
  size_t bytes_max_;
  size_t used_ = 0;
  std::byte* next_ = nullptr;
  size_t left_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
};

}  // namespace quokka
