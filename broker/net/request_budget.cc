#include "broker/net/request_budget.h"

namespace quokka {

int64_t RequestBudget::used() const {
  MutexLock lock(mutex_);
  return shares_[0].used + shares_[1].used;
}

bool RequestBudget::exhausted() const {
  MutexLock lock(mutex_);
  return is_exhausted();
}

bool RequestBudget::take(Lease& lease, int64_t bytes, Task wake) {
  MutexLock lock(mutex_);
  Share& share = shares_[lease.share_];
  if (share.used + bytes > share.bytes_max && !lease.overdrawn_) {
    if (overdraft_taken_) {
      waiting_.push_back(std::move(wake));
      return false;
    }
    overdraft_taken_ = lease.overdrawn_ = true;
  }
  share.used += bytes;
  lease.bytes_ += bytes;
  return true;
}

void RequestBudget::force(Lease& lease, int64_t bytes) {
  MutexLock lock(mutex_);
  shares_[lease.share_].used += bytes;
  lease.bytes_ += bytes;
}

bool RequestBudget::wait(Task wake) {
  MutexLock lock(mutex_);
  if (!is_exhausted()) return false;
  waiting_.push_back(std::move(wake));
  return true;
}

void RequestBudget::nudge() {
  std::deque<Task> woken;
  {
    MutexLock lock(mutex_);
    if (!is_exhausted() || !overdraft_taken_) woken.swap(waiting_);
  }
  for (Task& wake : woken) wake();
}

void RequestBudget::give_back(size_t index, int64_t bytes, bool overdrawn) {
  std::deque<Task> woken;
  {
    MutexLock lock(mutex_);
    Share& share = shares_[index];
    share.used -= bytes;
    if (overdrawn) overdraft_taken_ = false;
    // All when there is much room; at the limit one, or every frame that ends would wake every connection.
    if (share.used < share.bytes_max - share.bytes_max / 4) {
      woken.swap(waiting_);
    } else if (!waiting_.empty()) {
      woken.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  for (Task& wake : woken) wake();
}

bool RequestBudget::set_beyond_frame(Lease& lease, int64_t bytes) {
  const int64_t more = bytes - lease.beyond_frame_;
  if (more <= 0) {
    lease.bytes_ += more;
    lease.beyond_frame_ = bytes;
    give_back(lease.share_, -more, false);
    return true;
  }
  MutexLock lock(mutex_);
  Share& share = shares_[lease.share_];
  if (bytes > kAlwaysGiven && share.used + more > share.bytes_max) return false;
  share.used += more;
  lease.bytes_ += more;
  lease.beyond_frame_ = bytes;
  return true;
}

bool RequestBudget::Lease::set_beyond_frame(int64_t bytes) { return !budget_ || budget_->set_beyond_frame(*this, bytes); }

RequestBudget::Lease::~Lease() {
  if (budget_ && bytes_ > 0) budget_->give_back(share_, bytes_, overdrawn_);
}

RequestBudget::Lease& RequestBudget::Lease::operator=(Lease&& other) noexcept {
  if (budget_ && bytes_ > 0) budget_->give_back(share_, bytes_, overdrawn_);
  budget_ = std::move(other.budget_);
  share_ = other.share_;
  bytes_ = other.bytes_;
  overdrawn_ = other.overdrawn_;
  beyond_frame_ = other.beyond_frame_;
  return *this;
}

}  // namespace quokka
