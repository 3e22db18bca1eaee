// A load beside the first one: on the topic that the first writes (W3, W4) or on topics of its own (W5). Judged with it.
#pragma once

#include <string>
#include <vector>

#include "integration-tests/faults/history.h"

namespace quokka {

class SideLoad {
 public:
  virtual ~SideLoad() = default;

  // What it has achieved so far (committed transactions, acknowledged commits), and how much is needed to prove anything.
  virtual int64_t achieved() const = 0;
  virtual int64_t achieved_min() const = 0;
  // After judge().
  virtual bool proves_something() const { return achieved() >= achieved_min(); }
  virtual std::string str() const = 0;  // in words

  // The first load has stopped, brokers run: comes to its end and reads what there is. Returns what did not come to its end.
  virtual std::vector<std::string> stop(const History& first) = 0;
  // The brokers have stopped: called for each of them, and each of its log directories.
  virtual void read_files(int32_t broker, const std::string& log_directory) = 0;
  virtual Findings judge(const History& first) const = 0;
};

}  // namespace quokka
