// How many bytes of requests the broker holds in memory (queued.max.request.bytes).
//
// Produces may use all of it, other requests half as much besides: produces that wait for replication hold memory until fetches come, so fetches
// must get through. One frame at a time may go beyond the limit (the overdraft), so that half-read frames never wait for each other.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>

#include "protocol/base/function.h"
#include "protocol/base/mutex.h"

namespace quokka {

// Any thread.
class RequestBudget {
 public:
  explicit RequestBudget(int64_t bytes_max) : shares_{Share{bytes_max, 0}, Share{bytes_max / 2, 0}} {}

  int64_t used() const;
  bool exhausted() const;

  // What one frame holds; given back when destroyed.
  class Lease {
   public:
    Lease() = default;
    Lease(std::shared_ptr<RequestBudget> budget, bool is_produce) : budget_(std::move(budget)), share_(is_produce ? 0 : 1) {}
    ~Lease();
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept;
    explicit operator bool() const { return budget_ != nullptr; }

    // What the request takes beyond its frame is `bytes` from now on. False if there is no room; a little always finds some.
    bool set_beyond_frame(int64_t bytes);

   private:
    friend class RequestBudget;
    std::shared_ptr<RequestBudget> budget_;
    size_t share_ = 0;
    int64_t bytes_ = 0;
    bool overdrawn_ = false;
    int64_t beyond_frame_ = 0;  // part of bytes_
  };

  // False if there is no room: then `wake` runs once, on any thread, when it may be worth trying again; it must only post.
  bool take(Lease& lease, int64_t bytes, Task wake);
  // For bytes that are in memory already.
  void force(Lease& lease, int64_t bytes);
  // False if nothing is to be waited for; else `wake` runs later, as with take.
  bool wait(Task wake);
  // Wakes who waits although there is room: a wake-up may have gone to a connection that has closed.
  void nudge();

 private:
  struct Share {
    int64_t bytes_max;
    int64_t used;
    bool exhausted() const { return used >= bytes_max; }
  };
  bool is_exhausted() const REQUIRES(mutex_) { return shares_[0].exhausted() || shares_[1].exhausted(); }
  static constexpr int64_t kAlwaysGiven = 1 << 20;  // to what a request takes beyond its frame

  bool set_beyond_frame(Lease& lease, int64_t bytes);
  void give_back(size_t share, int64_t bytes, bool overdrawn);

  mutable Mutex mutex_;
  std::array<Share, 2> shares_ GUARDED_BY(mutex_);  // of produces, of others
  bool overdraft_taken_ GUARDED_BY(mutex_) = false;
  std::deque<Task> waiting_ GUARDED_BY(mutex_);
};

}  // namespace quokka
