// The controller's core under random schedules: brokers come, go, bounce and shut down; topics are made and deleted; partitions are reassigned by
// request and by znode, given up and sent elsewhere; leaders propose in-sync sets; znodes change behind the controller's back; controllers die between
// any two steps. What must hold at every write is checked at every write; in the end everything is up and everything must have come to rest.
#include <gtest/gtest.h>

#include <algorithm>

#include "coord/controller/core_harness.h"

#include "protocol/base/schedules.h"

namespace quokka {
namespace {

class Schedule : public CoreHarness {
 public:
  explicit Schedule(uint64_t seed) : seed_(seed) {
    on_write = [this](const TopicPartition& tp, const std::optional<LeaderAndIsr>& before, const LeaderAndIsr& after) { check_write(tp, before, after); };
    for (int32_t id = 1; id <= kBrokers; ++id) registered[BrokerId(id)] = BrokerEpoch(next_epoch_++);
    elect_next();
  }

  void run(int rounds) {
    for (int i = 0; i < rounds && !::testing::Test::HasFailure(); ++i) {
      lines.clear();
      step();
      deliver();
      if (is_dead()) elect_next();
    }
    if (!::testing::Test::HasFailure()) come_to_rest();
    if (::testing::Test::HasFailure())
      for (const std::string& line : lines) std::cerr << line << "\n";
  }

 private:
  static constexpr int32_t kBrokers = 5;

  uint64_t draw(uint64_t bound) {
    seed_ = seed_ * 6364136223846793005u + 1442695040888963407u;
    return (seed_ >> 33) % bound;
  }
  BrokerId any_broker() { return BrokerId(static_cast<int32_t>(1 + draw(kBrokers))); }
  Replicas any_replicas(size_t count) {
    Replicas replicas;
    while (replicas.size() < count)
      if (BrokerId id = any_broker(); !contains(replicas, id)) replicas.push_back(id);
    return replicas;
  }
  const Assignment& assignment(const TopicPartition& tp) const { return topics.at(tp.topic).partitions.at(tp.partition); }
  std::optional<TopicPartition> any_partition() {
    if (topics.empty()) return std::nullopt;
    const auto& [name, topic] = *std::next(topics.begin(), static_cast<long>(draw(topics.size())));
    return TopicPartition{name, PartitionIndex(static_cast<int32_t>(draw(topic.partitions.size())))};
  }

  // ---- What happens

  void step() {
    if (draw(8) == 0) steps_to_live = 1 + draw(12);
    switch (draw(16)) {
      case 0: leave(any_broker()); break;
      case 1: case 2: case 3: start(any_broker()); break;
      case 4: make_topic(); break;
      case 5: if (topics.size() > 3) delete_topic(); break;
      case 6: case 7: case 8: reassign(); break;
      case 9: reassign_by_znode(); break;
      case 10: case 11: case 12: if (auto tp = any_partition()) alter(*tp, false); break;
      case 13: perform(core.on_controlled_shutdown(any_broker(), BrokerEpoch(-1))); break;
      case 14: elect_leaders(); break;
      case 15:
        if (draw(2) == 0) return elect_next();
        for (auto& [tp, state] : states)  // written by somebody else, with the same content
          if (draw(6) == 0) state.partition_epoch = state.partition_epoch.next();
        break;
    }
    steps_to_live = is_dead() ? steps_to_live : std::nullopt;
  }

  void leave(BrokerId id) {
    registered.erase(id);
    if (draw(4) != 0) perform(core.on_brokers(live_brokers()));  // else the controller hears of it with the next change
  }
  void start(BrokerId id) {
    for (const TopicPartition& tp : strays(id)) missed_.insert({id, tp});
    registered[id] = BrokerEpoch(next_epoch_++);
    perform(core.on_brokers(live_brokers()));
  }
  void make_topic() {
    TopicAssignment topic{"r" + std::to_string(next_topic_), TopicId{next_topic_, 7}, {}};
    ++next_topic_;
    const size_t partitions = 1 + draw(2);
    const size_t count = 1 + draw(3);
    for (size_t i = 0; i < partitions; ++i) topic.partitions[PartitionIndex(static_cast<int32_t>(i))].replicas = any_replicas(count);
    if (draw(5) == 0) unclean_topics.insert(topic.name);
    topics[topic.name] = topic;
    read_topics();
  }
  void delete_topic() {
    deletions.insert(std::next(topics.begin(), static_cast<long>(draw(topics.size())))->first);
    perform(core.on_delete_topics(deletions));
  }
  void reassign() {
    std::vector<ReassignRequest> requests;
    for (size_t i = 0; i <= draw(3); ++i) {
      auto tp = any_partition();
      if (!tp) return;
      requests.push_back({*tp, std::nullopt});
      if (draw(5) != 0) requests.back().target = any_replicas(1 + draw(3));
    }
    answered.reset();
    std::map<TopicPartition, size_t> sizes;
    for (const ReassignRequest& request : requests)
      sizes[request.tp] = request.target ? request.target->size() : origin_of(assignment(request.tp)).size();
    perform(core.on_reassign(requests));
    for (const auto& [tp, size] : sizes) {
      if (answered && (*answered)[tp].error == ErrorCode::NONE)
        wanted_[tp] = size;
      else if (!answered)
        wanted_.erase(tp);  // the controller died: nobody knows
    }
  }
  void reassign_by_znode() {
    if (auto tp = any_partition()) {
      reassignments[*tp] = any_replicas(1 + draw(3));
      wanted_.erase(*tp);
    }
    reassignments[{"nothing", PartitionIndex(0)}] = any_replicas(2);
    perform(core.on_reassignment_request(reassignments));
  }
  void elect_leaders() {
    std::vector<TopicPartition> partitions;
    for (const auto& [name, topic] : topics)
      for (const auto& [index, each] : topic.partitions) partitions.push_back({name, index});
    answered.reset();
    may_lose_ = draw(4) == 0;
    perform(core.on_elect_leaders(may_lose_ ? ElectionType::unclean : ElectionType::preferred, partitions));
    may_lose_ = false;
    if (!is_dead()) {
      ASSERT_TRUE(answered);
      EXPECT_EQ(answered->size(), partitions.size()) << "each has an answer";
    }
  }

  // The leader proposes a set: of brokers that have the replica. All of them, or some.
  void alter(const TopicPartition& tp, bool all) {
    auto state = states.find(tp);
    if (state == states.end() || !topics.contains(tp.topic)) return;
    auto leader = registered.find(state->second.leader);
    if (leader == registered.end()) return;
    AlterIsr asked{tp.topic, {}, tp.partition, state->second.leader_epoch, state->second.partition_epoch, {leader->first}, {}, false};
    for (BrokerId id : assignment(tp).replicas)
      if (id != leader->first && registered.contains(id) && disks_[id].contains(tp) && (all || draw(3) != 0)) asked.isr.push_back(id);
    perform(core.on_alter_partition({leader->first, leader->second, 3, {asked}}));
  }

  void elect_next() {
    for (const auto& [id, epoch] : registered)
      for (const TopicPartition& tp : strays(id))
        if (!missed_.contains({id, tp})) ADD_FAILURE() << "a new controller does not know that broker " << id << " must remove " << tp.str();
    for (int32_t id = 1; id <= kBrokers; ++id)
      for (const TopicPartition& tp : strays(BrokerId(id))) forgotten_.insert({BrokerId(id), tp});
    elect(ControllerEpoch(++controller_epoch_));
    deliver();
  }

  // ---- Brokers: what lies on their disks, and what they answer. A broker that is not registered hears nothing.

  void deliver() {
    for (const Send& send : std::exchange(sent, {})) {
      if (const auto* leader = std::get_if<LeaderAndIsrSend>(&send)) {
        auto live = registered.find(leader->to);
        if (live == registered.end() || live->second != leader->to_epoch) continue;
        for (const auto& topic : leader->topics)
          for (const auto& partition : topic.partitions) {
            EXPECT_TRUE(contains(partition.assignment.replicas, leader->to)) << "told of a partition that is not its own";
            disks_[leader->to].insert({topic.name, partition.index});
          }
      } else if (const auto* stop = std::get_if<StopReplicaSend>(&send)) {
        auto live = registered.find(stop->to);
        if (live == registered.end() || live->second != stop->to_epoch) continue;
        for (const auto& partition : stop->partitions) {
          if (!partition.remove) continue;
          disks_[stop->to].erase(partition.tp);
          answers_.push_back({stop->to, stop->to_epoch, partition.tp});
        }
      }
    }
    if (draw(2) == 0) answer_removals();
  }
  void answer_removals() {
    for (const Answer& answer : std::exchange(answers_, {})) {
      if (is_dead()) return;
      perform(core.on_stop_replica_answer(answer.from, answer.epoch, {{answer.tp, ErrorCode::NONE}}));
    }
  }
  std::vector<TopicPartition> strays(BrokerId id) {
    std::vector<TopicPartition> found;
    for (const TopicPartition& tp : disks_[id]) {
      auto topic = topics.find(tp.topic);
      const bool assigned = topic != topics.end() && contains(topic->second.partitions.at(tp.partition).replicas, id);
      if (!assigned && !forgotten_.contains({id, tp})) found.push_back(tp);
    }
    return found;
  }

  // ---- What must hold

  void check_write(const TopicPartition& tp, const std::optional<LeaderAndIsr>& before, const LeaderAndIsr& after) {
    SCOPED_TRACE(tp.str() + " " + quokka::str(after));
    EXPECT_FALSE(after.isr.empty());
    EXPECT_TRUE(after.leader.value == -1 || contains(after.isr, after.leader)) << "the leader is in sync, or there is none";
    EXPECT_EQ(difference(after.isr, assignment(tp).replicas), Replicas()) << "in sync are replicas";
    if (after.leader.value >= 0) {
      auto [leads, first] = leaders_.try_emplace({tp, after.leader_epoch}, after.leader);
      EXPECT_EQ(leads->second, after.leader) << "one leader an epoch";
    }
    if (!before) return;
    EXPECT_GE(after.leader_epoch, before->leader_epoch);
    if (after.leader != before->leader) {
      EXPECT_GT(after.leader_epoch, before->leader_epoch);
    }
    if (after.leader.value >= 0 && after.leader != before->leader && !contains(before->isr, after.leader)) {
      EXPECT_TRUE(may_lose_ || unclean_topics.contains(tp.topic)) << "elected though not in sync";
      EXPECT_TRUE(after.recovering);
    }
  }

  // Everybody is there, every replica catches up. Then nothing may be under way.
  void come_to_rest() {
    for (int32_t id = 1; id <= kBrokers; ++id) start(BrokerId(id));
    for (int round = 0; round < 6; ++round) {
      deliver();
      for (const auto& [tp, state] : std::map(states)) {
        alter(tp, true);
        deliver();
      }
      answer_removals();
    }
    EXPECT_TRUE(core.reassignments(std::nullopt).empty()) << "a reassignment does not end";
    EXPECT_TRUE(reassignments.empty()) << "/admin/reassign_partitions is not emptied";
    EXPECT_TRUE(deletions.empty()) << "a deletion does not end";
    for (const auto& [name, topic] : topics)
      for (const auto& [index, each] : topic.partitions) {
        const TopicPartition tp{name, index};
        SCOPED_TRACE(tp.str());
        EXPECT_TRUE(each.adding.empty() && each.removing.empty());
        if (auto size = wanted_.find(tp); size != wanted_.end()) {
          EXPECT_EQ(each.replicas.size(), size->second);
        }
        ASSERT_TRUE(states.contains(tp));
        EXPECT_TRUE(registered.contains(states[tp].leader));
        EXPECT_EQ(states[tp].isr.size(), each.replicas.size()) << "all are in sync";
        for (BrokerId id : each.replicas) EXPECT_TRUE(disks_[id].contains(tp)) << "broker " << id << " has no replica";
      }
    for (const auto& [id, epoch] : registered)
      for (const TopicPartition& tp : strays(id)) ADD_FAILURE() << "broker " << id << " still has " << tp.str();
  }

  struct Answer {
    BrokerId from;
    BrokerEpoch epoch;
    TopicPartition tp;
  };
  uint64_t seed_;
  int64_t next_epoch_ = 1000;
  uint64_t next_topic_ = 1;
  int32_t controller_epoch_ = 0;
  bool may_lose_ = false;
  std::map<BrokerId, std::set<TopicPartition>> disks_;
  std::set<std::pair<BrokerId, TopicPartition>> missed_;     // removed while their broker was away: known to the controller that did it, to no other
  std::set<std::pair<BrokerId, TopicPartition>> forgotten_;  // not known any more
  std::vector<Answer> answers_;
  std::map<std::pair<TopicPartition, LeaderEpoch>, BrokerId> leaders_;
  std::map<TopicPartition, size_t> wanted_;  // replicas, as the last request that was accepted asked
};

TEST(ControllerSchedules, EveryWriteIsSafeAndEverythingComesToRest) {
  for (uint64_t seed = 1; seed <= testing::schedules(300); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Schedule schedule(seed);
    schedule.run(120);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace quokka
