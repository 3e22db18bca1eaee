#include "tools/tool_properties.h"

#include <fstream>
#include <sstream>

namespace quokka {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

// The logical line that begins at `at`: continuation lines joined, leading blanks dropped. Escapes are still in it.
std::string take_line(std::string_view text, size_t& at) {
  std::string line;
  while (at < text.size()) {
    size_t end = text.find_first_of("\r\n", at);
    if (end == std::string_view::npos) end = text.size();
    size_t begin = at;
    while (begin < end && is_blank(text[begin])) ++begin;
    line += text.substr(begin, end - begin);
    at = end + 1;
    if (end + 1 < text.size() && text[end] == '\r' && text[end + 1] == '\n') ++at;
    if (!line.empty() && (line[0] == '#' || line[0] == '!')) break;
    size_t slashes = 0;
    while (slashes < line.size() && line[line.size() - 1 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 0) break;
    line.pop_back();
  }
  return line;
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'u' && i + 4 < text.size()) {
      append_utf8(out, static_cast<unsigned>(std::strtoul(std::string(text.substr(i + 1, 4)).c_str(), nullptr, 16)));
      i += 4;
    } else {
      out += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
    }
  }
  return out;
}

}  // namespace

ToolProperties parse_tool_properties(std::string_view text) {
  ToolProperties properties;
  size_t at = 0;
  while (at < text.size()) {
    const std::string line = take_line(text, at);
    if (line.empty() || line[0] == '#' || line[0] == '!') continue;
    size_t end = 0;
    while (end < line.size() && line[end] != '=' && line[end] != ':' && !is_blank(line[end])) end += line[end] == '\\' ? 2 : 1;
    end = std::min(end, line.size());
    size_t value = end;
    while (value < line.size() && is_blank(line[value])) ++value;
    if (value < line.size() && (line[value] == '=' || line[value] == ':')) ++value;
    while (value < line.size() && is_blank(line[value])) ++value;
    properties[unescaped(std::string_view(line).substr(0, end))] = unescaped(std::string_view(line).substr(value));
  }
  return properties;
}

Result<ToolProperties> read_tool_properties(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::INVALID_CONFIG, "cannot read the properties file '" + path + "'"};
  std::ostringstream text;
  text << file.rdbuf();
  return parse_tool_properties(text.str());
}

Status add_arguments(ToolProperties& properties, const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    const size_t equals = word.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Error{ErrorCode::INVALID_CONFIG, "Invalid command line properties: '" + word + "' is not key=value"};
    }
    properties[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return {};
}

bool is_true(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  if (text.size() != 4) return false;
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c | 0x20);
  return lower == "true";
}

}  // namespace quokka
