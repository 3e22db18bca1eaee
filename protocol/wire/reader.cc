#include "protocol/wire/reader.h"

#include <cstring>

#include "protocol/wire/writer.h"

namespace quokka {
namespace {

constexpr int64_t kTextBytesMax = 32767;

}  // namespace

void Reader::fail(Name name, const std::string& what) {
  if (ok()) error_ = path_to(name) + ": " + what;
}

template <class T>
void Reader::number(T& v, Name name) {
  if (left() < sizeof(T)) return fail(name, "the bytes end inside it");
  v = load_be<T>(at_);
  at_ += sizeof(T);
}

void Reader::field(bool& v, Name name, Versions present, Versions) {
  if (!here(present)) return;
  int8_t raw = 0;
  number(raw, name);
  v = raw != 0;
}
void Reader::field(int8_t& v, Name name, Versions present, Versions) {
  if (here(present)) number(v, name);
}
void Reader::field(int16_t& v, Name name, Versions present, Versions) {
  if (here(present)) number(v, name);
}
void Reader::field(int32_t& v, Name name, Versions present, Versions) {
  if (here(present)) number(v, name);
}
void Reader::field(int64_t& v, Name name, Versions present, Versions) {
  if (here(present)) number(v, name);
}
void Reader::field(double& v, Name name, Versions present, Versions) {
  if (here(present)) number(v, name);
}
void Reader::field(Uuid& v, Name name, Versions present, Versions) {
  if (!here(present)) return;
  number(v.high, name);
  number(v.low, name);
}
void Reader::field(ErrorCode& v, Name name, Versions present, Versions) {
  if (!here(present)) return;
  int16_t raw = 0;
  number(raw, name);
  v = static_cast<ErrorCode>(raw);
}

uint32_t Reader::uvarint(Name name) {
  uint32_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (at_ == end_) {
      fail(name, "the bytes end inside it");
      return 0;
    }
    const uint8_t byte = *at_++;
    if (shift == 28 && byte > 0x0f) break;
    value |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail(name, "a variable-length number is longer than 32 bits");
  return 0;
}

int64_t Reader::checked(int64_t length, Name name, bool may_be_null) {
  if (!ok()) return kBad;
  if (length < 0) {
    if (may_be_null) return kNull;
    fail(name, "null is not allowed here");
    return kBad;
  }
  if (static_cast<uint64_t>(length) > left()) {
    fail(name, "its length " + std::to_string(length) + " is beyond the " + std::to_string(left()) + " bytes that are left");
    return kBad;
  }
  return length;
}

// One is subtracted in 32 bits, as Kafka does: whatever becomes negative counts as null.
int64_t Reader::compact_length(Name name) { return static_cast<int32_t>(uvarint(name) - 1u); }

int64_t Reader::length_of_text(Name name, bool compact, bool may_be_null) {
  int64_t length = 0;
  if (compact) {
    length = compact_length(name);
    if (length > kTextBytesMax) fail(name, "a string of " + std::to_string(length) + " bytes; 32767 are allowed");
  } else {
    int16_t raw = 0;
    number(raw, name);
    length = raw;
  }
  return checked(length, name, may_be_null);
}

int64_t Reader::length_of_bytes(Name name, bool may_be_null) {
  if (flexible()) return checked(compact_length(name), name, may_be_null);
  int32_t raw = 0;
  number(raw, name);
  return checked(raw, name, may_be_null);
}

Bytes Reader::take(int64_t length) {
  const Bytes taken(at_, static_cast<size_t>(length));
  at_ += length;
  return taken;
}

void Reader::field(std::string_view& v, Name name, Versions present, Versions) {
  if (!here(present)) return;
  const int64_t length = length_of_text(name, flexible(), false);
  if (length >= 0) v = text_of(take(length));
}

void Reader::optional_text(std::optional<std::string_view>& v, Name name, bool compact, bool may_be_null) {
  const int64_t length = length_of_text(name, compact, may_be_null);
  if (length == kNull) v.reset();
  if (length >= 0) v = text_of(take(length));
}

void Reader::field(std::optional<std::string_view>& v, Name name, Versions present, Versions nullable) {
  if (here(present)) optional_text(v, name, flexible(), nullable.contains(version_));
}

void Reader::inflexible_text(std::optional<std::string_view>& v, Name name, Versions present) {
  if (here(present)) optional_text(v, name, false, true);
}

void Reader::field(Bytes& v, Name name, Versions present, Versions) {
  if (!here(present)) return;
  const int64_t length = length_of_bytes(name, false);
  if (length >= 0) v = take(length);
}

void Reader::field(std::optional<Bytes>& v, Name name, Versions present, Versions nullable) {
  if (!here(present)) return;
  const int64_t length = length_of_bytes(name, nullable.contains(version_));
  if (length == kNull) v.reset();
  if (length >= 0) v = take(length);
}

void Reader::field(Records& v, Name name, Versions present, Versions nullable) { field(v.bytes, name, present, nullable); }

bool Reader::array(Elements& elements, const ElementType& type, Name name, Versions present, Versions nullable, bool) {
  if (!here(present)) return false;
  // No element is smaller than a byte, so a count that passes is no larger than the frame and the product below does not overflow.
  const int64_t length = length_of_bytes(name, nullable.contains(version_));
  if (length == kBad) return false;
  elements = {nullptr, length == kNull ? 0 : static_cast<size_t>(length), length != kNull};
  if (elements.count == 0) return true;
  if (elements.count * smallest_size(schema_, version_, type) > left()) {
    fail(name, "it claims " + std::to_string(length) + " elements in " + std::to_string(left()) + " bytes");
    return false;
  }
  auto* const first = static_cast<uint8_t*>(arena_.allocate(elements.count * type.size, type.alignment));
  if (first == nullptr) {
    fail(name, std::to_string(length) + " elements take more memory than a message of this size is given");
    return false;
  }
  for (size_t i = 0; i < elements.count; ++i) std::memcpy(first + i * type.size, type.defaults, type.size);
  Place place{place_, name, 0};
  place_ = &place;
  for (; place.index < elements.count && ok(); ++place.index) element(first + place.index * type.size, type);
  place_ = place.outer;
  elements.first = first;
  return ok();
}

void Reader::structure(void* object, const ElementType& type, Name name, Versions present) {
  if (!here(present)) return;
  const Place place{place_, name, kNoIndex};
  place_ = &place;
  element(object, type);
  place_ = place.outer;
}

bool Reader::presence(bool& there, Name name, Versions present, Versions nullable) {
  if (!here(present)) return false;
  int8_t raw = 0;
  number(raw, name);
  there = raw >= 0;
  if (!there && !nullable.contains(version_)) fail(name, "null is not allowed here");
  return ok();
}

bool Reader::begin_tag(int number, Name, Versions present, bool) {
  if (!ok() || !present.contains(version_)) return false;
  known_tags_ |= uint32_t{1} << number;
  if (wanted_tag_ != number) return false;
  active_ = true;
  return true;
}

void Reader::element(void* object, const ElementType& type) {
  const Object outer_object = object_;
  const bool outer_active = active_;
  const int outer_wanted = wanted_tag_;
  const uint32_t outer_known = known_tags_;
  object_ = {static_cast<const char*>(object), static_cast<const char*>(type.defaults)};
  active_ = true;
  wanted_tag_ = kNoTag;
  known_tags_ = 0;
  type.visit(*this, object);
  if (flexible() && type.is_struct && ok()) tags(object, type, known_tags_);
  object_ = outer_object;
  active_ = outer_active;
  wanted_tag_ = outer_wanted;
  known_tags_ = outer_known;
}

// Any order, and a tag twice, is accepted: the last one counts. Unknown tags are skipped.
void Reader::tags(void* object, const ElementType& type, uint32_t known) {
  constexpr Name kSection = "tagged fields";
  const uint32_t count = uvarint(kSection);
  for (uint32_t i = 0; i < count && ok(); ++i) {
    const uint32_t number = uvarint(kSection);
    const int64_t size = checked(uvarint(kSection), kSection, false);
    if (size == kBad) return;
    const uint8_t* const tag_end = at_ + size;
    if (number < 32 && (known >> number & 1) != 0) {
      const uint8_t* const message_end = end_;
      end_ = tag_end;
      wanted_tag_ = static_cast<int>(number);
      active_ = false;
      type.visit(*this, object);
      end_ = message_end;
      if (ok() && at_ != tag_end) fail(kSection, "tag " + std::to_string(number) + " is longer than its value");
    }
    at_ = tag_end;
  }
}

Result<size_t> decode_object(void* message, const ElementType& type, const MessageSchema& schema, Bytes bytes, int16_t version, Arena& arena) {
  if (version < schema.version_min || version > schema.version_max) {
    return Error{ErrorCode::UNSUPPORTED_VERSION, std::string(schema.name) + " has no version " + std::to_string(version)};
  }
  Reader reader(schema, bytes, version, arena);
  reader.read(message, type);
  if (!reader.ok()) return Error{ErrorCode::INVALID_REQUEST, reader.error()};
  return reader.position();
}

}  // namespace quokka
