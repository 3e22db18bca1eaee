// Strong types for the numbers of the Kafka protocol, so that an offset is never passed where an epoch is meant.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace quokka {

// A number with a name: ordered and hashable, made from its representation only on request, no arithmetic but what the
// type needs (++, and differences through .value).
template <class Tag, class Rep>
struct Id {
  using rep = Rep;
  Rep value = Tag::kDefault;

  constexpr Id() = default;
  constexpr explicit Id(Rep v) : value(v) {}
  constexpr auto operator<=>(const Id&) const = default;
  constexpr Id next() const { return Id(static_cast<Rep>(value + 1)); }
};

template <class Tag, class Rep>
std::ostream& operator<<(std::ostream& out, Id<Tag, Rep> id) {
  return out << +id.value;
}

// The defaults are Kafka's "none".
struct BrokerIdTag { static constexpr int32_t kDefault = -1; };
struct PartitionIndexTag { static constexpr int32_t kDefault = 0; };
struct OffsetTag { static constexpr int64_t kDefault = -1; };
struct LeaderEpochTag { static constexpr int32_t kDefault = -1; };
struct PartitionEpochTag { static constexpr int32_t kDefault = -1; };
struct ControllerEpochTag { static constexpr int32_t kDefault = -1; };
struct BrokerEpochTag { static constexpr int64_t kDefault = -1; };
struct ProducerIdTag { static constexpr int64_t kDefault = -1; };
struct ProducerEpochTag { static constexpr int16_t kDefault = -1; };

using BrokerId = Id<BrokerIdTag, int32_t>;                // broker.id; -1 none
using PartitionIndex = Id<PartitionIndexTag, int32_t>;    // index of a partition within its topic
using Offset = Id<OffsetTag, int64_t>;                    // position of a record in a partition; -1 unknown
using LeaderEpoch = Id<LeaderEpochTag, int32_t>;          // raised at every leader election of a partition; -1 unknown
using PartitionEpoch = Id<PartitionEpochTag, int32_t>;    // version of the partition's state znode
using ControllerEpoch = Id<ControllerEpochTag, int32_t>;  // raised at every controller election
using BrokerEpoch = Id<BrokerEpochTag, int64_t>;          // czxid of /brokers/ids/<id>: one life of one broker (KIP-380)
using ProducerId = Id<ProducerIdTag, int64_t>;            // of an idempotent or transactional producer; -1 none
using ProducerEpoch = Id<ProducerEpochTag, int16_t>;      // fences older instances of the same producer; -1 none

constexpr Offset operator+(Offset offset, int64_t count) { return Offset(offset.value + count); }
constexpr int64_t operator-(Offset end, Offset begin) { return end.value - begin.value; }

// A partition of a topic by name, as maps and logs use it.
struct TopicPartition {
  std::string topic;
  PartitionIndex partition;

  auto operator<=>(const TopicPartition&) const = default;
  std::string str() const { return topic + "-" + std::to_string(partition.value); }
};

inline std::ostream& operator<<(std::ostream& out, const TopicPartition& tp) { return out << tp.str(); }

}  // namespace quokka

template <class Tag, class Rep>
struct std::hash<quokka::Id<Tag, Rep>> {
  size_t operator()(quokka::Id<Tag, Rep> id) const noexcept { return std::hash<Rep>()(id.value); }
};

template <>
struct std::hash<quokka::TopicPartition> {
  size_t operator()(const quokka::TopicPartition& tp) const noexcept {
    return std::hash<std::string_view>()(tp.topic) * 31 + static_cast<size_t>(tp.partition.value);
  }
};
