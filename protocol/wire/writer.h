// Writes a message in two visits of its field list: one counts its bytes, one fills a block of just that size. Records are not copied: they
// become chunks of their own between parts of the block.
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
  Writer(const MessageSchema& schema, int16_t version) : Codec(schema, version) {}

  Result<Encoded> write(void* object, const ElementType& type);
  // Bytes that the object takes, records included; it need not be one that may be written.
  size_t count(void* object, const ElementType& type);

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
  bool array(Elements& elements, const ElementType& type, Name name, Versions present, Versions nullable, bool is_default) override;
  void structure(void* object, const ElementType& type, Name name, Versions present) override;
  bool presence(bool& there, Name name, Versions present, Versions nullable) override;
  bool begin_tag(int number, Name name, Versions present, bool is_default) override;
  void end_tag() override { active_ = false; }

  // True: the field is to be written now. A value that this version has no room for and that may not be dropped is an error.
  bool here(Name name, Versions present, bool is_default);
  void fail(Name name, const std::string& what);
  void null_allowed(Name name, Versions nullable);
  template <class T>
  void number(T v);
  template <class T>
  void plain(const T& v, Name name, Versions present);
  void uvarint(uint32_t v);
  void raw(Bytes v);
  void length(size_t v);  // of bytes, records or an array
  void null_length();
  void text(std::string_view v, Name name, bool compact);
  void optional_text(const std::optional<std::string_view>& v, Name name, bool compact, Versions nullable);
  void element(void* object, const ElementType& type);
  void tags(void* object, const ElementType& type, uint32_t present);
  void end_part();
  size_t counted() const { return own_bytes_ + record_bytes_; }

  bool counting_ = true;
  size_t own_bytes_ = 0;     // these three are counted
  size_t record_bytes_ = 0;
  size_t chunks_ = 1;
  uint8_t* at_ = nullptr;    // in the block
  uint8_t* part_ = nullptr;  // the block's bytes before it are among the chunks already
  Encoded encoded_;
  std::string error_;

  // The fields of a struct are visited once for those without tags, and once more for each tag whose value is not its default.
  static constexpr int kNoTag = -1;
  bool active_ = true;             // else only tags are looked at
  int wanted_tag_ = kNoTag;        // kNoTag in the first visit
  uint32_t present_tags_ = 0;      // bit n: tag n is to be written
  std::vector<size_t> tag_sizes_;  // in the order in which tags are met; counted
  size_t next_tag_size_ = 0;
};

// Bytes that the smallest element of an array takes: strings and arrays in it are empty, tags absent.
size_t smallest_size(const MessageSchema& schema, int16_t version, const ElementType& type);

// Errors: UNSUPPORTED_VERSION for such a version; INVALID_REQUEST naming a field that the version cannot carry.
Result<Encoded> encode_object(void* message, const ElementType& type, const MessageSchema& schema, int16_t version);

// Records are borrowed, all else is copied. Errors: as encode_object().
template <class M>
Result<Encoded> encode(const M& message, int16_t version) {
  // One list of fields serves all codecs, so it takes the message as one that may change; writing changes nothing.
  return encode_object(const_cast<M*>(&message), type_of<M>(), kSchemaOf<M>, version);
}

}  // namespace quokka
