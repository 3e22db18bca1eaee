#include "broker/producer/producer_snapshot.h"

#include "protocol/base/crc32c.h"

namespace quokka {

namespace {

constexpr size_t kHeaderBytes = 10;
constexpr size_t kEntryBytes = 46;
constexpr size_t kCrcEnd = 6;

Error corrupt(const std::string& what) { return Error{ErrorCode::CORRUPT_MESSAGE, "producer snapshot: " + what}; }

}  // namespace

std::string encode_producer_snapshot(const std::vector<ProducerEntry>& entries) {
  std::string out(kHeaderBytes + entries.size() * kEntryBytes, '\0');
  auto* at = reinterpret_cast<uint8_t*>(out.data());
  store_be<int16_t>(at, 1);
  store_be<int32_t>(at + 6, static_cast<int32_t>(entries.size()));
  uint8_t* entry_at = at + kHeaderBytes;
  for (const ProducerEntry& entry : entries) {
    store_be<int64_t>(entry_at, entry.producer_id.value);
    store_be<int16_t>(entry_at + 8, entry.producer_epoch.value);
    store_be<int32_t>(entry_at + 10, entry.last_sequence);
    store_be<int64_t>(entry_at + 14, entry.last_offset.value);
    store_be<int32_t>(entry_at + 22, entry.offset_delta);
    store_be<int64_t>(entry_at + 26, entry.timestamp);
    store_be<int32_t>(entry_at + 34, entry.coordinator_epoch);
    store_be<int64_t>(entry_at + 38, entry.open_transaction_start.value);
    entry_at += kEntryBytes;
  }
  store_be<uint32_t>(at + 2, crc32c(bytes_of(out).subspan(kCrcEnd)));
  return out;
}

Result<std::vector<ProducerEntry>> decode_producer_snapshot(Bytes bytes) {
  if (bytes.size() < kHeaderBytes) return corrupt("it is cut off");
  if (load_be<int16_t>(bytes.data()) != 1) return corrupt("its version is " + std::to_string(load_be<int16_t>(bytes.data())) + ", not 1");
  if (load_be<uint32_t>(bytes.data() + 2) != crc32c(bytes.subspan(kCrcEnd))) return corrupt("its CRC is wrong");
  const int32_t count = load_be<int32_t>(bytes.data() + 6);
  if (count < 0 || static_cast<size_t>(count) * kEntryBytes != bytes.size() - kHeaderBytes)
    return corrupt("its length does not fit its count of " + std::to_string(count));
  std::vector<ProducerEntry> entries(static_cast<size_t>(count));
  const uint8_t* at = bytes.data() + kHeaderBytes;
  for (ProducerEntry& entry : entries) {
    entry.producer_id = ProducerId(load_be<int64_t>(at));
    entry.producer_epoch = ProducerEpoch(load_be<int16_t>(at + 8));
    entry.last_sequence = load_be<int32_t>(at + 10);
    entry.last_offset = Offset(load_be<int64_t>(at + 14));
    entry.offset_delta = load_be<int32_t>(at + 22);
    entry.timestamp = load_be<int64_t>(at + 26);
    entry.coordinator_epoch = load_be<int32_t>(at + 34);
    entry.open_transaction_start = Offset(load_be<int64_t>(at + 38));
    at += kEntryBytes;
  }
  return entries;
}

}  // namespace quokka
