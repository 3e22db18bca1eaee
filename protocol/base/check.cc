#include "protocol/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace quokka {

void check_failed(const char* file, int line, const char* expression, const std::string& detail) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s (%s)\n", file, line, expression, detail.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace quokka
