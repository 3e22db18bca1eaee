// A message as text for logs and tests: `MetadataRequest{topics=[{name=a}], allow_auto_topic_creation=true}`. Fields that the version lacks are left
// out; bytes are shown by their number.
#pragma once

#include <string>

#include "protocol/wire/codec.h"

namespace quokka {

class Printer final : public Codec {
 public:
  Printer(int16_t version, bool flexible) : Codec(version, flexible) {}
  std::string take() { return std::move(out_); }

 protected:
  void begin_object() override;
  void end_object() override;
  void code_tags(size_t first) override;

  void boolean(bool& v) override { put(v ? "true" : "false"); }
  void int8(int8_t& v) override { put(std::to_string(v)); }
  void int16(int16_t& v) override { put(std::to_string(v)); }
  void uint16(uint16_t& v) override { put(std::to_string(v)); }
  void int32(int32_t& v) override { put(std::to_string(v)); }
  void int64(int64_t& v) override { put(std::to_string(v)); }
  void float64(double& v) override { put(std::to_string(v)); }
  void uuid(Uuid& v) override { put(v.str()); }
  void text(std::string_view& v, bool& there, bool may_be_null) override;
  void bytes(Bytes& v, bool& there, bool may_be_null) override;
  void records(Records& v, bool may_be_null) override;
  void count(size_t& v, bool& there, bool may_be_null) override;
  void* room(size_t, size_t, void* (*)(Arena&, size_t)) override { return nullptr; }
  void presence(bool& there) override;
  void element(size_t index) override;

 private:
  static constexpr size_t kTextMax = 1 << 16;  // what is longer is cut
  void put(const std::string& value);

  std::string out_;
  std::optional<size_t> index_;  // of the element that is next
};

template <class M>
std::string print(const M& message, int16_t version) {
  Printer printer(version, version >= M::kFlexibleFrom);
  printer.object(const_cast<M&>(message));
  return std::string(M::kName) + printer.take();
}

}  // namespace quokka
