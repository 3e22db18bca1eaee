#include "broker/group/group_core.h"

namespace quokka {

Group* GroupCore::known(const std::string& group) {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second;
}

const Group* GroupCore::find(const std::string& group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second;
}

Group& GroupCore::create(const std::string& group, GroupTime now) { return groups_.try_emplace(group, group, now).first->second; }

void GroupCore::erase(const std::string& group) {
  const auto found = groups_.find(group);
  if (found == groups_.end()) return;
  if (found->second.due) due_.erase({*found->second.due, group});
  for (auto& [producer, groups] : open_transactions_) groups.erase(group);
  groups_.erase(found);
}

void GroupCore::look_at(Group& group, MonoTime when) {
  if (group.due && *group.due <= when) return;
  if (group.due) due_.erase({*group.due, group.id});
  group.due = when;
  due_.insert({when, group.id});
}

GroupEffects GroupCore::on_time(GroupTime now) {
  GroupEffects effects;
  std::vector<std::string> ready;
  while (!due_.empty() && due_.begin()->first <= now.mono) {
    ready.push_back(due_.begin()->second);
    due_.erase(due_.begin());
  }
  for (const std::string& id : ready) {
    Group* group = known(id);
    group->due.reset();
    on_group_due(*group, now, effects);
  }
  return effects;
}

uint64_t GroupCore::write(GroupEffects& effects, std::vector<StoredGroupRecord> records, Pending pending) {
  const uint64_t number = next_write_++;
  pending_.emplace(number, std::move(pending));
  effects.writes.push_back({number, std::move(records), false});
  return number;
}

GroupEffects GroupCore::on_written(uint64_t number, ErrorCode error, GroupTime now) {
  GroupEffects effects;
  auto node = pending_.extract(number);
  if (node.empty()) return effects;
  const Pending pending = std::move(node.mapped());
  Group* group = known(pending.group);
  if (group == nullptr) return effects;
  if (error != ErrorCode::NONE)
    effects.notes.push_back("group " + group->id + " of generation " + std::to_string(pending.generation) + " could not be written: " + std::string(name(error)));
  switch (pending.kind) {
    case Pending::Kind::assignment:
      if (!group->is(GroupState::COMPLETING_REBALANCE) || group->generation != pending.generation) break;
      if (error == ErrorCode::NONE) {
        give_assignments(*group, pending.assignments, now, effects);
      } else {
        refuse_assignments(*group, group_write_error(error), now, effects);
        rebalance_if_possible(*group, "the assignment could not be written (" + std::string(name(error)) + ")", now, effects);
      }
      break;
    case Pending::Kind::static_member: on_static_member_written(*group, pending, error, now, effects); break;
    case Pending::Kind::empty: break;
    case Pending::Kind::downgrade:
      group->returning.clear();
      if (error != ErrorCode::NONE || group->consumer || !group->is(GroupState::STABLE) || group->generation != pending.generation) break;
      prepare_rebalance(*group, "the last member of the consumer protocol has gone: the group goes back to the classic one", now, effects);
      break;
    case Pending::Kind::removal:
      // Whatever was to end the group is still there.
      if (error != ErrorCode::NONE && group->is(GroupState::DEAD)) {
        group->state = GroupState::EMPTY;
        group->state_timestamp_ms = pending.state_timestamp_ms;
      }
      break;
  }
  return effects;
}

// --- The log

void GroupCore::apply(const StoredGroupRecord& record, Offset batch_offset, ProducerId transaction, GroupTime now) {
  if (record.consumer) return apply_consumer(record, now);
  if (record.partition && record.offset) {
    Group& group = create(record.group, now);
    if (transaction.value < 0) return group.put_offset(*record.partition, {*record.offset, batch_offset});
    group.open_offsets[transaction][*record.partition] = {*record.offset, batch_offset};
    open_transactions_[transaction].insert(record.group);
    return;
  }
  Group* group = known(record.group);
  if (record.metadata) {
    // Outside a load a classic group has moved on by itself, and the record is what a load would find. One that was of the consumer protocol has no
    // members yet: it becomes what the record says.
    if (loading_) create(record.group, now).loaded = record.metadata;
    else if (group != nullptr && group->members.empty() && !record.metadata->members.empty()) take_up(*group, *record.metadata, now);
    return;
  }
  // Tombstones.
  if (group == nullptr) return;
  if (record.partition) {
    if (transaction.value < 0) group->offsets.erase(*record.partition);
    group->drop_open_offset(*record.partition, transaction);
  } else {
    group->loaded.reset();
  }
  if (group->consumer) return;
  const bool is_over = loading_ ? !group->loaded : group->is(GroupState::DEAD) && (!record.partition || group->generation == 0);
  if (is_over && !group->has_offsets()) erase(record.group);
}

void GroupCore::apply_marker(ProducerId producer, bool committed) {
  auto node = open_transactions_.extract(producer);
  if (node.empty()) return;
  for (const std::string& id : node.mapped()) {
    Group* group = known(id);
    if (group == nullptr) continue;  // deleted, and its open offsets with it
    auto offsets = group->open_offsets.extract(producer);
    if (offsets.empty() || !committed) continue;
    for (auto& [partition, offset] : offsets.mapped()) group->put_offset(partition, std::move(offset));
  }
}

void GroupCore::take_up(Group& group, const GroupRecord& record, GroupTime now) {
  group.generation = record.generation;
  group.protocol = record.protocol;
  group.state_timestamp_ms = record.state_timestamp_ms < 0 ? std::nullopt : std::optional(record.state_timestamp_ms);
  for (const GroupRecord::Member& each : record.members) {
    GroupMember member;
    member.id = each.id;
    member.instance_id = each.instance_id;
    member.client_id = each.client_id;
    member.client_host = each.client_host;
    member.rebalance_timeout_ms = each.rebalance_timeout_ms;
    member.session_timeout_ms = each.session_timeout_ms;
    member.assignment = each.assignment;
    std::vector<GroupProtocol> protocols = {{record.protocol.value_or(""), each.subscription}};
    if (auto known = group.returning.extract(each.id); !known.empty()) protocols = std::move(known.mapped());
    group.add(std::move(member), std::move(protocols), record.protocol_type);
  }
  group.protocol_type = record.protocol_type.empty() ? std::nullopt : std::optional(record.protocol_type);
  group.leader = record.leader && group.has(*record.leader) ? record.leader
                 : group.members.empty()                    ? std::nullopt
                                                            : std::optional(group.members.begin()->first);
  group.note_subscriptions();
  group.state = group.members.empty() ? GroupState::EMPTY : GroupState::STABLE;
  for (auto& [member_id, member] : group.members) extend_session(group, member, now);
}

GroupEffects GroupCore::on_loaded(GroupTime now) {
  loading_ = false;
  GroupEffects effects;
  for (auto& [id, group] : groups_) {
    // What is left of the other protocol is of before a broker had the group that does not know it.
    if (group.consumer && group.loaded) leave_consumer_protocol(group, now, effects);
    if (group.consumer) on_consumer_loaded(group, now);
    if (!group.loaded) continue;
    const GroupRecord record = std::move(*group.loaded);
    group.loaded.reset();
    take_up(group, record, now);
    if (group.members.size() > settings_.members_max)
      prepare_rebalance(group, "it was loaded with more than group.max.size members", now, effects);
  }
  return effects;
}

GroupEffects GroupCore::on_unloaded() {
  GroupEffects effects;
  for (auto& [id, group] : groups_) {
    for (auto& [member_id, member] : group.members) {
      JoinAnswer join;
      join.error = ErrorCode::NOT_COORDINATOR;
      join.member_id = member_id;
      answer_join(group, member, std::move(join), effects);
      answer_sync(member, SyncAnswer{ErrorCode::NOT_COORDINATOR, {}, {}, {}}, effects);
    }
  }
  groups_.clear();
  due_.clear();
  pending_.clear();
  open_transactions_.clear();
  loading_ = true;
  return effects;
}

// --- Views

std::vector<GroupOverview> GroupCore::list() const {
  std::vector<GroupOverview> all;
  for (const auto& [id, group] : groups_) all.push_back({id, group.protocol_type.value_or(""), group.state, group.consumer ? group.consumer->members().size() : group.members.size(), group.offsets.size(), group.rebalance_count,
                   group.consumer.has_value()});
  return all;
}

GroupDescription GroupCore::describe(const std::string& group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() || found->second.consumer ? GroupDescription() : found->second.describe();
}

size_t GroupCore::offset_count() const {
  size_t count = 0;
  for (const auto& [id, group] : groups_) count += group.offsets.size();
  return count;
}

}  // namespace quokka
