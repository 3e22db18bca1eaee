#include "protocol/messages/headers.h"

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {
namespace {

template <class M>
Result<M> read(Bytes bytes, int16_t version, size_t& position) {
  Arena nothing(0);  // headers have no arrays
  return decode<M>(bytes, version, nothing, &position);
}

template <class M>
std::vector<uint8_t> write(const M& header, int16_t version) {
  const Result<Encoded> encoded = encode(header, version);
  std::vector<uint8_t> bytes;
  for (const Encoded::Chunk& chunk : encoded->chunks()) bytes.insert(bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
  return bytes;
}

}  // namespace

Result<RequestHeader> decode_request_header(Bytes bytes, int16_t header_version, size_t& position) {
  return read<RequestHeader>(bytes, header_version, position);
}

Result<ResponseHeader> decode_response_header(Bytes bytes, int16_t header_version, size_t& position) {
  return read<ResponseHeader>(bytes, header_version, position);
}

std::vector<uint8_t> encode_request_header(const RequestHeader& header, int16_t header_version) { return write(header, header_version); }

std::vector<uint8_t> encode_response_header(const ResponseHeader& header, int16_t header_version) { return write(header, header_version); }

}  // namespace quokka
