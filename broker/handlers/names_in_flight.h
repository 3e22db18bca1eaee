// Names that something is being done for, so that it is not begun twice.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "protocol/base/mutex.h"

namespace quokka {

// Any thread.
class NamesInFlight {
 public:
  // False if it is there already.
  bool add(std::string_view name) {
    MutexLock lock(mutex_);
    return names_.emplace(name).second;
  }
  void remove(std::string_view name) {
    MutexLock lock(mutex_);
    if (const auto found = names_.find(name); found != names_.end()) names_.erase(found);
  }

 private:
  Mutex mutex_;
  std::set<std::string, std::less<>> names_ GUARDED_BY(mutex_);
};

}  // namespace quokka
