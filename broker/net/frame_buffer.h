// The bytes of one frame. They take memory as they arrive, not as they are announced (B4).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "protocol/base/bytes.h"
#include "protocol/base/check.h"

namespace quokka {

class FrameBuffer {
 public:
  FrameBuffer() = default;
  ~FrameBuffer() { std::free(start_); }
  FrameBuffer(FrameBuffer&& other) noexcept { swap(other); }
  FrameBuffer& operator=(FrameBuffer&& other) noexcept {
    FrameBuffer moved(std::move(other));
    swap(moved);
    return *this;
  }

  // A frame of `size` bytes begins; nothing is allocated yet.
  void begin(size_t size) {
    std::free(std::exchange(start_, nullptr));
    size_ = size;
    filled_ = capacity_ = 0;
  }

  size_t size() const { return size_; }
  size_t filled() const { return filled_; }
  size_t capacity() const { return capacity_; }
  bool complete() const { return filled_ == size_; }
  MutableBytes bytes() { return {start_, filled_}; }
  Bytes bytes() const { return {start_, filled_}; }

  // Where the next bytes of the frame may be put; empty when it must grow or is complete.
  MutableBytes room() { return {start_ + filled_, capacity_ - filled_}; }
  void add(size_t count) {
    QUOKKA_CHECK_LE(filled_ + count, capacity_);
    filled_ += count;
  }
  // How much the next growth takes if `at_hand` bytes are there to be put: twice what there is, at least a page, never more than the frame.
  size_t growth(size_t at_hand = 0) const {
    constexpr size_t kPage = 4096;
    size_t wanted = std::max({filled_ + at_hand, capacity_ * 2, kPage});
    return std::min(wanted, size_) - capacity_;
  }
  // False if the machine has no memory.
  bool grow(size_t by) {
    auto* larger = static_cast<uint8_t*>(std::realloc(start_, capacity_ + by));
    if (larger == nullptr) return false;
    start_ = larger;
    capacity_ += by;
    return true;
  }

 private:
  void swap(FrameBuffer& other) noexcept {
    std::swap(start_, other.start_);
    std::swap(size_, other.size_);
    std::swap(filled_, other.filled_);
    std::swap(capacity_, other.capacity_);
  }

  uint8_t* start_ = nullptr;
  size_t size_ = 0;
  size_t filled_ = 0;
  size_t capacity_ = 0;
};

}  // namespace quokka
