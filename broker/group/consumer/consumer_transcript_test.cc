// Plays testdata/*.txt: what the coordinator does about heartbeats of the consumer protocol (protocol/base/transcripts.h).
#include <gtest/gtest.h>

#include "broker/group/consumer/consumer_harness.h"
#include "protocol/base/transcripts.h"

namespace quokka {
namespace {

class ConsumerTranscript final : public testing::HarnessPlayer<ConsumerHarness> {
 private:
  // member A instance=i topics=t,u assignor=range rebalance=30
  void describe_member(const Words& words) {
    ConsumerHarness::Person& person = harness_.people[words.at(0)];
    for (size_t i = 1; i < words.size(); ++i) {
      const auto [key, value] = pair(words[i]);
      if (key == "instance") person.instance = value;
      else if (key == "assignor") person.assignor = value;
      else if (key == "rebalance") person.rebalance_ms = std::stoi(value) * 1000;
      else if (key == "epoch") person.epoch = std::stoi(value);
      else if (key == "topics") {
        const Words topics = listed(value);
        person.topics = {topics.begin(), topics.end()};
        person.tells_all = true;
      } else ADD_FAILURE() << "no such word: " << words[i];
    }
  }

  void tell_group() {
    const ConsumerGroup* group = harness_.group();
    if (group == nullptr) return harness_.lines.push_back("no group of the consumer protocol");
    harness_.lines.push_back(std::string(name(group->state())) + ", epoch " + std::to_string(group->epoch()) + ", target of epoch " +
                             std::to_string(group->target_epoch()));
    for (const auto& [id, member] : group->members()) {
      const ConsumerAssignment& has = member.assignment;
      harness_.lines.push_back(id + " epoch " + std::to_string(has.epoch) + " has " + harness_.text(has.assigned) +
                               (has.revoking.empty() ? "" : ", gives up " + harness_.text(has.revoking)) + ", is to have " + harness_.text(group->target(id)));
    }
  }

  void run(const std::string& verb, const Words& words) override {
    if (verb == "topic") harness_.topics.set(words.at(0), std::stoi(words.at(1)));
    else if (verb == "delete-topic") harness_.topics.remove(words.at(0));
    else if (verb == "member") describe_member(words);
    else if (verb == "join") harness_.join(words.at(0));
    else if (verb == "beat") harness_.beat(words.at(0), words.size() > 1 && words[1] == "lost");
    else if (verb == "leave") harness_.leave(words.at(0));
    else if (verb == "leave-for-a-while") harness_.leave(words.at(0), kStaticLeaveEpoch);
    else if (verb == "wait") harness_.wait_ms(std::stol(words.at(0)) * 1000);
    else if (verb == "move") harness_.move();
    else if (verb == "log") harness_.refuses = words.at(0) == "refuses";
    else if (verb == "commit")
      harness_.lines.push_back(std::string(name(harness_.commit(words.at(0), std::stoi(words.at(1)), std::stol(words.at(2))))));
    else if (verb == "group") tell_group();
    else ADD_FAILURE() << "no such command: " << verb;
  }
};

TEST(ConsumerTranscripts, TheCoreDoesWhatTheySay) {
  testing::play_transcripts<ConsumerTranscript>("broker/group/consumer/testdata", 3);
}

}  // namespace
}  // namespace quokka
