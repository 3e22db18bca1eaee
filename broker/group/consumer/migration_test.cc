// Members of the classic protocol in groups of the consumer protocol, and groups on their way from one to the other.
#include <gtest/gtest.h>

#include <random>

#include "broker/group/consumer/consumer_harness.h"
#include "protocol/records/stored/consumer_protocol.h"
#include "protocol/records/stored/versioned.h"

namespace quokka {
namespace {

GroupSettings settings_with(MigrationPolicy policy) {
  GroupSettings settings;
  settings.consumer.migration = policy;
  return settings;
}

// Partitions as words: topic and index.
using Words = std::set<std::pair<std::string, int32_t>>;

std::string bytes_of_subscription(const std::set<std::string>& topics, const Words& owned) {
  std::vector<std::string_view> names(topics.begin(), topics.end());
  std::map<std::string, std::vector<PartitionIndex>> by_topic;
  for (const auto& [topic, index] : owned) by_topic[topic].push_back(PartitionIndex(index));
  std::vector<ConsumerProtocolSubscription::TopicPartition> list;
  for (auto& [topic, indexes] : by_topic) list.push_back({topic, indexes});
  ConsumerProtocolSubscription message;
  message.topics = names;
  message.owned_partitions = list;
  const std::vector<uint8_t> bytes = versioned(message, 1);
  return {bytes.begin(), bytes.end()};
}

std::string bytes_of_assignment(const std::string& topic, const std::vector<int32_t>& indexes) {
  std::vector<PartitionIndex> list;
  for (const int32_t index : indexes) list.push_back(PartitionIndex(index));
  std::vector<ConsumerProtocolAssignment::TopicPartition> topics{{topic, list}};
  ConsumerProtocolAssignment message;
  message.assigned_partitions = topics;
  const std::vector<uint8_t> bytes = versioned(message, 1);
  return {bytes.begin(), bytes.end()};
}

Words words_of(const std::string& assignment) {
  Words made;
  Arena arena = Arena::for_frame(assignment.size());
  const auto read = read_versioned<ConsumerProtocolAssignment>(bytes_of(assignment), arena);
  EXPECT_TRUE(read.ok());
  if (!read.ok()) return made;
  for (const auto& topic : read->assigned_partitions) {
    for (const PartitionIndex index : topic.partitions) made.insert({std::string(topic.topic), index.value});
  }
  return made;
}

std::string text_of_words(const Words& words) {
  std::string all;
  for (const auto& [topic, index] : words) all += (all.empty() ? "" : " ") + topic + "-" + std::to_string(index);
  return all;
}

// A member of the classic protocol that keeps what it has while it joins (cooperative), or gives up all before (eager).
struct ClassicPerson {
  std::string member_id;
  std::optional<std::string> instance;
  int32_t generation = -1;
  bool is_eager = false;
  std::set<std::string> topics = {"t"};
  std::string protocol = "range";
  std::vector<std::string> other_protocols;
  Words owns;
  bool is_in = false;
  std::optional<GroupRequestId> waits;
};

class Migration : public ::testing::Test {
 protected:
  explicit Migration(MigrationPolicy policy = MigrationPolicy::BIDIRECTIONAL) : h(settings_with(policy)) { h.topics.set("t", 4); }

  // The request's number; its answer may come later.
  GroupRequestId ask_to_join(const std::string& who) {
    ClassicPerson& person = people[who];
    if (person.is_eager) person.owns.clear();
    JoinGroup join;
    join.group = "g";
    join.member_id = person.member_id;
    join.instance_id = person.instance;
    join.requires_member_id = !person.instance;
    join.client_id = who;
    join.client_host = "/127.0.0.1";
    join.session_timeout_ms = 10'000;
    join.rebalance_timeout_ms = 30'000;
    join.protocol_type = "consumer";
    join.protocols = {{person.protocol, bytes_of_subscription(person.topics, person.owns)}};
    for (const std::string& each : person.other_protocols) join.protocols.push_back({each, join.protocols.front().metadata});
    join.unique = std::to_string(++ids_);
    const GroupRequestId request = ++requests_;
    h.perform(h.core.on_join(request, join, h.now()));
    const auto answer = h.joined.find(request);
    if (answer == h.joined.end() || answer->second.error != ErrorCode::MEMBER_ID_REQUIRED) return request;
    person.member_id = answer->second.member_id;
    return ask_to_join(who);
  }
  // UNKNOWN_SERVER_ERROR: it waits.
  ErrorCode take_join(const std::string& who, GroupRequestId request) {
    ClassicPerson& person = people[who];
    const auto answer = h.joined.find(request);
    if (answer == h.joined.end()) return ErrorCode::UNKNOWN_SERVER_ERROR;
    if (answer->second.error != ErrorCode::NONE) {
      if (answer->second.error == ErrorCode::UNKNOWN_MEMBER_ID) person.member_id.clear();
      return answer->second.error;
    }
    person.member_id = answer->second.member_id;
    person.generation = answer->second.generation;
    person.is_in = true;
    return ErrorCode::NONE;
  }
  ErrorCode join(const std::string& who) { return take_join(who, ask_to_join(who)); }
  ErrorCode sync(const std::string& who, const std::map<std::string, std::string>& assignments = {}) {
    ClassicPerson& person = people[who];
    SyncGroup sync;
    sync.group = "g";
    sync.member_id = person.member_id;
    sync.instance_id = person.instance;
    sync.generation = person.generation;
    sync.protocol_type = "consumer";
    sync.protocol = person.protocol;
    sync.assignments = assignments;
    const GroupRequestId request = ++requests_;
    h.perform(h.core.on_sync(request, sync, h.now()));
    return take_sync(who, request);
  }
  ErrorCode take_sync(const std::string& who, GroupRequestId request) {
    const auto answer = h.synced.find(request);
    if (answer == h.synced.end()) return ErrorCode::UNKNOWN_SERVER_ERROR;
    if (answer->second.error == ErrorCode::NONE) people[who].owns = answer->second.assignment.empty() ? Words() : words_of(answer->second.assignment);
    return answer->second.error;
  }
  ErrorCode classic_beat(const std::string& who) {
    return h.core.on_heartbeat("g", {people[who].member_id, people[who].instance, {}}, people[who].generation, h.now());
  }
  ErrorCode classic_leave(const std::string& who) {
    GroupCore::Left left = h.core.on_leave("g", {{people[who].member_id, people[who].instance, {}}}, h.now());
    h.perform(std::move(left.effects));
    people[who] = ClassicPerson();
    return left.members.at(0);
  }
  ErrorCode classic_commit(const std::string& who, int64_t offset) {
    OffsetCommit asked;
    asked.group = "g";
    asked.member.member_id = people[who].member_id;
    asked.generation = people[who].generation;
    asked.partitions.push_back({{"t", PartitionIndex(0)}, {offset, -1, "", h.now().wall.ms, std::nullopt}});
    GroupCore::Committed committed = h.core.on_offset_commit(asked, h.now());
    h.perform(std::move(committed.effects));
    return committed.partitions.at(0);
  }
  // What a client does about its heartbeat's answer, in a group of the consumer protocol. A cooperative one joins again after it gave up.
  void live(const std::string& who) {
    ClassicPerson& person = people[who];
    if (!person.is_in || classic_beat(who) == ErrorCode::NONE) return;
    if (join(who) != ErrorCode::NONE) return;
    EXPECT_EQ(sync(who), ErrorCode::NONE);
  }
  void settle(std::initializer_list<const char*> classic, std::initializer_list<const char*> modern) {
    for (int round = 0; round < 10; ++round) {
      for (const char* each : modern) h.beat(each);
      for (const char* each : classic) live(each);
    }
  }
  std::string has(const std::string& who) { return text_of_words(people[who].owns); }
  // K and L, each with half of t.
  void classic_group() {
    const GroupRequestId k = ask_to_join("K"), l = ask_to_join("L");
    h.wait_ms(7'000);
    ASSERT_EQ(take_join("K", k), ErrorCode::NONE);
    ASSERT_EQ(take_join("L", l), ErrorCode::NONE);
    const std::string leader = h.core.find("g")->leader == people["K"].member_id ? "K" : "L";
    const std::map<std::string, std::string> all{{people["K"].member_id, bytes_of_assignment("t", {0, 1})},
                                                 {people["L"].member_id, bytes_of_assignment("t", {2, 3})}};
    ASSERT_EQ(sync(leader, all), ErrorCode::NONE);
    ASSERT_EQ(sync(leader == "K" ? "L" : "K"), ErrorCode::NONE);
    ASSERT_EQ(has("K"), "t-0 t-1");
    ASSERT_EQ(has("L"), "t-2 t-3");
  }

  ConsumerHarness h;
  std::map<std::string, ClassicPerson> people;
  int ids_ = 0;
  GroupRequestId requests_ = 0;
};

class MigrationDisabled : public Migration {
 protected:
  MigrationDisabled() : Migration(MigrationPolicy::DISABLED) {}
};

TEST_F(MigrationDisabled, AClassicMemberSharesAGroupOfTheConsumerProtocol) {
  h.join("A");
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  EXPECT_EQ(people["K"].generation, 2);
  EXPECT_EQ(sync("K"), ErrorCode::NONE);
  EXPECT_EQ(has("K"), "") << "A has all";
  EXPECT_EQ(classic_beat("K"), ErrorCode::NONE) << "nothing is free";
  h.beat("A");
  h.beat("A");
  EXPECT_EQ(classic_beat("K"), ErrorCode::REBALANCE_IN_PROGRESS);
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  EXPECT_EQ(people["K"].generation, 2);
  EXPECT_EQ(sync("K"), ErrorCode::NONE);
  EXPECT_EQ(has("K"), "t-2 t-3");
  EXPECT_EQ(classic_beat("K"), ErrorCode::NONE);
  EXPECT_EQ(h.group()->state(), GroupState::STABLE);
  EXPECT_EQ(classic_commit("K", 9), ErrorCode::NONE);
  h.move();
  EXPECT_EQ(classic_beat("K"), ErrorCode::NONE) << "a load finds it";

  EXPECT_EQ(classic_leave("K"), ErrorCode::NONE);
  EXPECT_EQ(h.text_of_answer(h.beat("A")), "m1 epoch 3, t 0 1 2 3");
  EXPECT_EQ(h.core.fetch_offsets("g", std::nullopt, false).at(0).offset, 9);
}

TEST_F(MigrationDisabled, WhoIsNotAClassicMemberIsRefused) {
  h.join("A");
  people["X"].member_id = "m1";
  people["X"].generation = 1;
  EXPECT_EQ(classic_beat("X"), ErrorCode::UNKNOWN_MEMBER_ID) << "a member of the other protocol";
  EXPECT_EQ(sync("X"), ErrorCode::UNKNOWN_MEMBER_ID);
  EXPECT_EQ(classic_leave("X"), ErrorCode::UNKNOWN_MEMBER_ID);
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  people["K"].generation = 1;
  EXPECT_EQ(classic_beat("K"), ErrorCode::ILLEGAL_GENERATION);
  EXPECT_EQ(sync("K"), ErrorCode::ILLEGAL_GENERATION);
  EXPECT_EQ(classic_commit("K", 1), ErrorCode::ILLEGAL_GENERATION);
  people["K"].generation = 2;
  people["K"].protocol = "sticky";
  EXPECT_EQ(sync("K"), ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  people["L"].protocol = "sticky";
  EXPECT_EQ(join("L"), ErrorCode::INCONSISTENT_GROUP_PROTOCOL) << "K does not know it";
  JoinGroup connect;
  connect.group = "g";
  connect.session_timeout_ms = 10'000;
  connect.protocol_type = "connect";
  connect.protocols = {{"range", "bytes"}};
  h.perform(h.core.on_join(900, connect, h.now()));
  EXPECT_EQ(h.joined.at(900).error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  connect.protocol_type = "consumer";
  h.perform(h.core.on_join(901, connect, h.now()));
  EXPECT_EQ(h.joined.at(901).error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL) << "its subscription cannot be read";
}

TEST_F(MigrationDisabled, AClassicMemberThatIsSilentOrDoesNotJoinAgainIsOut) {
  h.join("A");
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  ASSERT_EQ(sync("K"), ErrorCode::NONE);
  h.wait_ms(11'000);
  EXPECT_EQ(h.group()->members().size(), 1u) << "its own session time-out counts";
  h.beat("A");
  people["K"] = ClassicPerson();
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  for (int i = 0; i < 4; ++i) {
    h.wait_ms(8'000);
    h.beat("A");
    classic_beat("K");  // it never asks for its assignment
  }
  EXPECT_EQ(h.group()->members().size(), 1u);
  EXPECT_EQ(classic_beat("K"), ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(MigrationDisabled, AClassicStaticMemberTakesThePlaceOfItsFormerSelf) {
  h.join("A");
  people["K"].instance = "k";
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  ASSERT_EQ(sync("K"), ErrorCode::NONE);
  settle({"K"}, {"A"});
  EXPECT_EQ(has("K"), "t-2 t-3");
  const ClassicPerson former = people["K"];
  people["K"].member_id.clear();
  people["K"].owns.clear();
  const int32_t epoch = h.group()->epoch();
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  ASSERT_EQ(sync("K"), ErrorCode::NONE);
  EXPECT_EQ(has("K"), "t-2 t-3");
  EXPECT_EQ(h.group()->epoch(), epoch) << "nothing changed for the others";
  people["former"] = former;
  EXPECT_EQ(classic_beat("former"), ErrorCode::FENCED_INSTANCE_ID);
  EXPECT_EQ(join("former"), ErrorCode::FENCED_INSTANCE_ID);
}

TEST_F(MigrationDisabled, NeitherUpgradesNorDowngrades) {
  classic_group();
  EXPECT_EQ(h.join("A").error, ErrorCode::GROUP_ID_NOT_FOUND);
  EXPECT_EQ(classic_beat("K"), ErrorCode::NONE) << "nobody is disturbed";
}

TEST_F(Migration, AClassicGroupGoesOverAndComesBack) {
  classic_group();
  EXPECT_EQ(classic_commit("K", 5), ErrorCode::NONE);
  EXPECT_EQ(h.join("A").error, ErrorCode::NONE);
  ASSERT_NE(h.group(), nullptr);
  EXPECT_EQ(h.people["A"].epoch, 2) << "the generation before was 1";
  EXPECT_TRUE(h.people["A"].owns.empty()) << "others have all";
  EXPECT_EQ(h.group()->members().size(), 3u);
  EXPECT_EQ(classic_beat("K"), ErrorCode::REBALANCE_IN_PROGRESS);
  settle({"K", "L"}, {"A"});
  EXPECT_EQ(h.group()->state(), GroupState::STABLE);
  EXPECT_EQ(people["K"].owns.size() + people["L"].owns.size() + 1, 4u);
  EXPECT_EQ(classic_commit("K", 6), ErrorCode::NONE);
  h.move();
  ASSERT_NE(h.group(), nullptr) << "a load finds the group of the consumer protocol";
  EXPECT_EQ(classic_beat("K"), ErrorCode::NONE);

  const int32_t epoch = h.group()->epoch();
  EXPECT_EQ(h.leave("A").error, ErrorCode::NONE);
  EXPECT_EQ(h.group(), nullptr);
  const Group& group = *h.core.find("g");
  EXPECT_EQ(group.state, GroupState::PREPARING_REBALANCE);
  EXPECT_EQ(group.generation, epoch);
  EXPECT_EQ(classic_beat("K"), ErrorCode::REBALANCE_IN_PROGRESS);
  const GroupRequestId k = ask_to_join("K"), l = ask_to_join("L");
  EXPECT_EQ(take_join("K", k), ErrorCode::NONE);
  EXPECT_EQ(take_join("L", l), ErrorCode::NONE);
  EXPECT_EQ(people["K"].generation, epoch + 1);
  EXPECT_EQ(h.core.fetch_offsets("g", std::nullopt, false).at(0).offset, 6);
  h.move();
  EXPECT_EQ(h.group(), nullptr) << "a load finds the classic group";
  EXPECT_EQ(h.core.find("g")->members.size(), 2u);
}

TEST_F(Migration, AnEagerMemberHasGivenUpWhenItJoins) {
  people["K"].is_eager = people["L"].is_eager = true;
  classic_group();
  h.join("A");
  settle({"K", "L"}, {"A"});
  EXPECT_EQ(h.group()->state(), GroupState::STABLE);
  EXPECT_EQ(people["K"].owns.size() + people["L"].owns.size() + 1, 4u);
}

TEST_F(Migration, WhoWaitsForARebalanceIsSentBackWhenTheGroupGoesOver) {
  classic_group();
  const GroupRequestId waiting = ask_to_join("M");
  EXPECT_EQ(h.joined.count(waiting), 0u);
  h.refuses = true;
  EXPECT_NE(h.join("A").error, ErrorCode::NONE);
  EXPECT_EQ(take_join("M", waiting), ErrorCode::REBALANCE_IN_PROGRESS);
  EXPECT_EQ(h.group(), nullptr) << "the log refused it: the group stays as it was";
  EXPECT_EQ(h.core.find("g")->members.size(), 3u);
  h.refuses = false;
  EXPECT_EQ(h.join("A").error, ErrorCode::NONE);
  EXPECT_EQ(join("M"), ErrorCode::NONE) << "it finds the group of the other protocol";
  ASSERT_NE(h.group(), nullptr);
  EXPECT_EQ(h.group()->members().size(), 4u);
}

TEST_F(Migration, AGroupThatTheNewcomerMayNotEnterStaysAsItIs) {
  people["K"].instance = "k";
  classic_group();
  const GroupRequestId waiting = ask_to_join("M");
  h.people["A"].instance = "k";
  EXPECT_EQ(h.join("A").error, ErrorCode::UNRELEASED_INSTANCE_ID);
  EXPECT_EQ(h.group(), nullptr);
  EXPECT_EQ(h.joined.count(waiting), 0u) << "who waits goes on waiting";
}

TEST_F(Migration, ASilentMemberOfTheConsumerProtocolLeavesAClassicGroupBehind) {
  h.join("A");
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  ASSERT_EQ(sync("K"), ErrorCode::NONE);
  for (int i = 0; i < 10; ++i) {
    h.wait_ms(5'000);
    if (classic_beat("K") == ErrorCode::NONE || join("K") != ErrorCode::NONE) continue;
    sync("K", {{people["K"].member_id, bytes_of_assignment("t", {0, 1, 2, 3})}});
  }
  EXPECT_EQ(h.group(), nullptr);
  EXPECT_EQ(h.core.find("g")->state, GroupState::STABLE);
  EXPECT_EQ(has("K"), "t-0 t-1 t-2 t-3");
}

TEST_F(Migration, ADowngradeThatTheLogRefusesLeavesNoTrace) {
  h.join("A");
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  ASSERT_EQ(sync("K"), ErrorCode::NONE);
  const int32_t epoch = h.group()->epoch();
  const ConsumerHarness::Person former = h.people["A"];
  h.refuses = true;
  h.leave("A");
  ASSERT_NE(h.group(), nullptr);
  EXPECT_EQ(h.group()->members().size(), 2u);
  EXPECT_EQ(h.group()->epoch(), epoch);
  EXPECT_EQ(h.core.find("g")->rebalance_count, static_cast<uint64_t>(epoch)) << "and nobody is to join anew";
  EXPECT_EQ(classic_beat("K"), ErrorCode::NONE);
  h.refuses = false;
  h.people["A"] = former;
  EXPECT_EQ(h.leave("A").error, ErrorCode::NONE);
  EXPECT_EQ(h.group(), nullptr);
  EXPECT_EQ(h.core.find("g")->state, GroupState::PREPARING_REBALANCE);
  EXPECT_EQ(classic_beat("K"), ErrorCode::REBALANCE_IN_PROGRESS);
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  ASSERT_EQ(sync("K", {{people["K"].member_id, bytes_of_assignment("t", {0})}}), ErrorCode::NONE);
  h.move();
  EXPECT_EQ(h.group(), nullptr);
  EXPECT_EQ(classic_beat("K"), ErrorCode::NONE);
}

TEST_F(Migration, ADeletedGroupDoesNotComeBackBecauseTheLogOnceRefusedItsDowngrade) {
  h.join("A");
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  h.refuses = true;
  h.leave("A");
  h.refuses = false;
  EXPECT_EQ(classic_leave("K"), ErrorCode::NONE);
  h.wait_ms(60'000);
  GroupCore::Removed removed = h.core.on_delete_group("g", h.now());
  EXPECT_EQ(removed.error, ErrorCode::NONE);
  h.perform(std::move(removed.effects));
  h.move();
  EXPECT_EQ(h.core.find("g"), nullptr);
}

TEST_F(Migration, AGroupThatComesBackKnowsAllProtocolsOfItsMembers) {
  h.join("A");
  people["K"].other_protocols = {"sticky"};
  ASSERT_EQ(join("K"), ErrorCode::NONE);
  ASSERT_EQ(sync("K"), ErrorCode::NONE);
  EXPECT_EQ(h.leave("A").error, ErrorCode::NONE);
  people["L"].protocol = "sticky";
  const GroupRequestId l = ask_to_join("L"), k = ask_to_join("K");
  EXPECT_EQ(take_join("L", l), ErrorCode::NONE) << "K has not joined again, and knows it as well";
  EXPECT_EQ(take_join("K", k), ErrorCode::NONE);
}

TEST_F(Migration, AGroupWhoseLeaderGaveAPartitionTwiceStaysClassic) {
  const GroupRequestId k = ask_to_join("K"), l = ask_to_join("L");
  h.wait_ms(7'000);
  ASSERT_EQ(take_join("K", k), ErrorCode::NONE);
  ASSERT_EQ(take_join("L", l), ErrorCode::NONE);
  const std::string leader = h.core.find("g")->leader == people["K"].member_id ? "K" : "L";
  const std::map<std::string, std::string> all{{people["K"].member_id, bytes_of_assignment("t", {0, 1, 2, 3})},
                                               {people["L"].member_id, bytes_of_assignment("t", {3})}};
  ASSERT_EQ(sync(leader, all), ErrorCode::NONE);
  ASSERT_EQ(sync(leader == "K" ? "L" : "K"), ErrorCode::NONE);
  EXPECT_EQ(h.join("A").error, ErrorCode::GROUP_ID_NOT_FOUND);
  EXPECT_EQ(h.group(), nullptr);
}

// Whatever happens in whatever order: no partition is two members', by what they were told under epochs that still count; and all come to rest.
class MigrationSchedule : public Migration {
 public:
  explicit MigrationSchedule(uint32_t seed) : random_(seed) {
    for (const char* who : {"K", "L"}) people[who].is_eager = random_() % 2 == 0;
  }
  void run() {
    for (int step = 0; step < 200; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      act();
      check();
      if (HasFailure()) return;
    }
    h.refuses = false;
    if (h.group() == nullptr || h.group()->members().empty()) return;
    // Longer than the session of a member that left while the log refused it.
    for (int round = 0; round < 80; ++round) {
      h.wait_ms(1'000);
      for (const char* who : {"A", "B"}) {
        if (h.people[who].is_in) h.beat(who);
      }
      for (const char* who : {"K", "L"}) step_of(who);
      check();
    }
    if (h.group() != nullptr && !h.group()->members().empty()) { EXPECT_EQ(h.group()->state(), GroupState::STABLE); }
  }

 private:
  void TestBody() override {}
  void step_of(const std::string& who) {
    ClassicPerson& person = people[who];
    if (person.waits) {
      const ErrorCode error = take_join(who, *person.waits);
      if (error == ErrorCode::UNKNOWN_SERVER_ERROR) return;
      person.waits.reset();
      if (error == ErrorCode::NONE) after_join(who);
      return;
    }
    const ErrorCode error = person.is_in ? classic_beat(who) : ErrorCode::UNKNOWN_MEMBER_ID;
    if (error == ErrorCode::NONE) return;
    if (error != ErrorCode::REBALANCE_IN_PROGRESS) {
      person.owns.clear();
      person.is_in = false;
      if (error == ErrorCode::UNKNOWN_MEMBER_ID) person.member_id.clear();
    }
    person.waits = ask_to_join(who);
    step_of(who);
  }
  void after_join(const std::string& who) {
    std::map<std::string, std::string> assignments;
    const Group* group = h.core.find("g");
    if (group != nullptr && !group->consumer && group->leader == people[who].member_id) {
      // Everybody keeps what it has, and the leader gets the rest.
      std::vector<int32_t> rest{0, 1, 2, 3};
      for (const auto& [other, person] : people) {
        if (other == who || group->members.count(person.member_id) == 0) continue;
        std::vector<int32_t> kept;
        for (const auto& [topic, index] : person.owns) kept.push_back(index);
        for (const int32_t index : kept) std::erase(rest, index);
        assignments[person.member_id] = bytes_of_assignment("t", kept);
      }
      assignments[people[who].member_id] = bytes_of_assignment("t", rest);
    }
    if (sync(who, assignments) != ErrorCode::NONE) people[who].owns.clear();
  }
  void act() {
    const std::string modern = random_() % 2 == 0 ? "A" : "B", classic = random_() % 2 == 0 ? "K" : "L";
    switch (random_() % 14) {
      case 0:
        if (!h.people[modern].is_in) h.join(modern);
        break;
      case 1:
        if (h.people[modern].is_in && random_() % 3 == 0) h.leave(modern);
        break;
      case 2:
        if (people[classic].is_in && !people[classic].waits && random_() % 4 == 0) classic_leave(classic);
        break;
      case 3: h.wait_ms(static_cast<int64_t>(random_() % 4'000)); break;
      case 4:
        if (random_() % 4 == 0) h.move();
        break;
      case 5: h.refuses = random_() % 4 == 0; break;
      case 6:
        if (random_() % 6 == 0) h.wait_ms(60'000);
        break;
      case 7:
      case 8:
      case 9:
        if (h.people[modern].is_in) h.beat(modern);
        break;
      default: step_of(classic); break;
    }
  }
  void check() {
    if (const Group* group = h.core.find("g")) { EXPECT_TRUE(group->counts_are_right()); }
    const ConsumerGroup* group = h.group();
    if (group == nullptr) return;
    std::map<std::pair<std::string, int32_t>, std::string> owners;
    const auto claim = [&](const std::string& topic, int32_t index, const std::string& who) {
      const auto [at, is_first] = owners.emplace(std::pair(topic, index), who);
      EXPECT_TRUE(is_first) << topic << "-" << index << " is owned by " << at->second << " and " << who;
    };
    for (const auto& [who, person] : h.people) {
      const ConsumerMember* member = group->member(person.member_id);
      if (!person.is_in || member == nullptr) continue;
      if (person.epoch != member->assignment.epoch && person.epoch != member->assignment.previous_epoch) continue;
      for (const auto& [topic, indexes] : person.owns) {
        for (const PartitionIndex index : indexes) claim(h.topics.name_of(topic).value_or("?"), index.value, who);
      }
    }
    for (const auto& [who, person] : people) {
      const ConsumerMember* member = group->member(person.member_id);
      if (!person.is_in || member == nullptr || person.generation != member->assignment.epoch) continue;
      for (const auto& [topic, index] : person.owns) claim(topic, index, who);
    }
  }

  std::mt19937 random_;
};

TEST(MigrationSchedules, NoPartitionIsTwoMembers) {
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MigrationSchedule(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace quokka
