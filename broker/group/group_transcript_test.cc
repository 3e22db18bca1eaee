// Plays testdata/*.txt: what the coordinator does about each command (protocol/base/transcripts.h).
#include <gtest/gtest.h>

#include "broker/group/group_core_harness.h"
#include "protocol/base/transcripts.h"

namespace quokka {
namespace {

class Transcript final : public testing::HarnessPlayer<GroupHarness> {
 private:
  static TopicPartition tp(const std::string& word) {
    const size_t dash = word.rfind('-');
    return {word.substr(0, dash), PartitionIndex(std::stoi(word.substr(dash + 1)))};
  }
  void say(ErrorCode error) { harness_.lines.push_back("answer " + std::string(name(error))); }

  // person A asks-for-id static=i1 knows=range,sticky session=10 rebalance=30 skips
  void describe_person(const Words& words) {
    GroupHarness::Person& person = harness_.people[words.at(0)];
    for (size_t i = 1; i < words.size(); ++i) {
      const auto [key, value] = pair(words[i]);
      if (key == "asks-for-id") person.requires_id = true;
      else if (key == "skips") person.may_skip = true;
      else if (key == "forgets") person.member_id.clear();
      else if (key == "static") person.instance = value;
      else if (key == "session") person.session_ms = std::stoi(value) * 1000;
      else if (key == "rebalance") person.rebalance_ms = std::stoi(value) * 1000;
      else if (key == "id") person.member_id = value;
      else if (key == "knows") person.knows = listed(value);
      else ADD_FAILURE() << "a person is not " << words[i];
    }
  }

  void log_does(const Words& words) {
    if (words.at(0) == "commits") {
      harness_.fate = GroupHarness::Fate::committed;
      harness_.settle_held(ErrorCode::NONE);
    } else if (words[0] == "holds") {
      harness_.fate = GroupHarness::Fate::held;
    } else if (words[0] == "times-out") {
      harness_.settle_held(ErrorCode::REQUEST_TIMED_OUT);
    } else if (words[0] == "refuses") {
      harness_.fate = GroupHarness::Fate::refused;
    } else {
      ADD_FAILURE() << "a log does not " << words[0];
    }
  }

  void show(const std::string& group) {
    const GroupDescription found = harness_.core.describe(group);
    std::ostringstream text;
    text << name(found.state) << " type " << (found.protocol_type.empty() ? "none" : found.protocol_type) << " protocol "
         << (found.protocol.empty() ? "none" : found.protocol);
    for (const auto& member : found.members) text << ", " << member.id << (member.instance_id ? " static " + *member.instance_id : "") << "(" << member.assignment << ")";
    harness_.lines.push_back(text.str());
    for (const FetchedOffset& each : harness_.core.fetch_offsets(group, std::nullopt, false)) {
      std::ostringstream offset;
      offset << each.partition << " = " << each.offset;
      harness_.lines.push_back(offset.str());
    }
  }

  void run(const std::string& verb, const Words& words) override {
    if (verb == "person") {
      describe_person(words);
    } else if (verb == "join") {
      harness_.join(words.at(0), words.at(1), words.size() > 2 ? words[2] : "");
    } else if (verb == "sync") {
      std::map<std::string, std::string> assignments;
      for (size_t i = 2; i < words.size(); ++i) assignments.insert(pair(words[i]));
      harness_.sync(words.at(0), words.at(1), assignments);
    } else if (verb == "beat") {
      say(harness_.beat(words.at(0), words.at(1)));
    } else if (verb == "leave") {
      say(harness_.leave(words.at(0), words.at(1)));
    } else if (verb == "commit") {
      const auto [partition, offset] = pair(words.at(2));
      say(harness_.commit(words.at(0), words.at(1), tp(partition), std::stol(offset)));
    } else if (verb == "show") {
      show(words.at(0));
    } else if (verb == "causes") {
      for (const RebalanceNote& note : harness_.core.describe(words.at(0)).rebalances)
        harness_.lines.push_back("generation " + std::to_string(note.generation) + ": " + note.reason);
    } else if (verb == "wait") {
      harness_.wait_ms(std::stol(words.at(0)) * 1000);
    } else if (verb == "log") {
      log_does(words);
    } else if (verb == "move") {
      harness_.move();
    } else if (verb == "delete") {
      GroupCore::Removed removed = harness_.core.on_delete_group(words.at(0), harness_.now());
      harness_.perform(std::move(removed.effects));
      say(removed.error);
    } else if (verb == "delete-offset") {
      GroupCore::Removed removed = harness_.core.on_offset_delete(words.at(0), {tp(words.at(1))}, harness_.now());
      harness_.perform(std::move(removed.effects));
      say(removed.error != ErrorCode::NONE ? removed.error : removed.partitions.at(0));
    } else if (verb == "delete-partition") {
      harness_.perform(harness_.core.on_partitions_deleted({tp(words.at(0))}, harness_.now()));
    } else if (verb == "retention") {
      harness_.perform(harness_.core.on_retention(harness_.now()));
    } else {
      ADD_FAILURE() << "no such command: " << verb;
    }
  }
};

TEST(GroupTranscripts, TheCoreDoesWhatTheySay) {
  testing::play_transcripts<Transcript>("broker/group/testdata", 5);
}

}  // namespace
}  // namespace quokka
