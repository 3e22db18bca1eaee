// Any bytes as any message in any version: nothing crashes, memory keeps to its bound, and what is accepted is written as bytes that read as the
// same message again. The first byte picks the message, the second its version.
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

#include "protocol/base/check.h"
#include "protocol/messages/every_message.h"
#include "protocol/messages/headers.h"
#include "protocol/wire/printer.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

using namespace quokka;

namespace {

struct Kind {
  const MessageSchema& schema;
  const ElementType& type;
};

// Without the types, so that this compiles in seconds.
const Kind kKinds[] = {
#define X(message) {kSchemaOf<message>, type_of<message>()},
    QUOKKA_EVERY_MESSAGE(X)
    X(RequestHeader)
    X(ResponseHeader)
#undef X
};

// Room for a message of any kind, with its initializers' values.
struct Message {
  explicit Message(const ElementType& type) : bytes(new std::max_align_t[type.size / sizeof(std::max_align_t) + 1]) {
    std::memcpy(bytes.get(), type.defaults, type.size);
  }
  std::unique_ptr<std::max_align_t[]> bytes;
};

std::string flat(const Encoded& encoded) {
  std::string bytes;
  for (const Encoded::Chunk& chunk : encoded.chunks()) bytes += text_of(chunk.bytes);
  QUOKKA_CHECK_EQ(bytes.size(), encoded.size());
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  const Kind& kind = kKinds[bytes[0] % std::size(kKinds)];
  const auto versions = kind.schema.version_max - kind.schema.version_min + 1;
  const auto version = static_cast<int16_t>(kind.schema.version_min + bytes[1] % versions);
  const Bytes input(bytes + 2, size - 2);

  Arena arena = Arena::for_frame(input.size());
  Message message(kind.type);
  const Result<size_t> read = decode_object(message.bytes.get(), kind.type, kind.schema, input, version, arena);
  QUOKKA_CHECK_LE(arena.bytes_used(), Arena::kExpansionMax * input.size());
  if (!read) return 0;
  QUOKKA_CHECK_LE(*read, input.size());
  const std::string text = print_object(message.bytes.get(), kind.type, kind.schema, version);

  const Result<Encoded> written = encode_object(message.bytes.get(), kind.type, kind.schema, version);
  QUOKKA_CHECK(written.ok(), written.error().message);
  const std::string first = flat(*written);

  Arena second_arena(Arena::kExpansionMax * size + (1 << 20));
  Message again(kind.type);
  const Result<size_t> reread = decode_object(again.bytes.get(), kind.type, kind.schema, bytes_of(first), version, second_arena);
  QUOKKA_CHECK(reread.ok(), reread.error().message);
  QUOKKA_CHECK_EQ(*reread, first.size());
  QUOKKA_CHECK_EQ(print_object(again.bytes.get(), kind.type, kind.schema, version), text);
  const Result<Encoded> rewritten = encode_object(again.bytes.get(), kind.type, kind.schema, version);
  QUOKKA_CHECK(rewritten.ok(), rewritten.error().message);
  QUOKKA_CHECK(flat(*rewritten) == first, "written differently the second time");
  return 0;
}
