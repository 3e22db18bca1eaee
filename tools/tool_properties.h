// Properties that tools take: files in Java's format (--command-config, --producer.config ...) and `key=value` arguments, and how settings are
// read from them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/base/properties.h"
#include "protocol/base/time.h"
#include "tools/options.h"

namespace quokka {

// The file that option `file_option` names, if it is given, and the `key=value` words of option `words_option` ("" for none) on top of it. An
// error names the file.
Result<Properties> properties_of(const Options& options, const std::string& file_option, const std::string& words_option);
// `key=value` words on top of `properties`. A word without value sets an empty one, with a warning.
void add_arguments(Properties& properties, const std::vector<std::string>& arguments);

// "true" in any case, blanks around it ignored.
bool is_true(std::string_view text);

// Each leaves `value` as it is when the key is not there. A number is at least `least`; an error names key, value and what is possible.
void set_text(const Properties& properties, const std::string& key, std::string& value);
void set_flag(const Properties& properties, const std::string& key, bool& value);
// Texts and flags, by their keys.
using NamedSetting = std::pair<const char*, std::variant<bool*, std::string*>>;
void set_all(const Properties& properties, const std::vector<NamedSetting>& settings);
Status set_number(const Properties& properties, const std::string& key, int64_t least, int64_t& value);
Status set_millis(const Properties& properties, const std::string& key, Duration& value);

}  // namespace quokka
