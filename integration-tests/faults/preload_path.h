// Where the libraries of preload/ lie that are loaded into a broker under test: beside the test program.
#pragma once

#include <string>

namespace quokka {

std::string preload_path(const std::string& name);     // of preload/<name>.cc
std::string missing_preload(const std::string& name);  // why it cannot be loaded; empty if it can

}  // namespace quokka
