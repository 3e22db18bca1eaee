#include "integration-tests/faults/payload.h"

#include <algorithm>

#include "protocol/base/crc32c.h"

namespace quokka {
namespace {

constexpr uint32_t magic = 0x514b4654;
constexpr size_t crc_end = 8;

}  // namespace

std::string encode_payload(const Payload& payload, size_t size) {
  std::string text(std::max(size, Payload::bytes_min), '\0');
  auto* at = reinterpret_cast<uint8_t*>(text.data());
  store_be(at, magic);
  store_be(at + 8, payload.run);
  store_be(at + 12, payload.id.producer);
  store_be(at + 16, payload.id.sequence);
  store_be(at + 24, payload.partition);
  for (size_t i = 28; i < text.size(); ++i) at[i] = static_cast<uint8_t>(static_cast<uint64_t>(payload.id.sequence) * 31 + i);
  store_be(at + 4, crc32c(Bytes(at + crc_end, text.size() - crc_end)));
  return text;
}

std::optional<Payload> decode_payload(Bytes bytes) {
  const uint8_t* at = bytes.data();
  if (bytes.size() < Payload::bytes_min || load_be<uint32_t>(at) != magic || load_be<uint32_t>(at + 4) != crc32c(bytes.subspan(crc_end))) return std::nullopt;
  Payload payload;
  payload.run = load_be<uint32_t>(at + 8);
  payload.id = {load_be<int32_t>(at + 12), load_be<int64_t>(at + 16)};
  payload.partition = load_be<int32_t>(at + 24);
  return payload;
}

}  // namespace quokka
