// Reads a message from bytes. Accepts any bytes: what does not fit becomes one error that names the field, and the rest is left out.
//
// As Kafka has it: tags may come in any order and more than once, unknown ones are skipped, bytes after the message are ignored, an array
// length below -1 counts as null.
#pragma once

#include <string>

#include "protocol/base/result.h"
#include "protocol/wire/arena.h"
#include "protocol/wire/codec.h"

namespace quokka {

// Strings, bytes and records of the message are views into `bytes`; arrays lie in `arena`. Both outlive the message.
class Reader final : public Codec {
 public:
  Reader(Bytes bytes, int16_t version, bool flexible, Arena& arena) : Codec(version, flexible), bytes_(bytes), arena_(arena) {}

  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  size_t position() const { return at_; }

  // For the request header, whose client id keeps its old form in flexible versions.
  void inflexible_text(std::optional<std::string_view>& v, const char* name);

 protected:
  bool failed() const override { return !error_.empty(); }
  void code_tags(size_t first) override;

  void boolean(bool& v) override { v = number<int8_t>() != 0; }
  void int8(int8_t& v) override { v = number<int8_t>(); }
  void int16(int16_t& v) override { v = number<int16_t>(); }
  void uint16(uint16_t& v) override { v = number<uint16_t>(); }
  void int32(int32_t& v) override { v = number<int32_t>(); }
  void int64(int64_t& v) override { v = number<int64_t>(); }
  void float64(double& v) override { v = number<double>(); }
  void uuid(Uuid& v) override;
  void text(std::string_view& v, bool& there, bool may_be_null) override;
  void bytes(Bytes& v, bool& there, bool may_be_null) override;
  void records(Records& v, bool may_be_null) override;
  void count(size_t& v, bool& there, bool may_be_null) override;
  void* room(size_t count, size_t element_bytes, void* (*make)(Arena&, size_t)) override;
  void presence(bool& there) override { there = number<int8_t>() >= 0; }

 private:
  template <class T>
  T number() {
    if (left() < sizeof(T)) {
      fail("the bytes end inside it");
      return T{};
    }
    const T v = load_be<T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return v;
  }
  size_t left() const { return bytes_.size() - at_; }
  uint32_t uvarint();
  Bytes take(int64_t length);
  void fail(const std::string& what);

  const Bytes bytes_;
  Arena& arena_;
  size_t at_ = 0;
  std::string error_;
};

// Errors: INVALID_REQUEST naming the field.
template <class M>
Result<M> decode(Bytes bytes, int16_t version, Arena& arena) {
  Reader reader(bytes, version, version >= M::kFlexibleFrom, arena);
  M message;
  reader.object(message);
  if (!reader.ok()) return Error{ErrorCode::INVALID_REQUEST, std::string(M::kName) + " v" + std::to_string(version) + ": " + reader.error()};
  return message;
}

}  // namespace quokka
