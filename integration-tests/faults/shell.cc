#include "integration-tests/faults/shell.h"

#include <stdio.h>
#include <sys/wait.h>

#include <stdexcept>

namespace quokka {

ShellResult shell(const std::string& words) {
  // Debian's users have no sbin in their path, root's scripts do.
  FILE* pipe = ::popen(("{ PATH=$PATH:/usr/sbin:/sbin; " + words + "; } 2>&1").c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot run a shell");
  ShellResult result;
  char buffer[4096];
  for (size_t got = 0; (got = ::fread(buffer, 1, sizeof buffer, pipe)) > 0;) result.output.append(buffer, got);
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return result;
}

std::string shell_or_throw(const std::string& words) {
  ShellResult result = shell(words);
  if (result.status != 0) throw std::runtime_error(words + ": " + result.output);
  return result.output;
}

}  // namespace quokka
