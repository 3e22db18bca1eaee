#include "protocol/wire/writer.h"

#include <bit>
#include <cstring>

#include "protocol/base/check.h"

namespace quokka {
namespace {

constexpr size_t kTextBytesMax = 32767;

size_t uvarint_size(uint32_t v) { return (static_cast<size_t>(std::bit_width(v | 1)) + 6) / 7; }

}  // namespace

Result<Encoded> Writer::write(void* object, const ElementType& type) {
  element(object, type);
  if (!error_.empty()) return Error{ErrorCode::INVALID_REQUEST, error_};
  counting_ = false;
  auto block = std::make_unique_for_overwrite<uint8_t[]>(own_bytes_);
  at_ = part_ = block.get();
  encoded_.reserve(chunks_);
  element(object, type);
  QUOKKA_CHECK_EQ(static_cast<size_t>(at_ - block.get()), own_bytes_);
  end_part();
  encoded_.keep(std::move(block));
  return std::move(encoded_);
}

size_t Writer::count(void* object, const ElementType& type) {
  element(object, type);
  return counted();
}

void Writer::fail(Name name, const std::string& what) {
  if (error_.empty()) error_ = path_to(name) + ": " + what;
}

void Writer::null_allowed(Name name, Versions nullable) {
  if (!nullable.contains(version_)) fail(name, "it is null, and this version does not allow that");
}

bool Writer::here(Name name, Versions present, bool is_default) {
  if (!active_) return false;
  if (present.contains(version_)) return true;
  if (!is_default && !present.ignorable) fail(name, "it is set, and this version has no such field");
  return false;
}

void Writer::end_part() {
  if (at_ != part_) encoded_.append_borrowed(Bytes(part_, static_cast<size_t>(at_ - part_)));
  part_ = at_;
}

template <class T>
void Writer::number(T v) {
  if (counting_) {
    own_bytes_ += sizeof(T);
  } else {
    store_be<T>(at_, v);
    at_ += sizeof(T);
  }
}

void Writer::uvarint(uint32_t v) {
  if (counting_) {
    own_bytes_ += uvarint_size(v);
    return;
  }
  for (; v >= 0x80; v >>= 7) *at_++ = static_cast<uint8_t>(v | 0x80);
  *at_++ = static_cast<uint8_t>(v);
}

void Writer::raw(Bytes v) {
  if (counting_) {
    own_bytes_ += v.size();
  } else if (!v.empty()) {
    std::memcpy(at_, v.data(), v.size());
    at_ += v.size();
  }
}

void Writer::length(size_t v) {
  if (flexible()) {
    uvarint(static_cast<uint32_t>(v) + 1);
  } else {
    number(static_cast<int32_t>(v));
  }
}

void Writer::null_length() {
  if (flexible()) {
    uvarint(0);
  } else {
    number(int32_t{-1});
  }
}

void Writer::text(std::string_view v, Name name, bool compact) {
  if (v.size() > kTextBytesMax) return fail(name, "a string of " + std::to_string(v.size()) + " bytes; 32767 are allowed");
  if (compact) {
    uvarint(static_cast<uint32_t>(v.size()) + 1);
  } else {
    number(static_cast<int16_t>(v.size()));
  }
  raw(bytes_of(v));
}

void Writer::optional_text(const std::optional<std::string_view>& v, Name name, bool compact, Versions nullable) {
  if (v) return text(*v, name, compact);
  null_allowed(name, nullable);
  if (compact) {
    uvarint(0);
  } else {
    number(int16_t{-1});
  }
}

template <class T>
void Writer::plain(const T& v, Name name, Versions present) {
  if (here(name, present, has_default(v))) number(v);
}

void Writer::field(bool& v, Name name, Versions present, Versions) {
  if (here(name, present, has_default(v))) number(static_cast<int8_t>(v));
}
void Writer::field(int8_t& v, Name name, Versions present, Versions) { plain(v, name, present); }
void Writer::field(int16_t& v, Name name, Versions present, Versions) { plain(v, name, present); }
void Writer::field(int32_t& v, Name name, Versions present, Versions) { plain(v, name, present); }
void Writer::field(int64_t& v, Name name, Versions present, Versions) { plain(v, name, present); }
void Writer::field(double& v, Name name, Versions present, Versions) { plain(v, name, present); }
void Writer::field(Uuid& v, Name name, Versions present, Versions) {
  if (!here(name, present, has_default(v))) return;
  number(v.high);
  number(v.low);
}
void Writer::field(ErrorCode& v, Name name, Versions present, Versions) {
  if (here(name, present, has_default(v))) number(static_cast<int16_t>(v));
}

void Writer::field(std::string_view& v, Name name, Versions present, Versions) {
  if (here(name, present, has_default(v))) text(v, name, flexible());
}
void Writer::field(std::optional<std::string_view>& v, Name name, Versions present, Versions nullable) {
  if (here(name, present, has_default(v))) optional_text(v, name, flexible(), nullable);
}
void Writer::inflexible_text(std::optional<std::string_view>& v, Name name, Versions present) {
  if (here(name, present, has_default(v))) optional_text(v, name, false, always());
}

void Writer::field(Bytes& v, Name name, Versions present, Versions) {
  if (!here(name, present, has_default(v))) return;
  length(v.size());
  raw(v);
}

void Writer::field(std::optional<Bytes>& v, Name name, Versions present, Versions nullable) {
  if (!here(name, present, has_default(v))) return;
  if (v) {
    length(v->size());
    return raw(*v);
  }
  null_allowed(name, nullable);
  null_length();
}

void Writer::field(Records& v, Name name, Versions present, Versions nullable) {
  if (!here(name, present, v.is_null())) return;
  if (v.is_null()) {
    null_allowed(name, nullable);
    return null_length();
  }
  length(v.size());
  if (v.size() == 0) return;
  if (counting_) {
    record_bytes_ += v.size();
    chunks_ += 2;
    return;
  }
  end_part();
  if (v.bytes) {
    encoded_.append_borrowed(*v.bytes);
  } else {
    encoded_.append_hole(v.hole_bytes);
  }
}

bool Writer::array(Elements& elements, const ElementType& type, Name name, Versions present, Versions nullable, bool is_default) {
  if (!here(name, present, is_default)) return false;
  if (!elements.there) {
    null_allowed(name, nullable);
    null_length();
    return false;
  }
  length(elements.count);
  Place place{place_, name, 0};
  place_ = &place;
  auto* const first = static_cast<uint8_t*>(elements.first);
  for (; place.index < elements.count; ++place.index) element(first + place.index * type.size, type);
  place_ = place.outer;
  return false;
}

void Writer::structure(void* object, const ElementType& type, Name name, Versions present) {
  if (!active_ || !present.contains(version_)) return;
  const Place place{place_, name, kNoIndex};
  place_ = &place;
  element(object, type);
  place_ = place.outer;
}

bool Writer::presence(bool& there, Name name, Versions present, Versions nullable) {
  if (!here(name, present, !there)) return false;
  if (!there) null_allowed(name, nullable);
  number(static_cast<int8_t>(there ? 1 : -1));
  return there;
}

bool Writer::begin_tag(int number, Name name, Versions present, bool is_default) {
  if (wanted_tag_ == kNoTag) {
    if (here(name, present, is_default) && !is_default) present_tags_ |= uint32_t{1} << number;
    return false;
  }
  if (wanted_tag_ != number) return false;
  active_ = true;
  return true;
}

void Writer::element(void* object, const ElementType& type) {
  const Object outer_object = object_;
  const bool outer_active = active_;
  const int outer_wanted = wanted_tag_;
  const uint32_t outer_present = present_tags_;
  object_ = {static_cast<const char*>(object), static_cast<const char*>(type.defaults)};
  active_ = true;
  wanted_tag_ = kNoTag;
  present_tags_ = 0;
  type.visit(*this, object);
  if (flexible() && type.is_struct) tags(object, type, present_tags_);
  object_ = outer_object;
  active_ = outer_active;
  wanted_tag_ = outer_wanted;
  present_tags_ = outer_present;
}

void Writer::tags(void* object, const ElementType& type, uint32_t present) {
  uvarint(static_cast<uint32_t>(std::popcount(present)));
  for (; present != 0; present &= present - 1) {
    wanted_tag_ = std::countr_zero(present);
    active_ = false;
    uvarint(static_cast<uint32_t>(wanted_tag_));
    if (!counting_) {
      uvarint(static_cast<uint32_t>(tag_sizes_[next_tag_size_++]));
      type.visit(*this, object);
      continue;
    }
    const size_t place = tag_sizes_.size();
    tag_sizes_.push_back(0);
    const size_t before = counted();
    type.visit(*this, object);
    tag_sizes_[place] = counted() - before;
    uvarint(static_cast<uint32_t>(tag_sizes_[place]));
  }
}

size_t smallest_size(const MessageSchema& schema, int16_t version, const ElementType& type) {
  return Writer(schema, version).count(const_cast<void*>(type.defaults), type);  // counting changes nothing
}

Result<Encoded> encode_object(void* message, const ElementType& type, const MessageSchema& schema, int16_t version) {
  if (version < schema.version_min || version > schema.version_max) {
    return Error{ErrorCode::UNSUPPORTED_VERSION, std::string(schema.name) + " has no version " + std::to_string(version)};
  }
  return Writer(schema, version).write(message, type);
}

}  // namespace quokka
