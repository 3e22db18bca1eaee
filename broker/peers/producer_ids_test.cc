#include "broker/peers/producer_ids.h"

#include <gtest/gtest.h>

#include "protocol/base/manual_loop.h"

namespace quokka {
namespace {

class ProducerIdsTest : public testing::Test {
 protected:
  using Answer = Function<void(Result<ProducerIdBlock>)>;

  void next() {
    ids_.next([this](Result<ProducerId> id) { got_.push_back(id.ok() ? id->value : -static_cast<int64_t>(id.code())); });
  }
  void give(Result<ProducerIdBlock> block) {
    ASSERT_FALSE(asked_.empty());
    Answer answer = std::move(asked_.front());
    asked_.pop_front();
    answer(std::move(block));
    loop_.run_ready();
  }

  ManualLoop loop_;
  std::deque<Answer> asked_;
  std::vector<int64_t> got_;
  ProducerIds ids_{[this](Answer answer) { asked_.push_back(std::move(answer)); }, loop_};
};

TEST_F(ProducerIdsTest, WhoComesBeforeTheFirstBlockWaitsInTurn) {
  next();
  next();
  loop_.run_ready();
  EXPECT_EQ(asked_.size(), 1u);
  EXPECT_TRUE(got_.empty());
  give(ProducerIdBlock{ProducerId(3000), 1000});
  next();
  EXPECT_EQ(got_, (std::vector<int64_t>{3000, 3001, 3002}));
}

TEST_F(ProducerIdsTest, TheNextBlockIsAskedForBeforeTheCurrentOneEnds) {
  next();
  loop_.run_ready();
  give(ProducerIdBlock{ProducerId(0), 20});
  for (int i = 0; i < 16; ++i) next();
  loop_.run_ready();
  EXPECT_TRUE(asked_.empty());
  next();
  loop_.run_ready();
  EXPECT_EQ(asked_.size(), 1u);
  give(ProducerIdBlock{ProducerId(1000), 20});
  for (int i = 0; i < 3; ++i) next();
  EXPECT_EQ(got_.size(), 21u);
  EXPECT_EQ(got_[19], 19);
  EXPECT_EQ(got_[20], 1000);
}

TEST_F(ProducerIdsTest, WithoutABlockTheClientTriesAgain) {
  next();
  loop_.run_ready();
  loop_.advance(Duration::seconds(3));
  const int64_t loading = -static_cast<int64_t>(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  EXPECT_EQ(got_, std::vector<int64_t>{loading});
  next();
  give(Error{ErrorCode::NOT_CONTROLLER, "moved"});
  EXPECT_EQ(got_, (std::vector<int64_t>{loading, loading}));
  EXPECT_TRUE(asked_.empty());
  loop_.advance(Duration::millis(60));
  give(ProducerIdBlock{ProducerId(5), 10});
  next();
  EXPECT_EQ(got_.back(), 5);
}

TEST_F(ProducerIdsTest, MoreWaitersThanABlockHoldsAskAgain) {
  for (int i = 0; i < 3; ++i) next();
  loop_.run_ready();
  give(ProducerIdBlock{ProducerId(7), 2});
  EXPECT_EQ(got_, (std::vector<int64_t>{7, 8}));
  give(ProducerIdBlock{ProducerId(100), 2});
  EXPECT_EQ(got_, (std::vector<int64_t>{7, 8, 100}));
}

}  // namespace
}  // namespace quokka
