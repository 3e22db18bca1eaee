#include "protocol/wire/codec.h"

namespace quokka {

std::string Codec::path_to(Name name) const {
  std::string path = name;
  for (const Place* place = place_; place != nullptr; place = place->outer) {
    std::string step = place->name;
    if (place->index != kNoIndex) step += '[' + std::to_string(place->index) + ']';
    path = path.empty() ? step : step + '.' + path;
  }
  return std::string(schema_.name) + " v" + std::to_string(version_) + ": " + path;
}

}  // namespace quokka
