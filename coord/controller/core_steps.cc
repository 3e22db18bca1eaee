// The steps that the controller's events share: deciding marked partitions, applying what was written, starting and stopping brokers, deletion.
#include <algorithm>
#include <utility>

#include "coord/controller/core.h"
#include "protocol/base/check.h"

namespace quokka {

// ---- From an event to its end

Effects ControllerCore::next() {
  Effects effects;
  effects.alter_answer = std::exchange(alter_answer_, std::nullopt);  // what it was asked is written
  while (true) {
    propose_marked(effects);
    if (!effects.ends_event()) break;
    announce();
    if (!restarted_.empty()) {
      // Their failure is dealt with: now they start.
      start_brokers(std::exchange(restarted_, {}));
      continue;
    }
    propose_elections(effects);
    if (!effects.ends_event()) break;
    propose_moves(effects);
    if (!effects.ends_event()) break;
    if (!marked_.empty()) continue;
    collect_removals(effects);
    if (!effects.ends_event()) break;
    effects.reassign_answer = std::exchange(reassign_answer_, std::nullopt);
    effects.elect_answer = std::exchange(elect_answer_, std::nullopt);
    answer_shutdown(effects);
    break;
  }
  effects.sends = outbox_.take_first(picture_, deleting_, config_.id, epoch_);
  // An assignment that is recorded forgets replicas: they are told to go before.
  if (effects.ends_event() || !effects.assignment_writes.empty())
    for (Send& send : outbox_.take_last(picture_, deleting_, config_.id, epoch_)) effects.sends.push_back(std::move(send));
  return effects;
}

void ControllerCore::answer_shutdown(Effects& effects) {
  if (!shutdown_) return;
  ShutdownAnswer answer;
  for (const TopicPartition& tp : picture_.partitions_on({*shutdown_})) {
    const PartitionPicture* partition = picture_.partition(tp);
    if (partition->state && partition->state->leader == *shutdown_ && partition->assignment.replicas.size() > 1 && !deleting_.contains(tp.topic))
      answer.remaining.push_back(tp);
  }
  effects.shutdown_answer = std::move(answer);
  shutdown_.reset();
}

Effects ControllerCore::on_written(const std::vector<StateOutcome>& outcomes) {
  QUOKKA_CHECK_EQ(outcomes.size(), proposals_.size());
  const std::vector<Proposal> proposals = std::move(proposals_);
  proposals_.clear();
  for (size_t i = 0; i < proposals.size(); ++i) {
    const Proposal& proposal = proposals[i];
    if (outcomes[i].done) {
      apply(proposal);
      continue;
    }
    if (outcomes[i].unreadable) {
      leave_alone(proposal);
      continue;
    }
    // Stale: decided again on what is there now. An in-sync set is the leader's to propose again.
    picture_.put_state(proposal.tp, outcomes[i].current);
    outbox_.metadata(proposal.tp);
    tell_replicas(proposal.tp, {}, kNoLeader);
    if (outcomes[i].topic_gone && proposal.why != Why::kAlter) continue;
    switch (proposal.why) {
      case Why::kState: mark(proposal.tp); break;
      case Why::kElection: elections_.emplace(proposal.tp, proposal.election); break;
      case Why::kMove: break;  // still among moves_
      case Why::kAlter:
        // INVALID_UPDATE_VERSION has a leader wait for newer truth. If there is none, since the write was lost with its connection, only an error that it
        // retries brings the in-sync set about.
        alter_answer_->partitions[*proposal.answer].error = outcomes[i].current && outcomes[i].current->partition_epoch == proposal.state.partition_epoch
                                                                ? ErrorCode::REQUEST_TIMED_OUT
                                                                : ErrorCode::INVALID_UPDATE_VERSION;
        break;
    }
  }
  for (const AssignmentWrite& write : std::exchange(recording_, {})) apply_assignment(write);
  for (const std::string& topic : removing_) {
    std::erase_if(left_alone_, [&](const TopicPartition& tp) { return tp.topic == topic; });
    deletions_.erase(topic);
    deleting_.erase(topic);
    picture_.remove_topic(topic);
  }
  removing_.clear();
  return next();
}

void ControllerCore::leave_alone(const Proposal& proposal) {
  left_alone_.insert(proposal.tp);
  if (proposal.why == Why::kAlter) alter_answer_->partitions[*proposal.answer].error = ErrorCode::UNKNOWN_SERVER_ERROR;
  if (proposal.why == Why::kElection) elections_.emplace(proposal.tp, proposal.election);
}

void ControllerCore::apply(const Proposal& proposal) {
  LeaderAndIsr state = proposal.state;
  state.partition_epoch = state.partition_epoch.next();  // -1 for a new znode: its version is 0
  const PartitionPicture* partition = picture_.partition(proposal.tp);
  const BrokerId leader_before = partition->state ? partition->state->leader : kNoLeader;
  if (proposal.why == Why::kAlter) alter_answer_->partitions[*proposal.answer].state = state;
  const bool is_election = state.leader.value >= 0 && state.leader != leader_before;
  if (is_election && state.recovering && partition->state && !contains(partition->state->isr, state.leader)) ++unclean_leader_elections_;
  picture_.put_state(proposal.tp, std::move(state));
  outbox_.metadata(proposal.tp);
  if (deleting_.contains(proposal.tp.topic)) return mark(proposal.tp);  // its replicas may be removed now
  switch (proposal.why) {
    case Why::kMove: return apply_move(proposal.tp);
    case Why::kElection: answer_election(proposal.tp, {ErrorCode::NONE, {}, proposal.state.leader}); break;
    case Why::kState:
    case Why::kAlter: break;
  }
  if (proposal.why != Why::kAlter) tell_replicas(proposal.tp, proposal.is_new ? partition->assignment.replicas : Replicas(), leader_before);
  advance_if_complete(proposal.tp);
}

void ControllerCore::tell_replicas(const TopicPartition& tp, const Replicas& fresh, BrokerId leader_before) {
  const PartitionPicture* partition = picture_.partition(tp);
  if (!partition->state || deleting_.contains(tp.topic)) return;
  for (BrokerId id : picture_.present(tp, *partition)) {
    // A follower that shuts down stops fetching; a leader that does becomes a follower first.
    if (!picture_.is_shutting_down(id) || id == leader_before || id == partition->state->leader)
      outbox_.leader_and_isr(id, tp, contains(fresh, id));
    else if (!contains(fresh, id))
      outbox_.stop_replica(id, tp, partition->state->leader_epoch, false);
  }
}

// ---- Deciding

void ControllerCore::propose(Effects& effects, Proposal proposal) {
  proposal.state.controller_epoch = epoch_;
  effects.state_writes.push_back({proposal.tp, proposal.state});
  proposals_.push_back(std::move(proposal));
}

std::optional<LeaderAndIsr> ControllerCore::decide(const TopicPartition& tp, const PartitionPicture& partition, Effects& effects) const {
  const Replicas& replicas = partition.assignment.replicas;
  const Replicas online = picture_.online(tp, partition);
  if (!partition.state) return deleting_.contains(tp.topic) ? std::nullopt : elect_new(replicas, online);
  const LeaderAndIsr& state = *partition.state;

  if (deleting_.contains(tp.topic)) {
    if (state.leader.value < 0) return std::nullopt;
    LeaderAndIsr none = state;
    none.leader = kNoLeader;
    none.leader_epoch = state.leader_epoch.next();
    none.isr = {state.isr.empty() ? state.leader : state.isr.back()};
    return none;
  }
  // The leader's set stays as it is but for those who can no longer be in it.
  if (contains(online, state.leader)) return without_replicas(state, difference(state.isr, online));

  const Replicas present = picture_.present(tp, partition);
  std::optional<LeaderAndIsr> elected;
  if (contains(present, state.leader)) {
    elected = elect_controlled_shutdown(state, replicas, online, difference(present, online));
  } else {
    bool unclean = false;
    if (only_unclean(state, replicas, online)) {
      auto answer = unclean_.find(tp.topic);
      if (answer == unclean_.end()) {
        effects.ask_unclean.insert(tp.topic);
        return std::nullopt;
      }
      unclean = answer->second;
    }
    elected = elect_offline(state, replicas, online, unclean);
  }
  if (elected) return elected;
  Replicas gone = difference(state.isr, present);
  if (state.leader.value >= 0 && !contains(present, state.leader) && !contains(gone, state.leader)) gone.push_back(state.leader);
  return without_replicas(state, gone);
}

void ControllerCore::propose_marked(Effects& effects) {
  Effects decided;
  std::vector<Proposal> proposals;
  for (const TopicPartition& tp : marked_) {
    const PartitionPicture* partition = picture_.partition(tp);
    if (partition == nullptr) continue;
    if (left_alone_.contains(tp)) {
      if (deleting_.contains(tp.topic)) ask_removal(tp, *partition);
      continue;
    }
    if (auto state = decide(tp, *partition, decided))
      proposals.push_back({tp, Why::kState, std::move(*state), !partition->state});
    else if (deleting_.contains(tp.topic))
      ask_removal(tp, *partition);
  }
  if (!decided.ask_unclean.empty()) {
    // Everything is decided once more with the answers.
    for (const std::string& topic : decided.ask_unclean) unclean_.emplace(topic, false);
    effects.ask_unclean = std::move(decided.ask_unclean);
    return;
  }
  marked_.clear();
  for (Proposal& proposal : proposals) propose(effects, std::move(proposal));
}

void ControllerCore::propose_elections(Effects& effects) {
  for (const auto& [tp, type] : std::exchange(elections_, {})) {
    Result<LeaderAndIsr> state = elect(tp, type);
    if (!state) {
      answer_election(tp, {state.code(), state.error().message});
      continue;
    }
    Proposal proposal{tp, Why::kElection, *std::move(state), false};
    proposal.election = type;
    propose(effects, std::move(proposal));
  }
}

Result<LeaderAndIsr> ControllerCore::elect(const TopicPartition& tp, ElectionType type) const {
  const PartitionPicture* partition = picture_.partition(tp);
  if (partition == nullptr) return Error{ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "The partition does not exist."};
  if (deleting_.contains(tp.topic)) return Error{ErrorCode::INVALID_TOPIC_EXCEPTION, "The topic is being deleted"};
  if (left_alone_.contains(tp)) return cannot_be_read(tp);
  const Error not_needed{ErrorCode::ELECTION_NOT_NEEDED, "Leader election not needed for topic partition."};
  const Replicas& replicas = partition->assignment.replicas;
  const Replicas online = picture_.online(tp, *partition);
  if (type == ElectionType::preferred) {
    if (partition->state && !replicas.empty() && partition->state->leader == replicas.front()) return not_needed;
    if (partition->state)
      if (auto elected = elect_preferred(*partition->state, replicas, online)) return *std::move(elected);
    return Error{ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE, "The preferred leader of " + tp.str() + " is not live or not in sync."};
  }
  if (partition->state && picture_.is_eligible(partition->state->leader)) return not_needed;
  // A leader that shuts down still has every record.
  const bool may_lose = partition->state && !picture_.brokers().contains(partition->state->leader);
  if (partition->state)
    if (auto elected = elect_offline(*partition->state, replicas, online, may_lose)) return *std::move(elected);
  return Error{ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE, "No replica of " + tp.str() + " is live."};
}

void ControllerCore::answer_election(const TopicPartition& tp, PartitionOutcome outcome) {
  if (elect_answer_) (*elect_answer_)[tp] = std::move(outcome);
}

// ---- Brokers

void ControllerCore::mark_on(const std::set<BrokerId>& brokers) {
  for (const TopicPartition& tp : picture_.partitions_on(brokers)) {
    mark(tp);
    outbox_.metadata(tp);  // its offline replicas change
  }
}

void ControllerCore::stop_brokers(const std::set<BrokerId>& gone) {
  for (BrokerId id : gone) {
    picture_.remove_broker(id);
    announce_to_.erase(id);
  }
  mark_on(gone);
  for (auto& [topic, deletion] : deletions_)
    for (auto& [tp, replicas] : deletion)
      for (auto& [id, removal] : replicas)
        if (gone.contains(id) && removal == Removal::kAsked) removal = Removal::kWaiting;
}

void ControllerCore::start_brokers(const std::vector<LiveBroker>& started) {
  std::set<BrokerId> ids;
  for (const auto& [id, broker] : picture_.brokers()) outbox_.live_brokers_to(id);
  for (const LiveBroker& broker : started) {
    picture_.put_broker(broker);
    ids.insert(broker.view.id);
    outbox_.everything_to(broker.view.id);
    announce_to_.insert(broker.view.id);
    remove_leftovers(broker.view.id);
  }
  mark_on(ids);
  resume_moves(ids);
}

void ControllerCore::announce() {
  if (announce_to_.empty()) return;
  for (const TopicPartition& tp : picture_.partitions_on(announce_to_)) {
    const PartitionPicture* partition = picture_.partition(tp);
    if (!partition->state || deleting_.contains(tp.topic)) continue;
    for (BrokerId id : partition->assignment.replicas)
      if (announce_to_.contains(id)) outbox_.leader_and_isr(id, tp, false);
  }
  announce_to_.clear();
}

// ---- Topics

void ControllerCore::add_topic(const TopicAssignment& topic) {
  if (picture_.topic(topic.name) != nullptr) return;
  picture_.put_topic(topic);
  for (const auto& [index, assignment] : topic.partitions) mark({topic.name, index});
}

void ControllerCore::forget_topic(const std::string& name) {
  const TopicPicture* topic = picture_.topic(name);
  if (topic == nullptr) return;
  outbox_.forgotten(name, *topic);
  std::erase_if(left_alone_, [&](const TopicPartition& tp) { return tp.topic == name; });
  forget_reassignments(name);
  std::erase_if(marked_, [&](const TopicPartition& tp) { return tp.topic == name; });
  deletions_.erase(name);
  deleting_.erase(name);
  picture_.remove_topic(name);
}

void ControllerCore::begin_deletion(const std::string& topic) {
  deleting_.insert(topic);
  forget_reassignments(topic);
  Deletion& deletion = deletions_[topic];
  for (const auto& [index, partition] : picture_.topic(topic)->partitions) {
    const TopicPartition tp{topic, index};
    for (BrokerId id : partition.assignment.replicas) deletion[tp].emplace(id, Removal::kWaiting);
    mark(tp);
    outbox_.metadata(tp);
  }
}

void ControllerCore::ask_removal(const TopicPartition& tp, const PartitionPicture& partition) {
  std::map<BrokerId, Removal>& replicas = deletions_[tp.topic][tp];
  for (BrokerId id : partition.assignment.replicas) {
    Removal& removal = replicas[id];
    if (removal != Removal::kWaiting || !picture_.is_online(id, tp)) continue;
    removal = Removal::kAsked;
    outbox_.stop_replica(id, tp, kEpochDuringDelete, true);
  }
}

void ControllerCore::collect_removals(Effects& effects) {
  for (const auto& [topic, deletion] : deletions_) {
    const bool done = std::all_of(deletion.begin(), deletion.end(), [](const auto& partition) {
      return std::all_of(partition.second.begin(), partition.second.end(), [](const auto& replica) { return replica.second == Removal::kDone; });
    });
    if (!done) continue;
    TopicRemoval removal{topic, {}};
    for (const auto& [index, partition] : picture_.topic(topic)->partitions) removal.partitions.push_back(index);
    effects.topic_removals.push_back(std::move(removal));
    removing_.push_back(topic);
  }
  effects.deletion_request_removals = std::move(unknown_deletions_);
  unknown_deletions_.clear();
  effects.remove_preferred_election = remove_preferred_election_;
  remove_preferred_election_ = false;
  effects.reassignment_removals = std::exchange(reassignment_removals_, {});
}

}  // namespace quokka
