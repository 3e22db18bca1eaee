#include "broker/handlers/fetch_sessions.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

class Counter : public Random {
 public:
  uint64_t next() override { return ++value_; }

 private:
  uint64_t value_ = 0;
};

FetchWish wish(const std::string& topic, int32_t partition, int64_t offset = 0) {
  FetchWish w;
  w.topic = std::make_shared<const std::string>(topic);
  w.partition = PartitionIndex(partition);
  w.fetch_offset = Offset(offset);
  return w;
}

FetchNews news(int64_t high_watermark, bool records = false, ErrorCode error = ErrorCode::NONE) {
  return {error, Offset(high_watermark), Offset(0), records, false};
}

class FetchSessionsTest : public testing::Test {
 protected:
  FetchContext open(int32_t id, int32_t epoch, std::vector<FetchWish> wishes, std::vector<FetchWish> forgotten = {}, bool ids = false,
                    bool follower = false) {
    return sessions_.open({id, epoch, ids, follower, std::move(wishes), std::move(forgotten)}, now_);
  }
  Counter random_;
  FetchSessions sessions_{{2, Duration::seconds(120)}, random_};
  MonoTime now_{1000};
};

TEST_F(FetchSessionsTest, ASessionRemembersAndSendsOnlyNews) {
  FetchContext first = open(0, 0, {wish("a", 0), wish("a", 1)});
  ASSERT_TRUE(first.session);
  EXPECT_FALSE(first.incremental);
  EXPECT_EQ(first.session->note(first.wishes, {news(5), news(6)}, false), (std::vector<bool>{true, true}));
  FetchContext second = open(first.session->id(), 1, {});
  ASSERT_EQ(second.wishes.size(), 2u);
  EXPECT_EQ(second.session->note(second.wishes, {news(5), news(7)}, true), (std::vector<bool>{false, true}));
}

TEST_F(FetchSessionsTest, AnErrorIsSentUntilItEnds) {
  FetchContext first = open(0, 0, {wish("a", 0)});
  const auto bad = news(-1, false, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  first.session->note(first.wishes, {bad}, false);
  EXPECT_EQ(first.session->note(first.wishes, {bad}, true), std::vector<bool>{true});
  EXPECT_EQ(first.session->note(first.wishes, {news(3)}, true), std::vector<bool>{true});
}

TEST_F(FetchSessionsTest, WrongEpochLeavesTheSessionUsable) {
  const int32_t id = open(0, 0, {wish("a", 0)}).session->id();
  EXPECT_EQ(open(id, 5, {}).error, ErrorCode::INVALID_FETCH_SESSION_EPOCH);
  EXPECT_EQ(open(id, 1, {}).error, ErrorCode::NONE);
  EXPECT_EQ(open(id + 1, 1, {}).error, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  EXPECT_EQ(open(id, 2, {}, {}, true).error, ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
}

TEST_F(FetchSessionsTest, ForgettingAllEndsIt) {
  const int32_t id = open(0, 0, {wish("a", 0)}).session->id();
  const FetchContext last = open(id, 1, {}, {wish("a", 0)});
  EXPECT_FALSE(last.session);
  EXPECT_EQ(sessions_.size(), 0u);
}

TEST_F(FetchSessionsTest, PartitionsWithRecordsGoToTheEnd) {
  FetchContext first = open(0, 0, {wish("a", 0), wish("a", 1), wish("a", 2)});
  first.session->note(first.wishes, {news(1, true), news(1), news(1)}, false);
  const FetchContext second = open(first.session->id(), 1, {});
  EXPECT_EQ(second.wishes[0].partition, PartitionIndex(1));
  EXPECT_EQ(second.wishes[2].partition, PartitionIndex(0));
}

TEST_F(FetchSessionsTest, B28TheCacheIsBoundedAndEvictsTheIdleAndWhatIsWorthLess) {
  open(0, 0, {wish("a", 0)});
  open(0, 0, {wish("a", 0)});
  EXPECT_FALSE(open(0, 0, {wish("a", 0)}).session) << "full";
  EXPECT_TRUE(open(0, 0, {wish("a", 0)}, {}, false, true).session) << "a follower's takes a consumer's place";
  EXPECT_EQ(sessions_.size(), 2u);
  now_ = now_ + Duration::seconds(121);
  EXPECT_TRUE(open(0, 0, {wish("a", 0)}).session) << "idle ones go";
  EXPECT_EQ(sessions_.size(), 2u);
}

TEST_F(FetchSessionsTest, B28PartitionsOfAllSessionsTogetherAreBounded) {
  FetchSessions few({10, Duration::seconds(120), 4}, random_);
  const auto ask = [&](int32_t id, int32_t epoch, std::vector<FetchWish> wishes, bool follower = false) {
    return few.open({id, epoch, false, follower, std::move(wishes), {}}, now_);
  };
  EXPECT_FALSE(ask(0, 0, {wish("a", 0), wish("a", 1), wish("a", 2), wish("a", 3), wish("a", 4)}).session) << "more than there may be";
  const int32_t id = ask(0, 0, {wish("a", 0), wish("a", 1), wish("a", 2)}).session->id();
  EXPECT_FALSE(ask(0, 0, {wish("b", 0), wish("b", 1)}).session) << "no room";
  EXPECT_EQ(ask(id, 1, {wish("a", 3)}).wishes.size(), 4u);
  EXPECT_EQ(few.partitions(), 4u);
  EXPECT_EQ(ask(id, 2, {wish("a", 0), wish("a", 3)}).wishes.size(), 4u) << "what it has already does not count again";
  EXPECT_EQ(ask(id, 3, {wish("a", 4)}).error, ErrorCode::FETCH_SESSION_ID_NOT_FOUND) << "it grew too big and is gone";
  EXPECT_EQ(few.partitions(), 0u);
  ask(0, 0, {wish("a", 0), wish("a", 1)});
  ask(0, 0, {wish("b", 0), wish("b", 1)});
  EXPECT_TRUE(ask(0, 0, {wish("c", 0), wish("c", 1), wish("c", 2)}, true).session) << "a follower's takes the place of several";
  EXPECT_EQ(few.partitions(), 3u);
  EXPECT_EQ(few.size(), 1u);
}

TEST_F(FetchSessionsTest, ASessionHasOneNameATopic) {
  const auto name = std::make_shared<const std::string>("a");
  std::vector<FetchWish> wishes(1000, wish("a", 0));
  for (int32_t i = 0; i < 1000; ++i) {
    wishes[static_cast<size_t>(i)].topic = name;
    wishes[static_cast<size_t>(i)].partition = PartitionIndex(i);
  }
  const int32_t id = open(0, 0, std::move(wishes)).session->id();
  const FetchContext second = open(id, 1, {wish("a", 999, 7)}, {wish("a", 1)});
  ASSERT_EQ(second.wishes.size(), 999u);
  EXPECT_EQ(second.wishes.back().fetch_offset, Offset(7));
  EXPECT_EQ(second.wishes.back().topic, name) << "its own, and not what came with the later request";
  EXPECT_EQ(name.use_count(), 1 + 999 + 2 * 999) << "mine, the answer's, two of each partition in the session";
}

TEST_F(FetchSessionsTest, NamesThatAreTooLongAreNotKept) {
  const std::string name(250, 'n');
  const FetchContext first = open(0, 0, {wish("a", 0), wish(name, 0)});
  EXPECT_FALSE(first.session);
  EXPECT_EQ(first.error, ErrorCode::NONE);
  EXPECT_EQ(first.wishes.size(), 2u) << "both are answered";
  EXPECT_EQ(sessions_.size(), 0u);
  const int32_t id = open(0, 0, {wish("a", 0), wish(name.substr(1), 0)}).session->id();
  EXPECT_EQ(open(id, 1, {}, {wish(name, 0)}).error, ErrorCode::NONE) << "there is none to forget";
  EXPECT_EQ(open(id, 2, {wish(name, 0)}).error, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  EXPECT_EQ(sessions_.partitions(), 0u);
}

TEST_F(FetchSessionsTest, EpochMinusOneClosesAndServesWithoutASession) {
  const int32_t id = open(0, 0, {wish("a", 0)}).session->id();
  const FetchContext last = open(id, -1, {wish("a", 0)});
  EXPECT_FALSE(last.session);
  EXPECT_EQ(last.wishes.size(), 1u);
  EXPECT_EQ(sessions_.size(), 0u);
}

}  // namespace
}  // namespace quokka
