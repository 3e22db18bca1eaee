#include "broker/quota/byte_rate.h"

#include <algorithm>

namespace quokka {

void ByteRate::record(int64_t bytes, MonoTime now) {
  if (windows_.empty() || now - windows_.back().begin >= window_) windows_.push_back({now, now, 0});
  if (windows_.size() > windows_max_ + 1) windows_.pop_front();
  windows_.back().last = now;
  windows_.back().bytes += bytes;
}

double ByteRate::per_second(MonoTime now) {
  const Duration span{static_cast<int64_t>(windows_max_) * window_.us};
  while (!windows_.empty() && now - windows_.front().last >= span) windows_.pop_front();
  if (windows_.empty()) return 0;
  int64_t bytes = 0;
  for (const Window& each : windows_) bytes += each.bytes;
  const Duration elapsed = std::max(now - windows_.front().begin, window_);
  return static_cast<double>(bytes) * 1e6 / static_cast<double>(elapsed.us);
}

}  // namespace quokka
