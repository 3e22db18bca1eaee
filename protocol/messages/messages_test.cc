#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "protocol/messages/every_message.h"
#include "protocol/messages/headers.h"
#include "protocol/wire/printer.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {
namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string flat(const Encoded& encoded) {
  std::string bytes;
  for (const Encoded::Chunk& chunk : encoded.chunks()) bytes += text_of(chunk.bytes);
  return bytes;
}

// A kind of message without its type, so that one loop serves all.
struct Kind {
  const MessageSchema& schema;
  const ElementType& type;
};

const std::map<std::string, Kind>& kinds() {
  static const std::map<std::string, Kind> all = {
#define X(message) {#message, {kSchemaOf<message>, type_of<message>()}},
      QUOKKA_EVERY_MESSAGE(X)
      X(RequestHeader)
      X(ResponseHeader)
#undef X
  };
  return all;
}

// One message of some kind, with its initializers' values at first.
class Message {
 public:
  explicit Message(const Kind& kind) : kind_(kind), room_(new std::max_align_t[kind.type.size / sizeof(std::max_align_t) + 1]) {
    std::memcpy(room_.get(), kind.type.defaults, kind.type.size);
  }
  void* get() { return room_.get(); }
  Result<size_t> read(Bytes bytes, int16_t version, Arena& arena) {
    return decode_object(get(), kind_.type, kind_.schema, bytes, version, arena);
  }
  Result<Encoded> write(int16_t version) { return encode_object(get(), kind_.type, kind_.schema, version); }

 private:
  const Kind& kind_;
  std::unique_ptr<std::max_align_t[]> room_;
};

struct Vector {
  std::string message;
  int16_t version;
  std::string variant;
  std::string bytes;

  std::string name() const { return message + " v" + std::to_string(version) + " " + variant; }
};

const std::vector<Vector>& vectors() {
  static const std::vector<Vector> all = [] {
    std::ifstream file("protocol/messages/testdata/message_vectors.tsv");
    std::vector<Vector> read;
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#' || line.starts_with("message\t")) continue;
      std::istringstream columns(line);
      std::string message, version, variant, hex;
      std::getline(columns, message, '\t');
      std::getline(columns, version, '\t');
      std::getline(columns, variant, '\t');
      std::getline(columns, hex, '\t');
      read.push_back({message, static_cast<int16_t>(std::stoi(version)), variant, from_hex(hex)});
    }
    return read;
  }();
  return all;
}

// Gives a message the values of the vectors' variants. `full`: every field that the version has takes the next number, arrays have two elements,
// tags are all there. `min`: what may be null is null, all else keeps its default.
class Filler final : public Codec {
 public:
  Filler(const Kind& kind, int16_t version, bool full) : Codec(kind.schema, version), full_(full) {}

  void fill(void* object, const ElementType& type) { structure(object, type, "", always()); }

  void field(bool& v, Name, Versions present, Versions) override {
    if (next(present)) v = true;
  }
  void field(int8_t& v, Name, Versions present, Versions) override { number(v, present); }
  void field(int16_t& v, Name, Versions present, Versions) override { number(v, present); }
  void field(int32_t& v, Name, Versions present, Versions) override { number(v, present); }
  void field(int64_t& v, Name, Versions present, Versions) override { number(v, present); }
  void field(double& v, Name, Versions present, Versions) override {
    if (next(present)) v = static_cast<double>(n_) + 0.5;
  }
  void field(Uuid& v, Name, Versions present, Versions) override {
    if (next(present)) v = {static_cast<uint64_t>(n_), static_cast<uint64_t>(n_) + 1};
  }
  void field(ErrorCode& v, Name, Versions present, Versions) override {
    if (next(present)) v = static_cast<ErrorCode>(n_);
  }
  void field(std::string_view& v, Name, Versions present, Versions) override {
    if (next(present)) v = keep("s" + std::to_string(n_));
  }
  void field(std::optional<std::string_view>& v, Name, Versions present, Versions nullable) override {
    if (next(present)) v = keep("s" + std::to_string(n_));
    if (null(present, nullable)) v.reset();
  }
  void inflexible_text(std::optional<std::string_view>& v, Name name, Versions present) override { field(v, name, present, always()); }
  void field(Bytes& v, Name, Versions present, Versions) override {
    if (next(present)) v = bytes_of(keep(two_bytes()));
  }
  void field(std::optional<Bytes>& v, Name, Versions present, Versions nullable) override {
    if (next(present)) v = bytes_of(keep(two_bytes()));
    if (null(present, nullable)) v.reset();
  }
  void field(Records& v, Name, Versions present, Versions) override {
    if (next(present)) v.bytes = bytes_of(keep(two_bytes()));
  }

 private:
  bool next(Versions present) {
    if (!full_ || !present.contains(version_)) return false;
    ++n_;
    return true;
  }
  bool null(Versions present, Versions nullable) const { return !full_ && present.contains(version_) && nullable.contains(version_); }
  template <class T>
  void number(T& v, Versions present) {
    if (next(present)) v = static_cast<T>(n_);
  }
  std::string two_bytes() const { return {static_cast<char>(n_ >> 8), static_cast<char>(n_)}; }
  std::string_view keep(std::string text) { return kept_.emplace_back(std::move(text)); }

  bool array(Elements& elements, const ElementType& type, Name, Versions present, Versions nullable, bool) override {
    if (!present.contains(version_)) return false;
    elements = {nullptr, 0, !null(present, nullable)};
    if (!full_) return true;
    auto* first = static_cast<uint8_t*>(arena_.allocate(2 * type.size, type.alignment));
    elements = {first, 2, true};
    for (size_t i = 0; i < 2; ++i) {
      std::memcpy(first + i * type.size, type.defaults, type.size);
      structure(first + i * type.size, type, "", present);
    }
    return true;
  }
  void structure(void* object, const ElementType& type, Name, Versions present) override {
    if (!present.contains(version_)) return;
    const Object outer = object_;
    object_ = {static_cast<const char*>(object), static_cast<const char*>(type.defaults)};
    type.visit(*this, object);
    object_ = outer;
  }
  bool presence(bool& there, Name, Versions present, Versions) override {
    there = full_;
    return present.contains(version_);
  }
  // Tag 31 is not Kafka's: see describe_groups.h.
  bool begin_tag(int number, Name, Versions present, bool) override { return full_ && number != 31 && present.contains(version_); }
  void end_tag() override {}

  const bool full_;
  int64_t n_ = 0;
  Arena arena_{1 << 20};
  std::deque<std::string> kept_;
};

// The file holds the vectors of every message here and no others.
TEST(MessageVectors, CoverEveryVersionOfEveryMessage) {
  EXPECT_EQ(vectors().size(), 1208u);
  std::set<std::string> seen;
  for (const Vector& vector : vectors()) seen.insert(vector.name());
  size_t expected = 0;
  for (const auto& [name, kind] : kinds()) {
    for (int16_t version = kind.schema.version_min; version <= kind.schema.version_max; ++version) {
      for (const char* variant : {" full", " min"}) {
        EXPECT_TRUE(seen.contains(name + " v" + std::to_string(version) + variant)) << name << version << variant;
        ++expected;
      }
    }
  }
  EXPECT_EQ(seen.size(), expected);
}

TEST(MessageVectors, AreReadAndWrittenAlike) {
  for (const Vector& vector : vectors()) {
    ASSERT_TRUE(kinds().contains(vector.message)) << vector.message;
    Message message(kinds().at(vector.message));
    Arena arena = Arena::for_frame(vector.bytes.size());
    const Result<size_t> read = message.read(bytes_of(vector.bytes), vector.version, arena);
    ASSERT_TRUE(read) << vector.name() << ": " << read.error().message;
    EXPECT_EQ(*read, vector.bytes.size()) << vector.name();
    const Result<Encoded> written = message.write(vector.version);
    ASSERT_TRUE(written) << vector.name() << ": " << written.error().message;
    EXPECT_EQ(flat(*written), vector.bytes) << vector.name();
  }
}

// Unlike the round trip this sees two fields of one size in the wrong order, a default that differs, and a tag of the wrong number.
TEST(MessageVectors, AreWhatTheirDescriptionSays) {
  for (const Vector& vector : vectors()) {
    const Kind& kind = kinds().at(vector.message);
    Message message(kind);
    Filler filler(kind, vector.version, vector.variant == "full");
    filler.fill(message.get(), kind.type);
    const Result<Encoded> written = message.write(vector.version);
    ASSERT_TRUE(written) << vector.name() << ": " << written.error().message;
    EXPECT_EQ(flat(*written), vector.bytes) << vector.name();
  }
}

TEST(MessageVectors, EveryPrefixIsAnErrorWithinTheBound) {
  for (const Vector& vector : vectors()) {
    for (size_t length = 0; length < vector.bytes.size(); ++length) {
      const std::vector<uint8_t> prefix(vector.bytes.begin(), vector.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      Message message(kinds().at(vector.message));
      Arena arena = Arena::for_frame(length);
      const Result<size_t> read = message.read(prefix, vector.version, arena);
      ASSERT_FALSE(read) << vector.name() << " cut to " << length;
      EXPECT_TRUE(read.error().message.starts_with(vector.message)) << read.error().message;
      EXPECT_LE(arena.bytes_used(), Arena::kExpansionMax * length);
    }
  }
}

TEST(MessageVectors, EveryByteChangedIsAnErrorOrAMessageWithinTheBound) {
  for (const Vector& vector : vectors()) {
    if (vector.variant != "full") continue;
    std::vector<uint8_t> bytes(vector.bytes.begin(), vector.bytes.end());
    for (size_t at = 0; at < bytes.size(); ++at) {
      const uint8_t before = bytes[at];
      for (const uint8_t value : {uint8_t{0}, uint8_t{0x7f}, uint8_t{0x80}, uint8_t{0xff}}) {
        bytes[at] = value;
        Message message(kinds().at(vector.message));
        Arena arena = Arena::for_frame(bytes.size());
        const bool readable = message.read(bytes, vector.version, arena).ok();
        EXPECT_TRUE(!readable || message.write(vector.version).ok()) << vector.name() << " at " << at;
        EXPECT_LE(arena.bytes_used(), Arena::kExpansionMax * bytes.size());
      }
      bytes[at] = before;
    }
  }
}

TEST(ApiTable, AgreesWithTheMessages) {
  size_t apis = 0;
  for (const auto& [name, kind] : kinds()) {
    const bool request = name.ends_with("Request");
    if (!request && !name.ends_with("Response")) continue;
    const std::string api = name.substr(0, name.size() - (request ? 7 : 8));
    const ApiEntry* entry = nullptr;
    for (int16_t key = 0; key < 100; ++key) {
      const ApiEntry* at = api_entry(key);
      if (at != nullptr && at->name == api) entry = at;
    }
    ASSERT_NE(entry, nullptr) << name;
    EXPECT_EQ(entry->version_min, kind.schema.version_min) << name;
    EXPECT_EQ(entry->version_max, kind.schema.version_max) << name;
    EXPECT_EQ(entry->flexible_from, kind.schema.flexible_from) << name;
    apis += request ? 1 : 0;
  }
  EXPECT_EQ(apis, 62u);
}

TEST(ApiTable, VersionsOfHeaders) {
  const ApiEntry& shutdown = *api_entry(7);
  EXPECT_EQ(shutdown.request_header_version(0), 0);
  EXPECT_EQ(shutdown.request_header_version(1), 1);
  EXPECT_EQ(shutdown.request_header_version(3), 2);
  const ApiEntry& api_versions = *api_entry(18);
  EXPECT_EQ(api_versions.request_header_version(3), 2);
  EXPECT_EQ(api_versions.response_header_version(4), 0);
  EXPECT_EQ(api_entry(1)->response_header_version(11), 0);
  EXPECT_EQ(api_entry(1)->response_header_version(12), 1);
  EXPECT_EQ(api_entry(52), nullptr);
  EXPECT_EQ(api_entry(-1), nullptr);
}

TEST(Headers, ClientIdKeepsItsOldLengthInTheFlexibleVersion) {
  const std::vector<uint8_t> bytes = encode_request_header({3, 12, 7, "ab"}, 2);
  EXPECT_EQ(text_of(bytes), std::string_view("\0\3\0\14\0\0\0\7\0\2ab\0", 13));
  EXPECT_EQ(encode_request_header({3, 12, 7, "ab"}, 0).size(), 8u);

  std::vector<uint8_t> frame = bytes;
  frame.push_back(9);
  size_t position = 0;
  const auto header = decode_request_header(frame, 2, position);
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->client_id, "ab");
  EXPECT_EQ(position, bytes.size());
  frame[8] = 0x7f;
  EXPECT_EQ(decode_request_header(frame, 2, position).error().message,
            "RequestHeader v2: client_id: its length 32514 is beyond the 4 bytes that are left");
}

}  // namespace
}  // namespace quokka
