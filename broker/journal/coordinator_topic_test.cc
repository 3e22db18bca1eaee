#include "broker/journal/coordinator_topic.h"

#include <gtest/gtest.h>

#include <vector>

#include "broker/journal/coordinator_partition.h"

namespace quokka {
namespace {

constexpr TopicId kFirst{1, 1}, kSecond{1, 2};

class CoordinatorTopicTest : public testing::Test {
 protected:
  // The view has these partitions; empty: none any more.
  void see(const TopicId& id, int32_t partitions, int32_t led_from = 0) {
    ClusterUpdate update;
    update.brokers = {{BrokerId(1), {}, {}}};
    TopicView topic{"t", id, {}};
    for (int32_t i = led_from; i < partitions; ++i) topic.partitions.push_back({PartitionIndex(i), BrokerId(1), {}, {}, {}, {}, {}, {}});
    update.topics = {topic};
    view_.apply(update);
    topic_.on_view();
  }
  void see_deleted() {
    ClusterUpdate update;
    update.brokers = {{BrokerId(1), {}, {}}};
    TopicView topic = *view_.get()->topic("t");
    for (PartitionView& each : topic.partitions) each.leader = kLeaderDuringDelete;
    update.topics = {topic};
    view_.apply(update);
    topic_.on_view();
  }
  void answer(Result<CoordinatorTopic::Assignment> read, size_t which = 0) {
    ASSERT_LT(which, reads_.size());
    auto done = std::move(reads_[which]);
    reads_.erase(reads_.begin() + static_cast<std::ptrdiff_t>(which));
    done(std::move(read));
  }
  // How many partitions ids are spread over; 0 while that is not known.
  int32_t count() {
    std::optional<PartitionIndex> found = topic_.partition_of("id");
    for (int32_t n = 1; found && n < 100; ++n) {
      bool is_it = true;
      for (const char* id : {"id", "a", "group", "another", "xyz-17", "q"}) is_it = is_it && topic_.partition_of(id) == coordinator_partition(id, n);
      if (is_it) return n;
    }
    return 0;
  }

  ViewHolder view_;
  std::vector<Function<void(Result<CoordinatorTopic::Assignment>)>> reads_;
  CoordinatorTopic topic_{"t", view_, [this](const std::string&, auto done) { reads_.push_back(std::move(done)); }};
};

TEST_F(CoordinatorTopicTest, WhatTheAssignmentSaysAtTheStartCountsThoughNotAllIsLed) {
  Status told = Error{ErrorCode::UNKNOWN_SERVER_ERROR, "not told"};
  topic_.learn_at_start([&](Status status) { told = std::move(status); });
  EXPECT_EQ(count(), 0);
  answer(CoordinatorTopic::Assignment{kFirst, 51});
  EXPECT_TRUE(told.ok());
  EXPECT_EQ(count(), 51);
  see(kFirst, 50);
  EXPECT_EQ(count(), 51);
  EXPECT_TRUE(reads_.empty());
}

TEST_F(CoordinatorTopicTest, ATopicThatGrowsKeepsItsIdsWhereTheyAre) {
  see(kFirst, 50);
  answer(CoordinatorTopic::Assignment{kFirst, 50});
  EXPECT_EQ(count(), 50);
  see(kFirst, 51);
  see(kFirst, 60);
  EXPECT_EQ(count(), 50);
  EXPECT_TRUE(reads_.empty());
}

TEST_F(CoordinatorTopicTest, ATopicThatComesLaterIsReadOnce) {
  topic_.learn_at_start([](const Status& status) { EXPECT_TRUE(status.ok()); });
  answer(Error{ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "t"});
  EXPECT_EQ(count(), 0);
  EXPECT_TRUE(reads_.empty()) << "nobody has seen it";
  see(kFirst, 3);
  topic_.on_led();
  see(kFirst, 4);
  EXPECT_EQ(count(), 0);
  ASSERT_EQ(reads_.size(), 1u);
  answer(CoordinatorTopic::Assignment{kFirst, 5});
  EXPECT_EQ(count(), 5);
}

TEST_F(CoordinatorTopicTest, WhatCannotBeReadIsReadAgainWhenSomebodyAsks) {
  Status told;
  topic_.learn_at_start([&](Status status) { told = std::move(status); });
  answer(Error{ErrorCode::NETWORK_EXCEPTION, "no ZooKeeper"});
  EXPECT_FALSE(told.ok());
  see(kFirst, 3);
  answer(Error{ErrorCode::NETWORK_EXCEPTION, "no ZooKeeper"});
  EXPECT_EQ(count(), 0);
  answer(CoordinatorTopic::Assignment{kFirst, 3});
  EXPECT_EQ(count(), 3);
}

TEST_F(CoordinatorTopicTest, ATopicThatIsCreatedAnewIsAnotherOne) {
  see(kFirst, 50);
  answer(CoordinatorTopic::Assignment{kFirst, 50});
  see_deleted();
  EXPECT_EQ(count(), 0);
  see(kSecond, 10);
  answer(CoordinatorTopic::Assignment{kSecond, 10});
  EXPECT_EQ(count(), 10);
  // This broker did not hear that it was deleted.
  see(kFirst, 7);
  EXPECT_EQ(count(), 0);
  answer(CoordinatorTopic::Assignment{kFirst, 7});
  EXPECT_EQ(count(), 7);
}

TEST_F(CoordinatorTopicTest, WhatWasReadOfTheTopicBeforeCountsForNothing) {
  see(kFirst, 50);
  see_deleted();
  see(kSecond, 10);
  ASSERT_EQ(reads_.size(), 2u);
  answer(CoordinatorTopic::Assignment{kFirst, 50});
  EXPECT_EQ(count(), 0);
  answer(CoordinatorTopic::Assignment{kSecond, 10});
  EXPECT_EQ(count(), 10);
}

TEST_F(CoordinatorTopicTest, ATopicWithoutIdThatGetsOneIsTheSame) {
  see({}, 50);
  answer(CoordinatorTopic::Assignment{{}, 50});
  see(kFirst, 51);
  EXPECT_EQ(count(), 50);
}

}  // namespace
}  // namespace quokka
