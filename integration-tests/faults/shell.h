// Commands of the machine's administration, for faults that need them.
#pragma once

#include <string>

namespace quokka {

struct ShellResult {
  int status = 0;
  std::string output;  // what it printed on both channels
};

ShellResult shell(const std::string& words);
// The output; throws with it if the command fails.
std::string shell_or_throw(const std::string& words);

}  // namespace quokka
