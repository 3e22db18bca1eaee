#include "broker/config/properties.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace quokka {

Result<Properties> read_properties(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  file.peek();  // a directory opens, and cannot be read
  if (!file.is_open() || file.bad())
    return Error{ErrorCode::INVALID_CONFIG, "cannot read the properties file " + path + ": " + std::strerror(errno)};
  text << file.rdbuf();
  Result<Properties> parsed = parse_properties(text.str());
  if (!parsed) return Error{ErrorCode::INVALID_CONFIG, path + ", " + parsed.error().message};
  return parsed;
}

Status apply_override(Properties& properties, std::string_view argument) {
  size_t equals = argument.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return Error{ErrorCode::INVALID_CONFIG, "--override takes key=value, not '" + std::string(argument) + "'"};
  properties[std::string(argument.substr(0, equals))] = std::string(argument.substr(equals + 1));
  return {};
}

}  // namespace quokka
