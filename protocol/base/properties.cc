#include "protocol/base/properties.h"

#include <cstdint>
#include <utility>

namespace quokka {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

std::string_view without_leading_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

// Takes the next line of the file, without its end: \n, \r or \r\n.
std::string_view take_line(std::string_view& text) {
  size_t end = text.find_first_of("\r\n");
  if (end == std::string_view::npos) return std::exchange(text, {});
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
  return line;
}

bool ends_in_continuation(std::string_view line) {
  size_t backslashes = 0;
  while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

void append_utf8(std::string& out, uint32_t code_point) {
  auto byte = [&](uint32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (code_point < 0x80) {
    byte(code_point);
  } else if (code_point < 0x800) {
    byte(0xc0 | code_point >> 6);
    byte(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    byte(0xe0 | code_point >> 12);
    byte(0x80 | (code_point >> 6 & 0x3f));
    byte(0x80 | (code_point & 0x3f));
  } else {
    byte(0xf0 | code_point >> 18);
    byte(0x80 | (code_point >> 12 & 0x3f));
    byte(0x80 | (code_point >> 6 & 0x3f));
    byte(0x80 | (code_point & 0x3f));
  }
}

// Four hexadecimal digits at the front of `text`; -1 if they are not there.
int32_t take_hex4(std::string_view& text) {
  if (text.size() < 4) return -1;
  int32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    char c = text[i];
    int32_t digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  text.remove_prefix(4);
  return value;
}

// Removes escapes; false for a broken \u.
bool unescape(std::string_view text, std::string& out) {
  while (!text.empty()) {
    char c = text.front();
    text.remove_prefix(1);
    if (c != '\\' || text.empty()) {
      if (c != '\\') out += c;
      continue;
    }
    char escaped = text.front();
    text.remove_prefix(1);
    switch (escaped) {
      case 't': out += '\t'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 'f': out += '\f'; break;
      case 'u': {
        int32_t unit = take_hex4(text);
        if (unit < 0) return false;
        auto code_point = static_cast<uint32_t>(unit);
        // A character beyond 16 bits is written as two escapes.
        if (code_point >= 0xd800 && code_point < 0xdc00 && text.starts_with("\\u")) {
          std::string_view rest = text.substr(2);
          int32_t low = take_hex4(rest);
          if (low >= 0xdc00 && low < 0xe000) {
            code_point = 0x10000 + ((code_point - 0xd800) << 10) + static_cast<uint32_t>(low - 0xdc00);
            text = rest;
          }
        }
        append_utf8(out, code_point);
        break;
      }
      default: out += escaped;
    }
  }
  return true;
}

// The key ends at the first `=`, `:` or blank that is not escaped.
size_t key_end(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') ++i;
    else if (line[i] == '=' || line[i] == ':' || is_blank(line[i])) return i;
  }
  return line.size();
}

}  // namespace

Result<Properties> parse_properties(std::string_view text) {
  Properties properties;
  int line_number = 0;
  while (!text.empty()) {
    ++line_number;
    int first_line = line_number;
    std::string_view first = without_leading_blanks(take_line(text));
    if (first.empty() || first.front() == '#' || first.front() == '!') continue;
    std::string line(first);
    while (ends_in_continuation(line)) {
      line.pop_back();
      if (text.empty()) break;
      ++line_number;
      line += without_leading_blanks(take_line(text));
    }
    size_t end = key_end(line);
    std::string_view rest = without_leading_blanks(std::string_view(line).substr(end));
    if (!rest.empty() && (rest.front() == '=' || rest.front() == ':')) rest = without_leading_blanks(rest.substr(1));
    std::string key, value;
    if (!unescape(std::string_view(line).substr(0, end), key) || !unescape(rest, value))
      return Error{ErrorCode::INVALID_CONFIG, "line " + std::to_string(first_line) + ": \\u is followed by four hexadecimal digits"};
    properties[std::move(key)] = std::move(value);
  }
  return properties;
}

}  // namespace quokka
