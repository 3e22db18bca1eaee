#include <gtest/gtest.h>

#include <random>

#include "broker/group/consumer/consumer_harness.h"

namespace quokka {
namespace {

class ConsumerCore : public ::testing::Test {
 protected:
  ConsumerCore() { h.topics.set("t", 4); }
  // Everybody beats until nothing changes.
  void settle(std::initializer_list<const char*> who) {
    for (int round = 0; round < 8; ++round) {
      for (const char* each : who) h.beat(each);
    }
  }
  std::string has(const std::string& who) { return h.text(h.people[who].owns); }
  void join(const std::string& who) { EXPECT_EQ(h.join(who).error, ErrorCode::NONE); }

  ConsumerHarness h;
};

TEST_F(ConsumerCore, TheFirstMemberGetsAllAndTheSecondWhatTheFirstGaveUp) {
  EXPECT_EQ(h.text_of_answer(h.join("A")), "m1 epoch 1, t 0 1 2 3");
  EXPECT_EQ(h.text_of_answer(h.join("B")), "m2 epoch 2, nothing") << "what A has is not given away";
  EXPECT_EQ(h.text_of_answer(h.beat("A")), "m1 epoch 1, t 0 1") << "A is to give up first, and keeps its epoch until it did";
  EXPECT_EQ(h.text_of_answer(h.beat("B")), "m2 epoch 2, nothing");
  EXPECT_EQ(h.text_of_answer(h.beat("A")), "m1 epoch 2, t 0 1") << "A says what it has left";
  EXPECT_EQ(h.text_of_answer(h.beat("B")), "m2 epoch 2, t 2 3");
  EXPECT_EQ(h.group()->state(), GroupState::STABLE);
  EXPECT_EQ(h.core.find("g")->state, GroupState::STABLE);
  EXPECT_EQ(h.core.list().at(0).members, 2u);
  EXPECT_TRUE(h.core.list().at(0).is_consumer_protocol);
}

TEST_F(ConsumerCore, WhoLeavesFreesWhatItHadAtOnce) {
  join("A");
  join("B");
  settle({"A", "B"});
  EXPECT_EQ(h.leave("A").error, ErrorCode::NONE);
  EXPECT_EQ(h.text_of_answer(h.beat("B")), "m2 epoch 3, t 0 1 2 3");
  EXPECT_EQ(h.leave("A").error, ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(ConsumerCore, AnInstanceIdThatItsMemberChangedIsFree) {
  const auto joins = [&](const std::string& who, const std::string& member_id, const std::string& instance) {
    ConsumerHeartbeat asked;
    asked.group = "g";
    asked.member_id = member_id;
    asked.instance_id = instance;
    asked.rebalance_timeout_ms = 30'000;
    asked.topics = std::set<std::string>{"t"};
    asked.owned.emplace();
    return h.ask(who, asked).error;
  };
  EXPECT_EQ(joins("A", "m", "x"), ErrorCode::NONE);
  EXPECT_EQ(joins("A", "m", "y"), ErrorCode::NONE);
  ASSERT_NE(h.group()->static_member("y"), nullptr);
  EXPECT_EQ(h.group()->static_member("x"), nullptr);
  h.people["A"].member_id = "m";
  h.people["A"].instance = "y";
  EXPECT_EQ(h.leave("A").error, ErrorCode::NONE);
  EXPECT_EQ(joins("B", "n", "x"), ErrorCode::NONE);
  h.move();
  ASSERT_NE(h.group()->static_member("x"), nullptr);
  EXPECT_EQ(*h.group()->static_member("x"), "n");
}

TEST_F(ConsumerCore, WhoIsSilentForItsSessionIsOut) {
  join("A");
  join("B");
  settle({"A", "B"});
  h.wait_ms(40'000);
  h.beat("B");
  h.wait_ms(6'000);
  EXPECT_EQ(h.group()->members().size(), 1u);
  EXPECT_EQ(h.text_of_answer(h.beat("B")), "m2 epoch 3, t 0 1 2 3");
  EXPECT_EQ(h.beat("A").error, ErrorCode::UNKNOWN_MEMBER_ID);
  EXPECT_EQ(h.text_of_answer(h.beat("A")), "m1 epoch 4, nothing") << "it comes back under its id";
}

TEST_F(ConsumerCore, WhoDoesNotGiveUpInTimeIsOut) {
  join("A");
  join("B");
  h.beat("A");
  ConsumerHarness::Person& a = h.people["A"];
  for (int i = 0; i < 7; ++i) {
    h.wait_ms(5'000);
    ConsumerHeartbeat silent_about_partitions;
    silent_about_partitions.group = "g";
    silent_about_partitions.member_id = a.member_id;
    silent_about_partitions.member_epoch = a.epoch;
    silent_about_partitions.client_id = "A";
    silent_about_partitions.client_host = "/127.0.0.1";
    h.ask("A", silent_about_partitions);
    h.beat("B");
  }
  EXPECT_EQ(h.group()->members().size(), 1u);
  h.beat("B");
  EXPECT_EQ(has("B"), "t 0 1 2 3");
}

TEST_F(ConsumerCore, AnEpochThatIsNotTheMembersIsFencedUnlessItsAnswerMayBeLost) {
  join("A");
  join("B");
  h.beat("A");
  h.beat("A", true);  // epoch 2, which it does not hear of
  EXPECT_EQ(h.people["A"].epoch, 1);
  EXPECT_EQ(h.text_of_answer(h.beat("A")).substr(0, 10), "m1 epoch 2");
  ConsumerHarness::Person& a = h.people["A"];
  a.epoch = 1;
  a.owns[TopicId{7, 1}].insert(PartitionIndex(3));  // not a subset of what it was given
  a.tells_all = true;
  EXPECT_EQ(h.beat("A").error, ErrorCode::FENCED_MEMBER_EPOCH);
  h.people["A"].epoch = 9;
  EXPECT_EQ(h.beat("A").error, ErrorCode::FENCED_MEMBER_EPOCH);
  EXPECT_EQ(h.beat("A").error, ErrorCode::NONE) << "a fenced member joins again, and gets what was its own";
  EXPECT_EQ(has("A"), "t 0 1");
}

TEST_F(ConsumerCore, AStaticMemberThatLeftForAWhileComesBackToItsPartitions) {
  h.people["A"].instance = "i";
  join("A");
  join("B");
  settle({"A", "B"});
  EXPECT_EQ(h.join("A").error, ErrorCode::UNRELEASED_INSTANCE_ID) << "another is there under this instance id";
  h.people["A"].member_id = "m1";
  EXPECT_EQ(h.leave("A", kStaticLeaveEpoch).member_epoch, kStaticLeaveEpoch);
  h.wait_ms(10'000);
  h.beat("B");
  EXPECT_EQ(has("B"), "t 2 3") << "kept for it";
  const int32_t epoch = h.group()->epoch();
  EXPECT_EQ(h.join("A").error, ErrorCode::NONE);
  EXPECT_EQ(has("A"), "t 0 1");
  EXPECT_EQ(h.group()->epoch(), epoch) << "nothing changed for the others";
  EXPECT_NE(h.people["A"].member_id, "m1");
  EXPECT_EQ(h.group()->members().size(), 2u);

  ConsumerHarness::Person former = h.people["A"];
  former.member_id = "m1";
  h.people["former A"] = former;
  EXPECT_EQ(h.beat("former A").error, ErrorCode::FENCED_INSTANCE_ID);
}

TEST_F(ConsumerCore, RequestsThatMakeNoSenseAreRefusedWithAReason) {
  ConsumerHeartbeat good;
  good.group = "g";
  good.rebalance_timeout_ms = 1000;
  good.topics = std::set<std::string>{"t"};
  good.owned.emplace();
  good.unique = "u";
  const auto refused = [&](auto change) {
    ConsumerHeartbeat bad = good;
    change(bad);
    const ConsumerHeartbeatAnswer answer = h.ask("X", bad);
    EXPECT_NE(answer.message, "");
    return answer.error;
  };
  EXPECT_EQ(refused([](auto& b) { b.group.clear(); }), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused([](auto& b) { b.instance_id = ""; }), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused([](auto& b) { b.rack_id = ""; }), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused([](auto& b) { b.rebalance_timeout_ms = -1; }), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused([](auto& b) { b.topics.reset(); }), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused([](auto& b) { b.owned.reset(); }), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused([](auto& b) { b.member_epoch = -3; }), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused([](auto& b) { b.member_epoch = 1; }), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused([](auto& b) { b.member_epoch = -2; b.member_id = "m"; }), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused([](auto& b) { b.assignor = "sticky"; }), ErrorCode::UNSUPPORTED_ASSIGNOR);
  EXPECT_EQ(refused([](auto& b) { b.member_epoch = 1; b.member_id = "m"; }), ErrorCode::GROUP_ID_NOT_FOUND);
  EXPECT_EQ(refused([](auto& b) { b.member_epoch = -1; b.member_id = "m"; }), ErrorCode::GROUP_ID_NOT_FOUND);
  EXPECT_EQ(refused([](auto& b) { b.may_begin_group = false; }), ErrorCode::UNSUPPORTED_VERSION);
  EXPECT_EQ(h.core.find("g"), nullptr);
  h.topics.forget();
  EXPECT_EQ(refused([](auto&) {}), ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) << "an empty view must not revoke anything";
}

TEST_F(ConsumerCore, AGroupThatSpeaksTheProtocolGoesOnWhileItIsNotOffered) {
  join("A");
  ConsumerHeartbeat late;
  late.group = "g";
  late.rebalance_timeout_ms = 1000;
  late.topics = std::set<std::string>{"t"};
  late.owned.emplace();
  late.unique = "u";
  late.may_begin_group = false;
  EXPECT_EQ(h.ask("B", late).error, ErrorCode::NONE);
}

TEST_F(ConsumerCore, WhoSubscribesToSomethingElseIsAssignedAnew) {
  h.topics.set("u", 2);
  EXPECT_EQ(h.text_of_answer(h.join("A")), "m1 epoch 1, t 0 1 2 3");
  settle({"A"});
  h.people["A"].topics = {"u"};
  h.people["A"].tells_all = true;
  settle({"A"});
  EXPECT_EQ(h.group()->epoch(), 2);
  EXPECT_EQ(has("A"), "u 0 1");
}

TEST_F(ConsumerCore, TopicsThatComeGrowAndGoAreAssignedAnew) {
  h.people["A"].topics = {"t", "u"};
  EXPECT_EQ(h.text_of_answer(h.join("A")), "m1 epoch 1, t 0 1 2 3");
  h.topics.set("u", 1);
  EXPECT_EQ(h.text_of_answer(h.beat("A")), "m1 epoch 2, t 0 1 2 3, u 0");
  h.topics.set("u", 2);
  EXPECT_EQ(h.text_of_answer(h.beat("A")), "m1 epoch 3, t 0 1 2 3, u 0 1");
  h.topics.set("other", 2);
  EXPECT_EQ(h.text_of_answer(h.beat("A")), "m1 epoch 3, t 0 1 2 3, u 0 1") << "nobody reads that one";
  h.topics.remove("u");
  EXPECT_EQ(h.text_of_answer(h.beat("A")), "m1 epoch 3, t 0 1 2 3");
  h.topics.set("u", 1);  // another topic of that name
  settle({"A"});
  EXPECT_EQ(has("A"), "t 0 1 2 3, u 0");
}

TEST_F(ConsumerCore, AChangeThatTheLogRefusesIsMadeByTheNextHeartbeat) {
  join("A");
  h.refuses = true;
  h.topics.set("t", 5);
  EXPECT_EQ(h.beat("A").error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
  EXPECT_EQ(h.group()->epoch(), 1);
  h.refuses = false;
  EXPECT_EQ(h.text_of_answer(h.beat("A")), "m1 epoch 2, t 0 1 2 3 4");
  h.refuses = true;
  h.wait_ms(46'000);
  EXPECT_EQ(h.group()->members().size(), 1u);
  h.refuses = false;
  h.wait_ms(2'000);
  EXPECT_EQ(h.group()->members().size(), 0u) << "it is tried again";
}

TEST_F(ConsumerCore, OffsetsAreCommittedAndFetchedUnderTheMembersEpoch) {
  join("A");
  EXPECT_EQ(h.commit("A", 0, 5), ErrorCode::NONE);
  join("B");
  h.people["B"].epoch = 1;
  EXPECT_EQ(h.commit("B", 0, 6), ErrorCode::STALE_MEMBER_EPOCH);
  h.people["B"].member_id = "nobody";
  EXPECT_EQ(h.commit("B", 0, 6), ErrorCode::UNKNOWN_MEMBER_ID);
  OffsetCommit old;
  old.group = "g";
  old.member.member_id = "m1";
  old.generation = 1;
  old.knows_member_epochs = false;
  old.partitions.push_back({{"t", PartitionIndex(0)}, {}});
  EXPECT_EQ(h.core.on_offset_commit(old, h.now()).partitions.at(0), ErrorCode::UNSUPPORTED_VERSION);
  old.generation = -1;
  old.member.member_id.clear();
  EXPECT_EQ(h.core.on_offset_commit(old, h.now()).partitions.at(0), ErrorCode::UNKNOWN_MEMBER_ID) << "a group with members is not committed for by others";
  EXPECT_EQ(h.core.check_fetch("g", {}), ErrorCode::NONE);
  EXPECT_EQ(h.core.check_fetch("g", {"m1", 1}), ErrorCode::NONE);
  EXPECT_EQ(h.core.check_fetch("g", {"m1", 2}), ErrorCode::STALE_MEMBER_EPOCH);
  EXPECT_EQ(h.core.check_fetch("g", {"m9", 2}), ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(ConsumerCore, ALoadFindsTheGroupAsItWas) {
  h.people["S"].instance = "i";
  join("A");
  join("S");
  h.beat("A");
  h.commit("A", 1, 17);
  const ConsumerGroupDescription before = *h.core.describe_consumer_group("g");
  h.move();
  const ConsumerGroupDescription after = *h.core.describe_consumer_group("g");
  EXPECT_EQ(after.state, before.state);
  EXPECT_EQ(after.epoch, before.epoch);
  EXPECT_EQ(after.assignment_epoch, before.assignment_epoch);
  ASSERT_EQ(after.members.size(), before.members.size());
  for (size_t i = 0; i < after.members.size(); ++i) {
    EXPECT_EQ(after.members[i].subscription, before.members[i].subscription);
    EXPECT_EQ(after.members[i].assigned, before.members[i].assigned);
    EXPECT_EQ(after.members[i].target, before.members[i].target);
    EXPECT_EQ(after.members[i].epoch, before.members[i].epoch);
  }
  settle({"A", "S"});
  EXPECT_EQ(has("A"), "t 0 1");
  EXPECT_EQ(has("S"), "t 2 3");
  EXPECT_EQ(h.core.fetch_offsets("g", std::nullopt, false).at(0).offset, 17);
  h.move();
  h.wait_ms(46'000);
  EXPECT_EQ(h.group()->members().size(), 0u) << "sessions begin with the load";
}

TEST_F(ConsumerCore, AGroupWithoutMembersIsDeletedWithAllItsRecords) {
  join("A");
  EXPECT_EQ(h.commit("A", 0, 5), ErrorCode::NONE);
  EXPECT_EQ(h.core.on_delete_group("g", h.now()).error, ErrorCode::NON_EMPTY_GROUP);
  h.leave("A");
  GroupCore::Removed removed = h.core.on_delete_group("g", h.now());
  EXPECT_EQ(removed.error, ErrorCode::NONE);
  h.perform(std::move(removed.effects));
  EXPECT_EQ(h.core.find("g"), nullptr);
  h.move();
  EXPECT_EQ(h.core.find("g"), nullptr) << "nothing is left in the log";
}

TEST_F(ConsumerCore, OffsetsOfAGroupThatBecameEmptyAreKeptFromThenOn) {
  join("A");
  EXPECT_EQ(h.commit("A", 0, 5), ErrorCode::NONE);
  for (int day = 0; day < 8; ++day) {
    for (int i = 0; i < 2160; ++i) {
      h.wait_ms(40'000);
      h.beat("A");
    }
  }
  h.leave("A");
  h.perform(h.core.on_retention(h.now()));
  ASSERT_NE(h.core.find("g"), nullptr);
  EXPECT_EQ(h.core.find("g")->offsets.size(), 1u);
  h.wait_ms(int64_t{8} * 24 * 3600 * 1000);
  h.perform(h.core.on_retention(h.now()));
  EXPECT_EQ(h.core.find("g"), nullptr);
}

TEST_F(ConsumerCore, AGroupTooLargeAdmitsNobodyNew) {
  GroupSettings settings;
  settings.consumer.members_max = 1;
  ConsumerHarness small(settings);
  small.topics.set("t", 1);
  EXPECT_EQ(small.join("A").error, ErrorCode::NONE);
  EXPECT_EQ(small.join("B").error, ErrorCode::GROUP_MAX_SIZE_REACHED);
  EXPECT_EQ(small.beat("A").error, ErrorCode::NONE);
}

TEST_F(ConsumerCore, AnEmptyGroupChangesItsProtocolAndKeepsItsOffsets) {
  join("A");
  h.commit("A", 0, 5);
  JoinGroup classic;
  classic.group = "g";
  classic.client_id = "c";
  classic.session_timeout_ms = 10'000;
  classic.rebalance_timeout_ms = 10'000;
  classic.protocol_type = "consumer";
  classic.protocols = {{"range", std::string("\0\1\0\0\0\1\0\1t\0\0\0\0", 13)}};
  classic.unique = "1";
  h.leave("A");
  h.perform(h.core.on_join(2, classic, h.now()));
  EXPECT_EQ(h.group(), nullptr);
  EXPECT_EQ(h.core.fetch_offsets("g", std::nullopt, false).at(0).offset, 5);
  EXPECT_EQ(h.join("A").error, ErrorCode::GROUP_ID_NOT_FOUND) << "now it is a classic group with a member";
  h.wait_ms(400'000);
  EXPECT_EQ(h.core.find("g")->state, GroupState::EMPTY);
  EXPECT_EQ(h.join("A").error, ErrorCode::NONE);
  EXPECT_EQ(h.core.fetch_offsets("g", std::nullopt, false).at(0).offset, 5);
  h.move();
  ASSERT_NE(h.group(), nullptr);
  EXPECT_EQ(h.group()->members().size(), 1u);
}

// A Kafka broker coordinates the partition for a while: it passes over the records of this protocol, and writes its own.
TEST_F(ConsumerCore, WhatAClassicCoordinatorWroteLaterCounts) {
  join("A");
  h.commit("A", 0, 5);
  GroupRecord classic;
  classic.protocol_type = "consumer";
  classic.generation = 1;
  classic.protocol = "range";
  classic.leader = "k-1";
  classic.members.push_back({"k-1", std::nullopt, "k", "/h", 10'000, 10'000, std::string("\0\1\0\0\0\1\0\1t\0\0\0\0", 13), ""});
  h.log.push_back({"g", std::nullopt, std::nullopt, classic});
  h.log.push_back({"g", TopicPartition{"t", PartitionIndex(0)}, OffsetRecord{9, -1, "", 1, std::nullopt}, std::nullopt});
  h.move();
  EXPECT_EQ(h.group(), nullptr);
  EXPECT_EQ(h.core.find("g")->members.size(), 1u);
  EXPECT_EQ(h.core.fetch_offsets("g", std::nullopt, false).at(0).offset, 9);
  EXPECT_EQ(h.beat("A").error, ErrorCode::GROUP_ID_NOT_FOUND);
  h.move();
  EXPECT_EQ(h.group(), nullptr) << "its own records are gone for good";
  EXPECT_EQ(h.core.find("g")->members.size(), 1u);
}

// Without anything written meanwhile the group is as it was.
TEST_F(ConsumerCore, AGroupThatNobodyTouchedMeanwhileGoesOn) {
  join("A");
  h.log.push_back({"g", TopicPartition{"t", PartitionIndex(0)}, OffsetRecord{9, -1, "", 1, std::nullopt}, std::nullopt});
  h.move();
  EXPECT_EQ(h.beat("A").error, ErrorCode::NONE);
}

TEST_F(ConsumerCore, RecordsOfACompactedLogComeInAnyOrder) {
  join("A");
  join("B");
  settle({"A", "B"});
  h.leave("B");
  h.people["A"].topics = {"t", "u"};
  h.people["A"].tells_all = true;
  settle({"A"});
  // The last record of each key, tombstones partly gone: B's last record but its subscription's.
  std::map<std::string, std::pair<size_t, StoredGroupRecord>> last;
  for (size_t i = 0; i < h.log.size(); ++i) {
    const JournalEntry entry = encode_group_record(h.log[i]);
    last[std::string(entry.key.begin(), entry.key.end())] = {i, h.log[i]};
  }
  std::map<size_t, StoredGroupRecord> compacted;
  for (const auto& [key, each] : last) compacted[each.first] = each.second;
  h.log.clear();
  for (const auto& [at, record] : compacted) h.log.push_back(record);
  h.move();
  ASSERT_NE(h.group(), nullptr);
  EXPECT_EQ(h.group()->members().size(), 1u);
  EXPECT_EQ(h.beat("A").error, ErrorCode::NONE);
  // A member of which only what it has is left is none.
  h.log.push_back({"g", std::nullopt, std::nullopt, std::nullopt, MemberAssignmentRecord{"ghost", ConsumerAssignment{3, 3, {}, {{TopicId{7, 1}, {PartitionIndex(0)}}}, {}}}});
  h.move();
  EXPECT_EQ(h.group()->members().size(), 1u);
}

// Whatever happens in whatever order: nobody owns what another owns, epochs do not go back, nobody is left without its share, and a load finds what was.
class ConsumerSchedule {
 public:
  explicit ConsumerSchedule(uint32_t seed) : random_(seed) {
    harness_.topics.set("t", 5);
    for (const char* who : {"A", "B", "C", "D"}) {
      ConsumerHarness::Person& person = harness_.people[who];
      if (random_() % 3 == 0) person.instance = std::string("i") + who;
      if (random_() % 3 == 0) person.assignor = random_() % 2 == 0 ? "range" : "uniform";
      if (random_() % 3 == 0) person.topics = {"t", "u"};
    }
  }

  void run() {
    for (int step = 0; step < 300; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      act();
      check();
      if (::testing::Test::HasFailure()) return;
    }
    harness_.refuses = false;
    for (int round = 0; round < 40; ++round) {
      harness_.wait_ms(2'000);
      for (auto& [who, person] : harness_.people) {
        if (person.is_in) harness_.beat(who);
      }
      check();
    }
    if (const ConsumerGroup* group = harness_.group(); group != nullptr && !group->members().empty()) {
      EXPECT_EQ(group->state(), GroupState::STABLE);
      for (const auto& [who, person] : harness_.people) {
        if (!person.is_in) continue;
        EXPECT_EQ(person.owns, group->target(person.member_id)) << who;
      }
    }
  }

 private:
  void act() {
    const std::string who(1, static_cast<char>('A' + random_() % 4));
    ConsumerHarness::Person& person = harness_.people[who];
    switch (random_() % 16) {
      case 0:
        if (!person.is_in) harness_.join(who);
        break;
      case 1: harness_.beat(who, true); break;
      case 2:
        if (person.is_in && random_() % 4 == 0) harness_.leave(who, person.instance && random_() % 2 == 0 ? kStaticLeaveEpoch : kLeaveEpoch);
        break;
      case 3: harness_.wait_ms(static_cast<int64_t>(random_() % 3'000)); break;
      case 4:
        if (random_() % 10 == 0) harness_.wait_ms(static_cast<int64_t>(random_() % 60'000));
        break;
      case 5:
        if (random_() % 4 == 0) harness_.move();
        break;
      case 6: harness_.refuses = random_() % 4 == 0; break;
      case 7:
        if (random_() % 4 == 0) harness_.topics.set(random_() % 2 == 0 ? "t" : "u", static_cast<int32_t>(1 + random_() % 8));
        break;
      case 8:
        if (random_() % 4 == 0) harness_.topics.remove("u");
        break;
      case 9:
        if (random_() % 4 == 0) {
          person.topics = random_() % 2 == 0 ? std::set<std::string>{"t"} : std::set<std::string>{"t", "u"};
          person.tells_all = true;
        }
        break;
      case 10: harness_.commit(who, 0, 1); break;
      default:
        if (person.is_in) harness_.beat(who);
        break;
    }
  }

  void check() {
    const ConsumerGroup* group = harness_.group();
    if (group == nullptr) return epochs_.clear();
    std::map<std::pair<TopicId, PartitionIndex>, std::string> by_person, by_coordinator;
    for (const auto& [who, person] : harness_.people) {
      const ConsumerMember* member = group->member(person.member_id);
      // Who was fenced and does not know it yet owns nothing that counts: its commits are refused.
      if (!person.is_in || member == nullptr) continue;
      if (person.epoch != member->assignment.epoch && person.epoch != member->assignment.previous_epoch) continue;
      for (const auto& [topic, indexes] : person.owns) {
        for (const PartitionIndex index : indexes) {
          const auto [at, is_first] = by_person.emplace(std::pair(topic, index), who);
          EXPECT_TRUE(is_first) << harness_.topics.name_of(topic).value_or("?") << "-" << index << " is owned by " << at->second << " and " << who;
        }
      }
    }
    for (const auto& [id, member] : group->members()) {
      for (const AssignedPartitions* each : {&member.assignment.assigned, &member.assignment.revoking}) {
        for (const auto& [topic, indexes] : *each) {
          for (const PartitionIndex index : indexes) EXPECT_TRUE(by_coordinator.emplace(std::pair(topic, index), id).second);
        }
      }
      int32_t& epoch = epochs_[id];
      if (member.assignment.epoch != kStaticLeaveEpoch) {
        EXPECT_GE(member.assignment.epoch, epoch) << id;
        epoch = member.assignment.epoch;
      }
      EXPECT_LE(member.assignment.epoch, group->target_epoch());
    }
    EXPECT_LE(group->target_epoch(), group->epoch());
    EXPECT_TRUE(group->counts_are_right());
  }

  ConsumerHarness harness_;
  std::mt19937 random_;
  std::map<std::string, int32_t> epochs_;  // of members, as far as they came
};

TEST(ConsumerCoreSchedules, KeepTheInvariants) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ConsumerSchedule(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace quokka
