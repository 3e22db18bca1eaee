// Messages with their version in front, as records of internal topics and the members of groups carry them.
#pragma once

#include <algorithm>
#include <vector>

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {

template <class M>
std::vector<uint8_t> versioned(const M& message, int16_t version) {
  const Result<Encoded> encoded = encode(message, version);
  QUOKKA_CHECK(encoded.ok(), encoded.ok() ? std::string() : encoded.error().message);
  std::vector<uint8_t> bytes(2);
  store_be<int16_t>(bytes.data(), version);
  for (const Encoded::Chunk& chunk : encoded->chunks()) bytes.insert(bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
  return bytes;
}

// A version that is not known yet is read as the last one that is: such messages grow at their end.
template <class M>
Result<M> read_versioned(Bytes bytes, Arena& arena) {
  if (bytes.size() < 2) return Error{ErrorCode::INVALID_RECORD, std::string(M::kName) + " of less than two bytes"};
  const int16_t version = load_be<int16_t>(bytes.data());
  if (version < M::kVersionMin) return Error{ErrorCode::INVALID_RECORD, std::string(M::kName) + " of version " + std::to_string(version)};
  return decode<M>(bytes.subspan(2), std::min(version, M::kVersionMax), arena);
}

}  // namespace quokka
