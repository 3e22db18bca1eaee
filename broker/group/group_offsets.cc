// Committed offsets: who may commit, what is told, what expires and how a group ends.
#include <algorithm>

#include "broker/group/group_core.h"

namespace quokka {

namespace {

// Of one batch; some hundred kilobytes.
constexpr size_t kTombstonesMax = 2000;

// As Kafka counts: UTF-16 units.
size_t utf16_units(std::string_view text) {
  size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

}  // namespace

ErrorCode GroupCore::check_commit(const Group& group, const OffsetCommit& commit) const {
  if (group.is(GroupState::DEAD)) return ErrorCode::COORDINATOR_NOT_AVAILABLE;
  // Consumers that assign partitions by themselves, and tools, commit without a generation while the group has no members.
  if (commit.generation < 0 && group.is(GroupState::EMPTY)) return ErrorCode::NONE;
  if (group.consumer) {
    const ConsumerMember* member = group.consumer->member(commit.member.member_id);
    if (member != nullptr && !member->is_classic() && !commit.knows_member_epochs && !commit.transaction) return ErrorCode::UNSUPPORTED_VERSION;
    const ErrorCode error = check_member_epoch(*group.consumer, commit.member.member_id, commit.generation);
    return error == ErrorCode::STALE_MEMBER_EPOCH && commit.transaction ? ErrorCode::ILLEGAL_GENERATION : error;
  }
  // In a transaction the producer's epoch fences as well, and old clients name no member.
  if (commit.generation < 0 && commit.member.member_id.empty() && !commit.member.instance_id)
    return commit.transaction ? ErrorCode::NONE : ErrorCode::UNKNOWN_MEMBER_ID;
  if (const ErrorCode error = check_member(group, commit.member); error != ErrorCode::NONE) return error;
  if (commit.generation != group.generation) return ErrorCode::ILLEGAL_GENERATION;
  // The generation before has ended; what this one owns is not known.
  return !commit.transaction && group.is(GroupState::COMPLETING_REBALANCE) ? ErrorCode::REBALANCE_IN_PROGRESS : ErrorCode::NONE;
}

GroupCore::Committed GroupCore::on_offset_commit(const OffsetCommit& commit, GroupTime now) {
  Committed committed;
  committed.partitions.assign(commit.partitions.size(), ErrorCode::NONE);
  const auto refuse = [&](ErrorCode error) {
    std::fill(committed.partitions.begin(), committed.partitions.end(), error);
    return std::move(committed);
  };
  Group* group = known(commit.group);
  if (group == nullptr && commit.generation >= 0 && !commit.transaction) return refuse(ErrorCode::ILLEGAL_GENERATION);
  if (group == nullptr) group = &create(commit.group, now);
  if (const ErrorCode error = check_commit(*group, commit); error != ErrorCode::NONE) return refuse(error);
  if (!group->is(GroupState::EMPTY) && !group->consumer && !commit.transaction) extend_session(*group, group->member(commit.member.member_id), now);

  GroupWrite write;
  write.is_offset_commit = true;
  write.transaction = commit.transaction;
  for (size_t i = 0; i < commit.partitions.size(); ++i) {
    const OffsetCommit::Partition& each = commit.partitions[i];
    if (utf16_units(each.record.metadata) > static_cast<size_t>(settings_.offset_metadata_bytes_max)) {
      committed.partitions[i] = ErrorCode::OFFSET_METADATA_TOO_LARGE;
    } else {
      write.records.push_back({commit.group, each.partition, each.record, std::nullopt});
    }
  }
  if (!write.records.empty()) committed.effects.writes.push_back(std::move(write));
  return committed;
}

ErrorCode GroupCore::check_fetch(const std::string& group_id, const FetchingMember& member) const {
  const Group* group = find(group_id);
  if (group == nullptr || !group->consumer || (!member.member_id && member.epoch < 0)) return ErrorCode::NONE;
  return check_member_epoch(*group->consumer, member.member_id.value_or(""), member.epoch);
}

std::vector<FetchedOffset> GroupCore::fetch_offsets(const std::string& group_id, const std::optional<std::vector<TopicPartition>>& partitions,
                                                    bool require_stable) const {
  std::vector<FetchedOffset> fetched;
  const Group* group = find(group_id);
  if (group != nullptr && group->is(GroupState::DEAD)) group = nullptr;
  const auto add = [&](const TopicPartition& partition) {
    FetchedOffset each;
    each.partition = partition;
    if (group != nullptr && require_stable && group->has_open_offset(partition)) {
      each.error = ErrorCode::UNSTABLE_OFFSET_COMMIT;
    } else if (group != nullptr) {
      if (const auto found = group->offsets.find(partition); found != group->offsets.end()) {
        each.offset = found->second.record.offset;
        each.leader_epoch = found->second.record.leader_epoch;
        each.metadata = found->second.record.metadata;
      }
    }
    fetched.push_back(std::move(each));
  };
  if (partitions) {
    for (const TopicPartition& partition : *partitions) add(partition);
  } else if (group != nullptr) {
    for (const auto& [partition, offset] : group->offsets) add(partition);
  }
  return fetched;
}

// --- Removal

void GroupCore::remove_offsets(Group& group, const std::vector<TopicPartition>& partitions, bool may_end_group, GroupTime now, GroupEffects& effects) {
  std::vector<StoredGroupRecord> tombstones;
  std::set<TopicPartition> removed;
  for (const TopicPartition& partition : partitions) {
    const bool is_there = group.offsets.count(partition) != 0 || group.has_open_offset(partition);
    if (is_there && removed.insert(partition).second) tombstones.push_back({group.id, partition, std::nullopt, std::nullopt});
  }
  // Every retention and every deleted topic asks this of all groups: their offsets are not copied for it.
  const auto all = [&group] { return group.open_offsets.empty() ? group.offsets.size() : group.partitions_with_offsets().size(); };
  const bool ends = may_end_group && group.is(GroupState::EMPTY) && removed.size() == all();
  Pending pending;
  pending.kind = Pending::Kind::removal;
  pending.group = group.id;
  pending.generation = group.generation;
  pending.state_timestamp_ms = group.state_timestamp_ms;
  if (ends) {
    if (group.generation > 0) tombstones.push_back({group.id, std::nullopt, std::nullopt, std::nullopt});
    if (group.consumer) {
      for (ConsumerRecord& each : group.consumer->tombstones()) tombstones.push_back({group.id, std::nullopt, std::nullopt, std::nullopt, std::move(each)});
    }
    group.transition_to(GroupState::DEAD, now);
    if (tombstones.empty()) return erase(group.id);  // nothing of it is in the log
  }
  // Many go in several batches; the one that is last ends the group.
  for (size_t at = 0; at < tombstones.size(); at += kTombstonesMax) {
    const auto first = tombstones.begin() + static_cast<std::ptrdiff_t>(at);
    const auto last = tombstones.begin() + static_cast<std::ptrdiff_t>(std::min(tombstones.size(), at + kTombstonesMax));
    write(effects, {first, last}, pending);
  }
}

GroupCore::Removed GroupCore::on_delete_group(const std::string& group_id, GroupTime now) {
  Removed removed;
  Group* group = known(group_id);
  if (group == nullptr || group->is(GroupState::DEAD)) {
    removed.error = ErrorCode::GROUP_ID_NOT_FOUND;
  } else if (!group->is(GroupState::EMPTY)) {
    removed.error = ErrorCode::NON_EMPTY_GROUP;
  } else {
    const std::set<TopicPartition> all = group->partitions_with_offsets();
    remove_offsets(*group, {all.begin(), all.end()}, true, now, removed.effects);
  }
  return removed;
}

GroupCore::Removed GroupCore::on_offset_delete(const std::string& group_id, const std::vector<TopicPartition>& partitions, GroupTime now) {
  Removed removed;
  Group* group = known(group_id);
  if (group == nullptr || group->is(GroupState::DEAD)) {
    removed.error = ErrorCode::GROUP_ID_NOT_FOUND;
    return removed;
  }
  if (!group->is(GroupState::EMPTY) && !group->is_consumer_group()) {
    removed.error = ErrorCode::NON_EMPTY_GROUP;
    return removed;
  }
  std::vector<TopicPartition> eligible;
  for (const TopicPartition& partition : partitions) {
    const bool is_read = !group->is(GroupState::EMPTY) && group->is_subscribed_to(partition.topic);
    removed.partitions.push_back(is_read ? ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC : ErrorCode::NONE);
    if (!is_read) eligible.push_back(partition);
  }
  if (!eligible.empty()) remove_offsets(*group, eligible, true, now, removed.effects);
  return removed;
}

GroupEffects GroupCore::on_partitions_deleted(const std::vector<TopicPartition>& partitions, GroupTime now) {
  GroupEffects effects;
  std::vector<std::string> ids;
  for (const auto& [id, group] : groups_) ids.push_back(id);
  for (const std::string& id : ids) {
    Group& group = *known(id);
    // A member that was given its id is about to come.
    remove_offsets(group, partitions, group.pending_members.empty(), now, effects);
  }
  return effects;
}

GroupEffects GroupCore::on_retention(GroupTime now) {
  GroupEffects effects;
  std::vector<std::string> ids;
  for (const auto& [id, group] : groups_) ids.push_back(id);
  for (const std::string& id : ids) {
    Group& group = *known(id);
    const std::vector<TopicPartition> expired = group.expired_offsets(now, settings_.offset_retention_ms);
    if (!expired.empty()) effects.notes.push_back("group " + id + ": " + std::to_string(expired.size()) + " offsets expire");
    remove_offsets(group, expired, group.pending_members.empty(), now, effects);
  }
  return effects;
}

}  // namespace quokka
