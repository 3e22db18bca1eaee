#include "coord/view/cluster_view.h"

#include <gtest/gtest.h>

#include <map>

namespace quokka {
namespace {

PartitionView partition(int32_t index, int32_t leader, int32_t leader_epoch = 0) {
  PartitionView made;
  made.index = PartitionIndex(index);
  made.leader = BrokerId(leader);
  made.leader_epoch = LeaderEpoch(leader_epoch);
  made.replicas = made.isr = {BrokerId(1), BrokerId(2)};
  return made;
}

TopicView topic(std::string name, uint64_t id, std::vector<PartitionView> partitions) {
  return TopicView{std::move(name), TopicId{id, id * 7919}, std::move(partitions)};
}

BrokerView broker(int32_t id) {
  return BrokerView{BrokerId(id), {Endpoint{"PLAINTEXT", "host" + std::to_string(id), 9092, 0}, Endpoint{"INTERNAL", "in", 9093, 0}}, "r"};
}

TEST(ClusterView, FindsWhatAnUpdateBrought) {
  ViewHolder holder;
  EXPECT_EQ(holder.get()->controller(), BrokerId(-1));
  ViewChanges changes = holder.apply({BrokerId(2), ControllerEpoch(7), {broker(2), broker(1)}, {topic("a", 1, {partition(0, 1), partition(1, 2)})}});
  auto view = holder.get();
  EXPECT_EQ(view->controller(), BrokerId(2));
  EXPECT_EQ(view->controller_epoch(), ControllerEpoch(7));
  ASSERT_EQ(view->brokers().size(), 2u);
  EXPECT_EQ(view->brokers()[0].id, BrokerId(1));
  EXPECT_EQ(view->endpoint(BrokerId(2), "PLAINTEXT")->host, "host2");
  EXPECT_EQ(view->endpoint(BrokerId(2), "SSL"), nullptr);
  EXPECT_EQ(view->endpoint(BrokerId(3), "PLAINTEXT"), nullptr);
  EXPECT_EQ(view->topic("a")->partitions.size(), 2u);
  EXPECT_EQ(view->topic(TopicId{1, 7919})->name, "a");
  EXPECT_EQ(view->topic(TopicId{2, 2 * 7919}), nullptr);
  EXPECT_EQ(view->partition("a", PartitionIndex(1))->leader, BrokerId(2));
  EXPECT_EQ(view->partition("a", PartitionIndex(2)), nullptr);
  EXPECT_EQ(view->partition("a", PartitionIndex(-1)), nullptr);
  EXPECT_EQ(view->partition("b", PartitionIndex(0)), nullptr);
  EXPECT_EQ(changes.changed, (std::vector<TopicPartition>{{"a", PartitionIndex(0)}, {"a", PartitionIndex(1)}}));
  EXPECT_EQ(changes.brokers_come, (std::vector<BrokerId>{BrokerId(1), BrokerId(2)}));
}

TEST(ClusterView, AnUpdateIsADifferenceAndOldSnapshotsStay) {
  ViewHolder holder;
  holder.apply({BrokerId(1), ControllerEpoch(1), {broker(1)}, {topic("a", 1, {partition(0, 1), partition(2, 1)}), topic("b", 2, {partition(0, 1)})}});
  auto before = holder.get();
  ViewChanges changes = holder.apply({BrokerId(1), ControllerEpoch(1), {broker(2)}, {topic("a", 1, {partition(0, 1), partition(1, 2)})}});
  auto after = holder.get();
  EXPECT_EQ(changes.changed, (std::vector<TopicPartition>{{"a", PartitionIndex(1)}})) << "an equal state is no change";
  EXPECT_EQ(changes.brokers_gone, std::vector<BrokerId>{BrokerId(1)});
  EXPECT_EQ(before->topic("a")->partitions.size(), 2u);
  EXPECT_EQ(after->topic("a")->partitions.size(), 3u);
  EXPECT_EQ(after->topic("b"), before->topic("b")) << "shared, not copied";
  EXPECT_EQ(after->partition_count(), 4u);
  EXPECT_GT(after->revision(), before->revision());
}

TEST(ClusterView, LeaderMinusTwoDeletes) {
  ViewHolder holder;
  holder.apply({BrokerId(1), ControllerEpoch(1), {}, {topic("a", 1, {partition(0, 1), partition(1, 1)})}});
  ViewChanges changes = holder.apply({BrokerId(1), ControllerEpoch(1), {}, {topic("a", 1, {partition(0, -2)})}});
  EXPECT_EQ(changes.deleted, (std::vector<TopicPartition>{{"a", PartitionIndex(0)}}));
  EXPECT_EQ(holder.get()->topic("a")->partitions.size(), 1u);
  holder.apply({BrokerId(1), ControllerEpoch(1), {}, {topic("a", 1, {partition(1, -2), partition(5, -2)})}});
  EXPECT_EQ(holder.get()->topic("a"), nullptr);
  EXPECT_EQ(holder.get()->topic(TopicId{1, 7919}), nullptr);
  EXPECT_EQ(holder.get()->topic_count(), 0u);
}

TEST(ClusterView, AnotherTopicIdIsAnotherTopic) {
  ViewHolder holder;
  holder.apply({BrokerId(1), ControllerEpoch(1), {}, {topic("a", 1, {partition(0, 1), partition(1, 1)})}});
  ViewChanges changes = holder.apply({BrokerId(1), ControllerEpoch(1), {}, {topic("a", 2, {partition(0, 1)})}});
  EXPECT_EQ(changes.deleted, (std::vector<TopicPartition>{{"a", PartitionIndex(1)}}));
  EXPECT_EQ(changes.changed, (std::vector<TopicPartition>{{"a", PartitionIndex(0)}}));
  EXPECT_EQ(holder.get()->topic(TopicId{1, 7919}), nullptr);
  EXPECT_EQ(holder.get()->topic(TopicId{2, 2 * 7919})->partitions.size(), 1u);
}

// Random updates against a plain map.
TEST(ClusterView, RandomUpdatesAgreeWithAModel) {
  uint64_t seed = 42;
  auto draw = [&seed](uint64_t bound) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % bound;
  };
  ViewHolder holder;
  std::map<std::string, std::map<int32_t, int32_t>> model;  // leaders
  std::map<std::string, uint64_t> ids;
  uint64_t next_id = 1;
  for (int round = 0; round < 3000; ++round) {
    std::string name = "t" + std::to_string(draw(600));
    if (!model.contains(name)) ids[name] = next_id++;
    auto index = static_cast<int32_t>(draw(4));
    int32_t leader = draw(3) == 0 ? -2 : static_cast<int32_t>(draw(5)) - 1;
    holder.apply({BrokerId(1), ControllerEpoch(1), {}, {topic(name, ids[name], {partition(index, leader)})}});
    if (leader == -2)
      model[name].erase(index);
    else
      model[name][index] = leader;
    if (model[name].empty()) model.erase(name);
  }
  auto view = holder.get();
  size_t partitions = 0;
  for (const auto& [name, leaders] : model) {
    const TopicView* found = view->topic(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(view->topic(found->id), found);
    ASSERT_EQ(found->partitions.size(), leaders.size());
    for (const auto& [index, leader] : leaders) EXPECT_EQ(found->partition(PartitionIndex(index))->leader, BrokerId(leader));
    partitions += leaders.size();
  }
  size_t seen = 0;
  view->for_each_topic([&seen](const TopicView&) { ++seen; });
  EXPECT_EQ(seen, model.size());
  EXPECT_EQ(view->topic_count(), model.size());
  EXPECT_EQ(view->partition_count(), partitions);
}

}  // namespace
}  // namespace quokka
