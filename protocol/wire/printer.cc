#include "protocol/wire/printer.h"

namespace quokka {

void Printer::put(const std::string& value) {
  if (out_.size() > kTextMax) return;
  if (!out_.empty() && out_.back() != '{') out_ += ", ";
  out_ += name();
  if (index_) out_ += '[' + std::to_string(*index_) + ']';
  index_.reset();
  out_ += '=' + value;
}

void Printer::begin_object() {
  if (!out_.empty()) put("");
  out_ += '{';
}

void Printer::end_object() { out_ += '}'; }

void Printer::code_tags(size_t first) {
  for (size_t t = first; t < tags_.size(); ++t) {
    const Tag tag = tags_[t];
    if (tag.is_default) continue;
    name_ = tag.name;
    tag.code(*this, tag.value, tag.nullable);
  }
}

void Printer::text(std::string_view& v, bool& there, bool) { put(there ? '"' + std::string(v) + '"' : "null"); }

void Printer::bytes(Bytes& v, bool& there, bool) { put(there ? std::to_string(v.size()) + " bytes" : "null"); }

void Printer::records(Records& v, bool) {
  put(v.is_null() ? "null" : std::to_string(v.bytes ? v.bytes->size() : v.hole_bytes) + " bytes");
}

void Printer::count(size_t& v, bool& there, bool) {
  if (!there || v == 0) put(there ? "[]" : "null");
}

void Printer::presence(bool& there) {
  if (!there) put("null");
}

void Printer::element(size_t index) { index_ = index; }

}  // namespace quokka
