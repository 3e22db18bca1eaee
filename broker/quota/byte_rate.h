// How many bytes went by each second, measured over the last windows as Kafka's SimpleRate does: what the windows counted, by the time since the oldest of
// them began, which is taken for at least one window. Who asks tells the time.
#pragma once

#include <cstdint>
#include <deque>

#include "protocol/base/time.h"

namespace quokka {

class ByteRate {
 public:
  // At least one window.
  ByteRate(int32_t windows, Duration window) : windows_max_(static_cast<size_t>(windows)), window_(window) {}

  void record(int64_t bytes, MonoTime now);
  double per_second(MonoTime now);

 private:
  struct Window {
    MonoTime begin, last;
    int64_t bytes = 0;
  };

  const size_t windows_max_;
  const Duration window_;
  std::deque<Window> windows_;  // oldest first; one more than asked for, for the oldest lies partly outside
};

}  // namespace quokka
