// The topic keys leader.replication.throttled.replicas and follower.replication.throttled.replicas: which replicas of a topic are copied within the
// broker's rate for throttled replication.
#pragma once

#include <set>
#include <string_view>
#include <utility>

#include "protocol/base/ids.h"

namespace quokka {

class ThrottledReplicas {
 public:
  // text := "" | "*" | replica {"," replica}     replica := partition ":" broker. What is not of this form names nothing: it was told where it was read.
  static ThrottledReplicas of(std::string_view text);

  bool empty() const { return !all_ && replicas_.empty(); }
  bool contains(PartitionIndex partition, BrokerId broker) const { return all_ || replicas_.contains({partition, broker}); }

 private:
  bool all_ = false;
  std::set<std::pair<PartitionIndex, BrokerId>> replicas_;
};

}  // namespace quokka
