// The topics of groups, as this broker was told of them.
#pragma once

#include "broker/group/consumer/consumer_values.h"
#include "coord/view/cluster_view.h"
#include "protocol/base/topic_name.h"

namespace quokka {

class ViewTopics final : public GroupTopics {
 public:
  explicit ViewTopics(ViewHolder& view) : view_(view) {}

  // A topic without an id cannot be assigned by one.
  std::optional<TopicFacts> find(const std::string& topic) const override {
    const ClusterViewPtr view = view_.get();
    const TopicView* found = view->topic(topic);
    if (found == nullptr || found->id.is_zero() || found->partitions.empty()) return std::nullopt;
    return TopicFacts{found->id, found->partitions.back().index.value + 1};
  }
  // This broker leads a partition of that topic: a view without it is older than that, and may lack any other.
  uint64_t revision() const override {
    const ClusterViewPtr view = view_.get();
    return view->topic(kGroupMetadataTopic) == nullptr ? 0 : view->revision() + 1;
  }

 private:
  ViewHolder& view_;
};

}  // namespace quokka
