#include "integration-tests/simulation/history.h"

#include <fmt/core.h>

#include "protocol/base/crc32c.h"
#include "protocol/records/record_batch.h"

namespace quokka::simulation {

std::vector<uint8_t> encode_value(RecordId id, size_t padding) {
  std::vector<uint8_t> value(8 + padding, static_cast<uint8_t>(id.number));
  store_be(value.data(), static_cast<int32_t>(id.producer));
  store_be(value.data() + 4, static_cast<int32_t>(id.number));
  return value;
}

std::optional<RecordId> decode_value(Bytes value) {
  if (value.size() < 8) return std::nullopt;
  return RecordId{static_cast<uint32_t>(load_be<int32_t>(value.data())), static_cast<uint32_t>(load_be<int32_t>(value.data() + 4))};
}

void History::violated(const std::string& what) {
  if (!violation_) violation_ = fmt::format("at {:.6f} s: {}", static_cast<double>(agenda_.now().us) / 1e6, what);
}

void History::on_first_send(const TopicPartition& partition, RecordId id, bool promised) {
  PartitionHistory& history = partitions_[partition];
  history.sent[id] = {promised, history.acknowledged_end, std::nullopt};
}

void History::on_acknowledged(const TopicPartition& partition, RecordId id, Offset offset, bool promised) {
  PartitionHistory& history = partitions_[partition];
  Sent& sent = history.sent.at(id);
  sent.acknowledged = offset;
  ++(promised ? acknowledged_ : acknowledged_unpromised_);
  if (!promised || offset.value < 0) return;
  if (offset < sent.end_when_sent)
    violated(fmt::format("{}: {} was acknowledged at offset {}, below {}, which was acknowledged before it was sent", partition.str(), id.str(), offset.value,
                         sent.end_when_sent.value));
  history.acknowledged_end = std::max(history.acknowledged_end, offset + 1);
}

void History::on_committed_batch(const TopicPartition& partition, Bytes bytes, const std::string& seen_by) {
  PartitionHistory& history = partitions_[partition];
  const BatchView batch(bytes);
  const Offset base = batch.base_offset();
  const uint32_t crc = crc32c(bytes);
  if (const auto known = history.committed.find(base); known != history.committed.end()) {
    if (known->second.crc != crc || known->second.next != batch.next_offset())
      violated(fmt::format("{}: the committed batch at offset {} is another on {}: {} now, {} before", partition.str(), base.value, seen_by,
                           RecordCursor(batch, batch.payload()).ok() ? "other bytes" : "no records", known->second.records.front().str()));
    return;
  }
  const Offset end = committed_end(partition);
  if (base != end) return violated(fmt::format("{}: {} has a committed batch at offset {}, where {} is the next", partition.str(), seen_by, base.value, end.value));
  Batch committed{batch.next_offset(), crc, {}};
  if (!batch.crc_is_valid()) violated(fmt::format("{}: the committed batch at offset {} of {} has a wrong CRC", partition.str(), base.value, seen_by));
  RecordCursor cursor(batch, batch.payload());
  RecordView record;
  while (cursor.next(record)) {
    const auto id = record.value ? decode_value(*record.value) : std::nullopt;
    if (!id || !history.sent.contains(*id)) return violated(fmt::format("{}: the record at offset {} was never sent", partition.str(), record.offset.value));
    committed.records.push_back(*id);
  }
  history.committed.emplace(base, std::move(committed));
}

bool History::is_committed(const TopicPartition& partition, Offset base) const {
  const auto history = partitions_.find(partition);
  return history != partitions_.end() && history->second.committed.contains(base);
}

Offset History::committed_end(const TopicPartition& partition) const {
  const auto history = partitions_.find(partition);
  if (history == partitions_.end() || history->second.committed.empty()) return Offset(0);
  return history->second.committed.rbegin()->second.next;
}

void History::check_promises() {
  for (const auto& [partition, history] : partitions_) {
    std::map<RecordId, Offset> found;
    std::map<uint32_t, uint32_t> last;  // number, by producer
    for (const auto& [base, batch] : history.committed) {
      for (size_t i = 0; i < batch.records.size(); ++i) {
        const RecordId id = batch.records[i];
        const Offset offset = base + static_cast<int64_t>(i);
        const bool promised = history.sent.at(id).promised;
        const auto [place, fresh] = found.emplace(id, offset);
        if (!fresh && promised)
          violated(fmt::format("{}: {} is there twice, at offsets {} and {}", partition.str(), id.str(), place->second.value, offset.value));
        if (promised && last.contains(id.producer) && id.number < last[id.producer])
          violated(fmt::format("{}: {} at offset {} comes behind number {}", partition.str(), id.str(), offset.value, last[id.producer]));
        last[id.producer] = id.number;
      }
    }
    for (const auto& [id, sent] : history.sent) {
      if (!sent.acknowledged) continue;
      const auto there = found.find(id);
      if (there == found.end()) {
        if (sent.promised)
          violated(fmt::format("{}: {} was acknowledged at offset {} and is lost", partition.str(), id.str(), sent.acknowledged->value));
        else
          ++lost_unpromised_;
      } else if (sent.promised && sent.acknowledged->value >= 0 && there->second != *sent.acknowledged) {
        violated(fmt::format("{}: {} was acknowledged at offset {} and is at {}", partition.str(), id.str(), sent.acknowledged->value, there->second.value));
      }
    }
  }
}

}  // namespace quokka::simulation
