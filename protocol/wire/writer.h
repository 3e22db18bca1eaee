// Writes a message in two passes of its field list: the first counts, so that the second writes into memory that is allocated once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/result.h"
#include "protocol/wire/codec.h"
#include "protocol/wire/encoded.h"

namespace quokka {

class Writer final : public Codec {
 public:
  // Counts.
  Writer(int16_t version, bool flexible) : Codec(version, flexible) {}
  // Writes `count_bytes` (as a counting writer found) into `into`, noting where records belong.
  Writer(int16_t version, bool flexible, uint8_t* into) : Codec(version, flexible), into_(into) {}

  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  size_t own_bytes() const { return at_; }

  // Where records that are not copied stand among the own bytes.
  struct Gap {
    size_t at;
    Records records;
  };
  const std::vector<Gap>& gaps() const { return gaps_; }

  void inflexible_text(const std::optional<std::string_view>& v);

 protected:
  bool failed() const override { return !error_.empty(); }
  bool checks_absent() const override { return true; }
  void no_room_for(const char* name) override;
  void code_tags(size_t first) override;

  void boolean(bool& v) override { number<int8_t>(v ? 1 : 0); }
  void int8(int8_t& v) override { number(v); }
  void int16(int16_t& v) override { number(v); }
  void uint16(uint16_t& v) override { number(v); }
  void int32(int32_t& v) override { number(v); }
  void int64(int64_t& v) override { number(v); }
  void float64(double& v) override { number(v); }
  void uuid(Uuid& v) override;
  void text(std::string_view& v, bool& there, bool may_be_null) override;
  void bytes(Bytes& v, bool& there, bool may_be_null) override;
  void records(Records& v, bool may_be_null) override;
  void count(size_t& v, bool& there, bool may_be_null) override;
  void* room(size_t, size_t, void* (*)(Arena&, size_t)) override { return nullptr; }
  void presence(bool& there) override { number<int8_t>(there ? 1 : -1); }

 private:
  template <class T>
  void number(T v) {
    if (into_ != nullptr) store_be(into_ + at_, v);
    at_ += sizeof(T);
  }
  void uvarint(uint32_t v);
  void raw(Bytes v);
  // -1 is null.
  void length32(int64_t length);
  bool null_is_fine(bool there, bool may_be_null);

  uint8_t* into_ = nullptr;
  size_t at_ = 0;
  size_t elsewhere_ = 0;  // bytes in gaps, counted where a tag's size needs them
  std::vector<Gap> gaps_;
  std::string error_;
};

namespace detail {
// Puts the chunks of a message together: own bytes of one block, split where records stand.
Encoded assemble(std::unique_ptr<uint8_t[]> block, size_t own_bytes, const std::vector<Writer::Gap>& gaps);
}  // namespace detail

// Records are borrowed, all else is copied. Errors: INVALID_REQUEST naming a field that this version cannot carry.
template <class M>
Result<Encoded> encode(const M& message, int16_t version) {
  const bool flexible = version >= M::kFlexibleFrom;
  M& m = const_cast<M&>(message);  // writing changes nothing
  Writer counter(version, flexible);
  counter.object(m);
  if (!counter.ok())
    return Error{ErrorCode::INVALID_REQUEST, std::string(M::kName) + " v" + std::to_string(version) + ": " + counter.error()};
  auto block = std::make_unique<uint8_t[]>(counter.own_bytes());
  Writer writer(version, flexible, block.get());
  writer.object(m);
  return detail::assemble(std::move(block), writer.own_bytes(), writer.gaps());
}

}  // namespace quokka
