// For tests: a partition's replicas as Leader and Follower cores over logs that are lists of records, a controller, and a network that delays, reorders,
// repeats and loses messages. A seed draws the schedule. After every step the invariants of Kafka's TLA+ specification are looked at.
//
// It stands in for Partition, the fetchers and coord/controller: what these decide outside the cores is repeated here in few words.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "broker/epochs/leader_epochs.h"
#include "broker/replica/follower.h"
#include "broker/replica/leader.h"

namespace quokka::testing {

class ReplicationModel {
 public:
  // What the shells around the cores must not do; each is to be found.
  enum class Mistake { none, uses_high_watermark_of_diverging_answer, counts_diverging_fetch };

  // `durable`: as with flush.messages=1; then any machine may lose power at any time, all of them too, and what it had not synced.
  ReplicationModel(uint32_t seed, bool durable, Mistake mistake = Mistake::none) : random_(seed), durable_(durable), mistake_(mistake) {
    min_isr_ = 1 + static_cast<int32_t>(draw(2));
    for (int32_t id = 1; id <= kNodes; ++id) {
      Node& node = nodes_[BrokerId(id)];
      node.id = BrokerId(id);
      node.life = next_life();
      live_[node.id] = node.life;
      state_.isr.push_back(node.id);
    }
    state_.leader_epoch = LeaderEpoch(0);
    state_.partition_epoch = PartitionEpoch(0);
    leader_ = BrokerId(1);
    tell_all();
  }

  // The first violation, with what led to it; empty if all is well.
  const std::string& violation() const { return violation_; }

  void step() {
    now_ = now_ + Duration::millis(static_cast<int64_t>(draw(3000)));
    Node& node = nodes_[BrokerId(1 + static_cast<int32_t>(draw(kNodes)))];
    const uint32_t dice = draw(100);
    if (dice < 14) produce(node);
    else if (dice < 34) send_fetch(node);
    else if (dice < 82) network();
    else if (dice < 86) sync(node);
    else if (dice < 88) tick(node);
    else if (dice < 90) draw(8) == 0 ? crash_all() : crash(node, draw(2) == 0);
    else if (dice < 94) start(node);
    else if (dice < 96) notice(node.id);
    else if (dice < 98) elect_another();
    else tell(node.id);
    check();
  }

  // Everything works again: all replicas come together.
  void heal() {
    net_.clear();
    for (auto& [id, node] : nodes_) start(node);
    change([](CommittedPartitionState&) {});  // another epoch, for proposals whose fate is unknown
    for (int round = 0; round < 60 && violation_.empty(); ++round) {
      now_ = now_ + Duration::millis(100);
      for (auto& [id, node] : nodes_) {
        sync(node);
        send_fetch(node);
      }
      while (!net_.empty()) {
        const Message message = net_.front();
        net_.pop_front();
        deliver(message);
      }
      check();
    }
    const Node& leader = nodes_[leader_];
    for (const auto& [id, node] : nodes_) {
      if (node.log != leader.log) fail("replica " + std::to_string(id.value) + " does not come up with the leader");
    }
    if (state_.isr.size() != kNodes) fail("not all replicas are in sync again");
    if (leader.high_watermark != leader.end()) fail("the high watermark stays behind");
  }
  size_t committed() const { return committed_.size(); }

 private:
  static constexpr int32_t kNodes = 3;
  static constexpr size_t kMessagesMax = 30;

  struct Record {
    LeaderEpoch epoch;
    int64_t id;
    bool operator==(const Record&) const = default;
  };
  struct Node {
    BrokerId id;
    BrokerEpoch life;
    bool up = true;
    std::vector<Record> log;  // by offset
    LeaderEpochs epochs;
    Offset synced_end{0};
    Offset high_watermark{0};
    std::optional<Leader> leading;
    std::optional<Follower> following;
    BrokerId leader;
    LeaderEpoch epoch;
    int64_t fetch = 0;  // the one whose answer is waited for; a connection carries no other

    Offset end() const { return Offset(static_cast<int64_t>(log.size())); }
    void cut(Offset end) {
      log.resize(std::min(log.size(), static_cast<size_t>(end.value)));
      epochs.truncate_from_end(end);
      high_watermark = std::min(high_watermark, this->end());
      synced_end = std::min(synced_end, this->end());
    }
    void append(const Record& record) {
      if (record.epoch > epochs.latest()) epochs.assign(record.epoch, end());
      log.push_back(record);
    }
  };
  struct Message {
    enum class Kind { fetch, fetched, alter, altered, role };
    Kind kind{};
    BrokerId from{}, to{};
    BrokerEpoch life{};  // of the broker that sent it, or that it is meant for
    LeaderEpoch leader_epoch{};
    int64_t fetch = 0;
    Offset offset{};
    LeaderEpoch last_epoch{};
    // fetched
    std::vector<Record> records{};
    Offset high_watermark{};
    std::optional<EpochEnd> diverging{};
    std::optional<Offset> out_of_range{};  // the leader's end
    // alter, altered, role
    IsrProposal proposal{};
    ProposalOutcome outcome = ProposalOutcome::done;
    CommittedPartitionState state{};
  };

  uint32_t draw(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  BrokerEpoch next_life() { return BrokerEpoch(++lives_); }
  template <class... Words>
  void note(const Words&... words) {
    std::ostringstream text;
    (text << ... << words);
    story_.push_back(text.str());
    if (story_.size() > 40) story_.pop_front();
  }
  void fail(const std::string& what) {
    if (!violation_.empty()) return;
    violation_ = what;
    for (const std::string& line : story_) violation_ += "\n  " + line;
  }
  static bool contains(const std::vector<BrokerId>& ids, BrokerId id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }
  void send(Message message) {
    if (net_.size() == kMessagesMax) net_.pop_front();
    net_.push_back(std::move(message));
  }

  // --- What brokers do

  void perform(Node& node, const Leader::Effects& effects) {
    if (effects.propose) {
      Message alter;
      alter.kind = Message::Kind::alter;
      alter.from = node.id;
      alter.life = node.life;
      alter.proposal = *effects.propose;
      send(std::move(alter));
    }
    if (effects.high_watermark) set_high_watermark(node, *effects.high_watermark);
  }
  void set_high_watermark(Node& node, Offset high_watermark) {
    node.high_watermark = high_watermark;
    for (auto at = static_cast<int64_t>(committed_.size()); at < high_watermark.value; ++at) committed_.push_back(node.log[static_cast<size_t>(at)]);
  }
  void produce(Node& node) {
    if (!node.up || !node.leading) return;
    node.append({node.epoch, ++records_});
    note("broker ", node.id, " appends ", records_, " at ", node.end().value - 1, " under epoch ", node.epoch);
    perform(node, node.leading->on_appended(node.end(), now_));
  }
  void sync(Node& node) {
    if (!node.up) return;
    node.synced_end = node.end();
    if (node.leading) perform(node, node.leading->on_synced(node.synced_end, now_));
  }
  void tick(Node& node) {
    if (!node.up || !node.leading) return;
    std::vector<BrokerId> live;
    for (const auto& [id, life] : live_) live.push_back(id);
    perform(node, node.leading->on_live_brokers(live, now_));
    perform(node, node.leading->on_tick(now_));
  }
  void send_fetch(Node& node) {
    if (!node.up || !node.following || node.leader.value < 0) return;
    if (durable_ && node.synced_end < node.end()) return;  // to ask on is to acknowledge
    Message fetch;
    fetch.kind = Message::Kind::fetch;
    fetch.from = node.id;
    fetch.to = node.leader;
    fetch.life = node.life;
    fetch.leader_epoch = node.epoch;
    fetch.offset = node.end();
    fetch.last_epoch = node.epochs.latest();
    fetch.fetch = node.fetch = ++fetches_;
    send(std::move(fetch));
  }
  void on_fetch(const Message& fetch) {
    Node& node = nodes_[fetch.to];
    if (!node.up || !node.leading || node.epoch != fetch.leader_epoch) return;
    Message answer;
    answer.kind = Message::Kind::fetched;
    answer.to = fetch.from;
    answer.life = fetch.life;
    answer.leader_epoch = fetch.leader_epoch;
    answer.offset = fetch.offset;
    answer.fetch = fetch.fetch;
    answer.high_watermark = node.high_watermark;
    if (fetch.last_epoch.value >= 0) {
      const EpochEnd ours = node.epochs.end_of(fetch.last_epoch, node.end());
      if (ours.end_offset.value < 0) {
        answer.out_of_range = node.end();
      } else if (ours.epoch < fetch.last_epoch || ours.end_offset < fetch.offset) {
        answer.diverging = ours;
      }
    } else if (fetch.offset > node.end()) {
      answer.out_of_range = node.end();
    }
    const bool counts = !answer.out_of_range && (!answer.diverging || mistake_ == Mistake::counts_diverging_fetch);
    if (counts) {
      note("broker ", node.id, " serves ", fetch.from, " (life ", fetch.life, ") from ", fetch.offset, " under epoch ", node.epoch);
      perform(node, node.leading->on_follower_fetch({fetch.from, fetch.life, fetch.offset, Offset(0), live_.contains(fetch.from)}, now_));
    }
    if (!answer.out_of_range && !answer.diverging) {
      const auto first = static_cast<size_t>(fetch.offset.value);
      const size_t count = std::min<size_t>(node.log.size() - first, 1 + draw(3));
      answer.records.assign(node.log.begin() + static_cast<ptrdiff_t>(first), node.log.begin() + static_cast<ptrdiff_t>(first + count));
    }
    send(std::move(answer));
  }
  void on_fetched(const Message& answer) {
    Node& node = nodes_[answer.to];
    if (!node.up || node.fetch != answer.fetch) return;
    node.fetch = 0;
    if (!node.following || !node.following->accepts(answer.leader_epoch) || node.end() != answer.offset) return;
    const FollowerLog log{Offset(0), node.end(), node.high_watermark,
                          answer.diverging ? node.epochs.end_of(answer.diverging->epoch, node.end()) : EpochEnd()};
    Follower::Effects effects;
    if (answer.diverging) effects = node.following->on_diverging(*answer.diverging, log);
    if (answer.out_of_range) effects = node.following->on_out_of_range(Offset(0), *answer.out_of_range, log);
    if (answer.diverging && mistake_ == Mistake::uses_high_watermark_of_diverging_answer)
      set_high_watermark(node, std::max(node.high_watermark, std::min(answer.high_watermark, node.end())));
    if (effects.truncate_to) {
      note("broker ", node.id, " truncates from ", node.end(), " to ", *effects.truncate_to, " under epoch ", node.epoch);
      node.cut(*effects.truncate_to);
      node.synced_end = node.end();  // a truncation is durable before it goes on
    }
    if (effects.truncate_fully_and_start_at) node.cut(Offset(0));
    if (answer.diverging || answer.out_of_range) return;
    for (const Record& record : answer.records) node.append(record);
    const Offset high_watermark = Follower::high_watermark(answer.high_watermark, node.end());
    if (high_watermark > node.high_watermark) set_high_watermark(node, high_watermark);
  }
  void on_role(const Message& role) {
    Node& node = nodes_[role.to];
    if (!node.up || node.life != role.life || role.state.leader_epoch <= node.epoch) return;
    node.epoch = role.state.leader_epoch;
    node.leader = role.from;
    if (role.from != node.id) {
      note("broker ", node.id, " follows ", role.from, " under epoch ", node.epoch);
      node.leading.reset();
      node.following.emplace(node.epoch);
      return;
    }
    note("broker ", node.id, " leads under epoch ", node.epoch, " from ", node.end(), ", high watermark ", node.high_watermark);
    node.following.reset();
    node.epochs.assign(node.epoch, node.end());
    std::vector<BrokerId> replicas;
    for (const auto& [id, each] : nodes_) replicas.push_back(id);
    Leader leader({node.id, role.state, replicas, node.end(), node.high_watermark, node.synced_end}, {Duration::seconds(10), min_isr_, durable_}, now_);
    if (node.leading) leader.remember_brokers(*node.leading);
    node.leading.emplace(std::move(leader));
    perform(node, node.leading->on_appended(node.end(), now_));
  }
  void on_altered(const Message& answer) {
    Node& node = nodes_[answer.to];
    if (!node.up || node.life != answer.life || !node.leading) return;
    std::optional<CommittedPartitionState> state;
    if (answer.outcome == ProposalOutcome::done) state = answer.state;
    perform(node, node.leading->on_isr_written(answer.proposal, answer.outcome, state, now_));
  }

  // A process ends. With its machine, the end of its log may go, too: then the controller notices at once, and another member must have all.
  void crash(Node& node, bool loses_tail) {
    if (!node.up) return;
    const bool last = state_.isr == std::vector<BrokerId>{node.id};
    node.up = false;
    node.leading.reset();
    node.following.reset();
    node.fetch = 0;
    node.epoch = LeaderEpoch();
    node.high_watermark = Offset(static_cast<int64_t>(draw(static_cast<uint32_t>(node.high_watermark.value) + 1)));  // as checkpointed
    const bool others_have_all = std::any_of(state_.isr.begin(), state_.isr.end(), [&](BrokerId id) { return id != node.id && nodes_[id].up && live_.contains(id); });
    if (loses_tail && durable_) {
      node.cut(node.synced_end);
      note("broker ", node.id, " loses power and what lies from ", node.end());
    } else if (loses_tail && !last && others_have_all && !node.log.empty()) {
      node.cut(Offset(static_cast<int64_t>(node.log.size() - draw(std::min<uint32_t>(4, static_cast<uint32_t>(node.log.size()))))));
      note("broker ", node.id, " dies and loses what lies from ", node.end());
      notice(node.id);
    } else {
      note("broker ", node.id, " dies");
    }
  }
  void crash_all() {
    for (auto& [id, node] : nodes_) crash(node, durable_);
  }
  void start(Node& node) {
    if (node.up) return;
    notice(node.id);
    node.up = true;
    node.life = next_life();
    live_[node.id] = node.life;
    note("broker ", node.id, " lives again as ", node.life);
    if (leader_.value < 0 && contains(state_.isr, node.id)) change([](CommittedPartitionState&) {});
    tell(node.id);
  }

  // --- The controller

  void notice(BrokerId id) {
    if (nodes_[id].up || !live_.erase(id)) return;
    note("the controller sees ", id, " gone");
    if (contains(state_.isr, id) || leader_ == id) {
      change([&](CommittedPartitionState& state) {
        if (state.isr.size() > 1) std::erase(state.isr, id);
      });
    }
  }
  // Every change but AlterPartition's begins a leader epoch.
  template <class F>
  void change(F edit) {
    edit(state_);
    state_.leader_epoch = state_.leader_epoch.next();
    state_.partition_epoch = state_.partition_epoch.next();
    if (!live_.contains(leader_) || !contains(state_.isr, leader_)) {
      leader_ = BrokerId();
      for (const BrokerId id : state_.isr) {
        if (live_.contains(id)) leader_ = id;
      }
    }
    note("the controller writes leader ", leader_, ", epoch ", state_.leader_epoch, ", ", state_.isr.size(), " in sync");
    tell_all();
  }
  void elect_another() {
    std::vector<BrokerId> able;
    for (const BrokerId id : state_.isr) {
      if (live_.contains(id)) able.push_back(id);
    }
    if (able.empty()) return;
    leader_ = able[draw(static_cast<uint32_t>(able.size()))];
    const BrokerId leaves = state_.isr[draw(static_cast<uint32_t>(state_.isr.size()))];
    const bool shrinks = draw(3) == 0 && leaves != leader_;  // as a controlled shutdown
    change([&](CommittedPartitionState& state) {
      if (shrinks) std::erase(state.isr, leaves);
    });
  }
  void tell_all() {
    for (const auto& [id, life] : live_) tell(id);
  }
  void tell(BrokerId id) {
    const auto live = live_.find(id);
    if (live == live_.end()) return;
    Message role;
    role.kind = Message::Kind::role;
    role.from = leader_;
    role.to = id;
    role.life = live->second;
    role.state = state_;
    send(std::move(role));
  }
  void on_alter(const Message& alter) {
    const IsrProposal& asked = alter.proposal;
    const auto asker = live_.find(alter.from);
    Message answer;
    answer.kind = Message::Kind::altered;
    answer.to = alter.from;
    answer.life = alter.life;
    answer.proposal = asked;
    const bool eligible = [&] {
      for (size_t i = 0; i < asked.isr.size(); ++i) {
        const auto live = live_.find(asked.isr[i]);
        if (live == live_.end() || (asked.broker_epochs[i].value >= 0 && asked.broker_epochs[i] != live->second)) return false;
      }
      return true;
    }();
    if (asker == live_.end() || asker->second != alter.life) {
      answer.outcome = ProposalOutcome::unknown;
    } else if (asked.leader_epoch != state_.leader_epoch) {
      answer.outcome = ProposalOutcome::superseded;
    } else if (asked.isr == state_.isr) {
      answer.state = state_;
    } else if (asked.partition_epoch != state_.partition_epoch) {
      answer.outcome = ProposalOutcome::superseded;
    } else if (!eligible) {
      answer.outcome = ProposalOutcome::not_applied;
    } else {
      state_.isr = asked.isr;
      state_.partition_epoch = state_.partition_epoch.next();
      answer.state = state_;
      note("the controller takes the set of ", state_.isr.size(), " of broker ", alter.from, " under epoch ", state_.leader_epoch);
    }
    send(std::move(answer));
  }

  // --- The network

  void network() {
    if (net_.empty()) return;
    const auto at = net_.begin() + static_cast<ptrdiff_t>(draw(static_cast<uint32_t>(net_.size())));
    Message message = *at;
    const uint32_t fate = draw(10);
    if (fate != 0) net_.erase(at);  // else it comes once more
    if (fate == 1) return lose(message);
    deliver(message);
  }
  // Requests to the controller are asked again; nobody else notices.
  void lose(const Message& message) {
    if (message.kind != Message::Kind::alter && message.kind != Message::Kind::altered) return;
    Message unknown;
    unknown.kind = Message::Kind::altered;
    unknown.to = message.kind == Message::Kind::alter ? message.from : message.to;
    unknown.life = message.life;
    unknown.proposal = message.proposal;
    unknown.outcome = ProposalOutcome::unknown;
    on_altered(unknown);
  }
  void deliver(const Message& message) {
    switch (message.kind) {
      case Message::Kind::fetch: return on_fetch(message);
      case Message::Kind::fetched: return on_fetched(message);
      case Message::Kind::alter: return on_alter(message);
      case Message::Kind::altered: return on_altered(message);
      case Message::Kind::role: return on_role(message);
    }
  }

  // --- Invariants

  bool has(const Node& node, int64_t end) const {
    for (int64_t at = 0; at < std::min<int64_t>(end, static_cast<int64_t>(committed_.size())); ++at) {
      if (at >= node.end().value || node.log[static_cast<size_t>(at)] != committed_[static_cast<size_t>(at)]) return false;
    }
    return true;
  }
  void check() {
    if (leader_.value >= 0 && !contains(state_.isr, leader_)) fail("LeaderInIsr");
    // What was committed once is in every log that may become a leader's.
    for (const BrokerId id : state_.isr) {
      if (!has(nodes_[id], INT64_MAX)) fail("StrongIsr: broker " + std::to_string(id.value) + " lacks committed records");
    }
    for (const auto& [id, node] : nodes_) {
      if (!has(node, node.high_watermark.value)) fail("ValidHighWatermark: broker " + std::to_string(id.value));
      if (!node.leading) continue;
      for (const BrokerId member : node.leading->committed().isr) {
        if (!contains(state_.isr, member)) continue;  // taken out by the controller meanwhile
        if (!has(nodes_[member], node.leading->high_watermark().value)) fail("WeakIsr: broker " + std::to_string(member.value));
      }
    }
  }

  std::mt19937 random_;
  const bool durable_;
  const Mistake mistake_;
  int32_t min_isr_ = 1;
  MonoTime now_{1};
  int64_t lives_ = 0, records_ = 0, fetches_ = 0;
  std::map<BrokerId, Node> nodes_;
  std::deque<Message> net_;
  std::vector<Record> committed_;  // by offset: what was below any high watermark once
  // The controller's.
  CommittedPartitionState state_;
  BrokerId leader_;
  std::map<BrokerId, BrokerEpoch> live_;

  std::deque<std::string> story_;
  std::string violation_;
};

}  // namespace quokka::testing
