// Reads a message from bytes that anybody may have sent. The first thing wrong is kept, with the way to its field, and ends the reading; what
// the message takes is bounded by its arena.
#pragma once

#include <string>

#include "protocol/base/result.h"
#include "protocol/wire/arena.h"
#include "protocol/wire/codec.h"

namespace quokka {

// Strings, bytes and records of the message are views into `bytes`; arrays lie in `arena`. Both outlive the message.
class Reader final : public Codec {
 public:
  Reader(const MessageSchema& schema, Bytes bytes, int16_t version, Arena& arena)
      : Codec(schema, version), begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()), arena_(arena) {}

  void read(void* object, const ElementType& type) { element(object, type); }

  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }  // "ProduceRequest v9: topic_data[2].name: null is not allowed here"
  size_t position() const { return static_cast<size_t>(at_ - begin_); }

  void field(bool& v, Name name, Versions present, Versions nullable) override;
  void field(int8_t& v, Name name, Versions present, Versions nullable) override;
  void field(int16_t& v, Name name, Versions present, Versions nullable) override;
  void field(int32_t& v, Name name, Versions present, Versions nullable) override;
  void field(int64_t& v, Name name, Versions present, Versions nullable) override;
  void field(double& v, Name name, Versions present, Versions nullable) override;
  void field(Uuid& v, Name name, Versions present, Versions nullable) override;
  void field(ErrorCode& v, Name name, Versions present, Versions nullable) override;
  void field(std::string_view& v, Name name, Versions present, Versions nullable) override;
  void field(std::optional<std::string_view>& v, Name name, Versions present, Versions nullable) override;
  void field(Bytes& v, Name name, Versions present, Versions nullable) override;
  void field(std::optional<Bytes>& v, Name name, Versions present, Versions nullable) override;
  void field(Records& v, Name name, Versions present, Versions nullable) override;
  void inflexible_text(std::optional<std::string_view>& v, Name name, Versions present) override;

 private:
  static constexpr int64_t kNull = -1;
  static constexpr int64_t kBad = -2;

  bool array(Elements& elements, const ElementType& type, Name name, Versions present, Versions nullable, bool is_default) override;
  void structure(void* object, const ElementType& type, Name name, Versions present) override;
  bool presence(bool& there, Name name, Versions present, Versions nullable) override;
  bool begin_tag(int number, Name name, Versions present, bool is_default) override;
  void end_tag() override { active_ = false; }

  bool here(Versions present) const { return active_ && present.contains(version_) && ok(); }
  size_t left() const { return static_cast<size_t>(end_ - at_); }
  void fail(Name name, const std::string& what);
  template <class T>
  void number(T& v, Name name);
  uint32_t uvarint(Name name);
  int64_t compact_length(Name name);
  // The length of what follows, all of which is there; kNull, if that is allowed; kBad after fail().
  int64_t length_of_text(Name name, bool compact, bool may_be_null);
  int64_t length_of_bytes(Name name, bool may_be_null);
  int64_t checked(int64_t length, Name name, bool may_be_null);
  Bytes take(int64_t length);
  void optional_text(std::optional<std::string_view>& v, Name name, bool compact, bool may_be_null);
  void element(void* object, const ElementType& type);
  void tags(void* object, const ElementType& type, uint32_t known);

  const uint8_t* begin_;
  const uint8_t* at_;
  const uint8_t* end_;
  Arena& arena_;
  std::string error_;
  // The fields of a struct are visited once for those without tags, and once more for each known tag found in its last section.
  static constexpr int kNoTag = -1;
  bool active_ = true;        // else only tags are looked at
  int wanted_tag_ = kNoTag;   // kNoTag in the first visit
  uint32_t known_tags_ = 0;   // bit n: this version knows tag n
};

// Errors: UNSUPPORTED_VERSION; INVALID_REQUEST naming the field. Returns the number of bytes read.
Result<size_t> decode_object(void* message, const ElementType& type, const MessageSchema& schema, Bytes bytes, int16_t version, Arena& arena);

// Accepts any bytes. What follows the message is left alone; `consumed`, if given, says where that begins. Errors: as decode_object().
template <class M>
Result<M> decode(Bytes bytes, int16_t version, Arena& arena, size_t* consumed = nullptr) {
  M message;
  Result<size_t> read = decode_object(&message, type_of<M>(), kSchemaOf<M>, bytes, version, arena);
  if (!read) return read.error();
  if (consumed != nullptr) *consumed = *read;
  return message;
}

}  // namespace quokka
