// What a record of a fault test carries, so that wherever it is read one can say who wrote it, when and for which partition.
//
// payload := magic:uint32 crc:uint32 run:uint32 producer:int32 sequence:int64 partition:int32 filler      crc (CRC-32C) covers what follows it
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/base/bytes.h"

namespace quokka {

// Unique in one run: a producer never uses a sequence twice.
struct RecordId {
  int32_t producer = -1;
  int64_t sequence = -1;

  auto operator<=>(const RecordId&) const = default;
};

struct Payload {
  static constexpr size_t bytes_min = 32;

  uint32_t run = 0;  // a topic that was deleted and made again is another run
  RecordId id;
  int32_t partition = -1;

  bool operator==(const Payload&) const = default;
};

// `size` bytes, at least Payload::bytes_min; the filler depends on the id.
std::string encode_payload(const Payload& payload, size_t size);
// nullopt: it is not one, or not as it was written.
std::optional<Payload> decode_payload(Bytes bytes);

}  // namespace quokka
