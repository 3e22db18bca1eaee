// What a request names gets a place: what it names twice is answered once, or answers would have no limit.
#pragma once

#include <cstddef>
#include <map>
#include <tuple>

namespace quokka {

// In the order in which keys come. Views borrow from the request.
template <class... Key>
class Places {
 public:
  struct Place {
    size_t index;
    bool is_new;
  };
  Place of(const Key&... key) {
    const auto [at, is_new] = places_.try_emplace(std::tuple<Key...>(key...), places_.size());
    return {at->second, is_new};
  }

 private:
  std::map<std::tuple<Key...>, size_t> places_;
};

}  // namespace quokka
