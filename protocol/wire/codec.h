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
//
// Templates here are thin, each ends in a virtual function at once: a message costs milliseconds to compile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "protocol/base/bytes.h"
#include "protocol/base/error_code.h"
#include "protocol/base/ids.h"
#include "protocol/base/uuid.h"
#include "protocol/wire/array.h"
#include "protocol/wire/versions.h"

namespace quokka {

class Codec;

// Record batches of a produce or fetch: null, bytes that are borrowed, or a hole of known length that is filled from files when sent.
struct Records {
  std::optional<Bytes> bytes;
  size_t hole_bytes = 0;

  bool is_null() const { return !bytes && hole_bytes == 0; }
  size_t size() const { return bytes ? bytes->size() : hole_bytes; }
};

// What a codec knows of an array's element or of a struct, without its type.
struct ElementType {
  void (*visit)(Codec&, void*);  // the fields of a struct; the one value that another element is
  const void* defaults;          // one with its initializers' values
  size_t size;
  size_t alignment;
  bool is_struct;  // has tagged fields in flexible versions
};

namespace detail {
template <class T>
inline constexpr bool kIsStruct = std::is_class_v<T>;
template <class T>
inline constexpr bool kIsStruct<Array<T>> = false;
template <class T>
inline constexpr bool kIsStruct<std::optional<T>> = false;
template <class Tag, class Rep>
inline constexpr bool kIsStruct<Id<Tag, Rep>> = false;
template <>
inline constexpr bool kIsStruct<Uuid> = false;
template <>
inline constexpr bool kIsStruct<std::string_view> = false;
template <>
inline constexpr bool kIsStruct<Bytes> = false;
template <>
inline constexpr bool kIsStruct<Records> = false;
}  // namespace detail

template <class T>
const ElementType& type_of();

class Codec {
 public:
  using Name = const char*;

  virtual ~Codec() = default;
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  int16_t version() const { return version_; }

  // `present`: the versions that have the field; `nullable`: those in which an optional one may be null.
  virtual void field(bool& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(int8_t& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(int16_t& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(int32_t& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(int64_t& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(double& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(Uuid& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(ErrorCode& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(std::string_view& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(std::optional<std::string_view>& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(Bytes& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(std::optional<Bytes>& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  virtual void field(Records& v, Name name, Versions present = always(), Versions nullable = never()) = 0;
  // A nullable string whose length has 16 bits in flexible versions too: the client id of request header 2.
  virtual void inflexible_text(std::optional<std::string_view>& v, Name name, Versions present) = 0;

  template <class Tag, class Rep>
  void field(Id<Tag, Rep>& v, Name name, Versions present = always(), Versions nullable = never()) {
    field(v.value, name, present, nullable);
  }

  template <class T>
  void field(Array<T>& v, Name name, Versions present = always(), Versions = never()) {
    Elements elements{v.begin(), v.size(), true};
    if (array(elements, type_of<T>(), name, present, never(), v.empty())) v = Array<T>(static_cast<T*>(elements.first), elements.count);
  }
  template <class T>
  void field(std::optional<Array<T>>& v, Name name, Versions present = always(), Versions nullable = never()) {
    Elements elements{v ? v->begin() : nullptr, v ? v->size() : 0, v.has_value()};
    if (!array(elements, type_of<T>(), name, present, nullable, has_default(v))) return;
    v.reset();
    if (elements.there) v.emplace(static_cast<T*>(elements.first), elements.count);
  }

  template <class T>
    requires detail::kIsStruct<T>
  void field(T& v, Name name, Versions present = always(), Versions = never()) {
    structure(&v, type_of<T>(), name, present);
  }
  // A byte before the struct says whether it is there.
  template <class T>
    requires detail::kIsStruct<T>
  void field(std::optional<T>& v, Name name, Versions present = always(), Versions nullable = never()) {
    bool there = v.has_value();
    if (!presence(there, name, present, nullable)) return;
    if (!there) return v.reset();
    if (!v) v.emplace();
    structure(&*v, type_of<T>(), name, present);
  }

  // A tagged field; `number` is below 32. It stands in the last section of its struct, those being in the order of numbers.
  template <class T>
  void tag(T& v, int number, Name name, Versions present, Versions nullable = never()) {
    if (!begin_tag(number, name, present, has_default(v))) return;
    field(v, name, present, nullable);
    end_tag();
  }

 protected:
  struct Elements {
    void* first;
    size_t count;
    bool there;  // not null
  };
  // The way to the struct being visited, for error messages.
  struct Place {
    const Place* outer;
    Name name;
    size_t index;  // in an array; kNoIndex for a struct that is a member
  };
  static constexpr size_t kNoIndex = static_cast<size_t>(-1);

  // The struct being visited, and one with its initializers' values.
  struct Object {
    const char* at = nullptr;
    const char* defaults = nullptr;
  };

  Codec(const MessageSchema& schema, int16_t version)
      : schema_(schema), version_(version), flexible_(version >= schema.flexible_from) {}

  // True: `elements` was read.
  virtual bool array(Elements& elements, const ElementType& type, Name name, Versions present, Versions nullable, bool is_default) = 0;
  virtual void structure(void* object, const ElementType& type, Name name, Versions present) = 0;
  // False: this version has no such struct, or the bytes are wrong.
  virtual bool presence(bool& there, Name name, Versions present, Versions nullable) = 0;
  // True: the value comes now.
  virtual bool begin_tag(int number, Name name, Versions present, bool is_default) = 0;
  virtual void end_tag() = 0;

  bool flexible() const { return flexible_; }

  template <class T>
  bool has_default(const T& v) const {
    return v == default_of(v);
  }
  // Arrays and bytes are null or empty by default.
  template <class T>
  bool has_default(const Array<T>& v) const {
    return v.empty();
  }
  template <class T>
  bool has_default(const std::optional<Array<T>>& v) const {
    return v.has_value() == default_of(v).has_value() && (!v || v->empty());
  }
  bool has_default(const Bytes& v) const { return v.empty(); }
  bool has_default(const std::optional<Bytes>& v) const { return v.has_value() == default_of(v).has_value() && (!v || v->empty()); }

  // The value that `v`, a member of the struct being visited, has by its initializer.
  template <class T>
  const T& default_of(const T& v) const {
    return *reinterpret_cast<const T*>(object_.defaults + (reinterpret_cast<const char*>(&v) - object_.at));
  }

  // "ProduceRequest v9: topic_data[2].name"
  std::string path_to(Name name) const;

  const MessageSchema& schema_;
  const int16_t version_;
  const bool flexible_;
  Object object_;
  const Place* place_ = nullptr;
};

namespace detail {

template <class T>
void visit(Codec& c, void* object) {
  if constexpr (kIsStruct<T>) {
    fields(c, *static_cast<T*>(object));
  } else {
    c.field(*static_cast<T*>(object), "");
  }
}

template <class T>
inline constexpr T kDefaults{};
template <class T>
inline constexpr ElementType kTypeOf{&visit<T>, &kDefaults<T>, sizeof(T), alignof(T), kIsStruct<T>};

}  // namespace detail

template <class T>
const ElementType& type_of() {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>, "messages hold plain values and views");
  return detail::kTypeOf<T>;
}

}  // namespace quokka
