// A message as text for logs and tests: `MetadataRequest{topics=[{name="a"}], allow_auto_topic_creation=true}`. Fields that the version lacks are
// left out, and tags that have their default; bytes are shown by their number.
#pragma once

#include <string>

#include "protocol/wire/codec.h"

namespace quokka {

class Printer final : public Codec {
 public:
  Printer(const MessageSchema& schema, int16_t version) : Codec(schema, version) {}

  std::string print(void* object, const ElementType& type);

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
  static constexpr size_t kTextMax = 1 << 16;  // what is longer is cut

  bool array(Elements& elements, const ElementType& type, Name name, Versions present, Versions nullable, bool is_default) override;
  void structure(void* object, const ElementType& type, Name name, Versions present) override;
  bool presence(bool& there, Name name, Versions present, Versions nullable) override;
  bool begin_tag(int number, Name name, Versions present, bool is_default) override;
  void end_tag() override {}

  // Writes ", name=" and says true, unless the version lacks the field.
  bool begin(Name name, Versions present);
  void put(Name name, Versions present, const std::string& value);
  void quoted(std::string_view text);
  void element(void* object, const ElementType& type);

  std::string out_;
  bool first_ = true;  // of what stands between the innermost brackets
};

std::string print_object(void* message, const ElementType& type, const MessageSchema& schema, int16_t version);

template <class M>
std::string print(const M& message, int16_t version) {
  return print_object(const_cast<M*>(&message), type_of<M>(), kSchemaOf<M>, version);  // printing changes nothing
}

}  // namespace quokka
