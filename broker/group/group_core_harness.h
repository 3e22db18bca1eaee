// For tests: a coordinator's core and people who join, who are known by a letter whatever member ids they are given.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "broker/group/logged_core_harness.h"

namespace quokka {

class GroupHarness final : public LoggedCoreHarness {
 public:
  explicit GroupHarness(GroupSettings s = {}) : LoggedCoreHarness(std::move(s)) { perform(core.on_loaded(now())); }

  struct Person {
    std::string member_id;
    int32_t generation = -1;
    std::vector<std::string> knows = {"range"};  // protocols
    std::optional<std::string> instance;
    bool requires_id = false, may_skip = false;
    int32_t session_ms = 10'000, rebalance_ms = 30'000;
    std::string assignment;      // what it was given last
    int32_t assigned_generation = -1;
    bool waits = false;          // a request of it is not answered
    bool is_leader = false;
    std::vector<std::string> others;  // member ids, as told to the leader
  };
  enum class Fate { committed, held, refused };

  // ---- The world
  std::map<std::string, Person> people;
  Fate fate = Fate::committed;
  ErrorCode refusal = ErrorCode::NOT_ENOUGH_REPLICAS;
  std::string protocol_type = "consumer";

  // ---- What people do
  GroupRequestId join(const std::string& group, const std::string& who, const std::string& reason = "") {
    Person& person = people[who];
    JoinGroup asked;
    asked.group = group;
    asked.member_id = person.member_id;
    asked.instance_id = person.instance;
    asked.requires_member_id = person.requires_id && !person.instance;
    asked.may_skip_assignment = person.may_skip;
    asked.client_id = who;
    asked.client_host = "/127.0.0.1";
    asked.session_timeout_ms = person.session_ms;
    asked.rebalance_timeout_ms = person.rebalance_ms;
    asked.protocol_type = protocol_type;
    for (const std::string& name : person.knows) asked.protocols.push_back({name, std::string("\0\1\0\0\0\1\0\1t\0\0\0\0", 13)});
    asked.reason = reason;
    asked.unique = std::to_string(++ids_);
    person.waits = true;
    asking_[++requests_] = who;
    perform(core.on_join(requests_, asked, now()));
    return requests_;
  }
  GroupRequestId sync(const std::string& group, const std::string& who, const std::map<std::string, std::string>& by_person = {}) {
    Person& person = people[who];
    SyncGroup asked;
    asked.group = group;
    asked.member_id = person.member_id;
    asked.instance_id = person.instance;
    asked.generation = person.generation;
    // A name that is nobody's is a member id.
    for (const auto& [name, assignment] : by_person) asked.assignments[people.count(name) != 0 ? people[name].member_id : name] = assignment;
    person.waits = true;
    asking_[++requests_] = who;
    perform(core.on_sync(requests_, asked, now()));
    return requests_;
  }
  MemberIdentity identity(const std::string& who) { return {people[who].member_id, people[who].instance, {}}; }
  ErrorCode beat(const std::string& group, const std::string& who) {
    return core.on_heartbeat(group, identity(who), people[who].generation, now());
  }
  ErrorCode leave(const std::string& group, const std::string& who) {
    GroupCore::Left left = core.on_leave(group, {identity(who)}, now());
    perform(std::move(left.effects));
    return left.error != ErrorCode::NONE ? left.error : left.members.at(0);
  }
  // "-" is nobody: a consumer that assigns itself.
  ErrorCode commit(const std::string& group, const std::string& who, const TopicPartition& partition, int64_t offset) {
    OffsetCommit asked;
    asked.group = group;
    if (who != "-") {
      asked.member = identity(who);
      asked.generation = people[who].generation;
    }
    OffsetRecord record;
    record.offset = offset;
    record.commit_timestamp_ms = now().wall.ms;
    asked.partitions.push_back({partition, record});
    GroupCore::Committed committed = core.on_offset_commit(asked, now());
    const bool is_written = !committed.effects.writes.empty();
    perform(std::move(committed.effects));
    return is_written && fate == Fate::refused ? offset_commit_error(refusal) : committed.partitions.at(0);
  }
  int64_t fetch(const std::string& group, const TopicPartition& partition) const {
    return core.fetch_offsets(group, std::vector<TopicPartition>{partition}, false).at(0).offset;
  }

  // ---- The log
  void settle_held(ErrorCode error) {
    std::deque<uint64_t> held;
    held.swap(held_);
    for (const uint64_t number : held) perform(core.on_written(number, error, now()));
  }
  void perform(GroupEffects effects) override {
    std::vector<uint64_t> committed;
    for (const GroupWrite& write : effects.writes) {
      if (fate == Fate::refused) {
        lines.push_back("write refused: " + std::string(name(refusal)));
        if (write.number != 0) committed.push_back(write.number);
        continue;
      }
      for (const StoredGroupRecord& record : write.records) {
        lines.push_back(told(record));
        append(record);
      }
      if (write.number != 0 && fate == Fate::committed) committed.push_back(write.number);
      if (write.number != 0 && fate == Fate::held) held_.push_back(write.number);
    }
    for (auto& [request, answer] : effects.joins) on_joined(request, answer);
    for (auto& [request, answer] : effects.syncs) on_synced(request, answer);
    for (const uint64_t number : committed) perform(core.on_written(number, fate == Fate::refused ? refusal : ErrorCode::NONE, now()));
  }

  static std::string seconds(int64_t ms) {
    const std::string fraction = std::to_string(ms % 1000 / 100);
    return std::to_string(ms / 1000) + (ms % 1000 == 0 ? "" : "." + fraction) + "s";
  }
  static std::string told(const StoredGroupRecord& record) {
    std::ostringstream text;
    if (record.partition && record.offset) {
      text << "write " << record.group << " " << *record.partition << " = " << record.offset->offset;
    } else if (record.partition) {
      text << "write " << record.group << " " << *record.partition << " tombstone";
    } else if (record.metadata) {
      text << "write " << record.group << " generation " << record.metadata->generation << " protocol " << record.metadata->protocol.value_or("none") << " leader "
           << record.metadata->leader.value_or("none") << " members";
      for (const auto& member : record.metadata->members) text << " " << member.id << "(" << member.assignment << ")";
    } else {
      text << "write " << record.group << " tombstone";
    }
    return text.str();
  }

 private:
  void on_timer(int64_t waited_ms) override {
    const size_t before = lines.size();
    perform(core.on_time(now()));
    if (lines.size() > before) lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(before), "after " + seconds(waited_ms));
  }
  void on_moved() override { held_.clear(); }

  void on_joined(GroupRequestId request, const JoinAnswer& answer) {
    const std::string who = asking_.at(request);
    asking_.erase(request);
    Person& person = people[who];
    std::ostringstream text;
    text << who << " join: ";
    if (answer.error != ErrorCode::NONE) {
      text << name(answer.error);
      if (answer.error == ErrorCode::MEMBER_ID_REQUIRED) {
        text << " " << answer.member_id;
        person.member_id = answer.member_id;
        person.generation = -1;
      } else if (answer.error == ErrorCode::UNKNOWN_MEMBER_ID) {
        person.member_id.clear();
      }
    } else {
      person.member_id = answer.member_id;
      person.generation = answer.generation;
      person.is_leader = answer.leader == answer.member_id;
      person.others.clear();
      text << "generation " << answer.generation << " as " << answer.member_id << ", " << answer.protocol.value_or("no protocol") << ", leader " << answer.leader;
      if (!answer.members.empty()) text << ", members";
      for (const auto& member : answer.members) {
        text << " " << member.id;
        person.others.push_back(member.id);
      }
      if (answer.skip_assignment) text << ", nothing to assign";
    }
    person.waits = is_asking(who);
    lines.push_back(text.str());
  }
  void on_synced(GroupRequestId request, const SyncAnswer& answer) {
    const std::string who = asking_.at(request);
    asking_.erase(request);
    Person& person = people[who];
    if (answer.error == ErrorCode::NONE) {
      person.assignment = answer.assignment;
      person.assigned_generation = person.generation;
    }
    person.waits = is_asking(who);
    lines.push_back(who + " sync: " + (answer.error == ErrorCode::NONE ? "\"" + answer.assignment + "\"" : std::string(name(answer.error))));
  }
  bool is_asking(const std::string& who) const {
    return std::any_of(asking_.begin(), asking_.end(), [&](const auto& each) { return each.second == who; });
  }

  int ids_ = 0;
  GroupRequestId requests_ = 0;
  std::map<GroupRequestId, std::string> asking_;
  std::deque<uint64_t> held_;
};

}  // namespace quokka
