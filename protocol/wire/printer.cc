#include "protocol/wire/printer.h"

#include <cstdio>

namespace quokka {

std::string Printer::print(void* object, const ElementType& type) {
  element(object, type);
  return schema_.name + std::move(out_);
}

bool Printer::begin(Name name, Versions present) {
  if (!present.contains(version_)) return false;
  if (!first_) out_ += ", ";
  first_ = false;
  if (*name != '\0') out_.append(name).append("=");
  return true;
}

void Printer::put(Name name, Versions present, const std::string& value) {
  if (begin(name, present)) out_ += value;
}

// Text of a peer's must not break a line of the log.
void Printer::quoted(std::string_view text) {
  out_ += '"';
  for (const char c : text.substr(0, kTextMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(byte));
      out_ += escaped;
      continue;
    }
    if (c == '"' || c == '\\') out_ += '\\';
    out_ += c;
  }
  out_ += '"';
}

void Printer::field(bool& v, Name name, Versions present, Versions) { put(name, present, v ? "true" : "false"); }
void Printer::field(int8_t& v, Name name, Versions present, Versions) { put(name, present, std::to_string(v)); }
void Printer::field(int16_t& v, Name name, Versions present, Versions) { put(name, present, std::to_string(v)); }
void Printer::field(int32_t& v, Name name, Versions present, Versions) { put(name, present, std::to_string(v)); }
void Printer::field(int64_t& v, Name name, Versions present, Versions) { put(name, present, std::to_string(v)); }
void Printer::field(double& v, Name name, Versions present, Versions) { put(name, present, std::to_string(v)); }
void Printer::field(Uuid& v, Name name, Versions present, Versions) { put(name, present, v.str()); }
void Printer::field(ErrorCode& v, Name field_name, Versions present, Versions) { put(field_name, present, std::string(name(v))); }

void Printer::field(std::string_view& v, Name name, Versions present, Versions) {
  if (begin(name, present)) quoted(v);
}
void Printer::field(std::optional<std::string_view>& v, Name name, Versions present, Versions) {
  if (!begin(name, present)) return;
  if (v) {
    quoted(*v);
  } else {
    out_ += "null";
  }
}
void Printer::inflexible_text(std::optional<std::string_view>& v, Name name, Versions present) { field(v, name, present, always()); }

void Printer::field(Bytes& v, Name name, Versions present, Versions) { put(name, present, std::to_string(v.size()) + " bytes"); }
void Printer::field(std::optional<Bytes>& v, Name name, Versions present, Versions) {
  put(name, present, v ? std::to_string(v->size()) + " bytes" : "null");
}
void Printer::field(Records& v, Name name, Versions present, Versions) {
  put(name, present, v.is_null() ? "null" : std::to_string(v.size()) + " bytes");
}

bool Printer::array(Elements& elements, const ElementType& type, Name name, Versions present, Versions, bool) {
  if (!begin(name, present)) return false;
  if (!elements.there) {
    out_ += "null";
    return false;
  }
  out_ += '[';
  first_ = true;
  auto* const first = static_cast<uint8_t*>(elements.first);
  for (size_t i = 0; i < elements.count; ++i) {
    if (out_.size() > kTextMax) {
      out_ += ", ...";
      break;
    }
    if (type.is_struct && i > 0) out_ += ", ";
    element(first + i * type.size, type);
  }
  out_ += ']';
  first_ = false;
  return false;
}

void Printer::structure(void* object, const ElementType& type, Name name, Versions present) {
  if (begin(name, present)) element(object, type);
}

bool Printer::presence(bool& there, Name name, Versions present, Versions) {
  if (there) return present.contains(version_);
  put(name, present, "null");
  return false;
}

bool Printer::begin_tag(int, Name, Versions present, bool is_default) { return present.contains(version_) && !is_default; }

void Printer::element(void* object, const ElementType& type) {
  const Object outer = object_;
  object_ = {static_cast<const char*>(object), static_cast<const char*>(type.defaults)};
  if (type.is_struct) out_ += '{';
  if (type.is_struct) first_ = true;
  type.visit(*this, object);
  if (type.is_struct) out_ += '}';
  first_ = false;
  object_ = outer;
}

std::string print_object(void* message, const ElementType& type, const MessageSchema& schema, int16_t version) {
  return Printer(schema, version).print(message, type);
}

}  // namespace quokka
