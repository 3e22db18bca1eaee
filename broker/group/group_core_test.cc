#include "broker/group/group_core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "broker/group/group_core_harness.h"
#include "protocol/base/schedules.h"

namespace quokka {
namespace {

const TopicPartition kPartition{"t", PartitionIndex(0)};

std::string last_line(const GroupHarness& harness) { return harness.lines.empty() ? "" : harness.lines.back(); }

// One member, stable.
void settle(GroupHarness& harness, const std::string& group, const std::string& who) {
  harness.join(group, who);
  harness.wait_ms(10'000);
  harness.sync(group, who, {{who, "all"}});
  ASSERT_EQ(harness.people[who].assignment, "all");
}

TEST(GroupCore, SessionTimeoutsHaveBounds) {
  GroupHarness harness;
  harness.people["A"].session_ms = 5999;
  harness.join("g", "A");
  EXPECT_EQ(last_line(harness), "A join: INVALID_SESSION_TIMEOUT");
  harness.people["A"].session_ms = 1'800'001;
  harness.join("g", "A");
  EXPECT_EQ(last_line(harness), "A join: INVALID_SESSION_TIMEOUT");
  EXPECT_EQ(harness.core.find("g"), nullptr);
}

TEST(GroupCore, ProtocolsMustBeKnownToAllAndNamedOnce) {
  GroupHarness harness;
  settle(harness, "g", "A");
  harness.people["B"].knows = {"sticky"};
  harness.join("g", "B");
  EXPECT_EQ(last_line(harness), "B join: INCONSISTENT_GROUP_PROTOCOL");
  harness.people["C"].knows = {"range", "range"};
  harness.join("g", "C");
  EXPECT_EQ(last_line(harness), "C join: INVALID_REQUEST");
  harness.people["D"].knows = {};
  harness.join("new", "D");
  EXPECT_EQ(last_line(harness), "D join: INCONSISTENT_GROUP_PROTOCOL");
  harness.protocol_type = "connect";
  harness.join("g", "E");
  EXPECT_EQ(last_line(harness), "E join: INCONSISTENT_GROUP_PROTOCOL");
}

TEST(GroupCore, AMemberKnowsNoMoreProtocolsThanItMay) {
  GroupSettings settings;
  settings.member_protocols_max = 3;
  GroupHarness harness(settings);
  harness.people["A"].knows = {"a", "b", "range", "c"};
  harness.join("g", "A");
  EXPECT_EQ(last_line(harness), "A join: INCONSISTENT_GROUP_PROTOCOL");
  EXPECT_EQ(harness.core.find("g"), nullptr);
  harness.people["A"].knows = {"a", "b", "range"};
  settle(harness, "g", "A");
}

// Whoever changes, goes or is replaced takes what it knew with it.
TEST(GroupCore, WhatAllKnowFollowsTheMembers) {
  GroupHarness harness;
  const auto refused = [&](const std::string& who, std::vector<std::string> knows) {
    harness.people[who] = {};
    harness.people[who].knows = std::move(knows);
    harness.lines.clear();
    harness.join("g", who);
    EXPECT_TRUE(harness.core.find("g")->counts_are_right());
    return last_line(harness) == who + " join: INCONSISTENT_GROUP_PROTOCOL";
  };
  harness.people["A"].knows = {"x", "y"};
  harness.people["A"].instance = "a";
  harness.people["B"].knows = {"y", "z"};
  harness.people["B"].rebalance_ms = 600'000;
  harness.join("g", "A");
  harness.join("g", "B");
  harness.wait_ms(10'000);
  EXPECT_TRUE(refused("C", {"x"}));
  EXPECT_TRUE(refused("C", {"z"}));
  harness.people["B"].knows = {"x", "y"};
  harness.join("g", "B");
  harness.people["A"].knows = {"x"};
  harness.join("g", "A");
  EXPECT_EQ(harness.core.find("g")->protocol, "x");
  EXPECT_TRUE(refused("C", {"y", "z"}));
  // A comes back under another id.
  harness.people["A"].member_id.clear();
  harness.people["A"].knows = {"x", "z"};
  harness.join("g", "A");
  EXPECT_TRUE(refused("C", {"y", "z"}));
  harness.leave("g", "B");
  EXPECT_TRUE(refused("C", {"y"}));
  EXPECT_FALSE(refused("C", {"z"}));
}

TEST(GroupCore, MostVotesChooseTheProtocol) {
  GroupHarness harness;
  harness.people["A"].knows = {"x", "y", "z"};
  harness.people["B"].knows = {"z", "y"};
  harness.people["C"].knows = {"y", "z", "w"};
  for (const char* who : {"A", "B", "C"}) harness.join("g", who);
  harness.wait_ms(10'000);
  EXPECT_EQ(harness.core.find("g")->protocol, "y");
}

TEST(GroupCore, AGroupIsNotLargerThanItMayBe) {
  GroupSettings settings;
  settings.members_max = 2;
  GroupHarness harness(settings);
  for (const char* who : {"A", "B", "C"}) harness.join("g", who);
  EXPECT_EQ(last_line(harness), "C join: GROUP_MAX_SIZE_REACHED");
  harness.wait_ms(10'000);
  EXPECT_EQ(harness.core.find("g")->members.size(), 2u);
  harness.join("g", "C");
  EXPECT_EQ(last_line(harness), "C join: GROUP_MAX_SIZE_REACHED");
}

TEST(GroupCore, IdsThatNobodyUsesAreBounded) {
  GroupSettings settings;
  settings.pending_members_max = 3;
  GroupHarness harness(settings);
  for (int i = 0; i < 10; ++i) {
    harness.people["A"] = {};
    harness.people["A"].requires_id = true;
    harness.people["A"].session_ms = 10'000 + i * 1000;
    harness.join("g", "A");
  }
  EXPECT_EQ(harness.core.find("g")->pending_members.size(), 3u);
  harness.join("g", "A");  // the last one that was given is among them
  harness.wait_ms(60'000);
  EXPECT_EQ(harness.people["A"].generation, 1);
  EXPECT_TRUE(harness.core.find("g")->pending_members.empty());
}

TEST(GroupCore, ARequestThatIsRepeatedIsAnsweredTwice) {
  GroupHarness harness;
  settle(harness, "g", "A");
  harness.join("g", "B");
  harness.join("g", "A");
  harness.wait_ms(0);
  harness.sync("g", "B");
  harness.lines.clear();
  harness.sync("g", "B");
  EXPECT_EQ(last_line(harness), "B sync: REBALANCE_IN_PROGRESS");
  harness.lines.clear();
  harness.leave("g", "B");
  EXPECT_EQ(harness.lines.at(0), "B sync: UNKNOWN_MEMBER_ID");
}

TEST(GroupCore, ACommitOfAnotherGenerationIsRefused) {
  GroupHarness harness;
  settle(harness, "g", "A");
  harness.people["A"].generation = 0;
  EXPECT_EQ(harness.commit("g", "A", kPartition, 5), ErrorCode::ILLEGAL_GENERATION) << "of one that has ended";
  harness.people["A"].generation = 2;
  EXPECT_EQ(harness.commit("g", "A", kPartition, 5), ErrorCode::ILLEGAL_GENERATION) << "of one that is not yet";
  harness.people["A"].generation = 1;
  EXPECT_EQ(harness.commit("g", "A", kPartition, 5), ErrorCode::NONE);
}

TEST(GroupCore, OffsetsOfTopicsThatAStableGroupReadsDoNotExpire) {
  GroupHarness harness;
  settle(harness, "g", "A");  // subscribed to t
  EXPECT_EQ(harness.commit("g", "A", kPartition, 5), ErrorCode::NONE);
  EXPECT_EQ(harness.commit("g", "A", {"other", PartitionIndex(0)}, 5), ErrorCode::NONE);
  GroupTime later = harness.now();
  later.wall.ms += 604'800'000;
  harness.perform(harness.core.on_retention(later));
  EXPECT_EQ(harness.fetch("g", kPartition), 5);
  EXPECT_EQ(harness.fetch("g", {"other", PartitionIndex(0)}), -1);
}

TEST(GroupCore, OffsetsInARebalanceDoNotExpire) {
  GroupHarness harness;
  settle(harness, "g", "A");
  EXPECT_EQ(harness.commit("g", "A", {"other", PartitionIndex(0)}, 5), ErrorCode::NONE);
  harness.join("g", "A");
  GroupTime later = harness.now();
  later.wall.ms += 604'800'000;
  harness.perform(harness.core.on_retention(later));
  EXPECT_EQ(harness.fetch("g", {"other", PartitionIndex(0)}), 5);
}

TEST(GroupCore, AnExpiryThatWasAskedForCounts) {
  GroupHarness harness;
  OffsetCommit commit;
  commit.group = "g";
  OffsetRecord record{1, -1, "", harness.now().wall.ms, harness.now().wall.ms + 1000};
  commit.partitions.push_back({kPartition, record});
  harness.perform(harness.core.on_offset_commit(commit, harness.now()).effects);
  harness.wait_ms(999);
  harness.perform(harness.core.on_retention(harness.now()));
  EXPECT_EQ(harness.fetch("g", kPartition), 1);
  harness.wait_ms(1);
  harness.perform(harness.core.on_retention(harness.now()));
  EXPECT_EQ(harness.fetch("g", kPartition), -1);
  EXPECT_EQ(harness.core.find("g"), nullptr);
}

TEST(GroupCore, MetadataOfOffsetsIsBounded) {
  GroupHarness harness;
  OffsetCommit commit;
  commit.group = "g";
  commit.partitions.push_back({kPartition, {1, -1, std::string(4097, 'x'), 0, std::nullopt}});
  commit.partitions.push_back({{"t", PartitionIndex(1)}, {2, -1, std::string(4096, 'x'), 0, std::nullopt}});
  GroupCore::Committed committed = harness.core.on_offset_commit(commit, harness.now());
  EXPECT_EQ(committed.partitions, (std::vector<ErrorCode>{ErrorCode::OFFSET_METADATA_TOO_LARGE, ErrorCode::NONE}));
  ASSERT_EQ(committed.effects.writes.size(), 1u);
  EXPECT_EQ(committed.effects.writes[0].records.size(), 1u);
}

TEST(GroupCore, OffsetsOfAnOpenTransactionAreNotStable) {
  GroupHarness harness;
  const StoredGroupRecord record{"g", kPartition, OffsetRecord{7, -1, "", 0, std::nullopt}, std::nullopt};
  harness.perform(harness.core.on_unloaded());
  harness.core.apply({"g", kPartition, OffsetRecord{5, -1, "", 0, std::nullopt}, std::nullopt}, Offset(0), ProducerId(), harness.now());
  harness.core.apply(record, Offset(1), ProducerId(9), harness.now());
  harness.core.apply({"aborted", kPartition, record.offset, std::nullopt}, Offset(2), ProducerId(8), harness.now());
  harness.perform(harness.core.on_loaded(harness.now()));
  EXPECT_EQ(harness.fetch("g", kPartition), 5);
  EXPECT_EQ(harness.core.fetch_offsets("g", std::vector{kPartition}, true).at(0).error, ErrorCode::UNSTABLE_OFFSET_COMMIT);
  harness.core.apply_marker(ProducerId(9), true);
  harness.core.apply_marker(ProducerId(8), false);
  EXPECT_EQ(harness.core.fetch_offsets("g", std::vector{kPartition}, true).at(0).offset, 7);
  EXPECT_EQ(harness.fetch("aborted", kPartition), -1);
}

TEST(GroupCore, OffsetsOfATransactionNeedNoMemberAndBelongToIt) {
  GroupHarness on;
  OffsetCommit commit;
  commit.group = "g";
  commit.transaction = OffsetTransaction{ProducerId(7), ProducerEpoch(2), 5};
  commit.partitions.push_back({{"t", PartitionIndex(0)}, {}});
  GroupCore::Committed committed = on.core.on_offset_commit(commit, on.now());
  EXPECT_EQ(committed.partitions, std::vector{ErrorCode::NONE});
  ASSERT_EQ(committed.effects.writes.size(), 1u);
  EXPECT_EQ(committed.effects.writes[0].transaction, commit.transaction);
  EXPECT_TRUE(on.core.fetch_offsets("g", std::nullopt, false).empty()) << "nothing is in the log";
  // A generation is checked if it is given.
  commit.generation = 1;
  commit.member.member_id = "m";
  EXPECT_EQ(on.core.on_offset_commit(commit, on.now()).partitions, std::vector{ErrorCode::UNKNOWN_MEMBER_ID});
}

TEST(GroupCore, WhatWaitsIsAnsweredWhenTheShardGoes) {
  GroupHarness harness;
  settle(harness, "g", "A");
  harness.join("g", "B");
  harness.join("other", "C");
  harness.lines.clear();
  harness.perform(harness.core.on_unloaded());
  EXPECT_EQ(harness.lines, (std::vector<std::string>{"B join: NOT_COORDINATOR", "C join: NOT_COORDINATOR"}));
  EXPECT_FALSE(harness.core.wake_at());
}

TEST(GroupCore, SubscriptionsAreReadAndRubbishIsNotKnown) {
  EXPECT_EQ(subscribed_topics(std::string("\0\3\0\0\0\2\0\1a\0\1b\0\0\0\0rest", 20)), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(subscribed_topics(""), std::nullopt);
  EXPECT_EQ(subscribed_topics(std::string("\0\0\0\0\0\2\0\1a", 9)), std::nullopt);
  EXPECT_EQ(subscribed_topics(std::string("\0\0\0\0\0\1\0\1a\0\0\0\5x", 14)), std::nullopt);
}

// A peer may ask for it, and the loop would do nothing else.
TEST(GroupCore, AGroupThatNobodyJoinsWaitsThoughItsRebalanceTimeoutIsZero) {
  GroupHarness harness;
  harness.people["A"].instance = "i";
  settle(harness, "g", "A");
  harness.people["A"].rebalance_ms = harness.people["B"].rebalance_ms = 0;
  harness.people["A"].knows = {"range", "sticky"};
  harness.join("g", "A");
  harness.sync("g", "A", {{"A", "all"}});
  ASSERT_TRUE(harness.core.find("g")->is(GroupState::STABLE));
  harness.people["B"].requires_id = true;
  harness.join("g", "B");
  harness.join("g", "B");
  ASSERT_EQ(harness.leave("g", "B"), ErrorCode::NONE);
  harness.perform(harness.core.on_time(harness.now()));
  ASSERT_TRUE(harness.core.find("g")->is(GroupState::PREPARING_REBALANCE));
  EXPECT_GE(*harness.core.wake_at(), harness.now().mono + Duration::seconds(1));
}

class OpenOffsets : public ::testing::Test {
 protected:
  static constexpr ProducerId kProducer{7};

  OpenOffsets() {
    apply({"g", kPartition, OffsetRecord{5, -1, "", 0, std::nullopt}, std::nullopt}, kProducer);
  }
  void apply(const StoredGroupRecord& record, ProducerId producer) { harness_.core.apply(record, Offset(at_++), producer, harness_.now()); }
  std::vector<StoredGroupRecord> written(const GroupEffects& effects) {
    std::vector<StoredGroupRecord> all;
    for (const GroupWrite& write : effects.writes) all.insert(all.end(), write.records.begin(), write.records.end());
    return all;
  }

  GroupHarness harness_;
  int64_t at_ = 0;
};

TEST_F(OpenOffsets, GoWithTheGroupAndStayGone) {
  const auto tombstones = written(harness_.core.on_delete_group("g", harness_.now()).effects);
  ASSERT_EQ(tombstones, (std::vector<StoredGroupRecord>{{"g", kPartition, std::nullopt, std::nullopt}})) << "else a load would find the offset again";
  for (const StoredGroupRecord& each : tombstones) apply(each, ProducerId());
  EXPECT_EQ(harness_.core.find("g"), nullptr);
  harness_.core.apply_marker(kProducer, true);
  EXPECT_EQ(harness_.core.find("g"), nullptr);
}

TEST_F(OpenOffsets, StayIfTheLogRefusesToDeleteTheGroup) {
  const GroupEffects refused = harness_.core.on_delete_group("g", harness_.now()).effects;
  ASSERT_EQ(refused.writes.size(), 1u);
  harness_.perform(harness_.core.on_written(refused.writes[0].number, ErrorCode::NOT_ENOUGH_REPLICAS, harness_.now()));
  harness_.core.apply_marker(kProducer, true);
  EXPECT_EQ(harness_.fetch("g", kPartition), 5) << "the transaction would be torn";
}

TEST_F(OpenOffsets, DoNotExpireWithWhatTheyReplace) {
  apply({"g", kPartition, OffsetRecord{4, -1, "", 0, std::nullopt}, std::nullopt}, ProducerId());
  harness_.wait_ms(700'000'000);
  EXPECT_TRUE(written(harness_.core.on_retention(harness_.now())).empty());
  harness_.core.apply_marker(kProducer, false);
  EXPECT_EQ(written(harness_.core.on_retention(harness_.now())).size(), 1u);
}

// Whatever happens in whatever order: one owner of a partition in a generation, no assignment of another generation, no offset that was acknowledged is
// lost, nobody waits for ever, and a load finds what is there.
class GroupSchedule {
 public:
  explicit GroupSchedule(uint32_t seed) : random_(seed) {
    for (const char* who : {"A", "B", "C", "D"}) {
      GroupHarness::Person& person = harness_.people[who];
      person.requires_id = random_() % 2 == 0;
      person.may_skip = random_() % 2 == 0;
      if (random_() % 3 == 0) person.instance = std::string("i") + who;
      if (random_() % 2 == 0) person.knows = some_protocols();
    }
  }

  void run() {
    for (int step = 0; step < 400; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      act();
      check_assignments();
      check_counts();
      if (::testing::Test::HasFailure()) return;
    }
    harness_.fate = GroupHarness::Fate::committed;
    harness_.settle_held(ErrorCode::NONE);
    harness_.wait_ms(3'600'000);
    for (const auto& [who, person] : harness_.people) EXPECT_FALSE(person.waits) << who;
    check_load();
  }

 private:
  std::string anybody() { return std::string(1, static_cast<char>('A' + random_() % 4)); }

  void act() {
    const std::string who = anybody();
    GroupHarness::Person& person = harness_.people[who];
    switch (random_() % 15) {
      case 0:
      case 1:
      case 2:
        if (!person.waits || random_() % 8 == 0) harness_.join("g", who);
        break;
      case 3:
      case 4:
      case 5:
        if (!person.waits || random_() % 8 == 0) sync(who);
        break;
      case 6: harness_.beat("g", who); break;
      case 7: commit(who); break;
      case 8: harness_.wait_ms(static_cast<int64_t>(random_() % 4'000)); break;
      case 9: harness_.wait_ms(static_cast<int64_t>(random_() % 20'000)); break;
      case 10:
        if (random_() % 4 == 0) harness_.leave("g", who);
        break;
      case 11:
        if (!person.waits && random_() % 3 == 0) person.member_id.clear();
        break;
      case 12:
        if (random_() % 6 == 0) check_load();
        break;
      case 13: change_log(); break;
      case 14:
        if (random_() % 2 == 0) person.knows = some_protocols();
        break;
    }
  }

  // All know range, so that groups come about.
  std::vector<std::string> some_protocols() {
    switch (random_() % 4) {
      case 0: return {"range"};
      case 1: return {"sticky", "range"};
      case 2: return {"range", "sticky", "round"};
      default: return {"round", "range"};
    }
  }
  void check_counts() {
    const Group* group = harness_.core.find("g");
    if (group == nullptr) return;
    EXPECT_TRUE(group->counts_are_right());
    if (group->protocol && group->is(GroupState::STABLE)) {
      for (const auto& [id, member] : group->members) {
        const bool knows_it = std::ranges::any_of(member.protocols(), [&](const GroupProtocol& each) { return each.name == group->protocol; });
        EXPECT_TRUE(knows_it || member.joining()) << id << " is given a protocol that it does not know";
      }
    }
  }

  void sync(const std::string& who) {
    GroupHarness::Person& person = harness_.people[who];
    std::map<std::string, std::string> assignments;
    if (person.is_leader && !person.others.empty()) {
      for (size_t i = 0; i < person.others.size(); ++i)
        assignments[person.others[i]] = std::to_string(person.generation) + ":" + std::to_string(i) + "/" + std::to_string(++plans_);
    }
    harness_.sync("g", who, assignments);
  }

  // Partition i of a generation goes to the i-th member that its leader was told of.
  void check_assignments() {
    for (const auto& [who, person] : harness_.people) {
      if (person.assignment.empty()) continue;
      const size_t colon = person.assignment.find(':');
      EXPECT_EQ(std::stoi(person.assignment.substr(0, colon)), person.assigned_generation) << who << " has " << person.assignment;
      const std::string partition = person.assignment.substr(0, person.assignment.find('/'));
      const auto [at, is_first] = owners_.emplace(partition, person.instance ? *person.instance : person.member_id);
      if (person.assigned_generation == person.generation && !person.waits && !person.member_id.empty()) {
        EXPECT_EQ(at->second, person.instance ? *person.instance : person.member_id) << partition << " has two owners";
      }
    }
  }

  void commit(const std::string& who) {
    const TopicPartition partition{"t", PartitionIndex(static_cast<int32_t>(random_() % 2))};
    const std::string by = harness_.core.find("g") == nullptr || harness_.core.find("g")->is(GroupState::EMPTY) ? "-" : who;
    if (harness_.commit("g", by, partition, ++offset_) == ErrorCode::NONE) acknowledged_[partition] = offset_;
    for (const auto& [each, offset] : acknowledged_) EXPECT_GE(harness_.fetch("g", each), offset);
  }

  void change_log() {
    const auto fates = {GroupHarness::Fate::committed, GroupHarness::Fate::held, GroupHarness::Fate::refused};
    harness_.fate = *(fates.begin() + random_() % 3);
    if (random_() % 2 == 0) harness_.settle_held(random_() % 4 == 0 ? ErrorCode::REQUEST_TIMED_OUT : ErrorCode::NONE);
  }

  void check_load() {
    const auto before = harness_.core.fetch_offsets("g", std::nullopt, false);
    harness_.move();
    const auto after = harness_.core.fetch_offsets("g", std::nullopt, false);
    ASSERT_EQ(before.size(), after.size());
    for (size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(before[i].partition, after[i].partition);
      EXPECT_EQ(before[i].offset, after[i].offset);
    }
    for (const auto& [partition, offset] : acknowledged_) EXPECT_GE(harness_.fetch("g", partition), offset);
  }

  GroupHarness harness_;
  std::mt19937 random_;
  int plans_ = 0;
  int64_t offset_ = 0;
  std::map<TopicPartition, int64_t> acknowledged_;
  std::map<std::string, std::string> owners_;
};

TEST(GroupCore, RandomSchedulesKeepTheInvariants) {
  for (uint32_t seed = 1; seed <= testing::schedules(400); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    GroupSchedule(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace quokka
