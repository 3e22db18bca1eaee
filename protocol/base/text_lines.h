// Text taken apart line by line.
#pragma once

#include <optional>
#include <string_view>

namespace quokka {

// Takes the next line off `text`, without its end (\n or \r\n), which the last may lack. nullopt when nothing is left.
inline std::optional<std::string_view> next_line(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace quokka
