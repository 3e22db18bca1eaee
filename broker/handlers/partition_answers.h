// Answers that list partitions by topic and grow piece by piece: one entry a topic, in the order in which topics come.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/wire/array.h"

namespace quokka {

// Topic has `name` and `partitions`, an array of Partition.
template <class Topic, class Partition>
class PartitionAnswers {
 public:
  // Names are copied.
  void add_topic(std::string_view name) { entry(name); }
  void add(std::string_view name, Partition partition) { entry(name).push_back(std::move(partition)); }
  bool empty() const { return topics_.empty(); }

  // Borrowed from this; nothing is added afterwards.
  Array<Topic> array() {
    answer_.clear();
    for (auto& [name, partitions] : topics_) {
      Topic& topic = answer_.emplace_back();
      topic.name = name;
      topic.partitions = partitions;
    }
    return answer_;
  }

 private:
  std::vector<Partition>& entry(std::string_view name) {
    // Most come topic by topic.
    if (!topics_.empty() && topics_.back().first == name) return topics_.back().second;
    for (auto& [known, partitions] : topics_) {
      if (known == name) return partitions;
    }
    return topics_.emplace_back(std::string(name), std::vector<Partition>()).second;
  }

  std::deque<std::pair<std::string, std::vector<Partition>>> topics_;
  std::vector<Topic> answer_;
};

}  // namespace quokka
