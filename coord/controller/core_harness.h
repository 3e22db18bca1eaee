// For tests: a controller's core with a model of the znodes around it, which performs Effects to their end and tells what it did, line by line.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "coord/controller/core.h"

namespace quokka {

inline std::string str(const LeaderAndIsr& state) {
  std::string text = "leader " + std::to_string(state.leader.value) + " epoch " + std::to_string(state.leader_epoch.value) + " isr " + str(state.isr);
  return state.recovering ? text + " recovering" : text;
}

inline std::string str(const Assignment& assignment) {
  std::string text = "replicas " + str(assignment.replicas);
  if (!assignment.adding.empty()) text += " adding " + str(assignment.adding);
  if (!assignment.removing.empty()) text += " removing " + str(assignment.removing);
  return text;
}

class CoreHarness {
 public:
  explicit CoreHarness(ControllerConfig config = ControllerConfig{BrokerId(1)}) : core(config), config_(config) {}

  // ---- The world
  ControllerCore core;
  std::map<BrokerId, BrokerEpoch> registered;
  std::map<std::string, TopicAssignment> topics;
  std::map<TopicPartition, LeaderAndIsr> states;  // partition_epoch is the version of the znode
  std::map<BrokerId, BrokerEpoch> in_sync_since;
  std::set<std::string> deletions;
  std::vector<TopicPartition> preferred_election;
  std::map<TopicPartition, Replicas> reassignments;  // /admin/reassign_partitions
  std::set<std::string> unclean_topics;

  // ---- What was done
  std::vector<std::string> lines;
  std::vector<Send> sent;
  std::optional<AlterIsrAnswer> alter_answer;
  std::optional<ShutdownAnswer> shutdown_answer;
  std::optional<PartitionOutcomes> answered;  // of reassignments and elections
  std::optional<MonoTime> wake_at;
  size_t state_writes = 0;
  size_t refused_writes = 0;
  // Called with the state before, if there was one, and after.
  std::function<void(const TopicPartition&, const std::optional<LeaderAndIsr>&, const LeaderAndIsr&)> on_write;
  // The controller dies after so many sends and writes: what it was about to do is not done, and the core is good for nothing but another elect().
  std::optional<size_t> steps_to_live;
  bool is_dead() const { return steps_to_live && *steps_to_live == 0; }

  static LiveBroker live(BrokerId id, BrokerEpoch epoch) {
    return {BrokerView{id, {Endpoint{"PLAINTEXT", "host" + std::to_string(id.value), 9092, 0}}, std::nullopt}, epoch};
  }
  std::vector<LiveBroker> live_brokers() const {
    std::vector<LiveBroker> found;
    for (const auto& [id, epoch] : registered) found.push_back(live(id, epoch));
    return found;
  }
  std::set<std::string> topic_names() const {
    std::set<std::string> names;
    for (const auto& [name, topic] : topics) names.insert(name);
    return names;
  }

  void elect(ControllerEpoch epoch, MonoTime now = {}) {
    steps_to_live.reset();
    core = ControllerCore(config_);
    ElectedState state;
    state.controller_epoch = epoch;
    state.brokers = live_brokers();
    for (const auto& [name, topic] : topics) state.topics.push_back(topic);
    state.states = states;
    state.in_sync_since = in_sync_since;
    state.deletions = deletions;
    state.preferred_election = preferred_election;
    state.reassignments = reassignments;
    perform(core.on_elected(state, now));
  }

  void read_topics() {
    std::vector<TopicAssignment> added;
    for (const auto& [name, topic] : topics)
      if (core.picture().topic(name) == nullptr) added.push_back(topic);
    perform(core.on_topics(topic_names(), added));
  }

  void perform(Effects effects) {
    while (true) {
      for (Send& send : effects.sends) {
        if (dies()) return;
        lines.push_back(str(send));
        sent.push_back(std::move(send));
      }
      if (effects.alter_answer) alter_answer = effects.alter_answer;
      if (effects.shutdown_answer) shutdown_answer = effects.shutdown_answer;
      if (effects.reassign_answer) answered = effects.reassign_answer;
      if (effects.elect_answer) answered = effects.elect_answer;
      if (effects.wake_at) wake_at = effects.wake_at;
      if (!effects.ask_unclean.empty()) {
        std::set<std::string> allowed;
        for (const std::string& topic : effects.ask_unclean) {
          lines.push_back("read config of " + topic);
          if (unclean_topics.contains(topic)) allowed.insert(topic);
        }
        effects = core.on_unclean_allowed(allowed);
      } else if (effects.has_writes()) {
        std::vector<StateOutcome> outcomes = write(effects);
        if (is_dead()) return;
        effects = core.on_written(outcomes);
      } else {
        return;
      }
    }
  }

 private:
  // True when the step is not taken any more.
  bool dies() {
    if (is_dead()) return true;
    if (steps_to_live) --*steps_to_live;
    return false;
  }

  std::vector<StateOutcome> write(const Effects& effects) {
    std::vector<StateOutcome> outcomes;
    for (const StateWrite& write : effects.state_writes) {
      if (dies()) return {};
      ++state_writes;
      auto found = states.find(write.tp);
      const PartitionEpoch version = found == states.end() ? PartitionEpoch() : found->second.partition_epoch;
      std::string line = (write.state.partition_epoch.value < 0 ? "create " : "set ") + write.tp.str() + " " + str(write.state);
      if (version != write.state.partition_epoch) {
        ++refused_writes;
        lines.push_back(line + ": version " + std::to_string(write.state.partition_epoch.value) + " is not " + std::to_string(version.value));
        outcomes.push_back({false, found == states.end() ? std::nullopt : std::optional(found->second), false});
        continue;
      }
      lines.push_back(line);
      LeaderAndIsr state = write.state;
      state.partition_epoch = version.next();
      if (on_write) on_write(write.tp, found == states.end() ? std::nullopt : std::optional(found->second), state);
      states[write.tp] = state;
      outcomes.push_back({true, {}, false});
    }
    for (const AssignmentWrite& write : effects.assignment_writes) {
      if (dies()) return {};
      lines.push_back("assign " + write.tp.str() + " " + str(write.assignment));
      auto topic = topics.find(write.tp.topic);
      if (topic != topics.end()) topic->second.partitions[write.tp.partition] = write.assignment;
    }
    for (const ReassignmentRemoval& removal : effects.reassignment_removals) {
      lines.push_back("remove request to reassign " + removal.tp.str());
      auto found = reassignments.find(removal.tp);
      if (found != reassignments.end() && (!removal.replicas || *removal.replicas == found->second)) reassignments.erase(found);
    }
    for (const TopicRemoval& removal : effects.topic_removals) {
      if (dies()) return {};
      lines.push_back("remove znodes of " + removal.topic);
      for (PartitionIndex index : removal.partitions) states.erase({removal.topic, index});
      topics.erase(removal.topic);
      deletions.erase(removal.topic);
    }
    for (const std::string& topic : effects.deletion_request_removals) {
      lines.push_back("remove request to delete " + topic);
      deletions.erase(topic);
    }
    if (effects.remove_preferred_election) {
      lines.push_back("remove request for preferred election");
      preferred_election.clear();
    }
    return outcomes;
  }

  static std::string str(const Send& send) {
    std::ostringstream text;
    if (const auto* metadata = std::get_if<MetadataSend>(&send)) {
      text << "metadata to";
      for (const auto& [id, epoch] : metadata->to) text << " " << id << "@" << epoch;
      text << ": brokers";
      for (const BrokerView& broker : metadata->update->brokers) text << " " << broker.id;
      for (const TopicView& topic : metadata->update->topics)
        for (const PartitionView& partition : topic.partitions) {
          text << "; " << topic.name << "-" << partition.index << " leader " << partition.leader << " epoch " << partition.leader_epoch << " isr "
               << quokka::str(partition.isr);
          if (!partition.offline_replicas.empty()) text << " offline " << quokka::str(partition.offline_replicas);
        }
    } else if (const auto* leader = std::get_if<LeaderAndIsrSend>(&send)) {
      text << "leader-and-isr to " << leader->to << "@" << leader->to_epoch << ":";
      const char* separator = " ";
      for (const auto& topic : leader->topics)
        for (const auto& partition : topic.partitions) {
          text << separator << topic.name << "-" << partition.index << " " << quokka::str(partition.state) << (partition.is_new ? " new" : "");
          if (is_reassigned(partition.assignment)) text << " " << quokka::str(partition.assignment);
          separator = "; ";
        }
    } else {
      const auto& stop = std::get<StopReplicaSend>(send);
      text << "stop-replica to " << stop.to << "@" << stop.to_epoch << ":";
      const char* separator = " ";
      for (const auto& partition : stop.partitions) {
        text << separator << partition.tp.str() << " epoch " << partition.leader_epoch << (partition.remove ? " remove" : "");
        separator = "; ";
      }
    }
    return text.str();
  }
  static std::string str(const LeaderAndIsr& state) { return quokka::str(state); }
  static std::string str(const Assignment& assignment) { return quokka::str(assignment); }

  ControllerConfig config_;
};

}  // namespace quokka
