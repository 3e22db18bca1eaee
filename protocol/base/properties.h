// The text of Java properties files: `key=value` lines with comments (# and !), continuation lines, escapes, and `=`, `:` or blanks between key
// and value.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace quokka {

// A later line wins over an earlier one with the same key.
using Properties = std::map<std::string, std::string>;

// Bytes are taken for UTF-8; \uXXXX gives UTF-8. INVALID_CONFIG names the line of a broken escape.
Result<Properties> parse_properties(std::string_view text);

}  // namespace quokka
