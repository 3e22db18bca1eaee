#include "integration-tests/faults/preload_path.h"

#include <filesystem>

namespace quokka {

std::string preload_path(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string() + '/' + name + ".so";
}

std::string missing_preload(const std::string& name) {
  const std::string path = preload_path(name);
  return std::filesystem::exists(path) ? "" : path + " is not built";
}

}  // namespace quokka
