// What clients were told and what the logs hold, and whether the two agree. The first disagreement is kept, with the time it was seen.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "integration-tests/simulation/agenda.h"
#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"

namespace quokka::simulation {

// One record of a client: who wrote it, and its number among the writer's records for this partition.
struct RecordId {
  uint32_t producer = 0;
  uint32_t number = 0;

  auto operator<=>(const RecordId&) const = default;
  std::string str() const { return "p" + std::to_string(producer) + "#" + std::to_string(number); }
};

// As a record's value: the id in its first eight bytes.
std::vector<uint8_t> encode_value(RecordId id, size_t padding);
std::optional<RecordId> decode_value(Bytes value);

class History {
 public:
  explicit History(const Agenda& agenda) : agenda_(agenda) {}

  void violated(const std::string& what);
  const std::optional<std::string>& violation() const { return violation_; }

  // --- Producers. A promised record is of an idempotent producer with acks=all.
  void on_first_send(const TopicPartition& partition, RecordId id, bool promised);
  // `offset` -1: not told (a duplicate that is too old).
  void on_acknowledged(const TopicPartition& partition, RecordId id, Offset offset, bool promised);

  // --- What is committed: a batch that some replica's high watermark, or a consumer, has passed. The same offset holds the same bytes for ever.
  void on_committed_batch(const TopicPartition& partition, Bytes batch, const std::string& seen_by);
  // Compares one batch that a replica holds below what is committed. Not known as committed: nothing is said.
  bool is_committed(const TopicPartition& partition, Offset base) const;
  Offset committed_end(const TopicPartition& partition) const;

  // At the end, when everything has come to rest and was given to on_committed_batch: nothing promised is missing, doubled or out of order.
  void check_promises();

  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t acknowledged_unpromised() const { return acknowledged_unpromised_; }
  uint64_t lost_unpromised() const { return lost_unpromised_; }

 private:
  struct Batch {
    Offset next;
    uint32_t crc = 0;  // of all its bytes
    std::vector<RecordId> records;
  };
  struct Sent {
    bool promised = false;
    Offset end_when_sent{0};  // acknowledged offsets were below it
    std::optional<Offset> acknowledged;
  };
  struct PartitionHistory {
    std::map<RecordId, Sent> sent;
    std::map<Offset, Batch> committed;
    Offset acknowledged_end{0};
  };

  const Agenda& agenda_;
  std::optional<std::string> violation_;
  std::map<TopicPartition, PartitionHistory> partitions_;
  uint64_t acknowledged_ = 0, acknowledged_unpromised_ = 0, lost_unpromised_ = 0;
};

}  // namespace quokka::simulation
