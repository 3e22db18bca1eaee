#include "protocol/wire/reader.h"

namespace quokka {

void Reader::fail(const std::string& what) {
  if (!error_.empty()) return;
  error_ = std::string(name()) + " at byte " + std::to_string(at_) + ": " + what;
  at_ = bytes_.size();
}

uint32_t Reader::uvarint() {
  uint32_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const auto byte = number<uint8_t>();
    if (!error_.empty()) return 0;
    if (shift == 28 && byte > 0x0f) break;
    value |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  fail("a variable-length number is longer than 32 bits");
  return 0;
}

Bytes Reader::take(int64_t length) {
  if (length < 0 || static_cast<uint64_t>(length) > left()) {
    fail("its length " + std::to_string(length) + " is beyond the " + std::to_string(left()) + " bytes that are left");
    return {};
  }
  const Bytes taken = bytes_.subspan(at_, static_cast<size_t>(length));
  at_ += taken.size();
  return taken;
}

void Reader::uuid(Uuid& v) {
  v.high = number<uint64_t>();
  v.low = number<uint64_t>();
}

void Reader::text(std::string_view& v, bool& there, bool may_be_null) {
  const int64_t length = flexible() ? int64_t{uvarint()} - 1 : int64_t{number<int16_t>()};
  if (failed()) return;
  there = length >= 0;
  if (!there) {
    v = {};
    if (!may_be_null) fail("null is not allowed here");
    return;
  }
  v = text_of(take(length));
}

void Reader::inflexible_text(std::optional<std::string_view>& v, const char* field_name) {
  name_ = field_name;
  const int64_t length = number<int16_t>();
  if (failed()) return;
  if (length < 0) return v.reset();
  v = text_of(take(length));
}

void Reader::bytes(Bytes& v, bool& there, bool may_be_null) {
  const int64_t length = flexible() ? int64_t{uvarint()} - 1 : int64_t{number<int32_t>()};
  if (failed()) return;
  there = length >= 0;
  if (!there) {
    v = {};
    if (!may_be_null) fail("null is not allowed here");
    return;
  }
  v = take(length);
}

void Reader::records(Records& v, bool may_be_null) {
  Bytes read;
  bool there = true;
  bytes(read, there, may_be_null);
  v.bytes = there ? std::optional(read) : std::nullopt;
}

void Reader::count(size_t& v, bool& there, bool may_be_null) {
  const int64_t length = flexible() ? int64_t{uvarint()} - 1 : int64_t{number<int32_t>()};
  v = 0;
  if (failed()) return;
  there = length >= 0;
  if (!there) {
    if (!may_be_null) fail("null is not allowed here");
    return;
  }
  // Every element takes at least a byte.
  if (static_cast<uint64_t>(length) > left())
    return fail("it claims " + std::to_string(length) + " elements in " + std::to_string(left()) + " bytes");
  v = static_cast<size_t>(length);
}

void* Reader::room(size_t count, size_t, void* (*make)(Arena&, size_t)) {
  if (count == 0 || failed()) return nullptr;
  void* made = make(arena_, count);
  if (made == nullptr) fail(std::to_string(count) + " elements take more memory than a request of this size is given");
  return made;
}

void Reader::code_tags(size_t first) {
  const uint32_t sections = failed() ? 0 : uvarint();
  for (uint32_t i = 0; i < sections && !failed(); ++i) {
    const uint32_t number_of_tag = uvarint();
    const uint32_t size = uvarint();
    if (failed()) return;
    if (size > left()) return fail("a tag of " + std::to_string(size) + " bytes is beyond the end");
    const size_t end = at_ + size;
    const Tag* known = nullptr;
    for (size_t t = first; t < tags_.size(); ++t) {
      if (tags_[t].number == number_of_tag) known = &tags_[t];
    }
    if (known != nullptr) {
      const Tag tag = *known;
      name_ = tag.name;
      tag.code(*this, tag.value, tag.nullable);
      if (!failed() && at_ != end) return fail("its tag says " + std::to_string(size) + " bytes");
    } else {
      at_ = end;
    }
  }
}

}  // namespace quokka
