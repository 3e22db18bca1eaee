// How many connections there are, in all and by address (max.connections, max.connections.per.ip). The count of a connection goes down when
// its place is destroyed, whatever closed it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "protocol/base/mutex.h"

namespace quokka {

// Any thread.
class ConnectionLimits : public std::enable_shared_from_this<ConnectionLimits> {
 public:
  ConnectionLimits(int32_t total_max, int32_t per_ip_max, std::map<std::string, int32_t> overrides)
      : total_max_(total_max), per_ip_max_(per_ip_max), overrides_(std::move(overrides)) {}

  // One connection's share of the counts.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept = delete;
    ~Place() {
      if (limits_) limits_->leave(address_);
    }
    explicit operator bool() const { return limits_ != nullptr; }

   private:
    friend class ConnectionLimits;
    std::shared_ptr<ConnectionLimits> limits_;
    std::string address_;
  };

  // An empty place if the address has too many. `limit` is what it may have.
  Place admit(const std::string& address, int32_t& limit) {
    Place place;
    MutexLock lock(mutex_);
    auto override = overrides_.find(address);
    limit = override == overrides_.end() ? per_ip_max_ : override->second;
    auto at = by_address_.find(address);
    if ((at == by_address_.end() ? 0 : at->second) >= limit) return place;
    ++by_address_[address];
    ++total_;
    place.limits_ = shared_from_this();
    place.address_ = address;
    return place;
  }

  bool full() const {
    MutexLock lock(mutex_);
    return total_ >= total_max_;
  }
  int64_t total() const {
    MutexLock lock(mutex_);
    return total_;
  }
  void set_total_max(int32_t total_max) {
    MutexLock lock(mutex_);
    total_max_ = total_max;
  }
  void set_per_ip(int32_t per_ip_max, std::map<std::string, int32_t> overrides) {
    MutexLock lock(mutex_);
    per_ip_max_ = per_ip_max;
    overrides_ = std::move(overrides);
  }

 private:
  void leave(const std::string& address) {
    MutexLock lock(mutex_);
    --total_;
    auto at = by_address_.find(address);
    if (--at->second == 0) by_address_.erase(at);
  }

  mutable Mutex mutex_;
  int32_t total_max_ GUARDED_BY(mutex_);
  int32_t per_ip_max_ GUARDED_BY(mutex_);
  std::map<std::string, int32_t> overrides_ GUARDED_BY(mutex_);
  int64_t total_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, int32_t> by_address_ GUARDED_BY(mutex_);
};

}  // namespace quokka
