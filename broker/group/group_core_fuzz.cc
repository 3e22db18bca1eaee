// Any requests in any order to the coordinator of a shard's groups, while writes fail or are held back, topics come and go and brokers take over. Nothing
// crashes; a join or sync is answered once, and all are in the end; no two members of a consumer group have one partition; a load finds what was.
#include <algorithm>
#include <deque>
#include <set>
#include <variant>

#include "broker/group/fake_topics.h"
#include "broker/group/group_core.h"
#include "broker/group/group_records.h"
#include "protocol/base/check.h"
#include "protocol/base/choices.h"

using namespace quokka;

namespace {

struct Marker {
  ProducerId producer;
  bool committed = false;
};
struct Logged {
  StoredGroupRecord record;
  ProducerId producer;
};

class World {
 public:
  explicit World(Choices& choices) : choices_(choices), core_(settings(choices), topics_) {
    topics_.set("t", 3);
    perform(core_.on_loaded(now()));
  }

  void run() {
    while (!choices_.over()) {
      act();
      check();
    }
    fate_ = Fate::committed;
    settle(ErrorCode::NONE);
    pass(7'200'000);
    QUOKKA_CHECK(waiting_.empty(), "a join or sync was never answered");
    move();
    check();
  }

 private:
  enum class Fate { committed, held, refused };

  static GroupSettings settings(Choices& choices) {
    GroupSettings made;
    made.initial_rebalance_delay_ms = choices.flip() ? 3000 : 0;
    made.members_max = 1 + choices.below(5);
    made.pending_members_max = 1 + choices.below(3);
    made.offset_retention_ms = 120'000;
    made.consumer.members_max = 1 + choices.below(5);
    made.consumer.migration = static_cast<MigrationPolicy>(choices.below(4));
    return made;
  }

  // --- What is asked

  std::string group() { return choices_.below(4) == 0 ? "h" : "g"; }
  std::string member() {
    const size_t chosen = choices_.below(members_.size() + 2);
    if (chosen < members_.size()) return members_[chosen];
    return chosen == members_.size() ? "" : "stranger";
  }
  std::optional<std::string> instance() {
    const size_t chosen = choices_.below(6);
    return chosen < 3 ? std::nullopt : std::optional("i" + std::to_string(chosen));
  }
  MemberIdentity identity() { return {member(), instance(), {}}; }
  TopicPartition partition() { return {choices_.flip() ? "t" : "u", PartitionIndex(static_cast<int32_t>(choices_.below(4)))}; }
  std::set<std::string> subscription() {
    std::set<std::string> chosen;
    if (choices_.flip()) chosen.insert("t");
    if (choices_.flip()) chosen.insert("u");
    return chosen;
  }
  AssignedPartitions some_partitions() {
    AssignedPartitions some;
    for (size_t left = choices_.below(4); left > 0; --left) {
      const auto facts = topics_.find(choices_.flip() ? "t" : "u");
      some[facts ? facts->id : TopicId{1, 1}].insert(PartitionIndex(static_cast<int32_t>(choices_.below(4))));
    }
    return some;
  }
  int32_t epoch_of(const std::string& member_id) {
    const auto known = epochs_.find(member_id);
    const int32_t last = known == epochs_.end() ? 0 : known->second;
    switch (choices_.below(8)) {
      case 0: return kJoinEpoch;
      case 1: return kLeaveEpoch;
      case 2: return kStaticLeaveEpoch;
      case 3: return last - 1;
      case 4: return last + 1;
      default: return last;
    }
  }
  int32_t generation() {
    const Group* found = core_.find("g");
    return (found == nullptr ? 0 : found->generation) - (choices_.below(5) == 0 ? 1 : 0);
  }

  void act() {
    switch (choices_.below(16)) {
      case 0:
      case 1: return join();
      case 2:
      case 3: return sync();
      case 4: (void)core_.on_heartbeat(group(), identity(), generation(), now()); return;
      case 5: return leave();
      case 6:
      case 7:
      case 8: return beat();
      case 9: return commit();
      case 10: return remove();
      case 11: return pass(static_cast<int64_t>(choices_.below(256)) * static_cast<int64_t>(choices_.flip() ? 1000 : 20));
      case 12: return change_topics();
      case 13: fate_ = static_cast<Fate>(choices_.below(3)); return;
      case 14: return settle(choices_.flip() ? ErrorCode::NONE : ErrorCode::NOT_COORDINATOR);
      case 15: return choices_.flip() ? move() : finish_transaction();
    }
  }

  void join() {
    JoinGroup asked;
    asked.group = group();
    asked.member_id = member();
    asked.instance_id = instance();
    asked.requires_member_id = choices_.flip();
    asked.may_skip_assignment = choices_.flip();
    asked.session_timeout_ms = 6000 + static_cast<int32_t>(choices_.below(3)) * 10'000;
    asked.rebalance_timeout_ms = static_cast<int32_t>(choices_.below(3)) * 10'000;
    asked.protocol_type = choices_.below(8) == 0 ? "connect" : "consumer";
    const size_t known = choices_.below(4);
    if (known != 1) asked.protocols.push_back({"range", subscription_bytes()});
    if (known != 2) asked.protocols.push_back({"sticky", choices_.flip() ? subscription_bytes() : "no subscription"});
    asked.unique = std::to_string(++ids_);
    waiting_.insert(++requests_);
    perform(core_.on_join(requests_, asked, now()));
  }
  // Version 0: a version, topics, no user data.
  std::string subscription_bytes() {
    return choices_.flip() ? std::string("\0\0\0\0\0\1\0\1t\0\0\0\0", 13) : std::string("\0\0\0\0\0\2\0\1t\0\1u\0\0\0\0", 16);
  }
  void sync() {
    SyncGroup asked;
    asked.group = group();
    asked.member_id = member();
    asked.instance_id = instance();
    asked.generation = generation();
    for (size_t left = choices_.below(4); left > 0; --left) asked.assignments[member()] = assignment_bytes();
    waiting_.insert(++requests_);
    perform(core_.on_sync(requests_, asked, now()));
  }
  // Version 0: a version, partitions 0 and 1 or one of them of t, no user data.
  std::string assignment_bytes() {
    switch (choices_.below(3)) {
      case 0: return std::string("\0\0\0\0\0\1\0\1t\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\0", 25);
      case 1: return std::string("\0\0\0\0\0\1\0\1t\0\0\0\1\0\0\0\1\0\0\0\0", 21);
      default: return "no assignment";
    }
  }
  void leave() {
    std::vector<MemberIdentity> leaving;
    for (size_t left = 1 + choices_.below(3); left > 0; --left) leaving.push_back(identity());
    GroupCore::Left made = core_.on_leave(group(), leaving, now());
    QUOKKA_CHECK(made.error != ErrorCode::NONE || made.members.size() == leaving.size(), "members that left without a word");
    perform(std::move(made.effects));
  }
  void beat() {
    ConsumerHeartbeat asked;
    asked.group = group();
    asked.member_id = member();
    asked.member_epoch = epoch_of(asked.member_id);
    asked.instance_id = instance();
    asked.rebalance_timeout_ms = choices_.flip() ? -1 : 10'000;
    if (choices_.flip()) asked.topics = subscription();
    if (choices_.below(4) == 0) asked.assignor = choices_.flip() ? "range" : "uniform";
    if (choices_.flip()) asked.owned = choices_.flip() ? had_[asked.member_id] : some_partitions();
    asked.unique = std::to_string(++ids_);
    asked.may_begin_group = choices_.below(8) != 0;
    GroupCore::Beat made = core_.on_consumer_heartbeat(asked, now());
    const bool is_written = fate_ != Fate::refused || made.effects.writes.empty();
    perform(std::move(made.effects));
    if (made.answer.error != ErrorCode::NONE || !is_written) return;
    know(made.answer.member_id);
    epochs_[made.answer.member_id] = made.answer.member_epoch;
    if (made.answer.assignment) had_[made.answer.member_id] = *made.answer.assignment;
  }
  void commit() {
    OffsetCommit asked;
    asked.group = group();
    if (choices_.flip()) asked.member = identity();
    asked.generation = choices_.flip() ? -1 : choices_.flip() ? generation() : epoch_of(asked.member.member_id);
    asked.knows_member_epochs = choices_.flip();
    OffsetRecord record;
    record.offset = ++offsets_;
    record.commit_timestamp_ms = now().wall.ms;
    if (choices_.below(4) == 0) record.expire_timestamp_ms = now().wall.ms + 1000;
    asked.partitions.push_back({partition(), record});
    if (choices_.below(3) == 0) asked.transaction = {{ProducerId(static_cast<int64_t>(choices_.below(2))), ProducerEpoch(0)}};
    perform(core_.on_offset_commit(asked, now()).effects);
  }
  void remove() {
    switch (choices_.below(3)) {
      case 0: return perform(core_.on_delete_group(group(), now()).effects);
      case 1: return perform(core_.on_offset_delete(group(), {partition()}, now()).effects);
      default: return perform(core_.on_retention(now()));
    }
  }
  void change_topics() {
    const std::string topic = choices_.flip() ? "t" : "u";
    if (choices_.flip()) return topics_.set(topic, 1 + static_cast<int32_t>(choices_.below(4)));
    topics_.remove(topic);
    if (choices_.flip()) perform(core_.on_partitions_deleted({{topic, PartitionIndex(0)}, {topic, PartitionIndex(1)}}, now()));
  }
  void finish_transaction() {
    const Marker marker{ProducerId(static_cast<int64_t>(choices_.below(2))), choices_.flip()};
    log_.emplace_back(marker);
    core_.apply_marker(marker.producer, marker.committed);
  }

  // --- What becomes of it

  void know(const std::string& member_id) {
    if (member_id.empty() || std::find(members_.begin(), members_.end(), member_id) != members_.end()) return;
    members_.push_back(member_id);
    if (members_.size() > 8) members_.pop_front();
  }
  void perform(GroupEffects effects) {
    std::vector<uint64_t> written;
    for (const GroupWrite& write : effects.writes) {
      if (fate_ != Fate::refused) {
        const ProducerId producer = write.transaction ? write.transaction->producer : ProducerId();
        for (const StoredGroupRecord& record : write.records) {
          apply({record, producer}, log_.size());
          log_.emplace_back(Logged{record, producer});
        }
      }
      if (write.number == 0) continue;
      if (fate_ == Fate::held) held_.push_back(write.number);
      else written.push_back(write.number);
    }
    for (const auto& [request, answer] : effects.joins) {
      QUOKKA_CHECK(waiting_.erase(request) == 1, "a join was answered twice");
      know(answer.member_id);
      if (answer.error == ErrorCode::NONE) epochs_[answer.member_id] = answer.generation;
    }
    for (const auto& [request, answer] : effects.syncs) QUOKKA_CHECK(waiting_.erase(request) == 1, "a sync was answered twice");
    for (const uint64_t number : written) perform(core_.on_written(number, fate_ == Fate::refused ? ErrorCode::NOT_ENOUGH_REPLICAS : ErrorCode::NONE, now()));
  }
  void apply(const Logged& logged, size_t at) {
    const JournalEntry entry = encode_group_record(logged.record);
    const auto decoded = decode_group_record(entry.key, entry.value ? std::optional<Bytes>(*entry.value) : std::nullopt);
    QUOKKA_CHECK(decoded.ok() && *decoded && **decoded == logged.record, "a record is not read as it was written");
    core_.apply(**decoded, Offset(static_cast<int64_t>(at)), logged.producer, now());
  }
  void settle(ErrorCode error) {
    std::deque<uint64_t> held;
    held.swap(held_);
    for (const uint64_t number : held) perform(core_.on_written(number, error, now()));
    if (error != ErrorCode::NONE) move();  // as the journal does after a write whose fate is not known
  }
  void pass(int64_t span_ms) {
    const int64_t end = ms_ + span_ms;
    // A timer that is due again at once would run for ever.
    for (int calls = 0;; ++calls) {
      const std::optional<MonoTime> next = core_.wake_at();
      if (!next || next->us > end * 1000) break;
      QUOKKA_CHECK_LT(calls, 100'000);
      ms_ = std::max(ms_, next->us / 1000);
      perform(core_.on_time(now()));
    }
    ms_ = end;
  }
  // Another broker reads the log.
  void move() {
    const auto before = all_offsets();
    perform(core_.on_unloaded());
    held_.clear();
    QUOKKA_CHECK(waiting_.empty(), "a coordinator went without answering");
    for (size_t at = 0; at < log_.size(); ++at) {
      if (const auto* marker = std::get_if<Marker>(&log_[at])) core_.apply_marker(marker->producer, marker->committed);
      else apply(std::get<Logged>(log_[at]), at);
    }
    perform(core_.on_loaded(now()));
    QUOKKA_CHECK(all_offsets() == before, "a load finds other offsets");
  }
  std::vector<std::pair<TopicPartition, int64_t>> all_offsets() const {
    std::vector<std::pair<TopicPartition, int64_t>> all;
    for (const std::string& each : {std::string("g"), std::string("h")}) {
      for (const FetchedOffset& fetched : core_.fetch_offsets(each, std::nullopt, true)) all.emplace_back(fetched.partition, fetched.offset);
    }
    return all;
  }

  void check() const {
    (void)core_.list();
    for (const std::string& each : {std::string("g"), std::string("h")}) {
      (void)core_.describe(each);
      const Group* group = core_.find(each);
      QUOKKA_CHECK(group == nullptr || group->counts_are_right(), "members are miscounted");
      const auto described = core_.describe_consumer_group(each);
      if (!described) continue;
      std::set<std::pair<TopicId, PartitionIndex>> targets;
      for (const auto& member : described->members) {
        for (const auto& [topic, indexes] : member.target) {
          for (const PartitionIndex index : indexes) QUOKKA_CHECK(targets.emplace(topic, index).second, "a partition is to be two members'");
        }
      }
      std::set<std::pair<TopicId, PartitionIndex>> owned;
      for (const auto& [id, member] : core_.find(each)->consumer->members()) {
        for (const AssignedPartitions* part : {&member.assignment.assigned, &member.assignment.revoking}) {
          for (const auto& [topic, indexes] : *part) {
            for (const PartitionIndex index : indexes) QUOKKA_CHECK(owned.emplace(topic, index).second, "a partition is two members'");
          }
        }
      }
    }
  }

  GroupTime now() const { return {{ms_ * 1000}, {1'700'000'000'000 + ms_}}; }

  Choices& choices_;
  FakeTopics topics_;
  GroupCore core_;
  Fate fate_ = Fate::committed;
  std::vector<std::variant<Logged, Marker>> log_;
  std::deque<uint64_t> held_;
  std::set<GroupRequestId> waiting_;
  std::deque<std::string> members_;  // ids that were given
  std::map<std::string, int32_t> epochs_;
  std::map<std::string, AssignedPartitions> had_;
  GroupRequestId requests_ = 0;
  int ids_ = 0;
  int64_t offsets_ = 0, ms_ = 1'000;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Choices choices(bytes, size);
  World(choices).run();
  return 0;
}
