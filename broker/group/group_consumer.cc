// Heartbeats of the consumer protocol (KIP-848): who gets in, who is fenced, and what every heartbeat sets off.
#include <algorithm>

#include "broker/group/consumer/consumer_change.h"
#include "broker/group/group_core.h"
#include "broker/group/consumer/target_assignment.h"

namespace quokka {

namespace {

Error refused(ErrorCode code, std::string why) { return Error{code, std::move(why)}; }

// nullopt if nothing is.
std::optional<Error> what_is_wrong(const ConsumerHeartbeat& beat, const ConsumerGroupSettings& settings) {
  const auto invalid = [](std::string why) { return std::optional(refused(ErrorCode::INVALID_REQUEST, std::move(why))); };
  if (beat.group.empty()) return invalid("GroupId can't be empty.");
  if (beat.instance_id && beat.instance_id->empty()) return invalid("InstanceId can't be empty.");
  if (beat.rack_id && beat.rack_id->empty()) return invalid("RackId can't be empty.");
  if (beat.member_epoch < kStaticLeaveEpoch) return invalid("MemberEpoch is invalid.");
  if (beat.member_epoch != kJoinEpoch && beat.member_id.empty()) return invalid("MemberId can't be empty.");
  if (beat.member_epoch == kStaticLeaveEpoch && !beat.instance_id) return invalid("InstanceId can't be null.");
  if (beat.member_epoch == kJoinEpoch) {
    if (beat.rebalance_timeout_ms == -1) return invalid("RebalanceTimeoutMs must be provided in first request.");
    if (!beat.owned || !beat.owned->empty()) return invalid("TopicPartitions must be empty when (re-)joining.");
    if (!beat.topics || beat.topics->empty()) return invalid("SubscribedTopicNames must be set in first request.");
  }
  if (beat.assignor && std::find(settings.assignors.begin(), settings.assignors.end(), *beat.assignor) == settings.assignors.end()) {
    std::string names;
    for (const std::string& each : settings.assignors) names += (names.empty() ? "" : ", ") + each;
    return refused(ErrorCode::UNSUPPORTED_ASSIGNOR, "ServerAssignor " + *beat.assignor + " is not supported. Supported assignors: " + names + ".");
  }
  return std::nullopt;
}

bool is_subset(const std::optional<AssignedPartitions>& some, const AssignedPartitions& all) {
  if (!some) return false;
  return std::all_of(some->begin(), some->end(), [&](const auto& each) {
    const auto found = all.find(each.first);
    return found != all.end() && std::includes(found->second.begin(), found->second.end(), each.second.begin(), each.second.end());
  });
}

std::optional<Error> check_epoch(const ConsumerHeartbeat& beat, const ConsumerAssignment& known) {
  if (beat.member_epoch == known.epoch) return std::nullopt;
  // The answer that brought the new epoch may be lost.
  const bool missed_an_answer =
      beat.member_epoch < known.epoch && beat.member_epoch == known.previous_epoch && is_subset(beat.owned, known.assigned);
  if (missed_an_answer) return std::nullopt;
  return refused(ErrorCode::FENCED_MEMBER_EPOCH, "the member came with epoch " + std::to_string(beat.member_epoch) + ", and the coordinator knows " +
                                                     std::to_string(known.epoch) + "; it must abandon all its partitions and rejoin");
}

// What is not told stays as it was.
ConsumerSubscription updated(ConsumerSubscription subscription, const ConsumerHeartbeat& beat) {
  if (beat.instance_id) subscription.instance_id = beat.instance_id;
  if (beat.rack_id) subscription.rack_id = beat.rack_id;
  if (beat.rebalance_timeout_ms != -1) subscription.rebalance_timeout_ms = beat.rebalance_timeout_ms;
  if (beat.assignor) subscription.assignor = beat.assignor;
  if (beat.topics) subscription.topics = *beat.topics;
  subscription.client_id = beat.client_id;
  subscription.client_host = beat.client_host;
  subscription.classic.reset();
  return subscription;
}

std::vector<StoredGroupRecord> stored(const std::string& group, std::vector<ConsumerRecord> records) {
  std::vector<StoredGroupRecord> all;
  for (ConsumerRecord& each : records) all.push_back({group, std::nullopt, std::nullopt, std::nullopt, std::move(each)});
  return all;
}

GroupCore::Beat refusal(const ConsumerHeartbeat& beat, Error why) {
  GroupCore::Beat made;
  made.answer.error = why.code;
  made.answer.message = std::move(why.message);
  made.answer.member_id = beat.member_id;
  made.answer.member_epoch = beat.member_epoch;
  return made;
}

}  // namespace

// Who a heartbeat is from: an id that is in the group, or one that may come in, with `replaced` if it takes a static member's place.
struct GroupCore::Sender {
  std::string id;
  const ConsumerMember* member = nullptr;
  std::optional<std::string> replaced;
};

Result<GroupCore::Sender> GroupCore::sender_of(const ConsumerGroup& group, const ConsumerHeartbeat& beat) const {
  Sender sender;
  sender.id = beat.member_id.empty() ? beat.unique : beat.member_id;
  const bool joins = beat.member_epoch == kJoinEpoch;
  const std::string* same_instance = beat.instance_id ? group.static_member(*beat.instance_id) : nullptr;
  sender.member = group.member(sender.id);
  if (joins && sender.member == nullptr && same_instance == nullptr && group.members().size() >= settings_.consumer.members_max)
    return refused(ErrorCode::GROUP_MAX_SIZE_REACHED, "the group has reached its maximum capacity of " + std::to_string(settings_.consumer.members_max) + " members");
  if (beat.instance_id && same_instance != nullptr && *same_instance != sender.id) {
    if (!joins) return refused(ErrorCode::FENCED_INSTANCE_ID, "instance id " + *beat.instance_id + " is that of member " + *same_instance);
    // The member before has to say that it left, or be silent for its session.
    if (group.member(*same_instance)->assignment.epoch != kStaticLeaveEpoch)
      return refused(ErrorCode::UNRELEASED_INSTANCE_ID, "instance id " + *beat.instance_id + " is owned by member " + *same_instance);
    sender.member = group.member(*same_instance);
    sender.replaced = *same_instance;
    return sender;
  }
  if (joins) return sender;
  if (sender.member == nullptr || (beat.instance_id && same_instance == nullptr))
    return refused(ErrorCode::UNKNOWN_MEMBER_ID, "member " + sender.id + " is not a member of group " + beat.group);
  return sender;
}

GroupCore::Beat GroupCore::on_consumer_heartbeat(const ConsumerHeartbeat& beat, GroupTime now) {
  if (const std::optional<Error> wrong = what_is_wrong(beat, settings_.consumer)) return refusal(beat, *wrong);
  if (beat.member_epoch < kJoinEpoch) return leave_consumer_group(beat, now);
  const bool joins = beat.member_epoch == kJoinEpoch;
  Group* group = known(beat.group);
  if (group == nullptr && !joins) return refusal(beat, refused(ErrorCode::GROUP_ID_NOT_FOUND, "group " + beat.group + " is not known"));
  if (topics_.revision() == 0) return refusal(beat, refused(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, "topics are not known yet"));
  if (group != nullptr && group->is(GroupState::DEAD)) return refusal(beat, refused(ErrorCode::COORDINATOR_NOT_AVAILABLE, "the group is being deleted"));
  const bool is_empty = group == nullptr || group->is(GroupState::EMPTY);
  const bool upgrades = joins && !is_empty && !group->consumer && beat.may_begin_group && may_upgrade(*group);
  if (group != nullptr && !group->consumer && !upgrades && !(joins && is_empty))
    return refusal(beat, refused(ErrorCode::GROUP_ID_NOT_FOUND, "group " + beat.group + " is not a consumer group"));
  if (joins && is_empty && !beat.may_begin_group)
    return refusal(beat, refused(ErrorCode::UNSUPPORTED_VERSION, "no group begins to use the consumer protocol while a broker that lacks it is registered"));

  static const ConsumerGroup none;
  ConsumerChange change(group != nullptr && group->consumer ? *group->consumer : none, topics_, settings_.consumer);
  if (upgrades) {
    if (const Status done = upgrade(*group, change); !done) return refusal(beat, done.error());
  }
  const Result<Sender> sender = sender_of(change.group(), beat);
  if (!sender) return refusal(beat, sender.error());
  // Who joins abandoned all it had, so it need not know where it was.
  if (!joins) {
    if (const std::optional<Error> wrong = check_epoch(beat, sender->member->assignment)) return refusal(beat, *wrong);
  }
  Beat made = admit(group != nullptr ? *group : create(beat.group, now), change, *sender, beat, now);
  if (upgrades && made.answer.error == ErrorCode::NONE) send_back_waiting(*group, change.group(), now, made.effects);
  return made;
}

Status GroupCore::take_word(Group& group, ConsumerChange& change, const std::string& member_id, ConsumerSubscription subscription,
                            const std::optional<AssignedPartitions>& owned) {
  change.subscribe(member_id, std::move(subscription));
  // A change that is refused by the log is made again by the next heartbeat.
  const uint64_t revision = topics_.revision();
  if ((change.is_new_epoch() || group.topics_revision != revision) && change.refresh_topics()) group.topics_revision = revision;
  change.begin_epoch();
  change.compute_target();
  return change.advance(member_id, owned);
}

void GroupCore::begin_consumer_session(Group& group, const std::string& member_id, const ConsumerMember& member, GroupTime now) {
  const auto& classic = member.subscription.classic;
  Group::Timers& timers = group.timers[member_id];
  timers.session_ends = now.mono + Duration::millis(classic ? classic->session_timeout_ms : settings_.consumer.session_timeout_ms);
  look_at(group, *timers.session_ends);
}

GroupCore::Beat GroupCore::admit(Group& group, ConsumerChange& change, const Sender& sender, const ConsumerHeartbeat& beat, GroupTime now) {
  const ConsumerAssignment was = sender.member != nullptr ? sender.member->assignment : ConsumerAssignment();
  if (sender.replaced) change.replace(*sender.replaced, sender.id);
  const ConsumerMember* member = change.group().member(sender.id);
  ConsumerSubscription said = updated(member != nullptr ? member->subscription : ConsumerSubscription(), beat);
  if (const Status done = take_word(group, change, sender.id, std::move(said), beat.owned); !done) return refusal(beat, done.error());

  const ConsumerAssignment& now_is = change.group().member(sender.id)->assignment;
  Beat made;
  made.answer.member_id = sender.id;
  made.answer.member_epoch = now_is.epoch;
  made.answer.heartbeat_interval_ms = settings_.consumer.heartbeat_interval_ms;
  const bool tells_all = beat.member_epoch == kJoinEpoch || (beat.rebalance_timeout_ms != -1 && beat.topics && beat.owned);
  if (tells_all || now_is.assigned != was.assigned) made.answer.assignment = now_is.assigned;

  begin_consumer_session(group, sender.id, *change.group().member(sender.id), now);
  Group::Timers& timers = group.timers[sender.id];
  if (now_is.state != ReconciliationState::UNREVOKED_PARTITIONS) {
    timers.rebalance_ends.reset();
  } else if (now_is != was || !timers.rebalance_ends) {
    timers.rebalance_ends = now.mono + Duration::millis(change.group().member(sender.id)->subscription.rebalance_timeout_ms);
    look_at(group, *timers.rebalance_ends);
  }
  if (beat.member_epoch == kJoinEpoch)
    made.effects.notes.push_back("group " + group.id + ": member " + sender.id + " joins, epoch " + std::to_string(change.group().epoch()));
  write_consumer(group, change, made.effects);
  return made;
}

void GroupCore::write_consumer(Group& group, ConsumerChange& change, GroupEffects& effects) {
  if (change.is_new_epoch()) ++group.rebalance_count;
  std::vector<StoredGroupRecord> records = stored(group.id, change.take_records());
  if (records.empty()) return;
  // The classic group that it was until now.
  if (!group.consumer && group.generation > 0) records.insert(records.begin(), {group.id, std::nullopt, std::nullopt, std::nullopt, std::nullopt});
  effects.writes.push_back({0, std::move(records)});
}

GroupCore::Beat GroupCore::leave_consumer_group(const ConsumerHeartbeat& beat, GroupTime now) {
  Group* group = known(beat.group);
  if (group == nullptr || !group->consumer) return refusal(beat, refused(ErrorCode::GROUP_ID_NOT_FOUND, "group " + beat.group + " is not a consumer group"));
  const Result<Sender> sender = sender_of(*group->consumer, beat);
  if (!sender) return refusal(beat, sender.error());
  Beat made;
  made.answer.member_id = sender->id;
  made.answer.member_epoch = beat.member_epoch;
  if (beat.member_epoch == kStaticLeaveEpoch) {
    made.effects.notes.push_back("group " + group->id + ": static member " + sender->id + " leaves for a while");
    ConsumerChange change(*group->consumer, topics_, settings_.consumer);
    change.leave_for_a_while(sender->id);
    write_consumer(*group, change, made.effects);
  } else {
    fence_members(*group, {{sender->id, "it left"}}, now, made.effects);
  }
  return made;
}

void GroupCore::fence_members(Group& group, const std::map<std::string, std::string>& why, GroupTime now, GroupEffects& effects) {
  ConsumerChange change(*group.consumer, topics_, settings_.consumer);
  for (const auto& [member_id, reason] : why) {
    effects.notes.push_back("group " + group.id + ": member " + member_id + " is out: " + reason);
    change.remove(member_id);
  }
  if (may_downgrade(change.group())) return downgrade(group, change.group(), now, effects);
  if (topics_.revision() != 0) (void)change.refresh_topics();
  change.begin_epoch();
  write_consumer(group, change, effects);
}

// --- Time

void GroupCore::on_consumer_due(Group& group, GroupTime now, GroupEffects& effects) {
  std::map<std::string, std::string> out;
  for (auto at = group.timers.begin(); at != group.timers.end();) {
    auto& [member_id, timers] = *at;
    const ConsumerMember* member = group.consumer ? group.consumer->member(member_id) : nullptr;
    if (member == nullptr) {
      at = group.timers.erase(at);
      continue;
    }
    const bool is_silent = timers.session_ends && *timers.session_ends <= now.mono;
    const bool is_slow = timers.rebalance_ends && *timers.rebalance_ends <= now.mono;
    if (is_silent || is_slow) {
      // If the log refuses it is tried again.
      timers.session_ends = now.mono + Duration::seconds(1);
      timers.rebalance_ends.reset();
      out[member_id] = is_silent ? "no heartbeat within the session time-out" : "it did not give up partitions, or join again, within its rebalance time-out";
    }
    look_at(group, *timers.session_ends);
    if (timers.rebalance_ends) look_at(group, *timers.rebalance_ends);
    ++at;
  }
  if (!out.empty()) fence_members(group, out, now, effects);
}

// --- The log

void GroupCore::apply_consumer(const StoredGroupRecord& record, GroupTime now) {
  const bool is_tombstone = std::visit([](const auto& each) { return !each.value; }, *record.consumer);
  Group* group = known(record.group);
  if (group == nullptr && is_tombstone) return;
  if (group == nullptr) group = &create(record.group, now);
  if (!group->consumer && is_tombstone) return;
  if (!group->consumer) group->begin_consumer_protocol();
  group->consumer->apply(*record.consumer);
  // The later one counts: a broker without this protocol had the group meanwhile, or gave it back.
  if (loading_ && !is_tombstone) group->loaded.reset();
  if (group->consumer->is_over()) {
    group->end_consumer_protocol(now);
    const bool is_over = loading_ ? !group->loaded : group->is(GroupState::DEAD);
    if (is_over && !group->has_offsets()) erase(record.group);
  } else if (!loading_) {
    group->note_consumer_state(now);
  }
}

void GroupCore::on_consumer_loaded(Group& group, GroupTime now) {
  group.consumer->drop_unfinished();
  if (group.consumer->is_over()) return group.end_consumer_protocol(now);
  group.note_consumer_state(now);
  for (const auto& [member_id, member] : group.consumer->members()) {
    begin_consumer_session(group, member_id, member, now);
    Group::Timers& timers = group.timers[member_id];
    if (member.assignment.state != ReconciliationState::UNREVOKED_PARTITIONS) continue;
    timers.rebalance_ends = now.mono + Duration::millis(member.subscription.rebalance_timeout_ms);
    look_at(group, *timers.rebalance_ends);
  }
}

// The group speaks the classic protocol from now on: at once, for it has no members (downgrade() is the way of one that has). If the log refuses the
// tombstones, a load finds an empty group, or a later record of the classic one, which counts more.
void GroupCore::leave_consumer_protocol(Group& group, GroupTime now, GroupEffects& effects) {
  effects.writes.push_back({0, stored(group.id, group.consumer->tombstones())});
  group.end_consumer_protocol(now);
}

Result<ConsumerGroupDescription> GroupCore::describe_consumer_group(const std::string& group_id) const {
  const Group* group = find(group_id);
  if (group == nullptr || group->is(GroupState::DEAD)) return Error{ErrorCode::GROUP_ID_NOT_FOUND, "Group " + group_id + " not found."};
  if (!group->consumer) return Error{ErrorCode::GROUP_ID_NOT_FOUND, "Group " + group_id + " is not a consumer group."};
  return group->consumer->describe(settings_.consumer.assignors.front());
}

ErrorCode GroupCore::check_member_epoch(const ConsumerGroup& group, const std::string& member_id, int32_t epoch) {
  const ConsumerMember* member = group.member(member_id);
  if (member == nullptr) return ErrorCode::UNKNOWN_MEMBER_ID;
  if (member->assignment.epoch == epoch) return ErrorCode::NONE;
  return member->is_classic() ? ErrorCode::ILLEGAL_GENERATION : ErrorCode::STALE_MEMBER_EPOCH;
}

}  // namespace quokka
