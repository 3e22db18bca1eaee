// How long a partition rests after its leader did not serve it, and when that is worth a warning. Performs nothing.
//
// The controller tells brokers of a new leader one after another: a follower that hears of it first asks a leader that does not know of its
// leadership, or of the topic, yet. That passes in milliseconds, so such a refusal is asked again soon and kept quiet unless it lasts.
#pragma once

#include <optional>

#include "protocol/base/error_code.h"
#include "protocol/base/time.h"

namespace quokka {

class FetchRetry {
 public:
  struct Decision {
    Duration rest;
    bool warn = false;
  };
  static constexpr Duration kFirstRest = Duration::millis(20);  // doubles up to the backoff
  static constexpr Duration kQuietMax = Duration::seconds(5);

  // `backoff`: replica.fetch.backoff.ms.
  Decision on_refused(ErrorCode error, MonoTime now, Duration backoff);
  void on_served() { refused_since_.reset(); }

 private:
  std::optional<MonoTime> refused_since_;
  Duration rest_;
};

}  // namespace quokka
