#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "protocol/messages/every_message.h"
#include "protocol/messages/headers.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {
namespace {

std::vector<uint8_t> from_hex(const std::string& hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string flat(const Encoded& encoded) {
  std::string bytes;
  for (const Encoded::Chunk& chunk : encoded.chunks()) bytes += text_of(chunk.bytes);
  return bytes;
}

using Roundtrip = Result<std::string> (*)(Bytes, int16_t);
template <class M>
Result<std::string> roundtrip(Bytes bytes, int16_t version) {
  Arena arena = Arena::for_frame(bytes.size());
  Result<M> message = decode<M>(bytes, version, arena);
  if (!message) return message.error();
  Result<Encoded> encoded = encode(*message, version);
  if (!encoded) return encoded.error();
  return flat(*encoded);
}

const std::map<std::string, Roundtrip>& roundtrips() {
  static const std::map<std::string, Roundtrip> all = {
#define X(type) {#type, &roundtrip<type>},
      QUOKKA_EVERY_MESSAGE(X)
#undef X
  };
  return all;
}

struct Vector {
  std::string message;
  int16_t version;
  std::string variant;
  std::vector<uint8_t> bytes;
};

std::vector<Vector> vectors() {
  std::ifstream file("protocol/messages/testdata/message_vectors.tsv");
  std::vector<Vector> all;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#' || line.starts_with("message\t")) continue;
    std::istringstream fields(line);
    std::string message, version, variant, hex;
    std::getline(fields, message, '\t');
    std::getline(fields, version, '\t');
    std::getline(fields, variant, '\t');
    std::getline(fields, hex, '\t');
    all.push_back({message, static_cast<int16_t>(std::stoi(version)), variant, from_hex(hex)});
  }
  return all;
}

TEST(MessagesTest, EveryVectorOfKafkasSerializerIsReadAndWrittenAlike) {
  size_t count = 0;
  for (const Vector& vector : vectors()) {
    const std::string where = vector.message + " v" + std::to_string(vector.version) + " " + vector.variant;
    if (vector.message == "RequestHeader") {
      size_t position = 0;
      const auto header = decode_request_header(vector.bytes, vector.version, position);
      ASSERT_TRUE(header) << where << ": " << header.error().message;
      EXPECT_EQ(encode_request_header(*header, vector.version), vector.bytes) << where;
    } else if (vector.message == "ResponseHeader") {
      size_t position = 0;
      const auto header = decode_response_header(vector.bytes, vector.version, position);
      ASSERT_TRUE(header) << where;
      EXPECT_EQ(encode_response_header(*header, vector.version), vector.bytes) << where;
    } else {
      ASSERT_TRUE(roundtrips().contains(vector.message)) << where;
      const Result<std::string> again = roundtrips().at(vector.message)(vector.bytes, vector.version);
      ASSERT_TRUE(again) << where << ": " << again.error().message;
      EXPECT_EQ(*again, text_of(vector.bytes)) << where;
    }
    ++count;
  }
  EXPECT_EQ(count, 1204u);
}

TEST(MessagesTest, EveryPrefixOfEveryVectorIsAnErrorOrAMessage) {
  for (const Vector& vector : vectors()) {
    const auto found = roundtrips().find(vector.message);
    if (found == roundtrips().end()) continue;
    for (size_t length = 0; length < vector.bytes.size(); ++length) {
      const std::vector<uint8_t> prefix(vector.bytes.begin(), vector.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      (void)found->second(prefix, vector.version);
    }
  }
}

}  // namespace
}  // namespace quokka
