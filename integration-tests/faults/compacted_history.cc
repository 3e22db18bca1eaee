#include "integration-tests/faults/compacted_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace quokka {
namespace {

constexpr int64_t never = std::numeric_limits<int64_t>::max();
constexpr int64_t timestamp_step_ns = 1'000'000;  // records carry milliseconds

class Checker {
 public:
  explicit Checker(const CompactedHistory& history) : history_(history) {
    for (const Update& update : history.updates) {
      by_id_[update.send.id] = &update;
      if (update.send.outcome != Outcome::failed) of_key_[{update.send.partition, update.key}].push_back(&update);
      if (is_placed(update)) placed_[update.send.partition][update.send.offset] = &update;
    }
    for (const KeyedLog& log : history.logs) log_starts_[log.partition] = std::max(log_starts_[log.partition], log.log_start);
  }

  Findings check() {
    findings_.add(check_history(before_cleaning()));
    for (size_t i = 0; i < history_.readers.size(); ++i) check_reader(fmt::format("reader {}", i), history_.readers[i]);
    for (const KeyedLog& log : history_.logs) {
      check_order(log.where, log.records);
      check_log_start(log);
      check_latest(log);
    }
    return std::move(findings_);
  }

 private:
  static bool is_placed(const Update& update) { return update.send.outcome == Outcome::acknowledged && update.send.offset >= 0; }
  static std::string str(const Update& update) {
    return fmt::format("{} of key {}, record {} of producer {} at partition {} offset {}", update.is_tombstone ? "the tombstone" : "the value", update.key,
                       update.send.id.sequence, update.send.id.producer, update.send.partition, update.send.offset);
  }
  // Behind it in the log, or perhaps so. Those of one producer keep their order.
  static bool may_follow(const Update& other, const Update& update) {
    if (is_placed(other)) return other.send.offset > update.send.offset;
    if (other.send.id.producer == update.send.id.producer) return other.send.id.sequence > update.send.id.sequence;
    return other.send.completed_ns > update.send.invoked_ns;
  }

  // Everything at its place as if nothing had been cleaned: what was acknowledged, and what anybody read. It has to be what any log is.
  History before_cleaning() {
    History whole;
    whole.run = history_.run;
    for (const Update& update : history_.updates) whole.sends.push_back(update.send);
    std::map<std::pair<int32_t, int64_t>, std::map<RecordId, Polled>> at;
    std::set<RecordId> seen;
    const auto add = [&](const KeyedRecord& record) {
      const RecordId id = record.polled.payload ? record.polled.payload->id : RecordId();
      at[{record.polled.partition, record.polled.offset}].try_emplace(id, record.polled);
      seen.insert(id);
      check_content(record);
    };
    for (const KeyedRecords& reader : history_.readers) std::for_each(reader.begin(), reader.end(), add);
    for (const KeyedLog& log : history_.logs) std::for_each(log.records.begin(), log.records.end(), add);
    for (const Update& update : history_.updates) {
      if (!is_placed(update) || seen.contains(update.send.id)) continue;
      const Send& send = update.send;
      at[{send.partition, send.offset}].try_emplace(send.id, Polled{send.partition, send.offset, Payload{history_.run, send.id, send.partition}, 0});
    }
    for (const auto& [place, records] : at)
      for (const auto& [id, polled] : records) whole.final_read.push_back(polled);
    return whole;
  }

  // A record has the key with which it was written, and a value if it had one.
  void check_content(const KeyedRecord& record) {
    const auto written = record.polled.payload ? by_id_.find(record.polled.payload->id) : by_id_.end();
    if (written == by_id_.end()) return;
    if (written->second->key != record.key || written->second->is_tombstone != record.is_tombstone)
      findings_.add(Anomaly::phantom, fmt::format("{} is read as {} of key {}", str(*written->second), record.is_tombstone ? "a tombstone" : "a value", record.key));
  }

  void check_order(const std::string& who, const KeyedRecords& records) {
    std::map<int32_t, int64_t> last;  // partition -> offset
    for (const KeyedRecord& record : records) {
      const Polled& polled = record.polled;
      const auto previous = last.try_emplace(polled.partition, -1).first;
      if (polled.offset <= previous->second)
        findings_.add(Anomaly::nonmonotonic_poll, fmt::format("{}: partition {} offset {} after offset {}", who, polled.partition, polled.offset, previous->second));
      previous->second = polled.offset;
    }
  }

  // The first time at which a later record of its key may have taken its place.
  int64_t superseded_ns(const Update& update) const {
    int64_t first = never;
    for (const Update* other : of_key_.at({update.send.partition, update.key}))
      if (may_follow(*other, update)) first = std::min(first, other->send.invoked_ns);
    return first;
  }

  // What a reader goes past and does not get was superseded, or is a tombstone whose time is over, or was deleted with the beginning of the log.
  void check_reader(const std::string& who, const KeyedRecords& records) {
    check_order(who, records);
    std::map<int32_t, int64_t> next;  // partition -> the first offset that was not passed
    for (const KeyedRecord& record : records) {
      const Polled& polled = record.polled;
      const auto& placed = placed_[polled.partition];
      int64_t& from = next.try_emplace(polled.partition, log_starts_[polled.partition]).first->second;
      for (auto at = placed.lower_bound(from); at != placed.end() && at->first < polled.offset; ++at) check_passed(who, *at->second, polled.at_ns);
      from = std::max(from, polled.offset + 1);
    }
  }

  void check_passed(const std::string& who, const Update& update, int64_t at_ns) {
    if (update.is_tombstone && at_ns >= update.send.invoked_ns + history_.delete_retention_ns) return;
    if (superseded_ns(update) < at_ns) return;
    findings_.add(update.is_tombstone ? Anomaly::tombstone_gone_early : Anomaly::poll_skip, fmt::format("{} does not get {}", who, str(update)));
  }

  void check_log_start(const KeyedLog& log) {
    const auto deleted_to = history_.deleted_to.find(log.partition);
    const int64_t from = deleted_to == history_.deleted_to.end() ? 0 : deleted_to->second;
    const auto& placed = placed_[log.partition];
    for (auto at = placed.lower_bound(from); at != placed.end() && at->first < log.log_start; ++at) {
      const int64_t young_until = at->second->send.invoked_ns - timestamp_step_ns + history_.retention_ns;
      if (history_.retention_ns == 0 || log.at_ns < young_until)
        findings_.add(Anomaly::deleted_early, fmt::format("{} begins at offset {}, past {}", log.where, log.log_start, str(*at->second)));
    }
  }

  void check_latest(const KeyedLog& log) {
    std::map<int32_t, const KeyedRecord*> last;  // key -> its latest record
    for (const KeyedRecord& record : log.records)
      if (record.polled.offset >= log.log_start) last[record.key] = &record;
    for (const auto& [place, updates] : of_key_) {
      if (place.first != log.partition) continue;
      const Update* latest = nullptr;
      for (const Update* update : updates)
        if (is_placed(*update) && (!latest || update->send.offset > latest->send.offset)) latest = update;
      const auto found = last.find(place.second);
      const KeyedRecord* there = found == last.end() ? nullptr : found->second;
      if (latest && latest->send.offset >= log.log_start && (!there || there->polled.offset < latest->send.offset)) check_missing(log, *latest, there);
    }
  }

  // Of its key `older` is there, or nothing.
  void check_missing(const KeyedLog& log, const Update& latest, const KeyedRecord* older) {
    const std::string words = older ? fmt::format("{}: offset {} instead of {}", log.where, older->polled.offset, str(latest)) : fmt::format("{} lacks {}", log.where, str(latest));
    const auto& updates = of_key_.at({latest.send.partition, latest.key});
    const bool may_be_deleted = std::any_of(updates.begin(), updates.end(), [&](const Update* other) { return other->is_tombstone && may_follow(*other, latest); });
    if (older)
      findings_.add(latest.is_tombstone || may_be_deleted ? Anomaly::resurrected : Anomaly::lost, words);
    else if (latest.is_tombstone && log.at_ns < latest.send.invoked_ns + history_.delete_retention_ns && !may_be_deleted)
      findings_.add(Anomaly::tombstone_gone_early, words);
    else if (!latest.is_tombstone && !may_be_deleted)
      findings_.add(Anomaly::lost, words);
  }

  const CompactedHistory& history_;
  std::map<RecordId, const Update*> by_id_;
  std::map<std::pair<int32_t, int32_t>, std::vector<const Update*>> of_key_;  // (partition, key), what may be in the log
  std::map<int32_t, std::map<int64_t, const Update*>> placed_;                // partition -> by offset, what was acknowledged
  std::map<int32_t, int64_t> log_starts_;                                     // the highest that was seen
  Findings findings_;
};

}  // namespace

Findings check_compacted(const CompactedHistory& history) { return Checker(history).check(); }

}  // namespace quokka
