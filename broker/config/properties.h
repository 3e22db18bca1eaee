// The broker's properties file and what the command line changes in it.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/properties.h"

namespace quokka {

// INVALID_CONFIG names the file that cannot be read, and the line that cannot be understood.
Result<Properties> read_properties(const std::string& path);

// `--override key=value`: INVALID_CONFIG unless there is a `=` after a key.
Status apply_override(Properties& properties, std::string_view argument);

}  // namespace quokka
