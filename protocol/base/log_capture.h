// For tests: keeps the lines logged while it lives instead of writing them. One at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/log.h"
#include "protocol/base/mutex.h"

namespace quokka {

class LogCapture {
 public:
  explicit LogCapture(LogLevel level = LogLevel::debug);
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  std::vector<std::string> lines() const;  // "WARN [net] text", without the time
  bool contains(std::string_view text) const;
  // The lines so far, which are then forgotten.
  std::vector<std::string> drain();
  // Of any thread; called by the log.
  void take(std::string line);

 private:
  mutable Mutex mutex_;
  std::vector<std::string> lines_ GUARDED_BY(mutex_);
  LogLevel before_;
};

}  // namespace quokka
