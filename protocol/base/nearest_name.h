// For messages about a name that nobody knows: which known one was meant.
#pragma once

#include <cstddef>
#include <string_view>

namespace quokka {

// Fed with the known names, which outlive it.
class NearestName {
 public:
  explicit NearestName(std::string_view typed);

  void look_at(std::string_view known);
  // The first of those with the fewest differing letters; "" if none is near.
  std::string_view found() const { return nearest_; }

 private:
  std::string_view typed_;
  size_t distance_;  // only what is nearer than this counts
  std::string_view nearest_;
};

}  // namespace quokka
