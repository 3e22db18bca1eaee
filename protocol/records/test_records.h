// For the tests of this room: hex, golden vectors and batches made by hand, well-formed or not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/base/crc32c.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/record_batch.h"
#include "protocol/records/varint.h"

namespace quokka::testing {

inline std::vector<uint8_t> unhex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// name -> bytes, written by Kafka's own classes.
inline std::map<std::string, std::vector<uint8_t>> golden_batches() {
  std::map<std::string, std::vector<uint8_t>> vectors;
  std::ifstream file("protocol/records/testdata/golden_batches.tsv");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream columns(line);
    std::string name, length, hex;
    if (std::getline(columns, name, '\t') && std::getline(columns, length, '\t') && std::getline(columns, hex, '\t') &&
        name != "name") {
      vectors[name] = unhex(hex);
    }
  }
  return vectors;
}

// Sets the CRC of a batch of magic 2 to what its bytes deserve.
inline void mend_crc(std::vector<uint8_t>& batch) { store_be<uint32_t>(batch.data() + 17, crc32c(Bytes(batch).subspan(21))); }

template <class T>
std::vector<uint8_t> with_field(std::vector<uint8_t> batch, size_t at, T value) {
  store_be<T>(batch.data() + at, value);
  if (at >= 21) mend_crc(batch);
  return batch;
}

// A batch whose payload is given as it stands.
inline std::vector<uint8_t> with_payload(const std::vector<uint8_t>& like, Bytes payload) {
  std::vector<uint8_t> batch(kBatchHeaderBytes + payload.size());
  std::copy_n(like.begin(), kBatchHeaderBytes, batch.begin());
  std::copy(payload.begin(), payload.end(), batch.begin() + kBatchHeaderBytes);
  store_be<int32_t>(batch.data() + 8, static_cast<int32_t>(batch.size() - kLogOverheadBytes));
  mend_crc(batch);
  return batch;
}

struct PlainRecord {
  int64_t offset = 0;
  int64_t timestamp_ms = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;

  bool operator==(const PlainRecord&) const = default;
};

inline std::optional<std::string> text_of_optional(std::optional<Bytes> bytes) {
  return bytes ? std::optional(std::string(text_of(*bytes))) : std::nullopt;
}

}  // namespace quokka::testing
