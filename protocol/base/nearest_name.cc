#include "protocol/base/nearest_name.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace quokka {
namespace {

// Levenshtein's, with a swap of neighbours counting one.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return above[b.size()];
}

}  // namespace

NearestName::NearestName(std::string_view typed) : typed_(typed), distance_(std::max<size_t>(2, typed.size() / 4) + 1) {}

void NearestName::look_at(std::string_view known) {
  const size_t distance = edit_distance(typed_, known);
  if (distance >= distance_) return;
  distance_ = distance;
  nearest_ = known;
}

}  // namespace quokka
