#include "broker/group/group_shard.h"

#include <memory>
#include <utility>

#include "broker/group/group_records.h"
#include "broker/journal/coordinator_shards.h"
#include "protocol/base/log.h"

namespace quokka {

GroupShard::GroupShard(GroupSettings settings, Journal::Settings journal, Journal::Ports ports, ViewHolder& view)
    : loop_(ports.loop), partition_(journal.partition), topics_(view), core_(std::move(settings), topics_), journal_(std::move(journal), ports, *this) {}

ErrorCode GroupShard::readiness() const { return coordinator_readiness(journal_); }

// --- Requests

void GroupShard::join(const JoinGroup& join, Function<void(JoinAnswer)> done) {
  const GroupRequestId request = next_request_++;
  joining_.emplace(request, std::move(done));
  perform(core_.on_join(request, join, now()));
}

void GroupShard::sync(const SyncGroup& sync, Function<void(SyncAnswer)> done) {
  const GroupRequestId request = next_request_++;
  syncing_.emplace(request, std::move(done));
  perform(core_.on_sync(request, sync, now()));
}

ErrorCode GroupShard::heartbeat(const std::string& group, const MemberIdentity& member, int32_t generation) {
  const ErrorCode error = core_.on_heartbeat(group, member, generation, now());
  arm_timer();
  return error;
}

GroupShard::Left GroupShard::leave(const std::string& group, const std::vector<MemberIdentity>& members) {
  GroupCore::Left left = core_.on_leave(group, members, now());
  perform(std::move(left.effects));
  return {left.error, std::move(left.members)};
}

void GroupShard::consumer_heartbeat(const ConsumerHeartbeat& beat, Function<void(ConsumerHeartbeatAnswer)> done) {
  GroupCore::Beat made = core_.on_consumer_heartbeat(beat, now());
  const bool is_written = !made.effects.writes.empty();
  auto settle = [answer = std::move(made.answer), done = std::move(done)](ErrorCode error) mutable {
    if (error == ErrorCode::NONE || answer.error != ErrorCode::NONE) return done(std::move(answer));
    ConsumerHeartbeatAnswer refused;
    refused.error = consumer_group_write_error(error);
    refused.message = "the change could not be written: " + std::string(name(error));
    refused.member_id = std::move(answer.member_id);
    done(std::move(refused));
  };
  if (is_written) return perform(std::move(made.effects), std::move(settle));
  perform(std::move(made.effects));
  journal_.when_committed(std::move(settle));
}

void GroupShard::describe_consumer_group(const std::string& group, Function<void(Described)> done) {
  journal_.when_committed([described = core_.describe_consumer_group(group), done = std::move(done)](ErrorCode error) mutable {
    if (error == ErrorCode::NONE) return done(std::move(described));
    done(Error{consumer_group_write_error(error), "what is to be told is not committed yet"});
  });
}

void GroupShard::commit(const OffsetCommit& commit, Function<void(std::vector<ErrorCode>)> done) {
  GroupCore::Committed committed = core_.on_offset_commit(commit, now());
  if (committed.effects.writes.empty()) {
    perform(std::move(committed.effects));
    return done(std::move(committed.partitions));
  }
  perform(std::move(committed.effects), [partitions = std::move(committed.partitions), done = std::move(done)](ErrorCode error) mutable {
    for (ErrorCode& each : partitions) {
      if (each == ErrorCode::NONE) each = offset_commit_error(error);
    }
    done(std::move(partitions));
  });
}

void GroupShard::fetch_offsets(const OffsetsWanted& wanted, Function<void(Fetched)> done) {
  if (const ErrorCode error = core_.check_fetch(wanted.group, wanted.member); error != ErrorCode::NONE) return done(Error{error, wanted.group});
  // Taken now, since later something may be there that is not committed when this is.
  auto fetched = core_.fetch_offsets(wanted.group, wanted.partitions, wanted.require_stable);
  journal_.when_committed([fetched = std::move(fetched), done = std::move(done)](ErrorCode error) mutable {
    if (error == ErrorCode::NONE) return done(std::move(fetched));
    // Nobody knows yet what is committed: the client asks again.
    const bool is_led_elsewhere = error != ErrorCode::REQUEST_TIMED_OUT;
    done(Error{is_led_elsewhere ? ErrorCode::NOT_COORDINATOR : ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, "offsets are not committed yet"});
  });
}

void GroupShard::delete_group(const std::string& group, Function<void(ErrorCode)> done) {
  GroupCore::Removed removed = core_.on_delete_group(group, now());
  if (removed.error != ErrorCode::NONE) return done(removed.error);
  perform(std::move(removed.effects), [done = std::move(done)](ErrorCode error) mutable { done(offset_commit_error(error)); });
}

void GroupShard::delete_offsets(const std::string& group, const std::vector<TopicPartition>& partitions, Function<void(Deleted)> done) {
  GroupCore::Removed removed = core_.on_offset_delete(group, partitions, now());
  if (removed.error != ErrorCode::NONE) return done(Error{removed.error, group});
  perform(std::move(removed.effects), [group, errors = std::move(removed.partitions), done = std::move(done)](ErrorCode error) mutable {
    if (error == ErrorCode::NONE) done(std::move(errors));
    else done(Error{offset_commit_error(error), group});
  });
}

void GroupShard::on_partitions_deleted(const std::vector<TopicPartition>& partitions) {
  if (journal_.phase() == Journal::Phase::active) perform(core_.on_partitions_deleted(partitions, now()));
}

void GroupShard::on_retention() {
  if (journal_.phase() == Journal::Phase::active) perform(core_.on_retention(now()));
}

// --- What the core decided

void GroupShard::answer(std::vector<std::pair<GroupRequestId, JoinAnswer>> joins, std::vector<std::pair<GroupRequestId, SyncAnswer>> syncs) {
  for (auto& [request, made] : joins) {
    if (auto node = joining_.extract(request); !node.empty()) node.mapped()(std::move(made));
  }
  for (auto& [request, made] : syncs) {
    if (auto node = syncing_.extract(request); !node.empty()) node.mapped()(std::move(made));
  }
}

// As perform(), but joins and syncs are answered when what they tell is committed.
void GroupShard::perform_and_wait(GroupEffects effects) {
  auto settle = [this, joins = std::exchange(effects.joins, {}), syncs = std::exchange(effects.syncs, {})](ErrorCode error) mutable {
    const auto refuse = [&](ErrorCode& told) {
      if (error != ErrorCode::NONE && told == ErrorCode::NONE) told = group_write_error(error);
    };
    for (auto& [request, made] : joins) refuse(made.error);
    for (auto& [request, made] : syncs) refuse(made.error);
    answer(std::move(joins), std::move(syncs));
  };
  if (!effects.writes.empty()) return perform(std::move(effects), std::move(settle));
  perform(std::move(effects));
  journal_.when_committed(std::move(settle));
}

void GroupShard::perform(GroupEffects effects, Journal::Done written) {
  if (std::exchange(effects.answers_what_is_written, false)) return perform_and_wait(std::move(effects));
  for (const std::string& note : effects.notes) log_info("{}", note);
  struct Outcome {
    size_t left;
    Journal::Done written;
  };
  auto outcome = std::make_shared<Outcome>(Outcome{effects.writes.size(), std::move(written)});
  for (const GroupWrite& write : effects.writes) {
    append(write, [this, number = write.number, outcome](ErrorCode error) {
      if (number != 0) perform(core_.on_written(number, error, now()));
      --outcome->left;
      if (outcome->written && (error != ErrorCode::NONE || outcome->left == 0)) std::exchange(outcome->written, {})(error);
    });
  }
  if (effects.writes.empty() && outcome->written) outcome->written(ErrorCode::NONE);
  answer(std::move(effects.joins), std::move(effects.syncs));
  arm_timer();
}

void GroupShard::append(const GroupWrite& write, Journal::Done done) {
  std::vector<JournalEntry> entries;
  entries.reserve(write.records.size());
  for (const StoredGroupRecord& record : write.records) entries.push_back(encode_group_record(record));
  Journal::Terms terms;
  if (write.is_offset_commit) terms.base_sequence = 0;
  if (write.transaction) {
    terms.transaction = write.transaction->producer;
    terms.producer_epoch = write.transaction->epoch;
    terms.guard = {write.transaction->guard};
  }
  journal_.append(entries, terms, std::move(done));
}

void GroupShard::arm_timer() {
  const std::optional<MonoTime> wanted = core_.wake_at();
  if (!wanted || (timer_at_ && *timer_at_ <= *wanted)) return;
  if (timer_ != 0) loop_.cancel(timer_);
  timer_at_ = wanted;
  timer_ = loop_.call_at(*wanted, [this] {
    timer_ = 0;
    timer_at_.reset();
    perform(core_.on_time(now()));
  });
}

// --- JournalState

void GroupShard::apply(const JournalRecord& record) {
  Result<std::optional<StoredGroupRecord>> decoded = decode_group_record(record.key, record.value);
  if (!decoded) {
    log_error("{}: a record at offset {} is passed over: {}", partition_, record.batch_offset, decoded.error().message);
  } else if (*decoded) {
    core_.apply(**decoded, record.batch_offset, record.transaction, now());
  }
}

void GroupShard::apply_marker(ProducerId producer, bool committed) { core_.apply_marker(producer, committed); }

void GroupShard::on_loaded() { perform(core_.on_loaded(now())); }

void GroupShard::on_unloaded() { perform(core_.on_unloaded()); }

}  // namespace quokka
