// Answers by topic and partition, as reassignments and elections have them.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/handlers/named_partitions.h"
#include "coord/controller/effects.h"
#include "protocol/wire/codec.h"

namespace quokka {

// Topics with their partitions, in order. `topics` borrows from `partitions`, and both from `all`.
template <class Topic, class Partition>
struct ByTopic {
  std::vector<Topic> topics;
  std::deque<std::vector<Partition>> partitions;

  // `all` is a map by TopicPartition; `topic` makes a topic of a name, `partition` a partition of an index and a value. `names` are those asked for.
  template <class Map, class MakeTopic, class MakePartition>
  ByTopic(const Map& all, const TopicNames& names, Array<Partition> Topic::* list, MakeTopic topic, MakePartition partition) {
    const std::string* name = nullptr;
    for (const auto& [tp, value] : all) {
      if (name == nullptr || *name != tp.topic) {
        topics.push_back(topic(names.outward(tp.topic)));
        partitions.emplace_back();
        name = &tp.topic;
      }
      partitions.back().push_back(partition(tp.partition, value));
    }
    for (size_t i = 0; i < topics.size(); ++i) topics[i].*list = partitions[i];
  }
};

// Kafka says nothing where there is no error.
inline std::optional<std::string_view> message_of(const PartitionOutcome& outcome) {
  if (outcome.error == ErrorCode::NONE || outcome.message.empty()) return std::nullopt;
  return std::string_view(outcome.message);
}

}  // namespace quokka
