// Answers of the coordinator about several groups, which come together on the connection's loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

  // Loop. ask(group, callback) once for each; its callback may run on any thread. `done` runs on the loop when all have, in the order of `ids`.
  template <class Ids, class Ask>
  static void gather(Loop& loop, const Ids& ids, Done done, const Ask& ask) {
    const auto self = std::make_shared<GatheredGroups>(std::move(done));
    for (const auto& id : ids) self->groups_.push_back({std::string(id), std::nullopt});
    self->left_ = self->groups_.size();
    if (self->left_ == 0) return self->done_(self->groups_);
    for (auto& each : self->groups_)
      ask(each.group, [self, &loop, &each](Result<Description> found) mutable {
        loop.post([self, &each, found = std::move(found)]() mutable {
          each.found = std::move(found);
          if (--self->left_ == 0) self->done_(self->groups_);
        });
      });
  }

  explicit GatheredGroups(Done done) : done_(std::move(done)) {}

 private:
  Done done_;
  Groups groups_;
  size_t left_ = 0;
};

}  // namespace quokka
