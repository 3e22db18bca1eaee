// Answers of the coordinator about several groups, which come together on the connection's loop.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/handlers/places.h"
#include "protocol/base/function.h"
#include "protocol/base/loop.h"
#include "protocol/base/result.h"

namespace quokka {

template <class Description>
struct GatheredGroup {
  std::string group;
  std::optional<Result<Description>> found;  // set when `done` runs
};

template <class Description>
class GatheredGroups {
 public:
  using Groups = std::vector<GatheredGroup<Description>>;
  using Done = Function<void(const Groups&)>;
  using BytesIn = size_t (*)(const Description&);

  // Loop. ask(group, callback) once for each; its callback may run on any thread. `done` runs on the loop when all have, in the order of `ids`; one that
  // is named twice comes once, and those that would make the answer larger than kBytesMax are INVALID_REQUEST. `bytes_in` counts one.
  template <class Ids, class Ask>
  static void gather(Loop& loop, const Ids& ids, BytesIn bytes_in, Done done, const Ask& ask) {
    const auto self = std::make_shared<GatheredGroups>(std::move(done));
    Places<std::string_view> places;
    for (const auto& id : ids)
      if (places.of(id).is_new) self->groups_.push_back({std::string(id), std::nullopt});
    self->left_ = self->groups_.size();
    if (self->left_ == 0) return self->done_(self->groups_);
    for (auto& each : self->groups_)
      ask(each.group, [self, bytes_in, &loop, &each](Result<Description> found) mutable {
        if (found && !self->has_room(bytes_in(*found))) found = too_much();
        loop.post([self, &each, found = std::move(found)]() mutable {
          each.found = std::move(found);
          if (--self->left_ == 0) self->done_(self->groups_);
        });
      });
  }

  explicit GatheredGroups(Done done) : done_(std::move(done)) {}

  static constexpr size_t kBytesMax = 100 << 20;  // what clients take at most by default

 private:
  // The first one always has, or nobody could ask for it.
  bool has_room(size_t bytes) {
    const size_t before = bytes_.fetch_add(bytes);
    return before == 0 || before + bytes <= kBytesMax;
  }
  static Error too_much() {
    return {ErrorCode::INVALID_REQUEST, "The groups of this request take more than " + std::to_string(kBytesMax) + " bytes to describe; ask for fewer at once."};
  }

  Done done_;
  Groups groups_;
  size_t left_ = 0;
  std::atomic<size_t> bytes_{0};
};

}  // namespace quokka
