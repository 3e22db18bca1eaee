// Properties that tools take: files in Java's format (--command-config, --producer.config ...) and `key=value` arguments.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace quokka {

using ToolProperties = std::map<std::string, std::string>;

// Comments (# and !), continuation lines, escapes; `=`, `:` or blanks between key and value.
ToolProperties parse_tool_properties(std::string_view text);
// An error names the file.
Result<ToolProperties> read_tool_properties(const std::string& path);
// `key=value` words on top of `properties`. An error names the word.
Status add_arguments(ToolProperties& properties, const std::vector<std::string>& arguments);

// "true" in any case, blanks around it ignored.
bool is_true(std::string_view text);

}  // namespace quokka
