// For tests: a coordinator's core and members of the consumer protocol who know what they own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/group/logged_core_harness.h"

namespace quokka {

class ConsumerHarness final : public LoggedCoreHarness {
 public:
  explicit ConsumerHarness(GroupSettings s = {}) : LoggedCoreHarness(std::move(s)) { perform(core.on_loaded(now())); }

  // A consumer as KIP-848 wants it: it owns what it was given, and gives up before it says so.
  struct Person {
    std::string member_id;
    int32_t epoch = 0;
    std::optional<std::string> instance, assignor;
    std::set<std::string> topics = {"t"};
    int32_t rebalance_ms = 30'000;
    AssignedPartitions owns;
    bool tells_all = true;    // the next heartbeat is a full one
    bool is_in = false;       // by its own knowledge
  };

  std::map<std::string, Person> people;
  bool refuses = false;  // the log
  // Answers to members of the classic protocol.
  std::map<GroupRequestId, JoinAnswer> joined;
  std::map<GroupRequestId, SyncAnswer> synced;

  const ConsumerGroup* group(const std::string& id = "g") const {
    const Group* found = core.find(id);
    return found == nullptr || !found->consumer ? nullptr : &*found->consumer;
  }

  // One heartbeat. `loses_answer`: the member does not get it.
  ConsumerHeartbeatAnswer beat(const std::string& who, bool loses_answer = false) {
    Person& person = people[who];
    ConsumerHeartbeat asked;
    asked.group = "g";
    asked.member_id = person.member_id;
    asked.member_epoch = person.epoch;
    asked.instance_id = person.instance;
    asked.client_id = who;
    asked.client_host = "/127.0.0.1";
    asked.unique = "m" + std::to_string(++ids_);
    if (person.epoch == 0) person.owns.clear();
    if (person.epoch == 0 || person.tells_all) {
      asked.rebalance_timeout_ms = person.rebalance_ms;
      asked.topics = person.topics;
      asked.assignor = person.assignor;
      asked.owned = person.owns;
    }
    return ask(who, asked, loses_answer);
  }
  // A joining one, as who never was here.
  ConsumerHeartbeatAnswer join(const std::string& who) {
    people[who].member_id.clear();
    people[who].epoch = 0;
    return beat(who);
  }
  ConsumerHeartbeatAnswer leave(const std::string& who, int32_t epoch = kLeaveEpoch) {
    Person& person = people[who];
    ConsumerHeartbeat asked;
    asked.group = "g";
    asked.member_id = person.member_id;
    asked.member_epoch = epoch;
    asked.instance_id = person.instance;
    person.owns.clear();
    person.is_in = false;
    person.epoch = 0;
    GroupCore::Beat made = core.on_consumer_heartbeat(asked, now());
    lines.push_back(who + " leaves: " + std::string(name(made.answer.error)));
    perform(std::move(made.effects));
    return made.answer;
  }
  ConsumerHeartbeatAnswer ask(const std::string& who, const ConsumerHeartbeat& asked, bool loses_answer = false) {
    GroupCore::Beat made = core.on_consumer_heartbeat(asked, now());
    const bool is_refused = refuses && !made.effects.writes.empty();
    std::vector<std::string> told;
    std::swap(told, lines);
    perform(std::move(made.effects));
    std::swap(told, lines);
    if (is_refused) made.answer.error = ErrorCode::COORDINATOR_NOT_AVAILABLE;
    lines.push_back(who + ": " + text_of_answer(made.answer) + (loses_answer ? " (lost)" : ""));
    lines.insert(lines.end(), told.begin(), told.end());
    if (!loses_answer) take(people[who], made.answer);
    return made.answer;
  }
  ErrorCode commit(const std::string& who, int32_t partition, int64_t offset) {
    OffsetCommit asked;
    asked.group = "g";
    asked.member.member_id = people[who].member_id;
    asked.generation = people[who].epoch;
    asked.partitions.push_back({{"t", PartitionIndex(partition)}, {offset, -1, "", now().wall.ms, std::nullopt}});
    GroupCore::Committed committed = core.on_offset_commit(asked, now());
    perform(std::move(committed.effects));
    return committed.partitions.at(0);
  }

  void perform(GroupEffects effects) override {
    for (const std::string& note : effects.notes) lines.push_back("  " + note);
    for (const GroupWrite& write : effects.writes) {
      if (refuses) continue;
      for (const StoredGroupRecord& record : write.records) append(record);
    }
    const bool fails = refuses && !effects.writes.empty() && effects.answers_what_is_written;
    for (auto& [request, answer] : effects.joins) {
      if (fails) answer.error = ErrorCode::COORDINATOR_NOT_AVAILABLE;
      joined[request] = std::move(answer);
    }
    for (auto& [request, answer] : effects.syncs) synced[request] = std::move(answer);
    for (const GroupWrite& write : effects.writes) {
      if (write.number != 0) perform(core.on_written(write.number, refuses ? ErrorCode::NOT_ENOUGH_REPLICAS : ErrorCode::NONE, now()));
    }
  }

  // "t 0 1 2, u 0"
  std::string text(const AssignedPartitions& partitions) const {
    std::map<std::string, std::string> by_name;
    for (const auto& [id, indexes] : partitions) {
      for (const PartitionIndex index : indexes) by_name[topics.name_of(id).value_or("?")] += " " + std::to_string(index.value);
    }
    std::string all;
    for (const auto& [name, indexes] : by_name) all += (all.empty() ? "" : ", ") + name + indexes;
    return all.empty() ? "nothing" : all;
  }
  std::string text_of_answer(const ConsumerHeartbeatAnswer& answer) const {
    if (answer.error != ErrorCode::NONE) return std::string(name(answer.error));
    return answer.member_id + " epoch " + std::to_string(answer.member_epoch) + (answer.assignment ? ", " + text(*answer.assignment) : "");
  }

 private:
  void take(Person& person, const ConsumerHeartbeatAnswer& answer) {
    switch (answer.error) {
      case ErrorCode::NONE:
        person.member_id = answer.member_id;
        person.tells_all = person.epoch == 0 ? false : answer.member_epoch != person.epoch || answer.assignment.has_value();
        person.epoch = answer.member_epoch;
        person.is_in = true;
        if (answer.assignment) {
          person.owns = *answer.assignment;
          person.tells_all = true;
        }
        return;
      case ErrorCode::FENCED_MEMBER_EPOCH:
      case ErrorCode::UNKNOWN_MEMBER_ID:
      case ErrorCode::GROUP_ID_NOT_FOUND:
        person.owns.clear();
        person.epoch = 0;
        person.is_in = false;
        return;
      default: person.tells_all = true; return;
    }
  }

  int ids_ = 0;
};

}  // namespace quokka
