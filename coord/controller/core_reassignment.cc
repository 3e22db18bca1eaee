// The reassignment of partitions: steps by which a partition moves to other replicas, each a durable write before what follows from it.
//
//   leave     replicas of a target that was given up leave the in-sync set, and are removed. Written also when none of them was in it: the write says
//             that this is so, and that this is still the controller
//   record    the topic's znode names target, new and leaving replicas: from here a new controller goes on
//   advance   not all in sync: leader epoch + 1, LeaderAndIsr to old and new replicas; the move rests until an in-sync set grows or a broker starts
//             all in sync: the others leave, the leader with them if it is one of them; LeaderAndIsr to the target, StopReplica to the others
//   finish    the topic's znode names the target alone; clients are told
#include "coord/controller/core.h"

namespace quokka {

// ---- Events

Effects ControllerCore::on_reassign(const std::vector<ReassignRequest>& requests) {
  begin_event();
  reassign_answer_.emplace();
  std::map<TopicPartition, const ReassignRequest*> last;
  for (const ReassignRequest& request : requests) last[request.tp] = &request;
  for (const auto& [tp, request] : last) {
    PartitionOutcome& outcome = (*reassign_answer_)[tp];
    Result<Assignment> to = check_move(tp, request->target, true);
    if (!to) {
      outcome = {to.code(), to.error().message};
      continue;
    }
    // The latest word counts, whichever way it came.
    if (requested_.erase(tp) > 0) reassignment_removals_.push_back({tp, std::nullopt});
    begin_move(tp, *std::move(to));
  }
  return next();
}

Effects ControllerCore::on_reassignment_request(const std::map<TopicPartition, Replicas>& partitions) {
  begin_event();
  take_reassignment_request(partitions);
  return next();
}

void ControllerCore::take_reassignment_request(const std::map<TopicPartition, Replicas>& partitions) {
  std::erase_if(requested_, [&](const auto& known) { return !partitions.contains(known.first); });
  for (const auto& [tp, target] : partitions) {
    auto known = requested_.find(tp);
    if (known != requested_.end() && known->second == target) continue;
    Result<Assignment> to = check_move(tp, target, false);
    if (!to) {
      requested_.erase(tp);
      reassignment_removals_.push_back({tp, std::nullopt});
      continue;
    }
    requested_[tp] = target;
    begin_move(tp, *std::move(to));
  }
}

// New replicas must be live when a client asks. The znode may name brokers that are still to come, as in Kafka.
Result<Assignment> ControllerCore::check_move(const TopicPartition& tp, const std::optional<Replicas>& target, bool must_be_live) const {
  const PartitionPicture* partition = picture_.partition(tp);
  const Assignment current = partition == nullptr ? Assignment() : partition->assignment;
  if (!target && !is_reassigned(current)) return Error{ErrorCode::NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress."};
  if (target)
    if (Status legal = check_target(*target); !legal) return legal.error();
  Assignment to = reassigned(current, target ? *target : origin_of(current));
  for (BrokerId id : to.adding)
    if (target && must_be_live && !picture_.is_eligible(id))
      return Error{ErrorCode::INVALID_REPLICA_ASSIGNMENT,
                   "Replica assignment has brokers that are not alive. Replica list: " + str(to.adding) + ", of which broker " +
                       std::to_string(id.value) + " is not."};
  if (partition == nullptr || deleting_.contains(tp.topic)) return Error{ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "The partition does not exist."};
  if (partition->state && !without_abandoned(*partition->state, to.replicas, picture_.online(tp, *partition))) return would_lose_records(to);
  return to;
}

Error ControllerCore::cannot_be_read(const TopicPartition& tp) {
  return Error{ErrorCode::UNKNOWN_SERVER_ERROR, "The state of " + tp.str() + " in ZooKeeper cannot be understood; it is left alone."};
}

// Stricter than Kafka in ZooKeeper mode, as in KRaft mode: there the last replica with all records is deleted.
Error ControllerCore::would_lose_records(const Assignment& to) {
  return Error{ErrorCode::INVALID_REPLICA_ASSIGNMENT,
               "None of the replicas " + str(to.replicas) + " that would remain is in sync and live: records would be lost."};
}

std::map<TopicPartition, Assignment> ControllerCore::reassignments(const std::optional<std::vector<TopicPartition>>& partitions) const {
  std::map<TopicPartition, Assignment> found;
  auto consider = [&](const TopicPartition& tp, const PartitionPicture* partition) {
    if (partition != nullptr && is_reassigned(partition->assignment)) found.emplace(tp, partition->assignment);
  };
  if (partitions) {
    for (const TopicPartition& tp : *partitions) consider(tp, picture_.partition(tp));
    return found;
  }
  for (const auto& [name, topic] : picture_.topics())
    for (const auto& [index, partition] : topic.partitions) consider({name, index}, &partition);
  return found;
}

// ---- Steps

void ControllerCore::begin_move(const TopicPartition& tp, Assignment to) { moves_[tp] = Move{std::move(to)}; }

void ControllerCore::advance_if_complete(const TopicPartition& tp) {
  const PartitionPicture* partition = picture_.partition(tp);
  if (!partition->state || !is_reassigned(partition->assignment) || deleting_.contains(tp.topic) || moves_.contains(tp)) return;
  if (is_complete(partition->assignment, *partition->state, picture_.online(tp, *partition))) begin_move(tp, partition->assignment);
}

// A broker of the target has started: its replica is started too, if it had not been, and the move may end.
void ControllerCore::resume_moves(const std::set<BrokerId>& started) {
  for (const TopicPartition& tp : picture_.partitions_on(started)) {
    const Assignment& assignment = picture_.partition(tp)->assignment;
    if (!is_reassigned(assignment) || deleting_.contains(tp.topic) || moves_.contains(tp)) continue;
    for (BrokerId id : target_of(assignment))
      if (started.contains(id)) begin_move(tp, assignment);
  }
}

void ControllerCore::propose_moves(Effects& effects) {
  for (auto at = moves_.begin(); at != moves_.end();) {
    const bool goes_on = propose_move(at->first, at->second, effects);
    at = goes_on ? std::next(at) : moves_.erase(at);
  }
}

bool ControllerCore::propose_move(const TopicPartition& tp, Move& move, Effects& effects) {
  using Step = Move::Step;
  const PartitionPicture* partition = picture_.partition(tp);
  if (partition == nullptr || deleting_.contains(tp.topic)) {
    refuse_move(tp, {ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "The partition does not exist."});
    return false;
  }
  if (left_alone_.contains(tp)) {
    refuse_move(tp, cannot_be_read(tp));
    return false;
  }
  const Replicas online = picture_.online(tp, *partition);
  if (move.step == Step::kLeave) {
    const Replicas abandoned = difference(partition->assignment.replicas, move.to.replicas);
    if (partition->state && !abandoned.empty()) {
      auto left = without_abandoned(*partition->state, move.to.replicas, online);
      if (!left) {
        refuse_move(tp, would_lose_records(move.to));
        return false;
      }
      propose(effects, {tp, Why::kMove, std::move(*left), false});
      return true;
    }
    move.step = Step::kRecord;
  }
  if (move.step == Step::kRecord) {
    if (move.to != partition->assignment) {
      record(effects, {tp, move.to});
      return true;
    }
    move.step = Step::kAdvance;
  }
  if (move.step == Step::kAdvance) {
    if (!partition->state) {
      mark(tp);  // its first election is what it needs
      return false;
    }
    move.completes = is_complete(move.to, *partition->state, online);
    propose(effects, {tp, Why::kMove, move.completes ? with_target_only(*partition->state, move.to, online) : with_new_replicas(*partition->state), false});
    return true;
  }
  Assignment target{target_of(move.to), {}, {}};
  if (target == move.to) {
    finish_move(tp);
    return false;
  }
  record(effects, {tp, std::move(target)});
  return true;
}

void ControllerCore::record(Effects& effects, AssignmentWrite write) {
  recording_.push_back(write);
  effects.assignment_writes.push_back(std::move(write));
}

void ControllerCore::apply_move(const TopicPartition& tp) {
  Move& move = moves_.at(tp);
  const PartitionPicture* partition = picture_.partition(tp);
  if (move.step == Move::Step::kLeave) {
    remove_replicas(tp, difference(partition->assignment.replicas, move.to.replicas));
    move.step = Move::Step::kRecord;
    return;  // the others are told at the step after next
  }
  if (!move.completes) {
    // One that is in sync has a log, which must not be begun anew if its directory failed.
    tell_replicas(tp, difference(move.to.adding, partition->state->isr), kNoLeader);
    moves_.erase(tp);
    return;
  }
  // Brokers are told of the target before the znode is written: a controller that dies in between finds the move complete once more, and repeats it.
  picture_.put_assignment(tp, {target_of(move.to), {}, {}});
  tell_replicas(tp, {}, kNoLeader);
  remove_replicas(tp, move.to.removing);
  move.step = Move::Step::kFinish;
}

void ControllerCore::apply_assignment(const AssignmentWrite& write) {
  if (picture_.partition(write.tp) == nullptr) return;
  Move& move = moves_.at(write.tp);
  if (move.step == Move::Step::kRecord) {
    picture_.put_assignment(write.tp, write.assignment);
    move.step = Move::Step::kAdvance;
    return;
  }
  finish_move(write.tp);
  moves_.erase(write.tp);
}

void ControllerCore::finish_move(const TopicPartition& tp) {
  outbox_.metadata(tp);
  const Replicas& replicas = picture_.partition(tp)->assignment.replicas;
  auto requested = requested_.find(tp);
  if (requested == requested_.end() || requested->second != replicas) return;
  requested_.erase(requested);
  reassignment_removals_.push_back({tp, replicas});
}

void ControllerCore::refuse_move(const TopicPartition& tp, const Error& why) {
  if (reassign_answer_ && reassign_answer_->contains(tp)) (*reassign_answer_)[tp] = {why.code, why.message};
  if (requested_.erase(tp) > 0) reassignment_removals_.push_back({tp, std::nullopt});
}

// ---- Replicas that are to go

void ControllerCore::remove_replicas(const TopicPartition& tp, const Replicas& replicas) {
  for (BrokerId id : replicas) {
    // One that shuts down may stop before it comes to this, and has answered an earlier StopReplica.
    leftovers_[id][tp] = picture_.is_eligible(id);
    outbox_.stop_replica(id, tp, picture_.partition(tp)->state->leader_epoch, true);
  }
}

void ControllerCore::remove_leftovers(BrokerId started) {
  auto found = leftovers_.find(started);
  if (found == leftovers_.end()) return;
  std::erase_if(found->second, [&](const auto& each) {
    const PartitionPicture* partition = picture_.partition(each.first);
    return partition != nullptr && contains(partition->assignment.replicas, started);  // it has come back
  });
  for (auto& [tp, asked] : found->second) {
    asked = true;
    outbox_.stop_replica(started, tp, kEpochDuringDelete, true);
  }
}

void ControllerCore::forget_reassignments(const std::string& topic) {
  for (auto at = requested_.begin(); at != requested_.end();) {
    if (at->first.topic != topic) {
      ++at;
      continue;
    }
    reassignment_removals_.push_back({at->first, std::nullopt});
    at = requested_.erase(at);
  }
}

}  // namespace quokka
