// What a message's field list talks to. The same list reads (Reader), writes and counts (Writer) and prints (Printer) a message.
//
//   inline void fields(Codec& c, ProduceRequest& m) {
//     c.field(m.transactional_id, "transactional_id", since(3), since(3));   // present, nullable
//     c.field(m.acks, "acks");
//     c.tag(m.node_endpoints, 0, "node_endpoints", since(10));
//   }
//
// A field that its version lacks keeps its default when read. When written, a value other than the default fails the message unless the field
// is ignorable (then it is dropped). A field's default is the member's initializer; a tag equal to it is not written.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/error_code.h"
#include "protocol/base/ids.h"
#include "protocol/base/uuid.h"
#include "protocol/wire/array.h"

namespace quokka {

// Versions of a message, both ends inclusive.
struct Versions {
  int16_t first = 0;
  int16_t last = std::numeric_limits<int16_t>::max();
  bool ignorable = false;

  constexpr bool contains(int16_t version) const { return first <= version && version <= last; }
  constexpr Versions or_dropped() const { return {first, last, true}; }
};
constexpr Versions always() { return {}; }
constexpr Versions never() { return {1, 0}; }
constexpr Versions since(int16_t first) { return {first}; }
constexpr Versions until(int16_t last) { return {0, last}; }
constexpr Versions between(int16_t first, int16_t last) { return {first, last}; }

// Record batches of a produce or fetch: null, bytes that are borrowed, or a hole of known length that is filled from files when sent.
struct Records {
  std::optional<Bytes> bytes;
  size_t hole_bytes = 0;

  bool is_null() const { return !bytes && hole_bytes == 0; }
  bool operator==(const Records& other) const {
    if (hole_bytes != other.hole_bytes || bytes.has_value() != other.bytes.has_value()) return false;
    return !bytes || text_of(*bytes) == text_of(*other.bytes);
  }
};

class Codec {
 public:
  Codec(int16_t version, bool flexible) : version_(version), flexible_(flexible) {}
  virtual ~Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  int16_t version() const { return version_; }
  bool flexible() const { return flexible_; }

  // The outermost message, or an element of an array: its fields, then the tags of a flexible version.
  template <class M>
  void object(M& m) {
    static const M defaults{};
    const Object outer = object_;
    object_ = {reinterpret_cast<const char*>(&m), reinterpret_cast<const char*>(&defaults), tags_.size()};
    begin_object();
    fields(*this, m);
    if (flexible_) code_tags(object_.first_tag);
    tags_.resize(object_.first_tag);
    end_object();
    object_ = outer;
  }

  template <class T>
  void field(T& value, const char* name, Versions present = always(), Versions nullable = never()) {
    if (failed()) return;
    if (!present.contains(version_)) return absent(value, name, present.ignorable);
    name_ = name;
    code(value, nullable.contains(version_));
  }

  // A tagged field: present in flexible versions from `present` on.
  template <class T>
  void tag(T& value, uint32_t number, const char* name, Versions present, Versions nullable = never()) {
    if (failed()) return;
    if (!present.contains(version_)) return absent(value, name, present.ignorable);
    tags_.push_back({number, name, &value, nullable.contains(version_), equals_default(value), [](Codec& c, void* at, bool may_be_null) {
                       c.code(*static_cast<T*>(at), may_be_null);
                     }});
  }

 protected:
  struct Tag {
    uint32_t number;
    const char* name;
    void* value;
    bool nullable;
    bool is_default;
    void (*code)(Codec&, void*, bool);
  };

  virtual bool failed() const { return false; }
  // A field that this version has no room for holds another value than its default, and is not ignorable.
  virtual void no_room_for(const char* name) { (void)name; }
  virtual void begin_object() {}
  virtual void end_object() {}
  virtual void code_tags(size_t first) = 0;

  virtual void boolean(bool& v) = 0;
  virtual void int8(int8_t& v) = 0;
  virtual void int16(int16_t& v) = 0;
  virtual void uint16(uint16_t& v) = 0;
  virtual void int32(int32_t& v) = 0;
  virtual void int64(int64_t& v) = 0;
  virtual void float64(double& v) = 0;
  virtual void uuid(Uuid& v) = 0;
  // Each carries "is there a value" both ways; `may_be_null` says whether none is allowed here.
  virtual void text(std::string_view& v, bool& there, bool may_be_null) = 0;
  virtual void bytes(Bytes& v, bool& there, bool may_be_null) = 0;
  virtual void records(Records& v, bool may_be_null) = 0;
  // Before the elements: the number of them. A reader makes room for `count` elements of `element_bytes` in its arena through `make`.
  virtual void count(size_t& v, bool& there, bool may_be_null) = 0;
  virtual void* room(size_t count, size_t element_bytes, void* (*make)(class Arena&, size_t)) = 0;
  virtual void presence(bool& there) = 0;  // of a nullable struct
  virtual void element(size_t index) { (void)index; }

  const char* name() const { return name_; }
  std::vector<Tag> tags_;  // of the objects that are under way, innermost last
  const char* name_ = "";

 private:
  struct Object {
    const char* at = nullptr;
    const char* defaults = nullptr;
    size_t first_tag = 0;
  };

  template <class T>
  bool equals_default(const T& value) const {
    const size_t offset = static_cast<size_t>(reinterpret_cast<const char*>(&value) - object_.at);
    return value == *reinterpret_cast<const T*>(object_.defaults + offset);
  }
  // Arrays are empty by default.
  template <class T>
  bool equals_default(const Array<T>& value) const {
    return value.empty();
  }
  template <class T>
  bool equals_default(const std::optional<Array<T>>& value) const {
    const size_t offset = static_cast<size_t>(reinterpret_cast<const char*>(&value) - object_.at);
    const bool default_there = reinterpret_cast<const std::optional<Array<T>>*>(object_.defaults + offset)->has_value();
    return value.has_value() == default_there && (!value || value->empty());
  }
  bool equals_default(const Bytes& value) const { return value.empty(); }
  bool equals_default(const std::optional<Bytes>& value) const { return !value; }
  template <class T>
  void absent(const T& value, const char* name, bool ignorable) {
    if (!ignorable && checks_absent() && !equals_default(value)) no_room_for(name);
  }
  virtual bool checks_absent() const { return false; }

  void code(bool& v, bool) { boolean(v); }
  void code(int8_t& v, bool) { int8(v); }
  void code(int16_t& v, bool) { int16(v); }
  void code(uint16_t& v, bool) { uint16(v); }
  void code(int32_t& v, bool) { int32(v); }
  void code(int64_t& v, bool) { int64(v); }
  void code(double& v, bool) { float64(v); }
  void code(Uuid& v, bool) { uuid(v); }
  void code(Records& v, bool may_be_null) { records(v, may_be_null); }
  void code(ErrorCode& v, bool) {
    auto number = static_cast<int16_t>(v);
    int16(number);
    v = static_cast<ErrorCode>(number);
  }
  template <class Tg, class Rep>
  void code(Id<Tg, Rep>& v, bool) { code(v.value, false); }
  void code(std::string_view& v, bool) {
    bool there = true;
    text(v, there, false);
  }
  void code(Bytes& v, bool) {
    bool there = true;
    bytes(v, there, false);
  }
  void code(std::optional<std::string_view>& v, bool may_be_null) {
    std::string_view value = v.value_or(std::string_view());
    bool there = v.has_value();
    text(value, there, may_be_null);
    v = there ? std::optional(value) : std::nullopt;
  }
  void code(std::optional<Bytes>& v, bool may_be_null) {
    Bytes value = v.value_or(Bytes());
    bool there = v.has_value();
    bytes(value, there, may_be_null);
    v = there ? std::optional(value) : std::nullopt;
  }
  template <class T>
  void code(Array<T>& v, bool) {
    bool there = true;
    elements(v, there, false);
  }
  template <class T>
  void code(std::optional<Array<T>>& v, bool may_be_null) {
    Array<T> value = v.value_or(Array<T>());
    bool there = v.has_value();
    elements(value, there, may_be_null);
    v = there ? std::optional(value) : std::nullopt;
  }
  template <class T>
    requires std::is_class_v<T>
  void code(T& v, bool) { object(v); }
  template <class T>
    requires std::is_class_v<T>
  void code(std::optional<T>& v, bool) {
    bool there = v.has_value();
    presence(there);
    if (!there) return v.reset();
    if (!v) v.emplace();
    object(*v);
  }

  template <class T>
  void elements(Array<T>& v, bool& there, bool may_be_null) {
    size_t n = v.size();
    count(n, there, may_be_null);
    if (failed()) return;
    if (!there) {
      v = {};
      return;
    }
    if (void* made = room(n, sizeof(T), &make_elements<T>)) v = Array<T>(static_cast<T*>(made), n);
    const char* const list = name_;
    for (size_t i = 0; i < v.size() && !failed(); ++i) {
      name_ = list;
      element(i);
      code(v[i], false);
    }
    name_ = list;
  }
  template <class T>
  static void* make_elements(class Arena& arena, size_t n);

  const int16_t version_;
  const bool flexible_;
  Object object_;
};

}  // namespace quokka

#include "protocol/wire/arena.h"

namespace quokka {

template <class T>
void* Codec::make_elements(Arena& arena, size_t n) {
  return arena.make<T>(n);
}

}  // namespace quokka
