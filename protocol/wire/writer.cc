#include "protocol/wire/writer.h"

#include <algorithm>

namespace quokka {

void Writer::no_room_for(const char* name) {
  if (error_.empty()) error_ = std::string(name) + " is set, and this version has no such field";
}

bool Writer::null_is_fine(bool there, bool may_be_null) {
  if (there || may_be_null) return true;
  if (error_.empty()) error_ = std::string(name()) + " is null, and this version does not allow that";
  return false;
}

void Writer::uvarint(uint32_t v) {
  while (v >= 0x80) {
    number(static_cast<uint8_t>(v | 0x80));
    v >>= 7;
  }
  number(static_cast<uint8_t>(v));
}

void Writer::raw(Bytes v) {
  if (into_ != nullptr && !v.empty()) std::memcpy(into_ + at_, v.data(), v.size());
  at_ += v.size();
}

void Writer::length32(int64_t length) {
  if (flexible()) {
    uvarint(static_cast<uint32_t>(length + 1));
  } else {
    number(static_cast<int32_t>(length));
  }
}

void Writer::uuid(Uuid& v) {
  number(v.high);
  number(v.low);
}

void Writer::text(std::string_view& v, bool& there, bool may_be_null) {
  if (!null_is_fine(there, may_be_null)) return;
  if (v.size() > 32767) {
    if (error_.empty()) error_ = std::string(name()) + " is longer than 32767 bytes";
    return;
  }
  if (flexible()) {
    uvarint(there ? static_cast<uint32_t>(v.size()) + 1 : 0);
  } else {
    number(there ? static_cast<int16_t>(v.size()) : int16_t{-1});
  }
  raw(bytes_of(v));
}

void Writer::inflexible_text(const std::optional<std::string_view>& v) {
  number(v ? static_cast<int16_t>(v->size()) : int16_t{-1});
  if (v) raw(bytes_of(*v));
}

void Writer::bytes(Bytes& v, bool& there, bool may_be_null) {
  if (!null_is_fine(there, may_be_null)) return;
  length32(there ? static_cast<int64_t>(v.size()) : -1);
  raw(v);
}

void Writer::records(Records& v, bool may_be_null) {
  if (!null_is_fine(!v.is_null(), may_be_null)) return;
  const size_t size = v.bytes ? v.bytes->size() : v.hole_bytes;
  length32(v.is_null() ? -1 : static_cast<int64_t>(size));
  if (size == 0) return;
  if (into_ != nullptr) gaps_.push_back({at_, v});
  elsewhere_ += size;
}

void Writer::count(size_t& v, bool& there, bool may_be_null) {
  if (!null_is_fine(there, may_be_null)) return;
  length32(there ? static_cast<int64_t>(v) : -1);
}

void Writer::code_tags(size_t first) {
  uint32_t present = 0;
  for (size_t t = first; t < tags_.size(); ++t) present += tags_[t].is_default ? 0 : 1;
  uvarint(present);
  if (present == 0) return;
  std::vector<Tag> tags;
  for (size_t t = first; t < tags_.size(); ++t) {
    if (!tags_[t].is_default) tags.push_back(tags_[t]);
  }
  std::sort(tags.begin(), tags.end(), [](const Tag& a, const Tag& b) { return a.number < b.number; });
  for (const Tag& tag : tags) {
    uvarint(tag.number);
    // Its size comes first: count it, then write it.
    uint8_t* const into = into_;
    const size_t at = at_, elsewhere = elsewhere_;
    into_ = nullptr;
    name_ = tag.name;
    tag.code(*this, tag.value, tag.nullable);
    const size_t size = at_ - at + (elsewhere_ - elsewhere);
    into_ = into;
    at_ = at;
    elsewhere_ = elsewhere;
    uvarint(static_cast<uint32_t>(size));
    tag.code(*this, tag.value, tag.nullable);
  }
}

namespace detail {

Encoded assemble(std::unique_ptr<uint8_t[]> block, size_t own_bytes, const std::vector<Writer::Gap>& gaps) {
  Encoded encoded;
  const uint8_t* const first = block.get();
  encoded.keep(std::move(block));
  size_t at = 0;
  const auto own_until = [&](size_t end) {
    if (end > at) encoded.append_borrowed(Bytes(first + at, end - at));
    at = end;
  };
  for (const Writer::Gap& gap : gaps) {
    own_until(gap.at);
    if (gap.records.bytes) {
      encoded.append_borrowed(*gap.records.bytes);
    } else {
      encoded.append_hole(gap.records.hole_bytes);
    }
  }
  own_until(own_bytes);
  return encoded;
}

}  // namespace detail
}  // namespace quokka
