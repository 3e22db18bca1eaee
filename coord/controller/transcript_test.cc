// Plays testdata/*.txt: what the controller does about each command (protocol/base/transcripts.h).
#include <gtest/gtest.h>

#include "coord/controller/core_harness.h"
#include "protocol/base/transcripts.h"

namespace quokka {
namespace {

class Transcript {
 public:
  using Words = std::vector<std::string>;

  std::vector<std::string> command(const std::string& verb, const Words& words) {
    harness_.lines.clear();
    harness_.alter_answer.reset();
    harness_.shutdown_answer.reset();
    harness_.answered.reset();
    run(verb, words);
    if (harness_.alter_answer) {
      std::ostringstream text;
      text << "answer " << name(harness_.alter_answer->error);
      for (const auto& partition : harness_.alter_answer->partitions) {
        text << "; " << partition.topic << "-" << partition.partition << " " << name(partition.error);
        if (partition.error == ErrorCode::NONE) text << " " << str(partition.state) << " partition epoch " << partition.state.partition_epoch;
      }
      harness_.lines.push_back(text.str());
    }
    if (harness_.shutdown_answer) {
      std::ostringstream text;
      text << "answer " << name(harness_.shutdown_answer->error) << ", remaining";
      for (const TopicPartition& tp : harness_.shutdown_answer->remaining) text << " " << tp;
      harness_.lines.push_back(text.str());
    }
    if (harness_.answered) {
      std::ostringstream text;
      text << "answer";
      for (const auto& [partition, outcome] : *harness_.answered) {
        text << " " << partition << " " << name(outcome.error);
        if (outcome.leader.value >= 0) text << " leader " << outcome.leader;
      }
      harness_.lines.push_back(text.str());
    }
    return harness_.lines;
  }

 private:
  static BrokerId broker(const std::string& word) { return BrokerId(std::stoi(word)); }
  static Replicas replicas(const std::string& word) {
    Replicas made;
    std::istringstream text(word);
    for (std::string id; std::getline(text, id, ',');) made.push_back(broker(id));
    return made;
  }
  static TopicPartition tp(const std::string& word) {
    const size_t dash = word.rfind('-');
    return {word.substr(0, dash), PartitionIndex(std::stoi(word.substr(dash + 1)))};
  }
  // name 0:1,2,3 1:2,3,1
  TopicAssignment topic(const Words& words) {
    auto known = harness_.topics.find(words.at(0));
    TopicAssignment made{words.at(0), known == harness_.topics.end() ? TopicId{next_id_++, 0} : known->second.id, {}};
    for (size_t i = 1; i < words.size(); ++i) {
      const size_t colon = words[i].find(':');
      made.partitions[PartitionIndex(std::stoi(words[i].substr(0, colon)))].replicas = replicas(words[i].substr(colon + 1));
    }
    return made;
  }

  void run(const std::string& verb, const Words& words) {
    if (verb == "brokers") {
      harness_.registered.clear();
      for (const std::string& word : words) {
        const size_t at = word.find('@');
        harness_.registered[broker(word.substr(0, at))] = BrokerEpoch(std::stol(word.substr(at + 1)));
      }
      if (elected_) harness_.perform(harness_.core.on_brokers(harness_.live_brokers()));
    } else if (verb == "elected") {
      elected_ = true;
      harness_.elect(ControllerEpoch(std::stoi(words.at(0))));
    } else if (verb == "create") {
      harness_.topics[words.at(0)] = topic(words);
      if (elected_) harness_.read_topics();
    } else if (verb == "partitions") {
      harness_.topics[words.at(0)] = topic(words);
      harness_.perform(harness_.core.on_topic_changed(words[0], harness_.topics[words[0]]));
    } else if (verb == "delete") {
      harness_.deletions.insert(words.at(0));
      harness_.perform(harness_.core.on_delete_topics(harness_.deletions));
    } else if (verb == "stopped" || verb == "answered") {
      const ErrorCode error = verb == "stopped" ? ErrorCode::NONE : ErrorCode::KAFKA_STORAGE_ERROR;
      std::map<TopicPartition, ErrorCode> partitions;
      for (size_t i = 1; i < words.size(); ++i) partitions[tp(words[i])] = error;
      const BrokerId id = broker(words.at(0));
      harness_.perform(verb == "stopped" ? harness_.core.on_stop_replica_answer(id, harness_.registered.at(id), partitions)
                                         : harness_.core.on_leader_and_isr_answer(id, harness_.registered.at(id), partitions));
    } else if (verb == "shutdown") {
      harness_.perform(harness_.core.on_controlled_shutdown(broker(words.at(0)), harness_.registered.at(broker(words.at(0)))));
    } else if (verb == "alter") {  // alter <broker> <topic-partition> <leader epoch> <partition epoch> <isr>, epochs "now" for those of the znode
      AlterIsr asked;
      asked.topic = tp(words.at(1)).topic;
      asked.partition = tp(words.at(1)).partition;
      const LeaderAndIsr now = harness_.states[tp(words[1])];
      asked.leader_epoch = words.at(2) == "now" ? now.leader_epoch : LeaderEpoch(std::stoi(words[2]));
      asked.partition_epoch = words.at(3) == "now" ? now.partition_epoch : PartitionEpoch(std::stoi(words[3]));
      asked.isr = replicas(words.at(4));
      const BrokerId id = broker(words[0]);
      harness_.perform(harness_.core.on_alter_partition({id, harness_.registered.at(id), 3, {asked}}));
    } else if (verb == "preferred") {
      std::vector<TopicPartition> partitions;
      for (const std::string& word : words) partitions.push_back(tp(word));
      harness_.perform(harness_.core.on_preferred_election(partitions));
    } else if (verb == "reassign") {  // <topic-partition>:<replicas>, without replicas: cancel
      std::vector<ReassignRequest> requests;
      for (const std::string& word : words) {
        const size_t colon = word.find(':');
        requests.push_back({tp(word.substr(0, colon)), std::nullopt});
        if (colon != std::string::npos) requests.back().target = replicas(word.substr(colon + 1));
      }
      harness_.perform(harness_.core.on_reassign(requests));
    } else if (verb == "reassign-znode") {
      for (const std::string& word : words) harness_.reassignments[tp(word.substr(0, word.find(':')))] = replicas(word.substr(word.find(':') + 1));
      harness_.perform(harness_.core.on_reassignment_request(harness_.reassignments));
    } else if (verb == "elect") {  // elect preferred|unclean <topic-partition> ...
      std::vector<TopicPartition> partitions;
      for (size_t i = 1; i < words.size(); ++i) partitions.push_back(tp(words[i]));
      harness_.perform(harness_.core.on_elect_leaders(words.at(0) == "unclean" ? ElectionType::unclean : ElectionType::preferred, partitions));
    } else if (verb == "unclean") {  // unclean.leader.election.enable=true for a topic
      harness_.unclean_topics.insert(words.at(0));
      harness_.perform(harness_.core.on_unclean_enabled(words.at(0)));
    } else if (verb == "log-dir-failed") {
      harness_.perform(harness_.core.on_log_dir_event({broker(words.at(0))}));
    } else if (verb == "written-by-another") {  // <topic-partition> <isr>: the znode changes behind the controller's back
      LeaderAndIsr& state = harness_.states.at(tp(words.at(0)));
      state.isr = replicas(words.at(1));
      state.partition_epoch = state.partition_epoch.next();
    } else if (verb == "tick") {
      harness_.perform(harness_.core.on_tick(MonoTime{} + Duration::seconds(std::stoi(words.at(0)))));
    } else {
      ADD_FAILURE() << "no such command: " << verb;
    }
  }

  CoreHarness harness_;
  bool elected_ = false;
  uint64_t next_id_ = 1;
};

TEST(Transcripts, TheCoreDoesWhatTheySay) {
  testing::play_transcripts<Transcript>("coord/controller/testdata", 3);
}

}  // namespace
}  // namespace quokka
