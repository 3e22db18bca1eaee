// Decides when a request of a connection may be handed to its handler and when its answer may leave. Performs nothing.
//
//   Requests are handed over in the order of arrival. One that overlaps (Produce) goes when all unfinished ones before it overlap too and none
//   of them holds; any other goes when all before it are finished. Answers leave in the order of arrival.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "protocol/base/check.h"

namespace quokka {

class RequestOrder {
 public:
  using Place = uint64_t;

  Place on_arrived(bool overlaps) {
    slots_.push_back({overlaps, false, false});
    return first_ + slots_.size() - 1;
  }

  // The request to hand over now, if any; it counts as handed over.
  std::optional<Place> next_delivery() {
    if (next_ == first_ + slots_.size()) return std::nullopt;
    const Slot& slot = at(next_);
    bool may_overlap = slot.overlaps && exclusive_unfinished_ == 0 && holding_ == 0;
    if (unfinished_ > 0 && !may_overlap) return std::nullopt;
    ++unfinished_;
    if (!slot.overlaps) ++exclusive_unfinished_;
    return next_++;
  }

  // Keeps the requests behind this one back, although they overlap.
  void on_hold(Place place) {
    if (!at(place).holds) ++holding_;
    at(place).holds = true;
  }
  void on_allow(Place place) {
    if (place < first_ || !at(place).holds) return;  // finished meanwhile
    at(place).holds = false;
    --holding_;
  }

  // The handler is done with it.
  void on_finished(Place place) {
    on_allow(place);
    Slot& slot = at(place);
    QUOKKA_CHECK(!slot.finished && place < next_, "a request finishes once, after it was handed over");
    slot.finished = true;
    --unfinished_;
    if (!slot.overlaps) --exclusive_unfinished_;
  }

  // The request whose answer leaves now, if any; it is forgotten.
  std::optional<Place> next_departure() {
    if (slots_.empty() || !slots_.front().finished) return std::nullopt;
    slots_.pop_front();
    return first_++;
  }

  // Forgets what has not been handed over.
  void drop_waiting() { slots_.resize(next_ - first_); }

  size_t size() const { return slots_.size(); }
  size_t waiting() const { return first_ + slots_.size() - next_; }
  Place first() const { return first_; }

 private:
  struct Slot {
    bool overlaps = false;
    bool holds = false;
    bool finished = false;
  };
  Slot& at(Place place) { return slots_[place - first_]; }

  std::deque<Slot> slots_;
  Place first_ = 0;  // of slots_
  Place next_ = 0;   // to hand over
  size_t unfinished_ = 0;  // handed over, not finished
  size_t exclusive_unfinished_ = 0;
  size_t holding_ = 0;
};

}  // namespace quokka
