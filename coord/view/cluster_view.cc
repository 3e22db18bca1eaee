#include "coord/view/cluster_view.h"

#include <algorithm>
#include <map>

namespace quokka {
namespace {

size_t shard_of(std::string_view name, size_t shards) { return std::hash<std::string_view>()(name) % shards; }
// Topic ids are random: any of their bits are a hash.
size_t shard_of(const TopicId& id, size_t shards) { return static_cast<size_t>(id.low) % shards; }

bool name_before(const TopicViewPtr& topic, std::string_view name) { return topic->name < name; }
bool id_before(const TopicViewPtr& topic, const TopicId& id) { return topic->id < id; }

bool index_before(const PartitionView& partition, PartitionIndex index) { return partition.index < index; }

}  // namespace

const Endpoint* BrokerView::endpoint(std::string_view listener) const {
  for (const Endpoint& each : endpoints)
    if (each.listener == listener) return &each;
  return nullptr;
}

const PartitionView* TopicView::partition(PartitionIndex index) const {
  // Nearly always partition n is at place n.
  const auto place = static_cast<size_t>(index.value);
  if (index.value >= 0 && place < partitions.size() && partitions[place].index == index) return &partitions[place];
  auto found = std::lower_bound(partitions.begin(), partitions.end(), index, index_before);
  return found != partitions.end() && found->index == index ? &*found : nullptr;
}

ClusterView::ClusterView() : brokers_(std::make_shared<const BrokerViews>()) {}

const BrokerView* ClusterView::broker(BrokerId id) const {
  auto found = std::lower_bound(brokers_->begin(), brokers_->end(), id,
                                [](const BrokerView& broker, BrokerId wanted) { return broker.id < wanted; });
  return found != brokers_->end() && found->id == id ? &*found : nullptr;
}

const Endpoint* ClusterView::endpoint(BrokerId id, std::string_view listener) const {
  const BrokerView* found = broker(id);
  return found == nullptr ? nullptr : found->endpoint(listener);
}

const TopicViewPtr* ClusterView::find(std::string_view name) const {
  const auto& shard = by_name_[shard_of(name, kShards)];
  if (shard == nullptr) return nullptr;
  auto found = std::lower_bound(shard->begin(), shard->end(), name, name_before);
  return found != shard->end() && (*found)->name == name ? &*found : nullptr;
}

const TopicView* ClusterView::topic(std::string_view name) const {
  const TopicViewPtr* found = find(name);
  return found == nullptr ? nullptr : found->get();
}

TopicViewPtr ClusterView::topic_ptr(std::string_view name) const {
  const TopicViewPtr* found = find(name);
  return found == nullptr ? nullptr : *found;
}

const TopicView* ClusterView::topic(const TopicId& id) const {
  const auto& shard = by_id_[shard_of(id, kShards)];
  if (shard == nullptr) return nullptr;
  auto found = std::lower_bound(shard->begin(), shard->end(), id, id_before);
  return found != shard->end() && (*found)->id == id ? found->get() : nullptr;
}

const PartitionView* ClusterView::partition(std::string_view topic_name, PartitionIndex index) const {
  const TopicView* found = topic(topic_name);
  return found == nullptr ? nullptr : found->partition(index);
}

void ClusterView::replace(const TopicView* old, TopicViewPtr now) {
  // Kept alive: `old` may be owned by the shard that is replaced here.
  const std::string name = old != nullptr ? old->name : now->name;
  const TopicId old_id = old != nullptr ? old->id : TopicId();
  if (old != nullptr) {
    --topic_count_;
    partition_count_ -= old->partitions.size();
  }
  if (now != nullptr) {
    ++topic_count_;
    partition_count_ += now->partitions.size();
  }

  if (!old_id.is_zero()) {
    auto& shard = by_id_[shard_of(old_id, kShards)];
    auto copy = std::make_shared<Shard>(*shard);
    copy->erase(std::lower_bound(copy->begin(), copy->end(), old_id, id_before));
    shard = std::move(copy);
  }
  auto& shard = by_name_[shard_of(name, kShards)];
  auto copy = shard == nullptr ? std::make_shared<Shard>() : std::make_shared<Shard>(*shard);
  auto at = std::lower_bound(copy->begin(), copy->end(), name, name_before);
  if (at != copy->end() && (*at)->name == name) at = copy->erase(at);
  if (now != nullptr) copy->insert(at, now);
  shard = std::move(copy);

  if (now != nullptr && !now->id.is_zero()) {
    auto& ids = by_id_[shard_of(now->id, kShards)];
    auto with = ids == nullptr ? std::make_shared<Shard>() : std::make_shared<Shard>(*ids);
    with->insert(std::lower_bound(with->begin(), with->end(), now->id, id_before), now);
    ids = std::move(with);
  }
}

void ClusterView::apply_topic(const TopicView& update, ViewChanges& changes) {
  const TopicView* old = topic(update.name);
  std::map<PartitionIndex, PartitionView> partitions;
  const bool another = old != nullptr && !update.id.is_zero() && !old->id.is_zero() && old->id != update.id;
  if (old != nullptr && !another)
    for (const PartitionView& each : old->partitions) partitions.emplace(each.index, each);

  for (const PartitionView& each : update.partitions) {
    auto found = partitions.find(each.index);
    if (each.leader == kLeaderDuringDelete) {
      if (found == partitions.end()) continue;
      partitions.erase(found);
      changes.deleted.push_back({update.name, each.index});
    } else if (found == partitions.end() || found->second != each) {
      partitions.insert_or_assign(each.index, each);
      changes.changed.push_back({update.name, each.index});
    }
  }
  if (another)
    for (const PartitionView& each : old->partitions)
      if (!partitions.contains(each.index)) changes.deleted.push_back({update.name, each.index});

  TopicViewPtr now;
  if (!partitions.empty()) {
    auto made = std::make_shared<TopicView>();
    made->name = update.name;
    made->id = update.id.is_zero() && old != nullptr ? old->id : update.id;
    made->partitions.reserve(partitions.size());
    for (auto& [index, partition] : partitions) made->partitions.push_back(std::move(partition));
    now = std::move(made);
  }
  if (old != nullptr || now != nullptr) replace(old, std::move(now));
}

ClusterViewPtr ClusterView::after(const ClusterUpdate& update, ViewChanges& changes) const {
  auto next = std::make_shared<ClusterView>(*this);
  ++next->revision_;
  next->controller_ = update.controller;
  next->controller_epoch_ = update.controller_epoch;

  auto brokers = std::make_shared<BrokerViews>(update.brokers);
  std::sort(brokers->begin(), brokers->end(), [](const BrokerView& a, const BrokerView& b) { return a.id < b.id; });
  next->brokers_ = std::move(brokers);
  for (const BrokerView& each : *brokers_)
    if (!next->is_live(each.id)) changes.brokers_gone.push_back(each.id);
  for (const BrokerView& each : *next->brokers_)
    if (!is_live(each.id)) changes.brokers_come.push_back(each.id);

  for (const TopicView& each : update.topics) next->apply_topic(each, changes);
  return next;
}

ViewChanges ViewHolder::apply(const ClusterUpdate& update) {
  ViewChanges changes;
  ClusterViewPtr old = get();
  ClusterViewPtr next = old->after(update, changes);
  {
    MutexLock lock(mutex_);
    view_.swap(next);
  }
  // The last view may be destroyed here, outside the lock.
  return changes;
}

}  // namespace quokka
