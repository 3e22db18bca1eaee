// The partitions that a request names, each with a name of its own: four bytes on the wire become hundreds in memory. So whoever makes them counts them
// first, makes each once, and does not copy a name that no topic can have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/handlers/places.h"
#include "broker/request/call.h"
#include "protocol/base/ids.h"
#include "protocol/base/topic_name.h"

namespace quokka {

// Names of topics behind the handler. A name that is too long for a topic, up to 32,767 bytes, is represented there by a few bytes which no topic has
// either, so that it is answered as any unknown one.
class TopicNames {
 public:
  // Borrows `name`, from the call.
  std::string inward(std::string_view name) {
    if (name.size() <= kTopicNameBytesMax && !name.starts_with('\0')) return std::string(name);
    const auto place = places_.of(name);
    if (place.is_new) names_.push_back(name);
    return '\0' + std::to_string(place.index);
  }
  // And back, for the answer. Borrows `name` or what inward() was given.
  std::string_view outward(std::string_view name) const {
    if (!name.starts_with('\0')) return name;
    return names_.at(std::stoul(std::string(name.substr(1))));
  }

 private:
  Places<std::string_view> places_;
  std::vector<std::string_view> names_;
};

// What TopicPartitions of a request will take.
class NamedMemory {
 public:
  void add(std::string_view topic, size_t partitions) {
    partitions_ += partitions;
    bytes_ += partitions * (kBytes + kCopies * (topic.size() <= kTopicNameBytesMax ? topic.size() : 0));
  }
  template <class Topics, class Name, class Partitions>
  void add_all(const Topics& topics, Name name, Partitions partitions) {
    for (const auto& topic : topics) add(topic.*name, (topic.*partitions).size());
  }
  // Loop, before they are made; `besides` is what the request holds already. False: there is no room, and the connection is closed.
  bool reserve(CallPtr& call, size_t besides) const {
    if (partitions_ <= kPartitionsMax && (bytes_ <= kUncountedMax || call->reserve_memory(besides + bytes_))) return true;
    const std::string many = "a request names " + std::to_string(partitions_) + " partitions";
    call->close(partitions_ > kPartitionsMax ? many + ", more than " + std::to_string(kPartitionsMax)
                                             : many + ", which take " + std::to_string(bytes_) + " bytes in memory, and there is no room for that within queued.max.request.bytes");
    call.reset();
    return false;
  }

 private:
  static constexpr size_t kCopies = 5;   // of a name at a time, as measured: of the handler, of who is asked, in its answer
  static constexpr size_t kBytes = 800;  // of a partition besides: nodes of maps and sets, outcomes
  static constexpr size_t kUncountedMax = 64 << 10;
  static constexpr size_t kPartitionsMax = 200'000;  // more than a cluster has
  size_t partitions_ = 0, bytes_ = 0;
};

// Each once, in the order asked. `partitions` is an array of indexes.
template <class Topics, class Name, class Partitions>
std::vector<TopicPartition> named_partitions(const Topics& topics, Name name, Partitions partitions, TopicNames& names) {
  std::vector<TopicPartition> all;
  Places<std::string_view, PartitionIndex> places;
  for (const auto& topic : topics) {
    if ((topic.*partitions).empty()) continue;
    const std::string inward = names.inward(topic.*name);
    for (const PartitionIndex index : topic.*partitions)
      if (places.of(topic.*name, index).is_new) all.push_back({inward, index});
  }
  return all;
}

}  // namespace quokka
