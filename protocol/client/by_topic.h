// Partitions below their topics, as requests name them.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/wire/codec.h"

namespace quokka {

// `Topic` is a request's, with its name and an array of `Partition`. Lives as long as the request that borrows `topics`.
template <class Topic, class Partition>
struct ByTopic {
  // `names` are sorted: the partitions of a topic follow one another.
  ByTopic(const std::vector<TopicPartition>& names, std::string_view Topic::*topic_name, Array<Partition> Topic::*partitions_of,
          const std::function<Partition(const TopicPartition&)>& make) {
    for (const TopicPartition& name : names) {
      if (topics.empty() || topics.back().*topic_name != name.topic) {
        topics.emplace_back().*topic_name = name.topic;
        partitions.emplace_back();
      }
      partitions.back().push_back(make(name));
    }
    for (size_t i = 0; i < topics.size(); ++i) topics[i].*partitions_of = partitions[i];
  }
  ByTopic(const ByTopic&) = delete;
  ByTopic& operator=(const ByTopic&) = delete;

  std::vector<Topic> topics;
  std::vector<std::vector<Partition>> partitions;
};

}  // namespace quokka
