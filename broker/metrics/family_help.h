// One sentence for each family of metrics, for the # HELP lines that a scraper shows beside the name. A family is one line, whatever its name= labels.
#pragma once

#include <string_view>

namespace quokka {

// Without a full stop; empty for a family that is not known here.
std::string_view help_of_family(std::string_view family);

}  // namespace quokka
