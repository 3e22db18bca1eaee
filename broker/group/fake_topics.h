// For tests: topics that come and go, as a coordinator's core is told of them.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "broker/group/consumer/consumer_values.h"

namespace quokka {

class FakeTopics final : public GroupTopics {
 public:
  void set(const std::string& name, int32_t partitions) {
    if (topics_.count(name) == 0) topics_[name].id = TopicId{7, ++ids_};
    topics_[name].partitions = partitions;
    ++revision_;
  }
  void remove(const std::string& name) {
    topics_.erase(name);
    ++revision_;
  }
  void forget() { revision_ = 0; }

  std::optional<TopicFacts> find(const std::string& topic) const override {
    const auto found = topics_.find(topic);
    return found == topics_.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<std::string> name_of(TopicId id) const {
    for (const auto& [name, facts] : topics_) {
      if (facts.id == id) return name;
    }
    return std::nullopt;
  }
  uint64_t revision() const override { return revision_; }

 private:
  std::map<std::string, TopicFacts> topics_;
  uint64_t revision_ = 1;
  uint64_t ids_ = 0;
};

}  // namespace quokka
