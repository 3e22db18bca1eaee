#include "protocol/messages/headers.h"

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {

namespace {

// Both headers have no known tags: a flexible one ends in an empty section.
struct RequestHeaderFields : RequestHeader {
  static constexpr const char* kName = "RequestHeader";
};
void fields(Codec& c, RequestHeaderFields& m) {
  c.field(m.api_key, "api_key");
  c.field(m.api_version, "api_version");
  c.field(m.correlation_id, "correlation_id");
  if (c.version() < 1) return;
  if (auto* reader = dynamic_cast<Reader*>(&c)) reader->inflexible_text(m.client_id, "client_id");
  if (auto* writer = dynamic_cast<Writer*>(&c)) writer->inflexible_text(m.client_id);
}

struct ResponseHeaderFields : ResponseHeader {
  static constexpr const char* kName = "ResponseHeader";
};
void fields(Codec& c, ResponseHeaderFields& m) { c.field(m.correlation_id, "correlation_id"); }

template <class M>
Result<M> read(Bytes bytes, int16_t version, bool flexible, size_t& position) {
  Arena arena(0);
  Reader reader(bytes, version, flexible, arena);
  M header;
  reader.object(header);
  if (!reader.ok()) return Error{ErrorCode::INVALID_REQUEST, std::string(M::kName) + ": " + reader.error()};
  position = reader.position();
  return header;
}

template <class M>
std::vector<uint8_t> write(M header, int16_t version, bool flexible) {
  Writer counter(version, flexible);
  counter.object(header);
  std::vector<uint8_t> bytes(counter.own_bytes());
  Writer writer(version, flexible, bytes.data());
  writer.object(header);
  return bytes;
}

}  // namespace

Result<RequestHeader> decode_request_header(Bytes bytes, int16_t header_version, size_t& position) {
  Result<RequestHeaderFields> header = read<RequestHeaderFields>(bytes, header_version, header_version >= 2, position);
  if (!header) return header.error();
  return static_cast<RequestHeader>(*header);
}

Result<ResponseHeader> decode_response_header(Bytes bytes, int16_t header_version, size_t& position) {
  Result<ResponseHeaderFields> header = read<ResponseHeaderFields>(bytes, header_version, header_version >= 1, position);
  if (!header) return header.error();
  return static_cast<ResponseHeader>(*header);
}

std::vector<uint8_t> encode_request_header(const RequestHeader& header, int16_t header_version) {
  return write(RequestHeaderFields{header}, header_version, header_version >= 2);
}

std::vector<uint8_t> encode_response_header(const ResponseHeader& header, int16_t header_version) {
  return write(ResponseHeaderFields{header}, header_version, header_version >= 1);
}

}  // namespace quokka
