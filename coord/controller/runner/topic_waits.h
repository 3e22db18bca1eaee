// Requests that wait until a topic is usable, or gone: they look whenever something may have changed, and end at their time-out.
#pragma once

#include <list>
#include <memory>

#include "protocol/base/error_code.h"
#include "protocol/base/function.h"
#include "protocol/base/loop.h"

namespace quokka {

// The loop's own thread only.
class TopicWaits {
 public:
  explicit TopicWaits(Loop& loop) : loop_(loop) {}
  ~TopicWaits();

  // `is_so` is asked now, at every look() and at the end. done(NONE) when it is so, else done(REQUEST_TIMED_OUT).
  void wait(Duration timeout, Function<bool()> is_so, Function<void(ErrorCode)> done);
  void look();
  // Ends every wait.
  void end_all(ErrorCode code);
  bool empty() const { return waits_.empty(); }

 private:
  struct Wait {
    Function<bool()> is_so;
    Function<void(ErrorCode)> done;
    Loop::TimerId timer = 0;
  };

  Loop& loop_;
  std::list<std::shared_ptr<Wait>> waits_;
};

}  // namespace quokka
