#include "integration-tests/faults/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

namespace quokka {
namespace {

std::string str(const RecordId& id) { return fmt::format("record {} of producer {}", id.sequence, id.producer); }
std::string place(int32_t partition, int64_t offset) { return fmt::format("partition {} offset {}", partition, offset); }

// One partition as the clients saw it.
struct Partition {
  std::vector<const Send*> acknowledged;
  std::map<int64_t, std::set<RecordId>> at;  // offset -> every record that somebody saw there, or was told to be there
  std::map<int64_t, RecordId> final_read;
  std::map<RecordId, std::set<int64_t>> offsets_read;  // by consumers, the final one included
};

class Checker {
 public:
  explicit Checker(const History& history) : history_(history) {
    for (const Send& send : history.sends) sends_[send.id] = &send;
  }

  Findings check() {
    gather();
    for (const auto& [number, partition] : partitions_) {
      check_offsets(number, partition);
      check_delivered(number, partition);
      check_real_time(number, partition);
      check_producers(number, partition);
    }
    for (size_t i = 0; i < history_.consumers.size(); ++i) check_polls(fmt::format("consumer {}", i), history_.consumers[i]);
    check_polls("the final read", history_.final_read);
    check_replicas();
    check_controllers();
    return std::move(findings_);
  }

 private:
  int64_t log_start(int32_t partition) const {
    const auto found = history_.log_starts.find(partition);
    return found == history_.log_starts.end() ? 0 : found->second;
  }

  void gather() {
    for (const Send& send : history_.sends) {
      if (send.outcome != Outcome::acknowledged) continue;
      Partition& partition = partitions_[send.partition];
      partition.acknowledged.push_back(&send);
      if (send.offset >= 0) partition.at[send.offset].insert(send.id);
    }
    for (const Polls& polls : history_.consumers) gather(polls, false);
    gather(history_.final_read, true);
  }

  // Everything read was written, whole, for this partition, in this run.
  void gather(const Polls& polls, bool is_final) {
    for (const Polled& polled : polls) {
      const std::string where = place(polled.partition, polled.offset);
      if (!polled.payload || polled.payload->run != history_.run || polled.payload->partition != polled.partition) {
        findings_.add(Anomaly::phantom, where + (!polled.payload ? ": not a payload" : ": a record of another run or partition"));
        continue;
      }
      const RecordId id = polled.payload->id;
      const auto sent = sends_.find(id);
      if (sent == sends_.end())
        findings_.add(Anomaly::phantom, where + ": " + str(id) + " was never sent");
      else if (sent->second->outcome == Outcome::failed)
        findings_.add(Anomaly::phantom, where + ": " + str(id) + " was refused and is there");
      Partition& partition = partitions_[polled.partition];
      partition.at[polled.offset].insert(id);
      partition.offsets_read[id].insert(polled.offset);
      if (is_final) partition.final_read[polled.offset] = id;
    }
  }

  void check_offsets(int32_t number, const Partition& partition) {
    for (const auto& [offset, ids] : partition.at)
      if (ids.size() > 1)
        findings_.add(Anomaly::inconsistent_offset, fmt::format("{}: {} and {}", place(number, offset), str(*ids.begin()), str(*ids.rbegin())));
    for (const auto& [id, offsets] : partition.offsets_read)
      if (offsets.size() > 1)
        findings_.add(Anomaly::duplicate, fmt::format("{} at {}{} and {}{}", str(id), place(number, *offsets.begin()), origin(number, *offsets.begin()),
                                                      *offsets.rbegin(), origin(number, *offsets.rbegin())));
  }

  const StoredBatch* in_files(int32_t partition, int64_t offset) const {
    for (const ReplicaLog& log : history_.replicas) {
      if (log.partition != partition) continue;
      for (const StoredBatch& batch : log.batches)
        if (batch.base_offset <= offset && offset <= batch.last_offset) return &batch;
    }
    return nullptr;
  }
  std::string origin(int32_t partition, int64_t offset) const {
    const StoredBatch* batch = in_files(partition, offset);
    if (!batch) return "";
    return fmt::format(" (producer id {}, sequence {}, leader epoch {})", batch->producer_id, batch->base_sequence, batch->leader_epoch);
  }

  void check_delivered(int32_t number, const Partition& partition) {
    std::set<RecordId> read;
    for (const auto& [offset, id] : partition.final_read) read.insert(id);
    for (const Send* send : partition.acknowledged) {
      const auto found = partition.final_read.find(send->offset);
      if (send->offset < 0 ? read.contains(send->id) : found != partition.final_read.end() && found->second == send->id) continue;
      if (send->offset >= 0 && send->offset < log_start(number)) continue;
      // Where another record took the offset, that is what lies in the files.
      const bool stored = send->offset >= 0 && found == partition.final_read.end() && in_files(number, send->offset);
      findings_.add(stored ? Anomaly::undelivered : Anomaly::lost, fmt::format("{}, acknowledged at {}", str(send->id), place(number, send->offset)));
    }
  }

  // What is sent after an acknowledgement arrived comes behind what was acknowledged.
  void check_real_time(int32_t number, const Partition& partition) {
    std::vector<const Send*> completed, invoked;
    for (const Send* send : partition.acknowledged)
      if (send->offset >= 0) completed.push_back(send);
    invoked = completed;
    std::sort(completed.begin(), completed.end(), [](auto* a, auto* b) { return a->completed_ns < b->completed_ns; });
    std::sort(invoked.begin(), invoked.end(), [](auto* a, auto* b) { return a->invoked_ns < b->invoked_ns; });
    const Send* highest = nullptr;
    size_t next = 0;
    for (const Send* send : invoked) {
      for (; next < completed.size() && completed[next]->completed_ns < send->invoked_ns; ++next)
        if (!highest || completed[next]->offset > highest->offset) highest = completed[next];
      if (highest && send->offset <= highest->offset)
        findings_.add(Anomaly::reordered, fmt::format("{} at {}, sent after {} was acknowledged at offset {}", str(send->id), place(number, send->offset),
                                                      str(highest->id), highest->offset));
    }
  }

  // One producer's records of a partition lie in the order in which they were sent.
  void check_producers(int32_t number, const Partition& partition) {
    std::map<int32_t, RecordId> last;  // producer -> its latest record so far
    for (const auto& [offset, id] : partition.final_read) {
      const auto [previous, is_first] = last.try_emplace(id.producer, id);
      if (!is_first && id < previous->second) findings_.add(Anomaly::reordered, fmt::format("{}: {} behind {}", place(number, offset), str(id), str(previous->second)));
      previous->second = std::max(previous->second, id);
    }
  }

  void check_polls(const std::string& who, const Polls& polls) {
    std::map<int32_t, int64_t> last;  // partition -> offset
    for (const Polled& polled : polls) {
      const auto previous = last.try_emplace(polled.partition, -1).first;
      const auto& at = partitions_[polled.partition].at;
      const int64_t expected_after = std::max(previous->second, log_start(polled.partition) - 1);
      if (polled.offset <= previous->second) {
        findings_.add(Anomaly::nonmonotonic_poll, fmt::format("{}: {} after offset {}", who, place(polled.partition, polled.offset), previous->second));
      } else if (const auto passed = at.upper_bound(expected_after); passed != at.end() && passed->first < polled.offset) {
        findings_.add(Anomaly::poll_skip, fmt::format("{}: {} after offset {}, and there is a record at {}", who, place(polled.partition, polled.offset),
                                                      previous->second, passed->first));
      }
      previous->second = polled.offset;
    }
  }

  void check_replicas() {
    std::map<int32_t, std::vector<const ReplicaLog*>> logs;  // by partition
    for (const ReplicaLog& log : history_.replicas) logs[log.partition].push_back(&log);
    for (const auto& [number, replicas] : logs) {
      int64_t from = 0, to = std::numeric_limits<int64_t>::max();
      for (const ReplicaLog* log : replicas) {
        check_batches(*log);
        if (!log->batches.empty()) from = std::max(from, log->batches.front().base_offset);
        to = std::min(to, log->high_watermark);
      }
      for (size_t i = 1; i < replicas.size(); ++i) compare(*replicas[0], *replicas[i], from, to);
    }
  }

  // A replica in itself: batches follow each other, leader epochs do not fall, and what is below the high watermark is there and whole.
  void check_batches(const ReplicaLog& log) {
    const std::string who = fmt::format("broker {} partition {}", log.broker, log.partition);
    const StoredBatch* previous = nullptr;
    for (const StoredBatch& batch : log.batches) {
      if (batch.base_offset < log.high_watermark && !batch.crc_valid)
        findings_.add(Anomaly::divergence, fmt::format("{}: the batch at offset {} is damaged", who, batch.base_offset));
      if (previous && batch.base_offset != previous->last_offset + 1)
        findings_.add(Anomaly::divergence, fmt::format("{}: offset {} follows {}", who, batch.base_offset, previous->last_offset));
      if (previous && batch.leader_epoch < previous->leader_epoch)
        findings_.add(Anomaly::divergence, fmt::format("{}: leader epoch {} at offset {} follows {}", who, batch.leader_epoch, batch.base_offset,
                                                       previous->leader_epoch));
      previous = &batch;
    }
    if (const int64_t end = previous ? previous->last_offset + 1 : log_start(log.partition); end < log.high_watermark)
      findings_.add(Anomaly::divergence, fmt::format("{}: the log ends at {}, the high watermark is {}", who, end, log.high_watermark));
  }

  // Byte by byte in [from, to).
  void compare(const ReplicaLog& a, const ReplicaLog& b, int64_t from, int64_t to) {
    const auto below = [](const StoredBatch& batch, int64_t offset) { return batch.base_offset < offset; };
    const auto begin_a = std::lower_bound(a.batches.begin(), a.batches.end(), from, below);
    const auto begin_b = std::lower_bound(b.batches.begin(), b.batches.end(), from, below);
    const auto end_a = std::lower_bound(begin_a, a.batches.end(), to, below), end_b = std::lower_bound(begin_b, b.batches.end(), to, below);
    const auto [at_a, at_b] = std::mismatch(begin_a, end_a, begin_b, end_b);
    if (at_a == end_a && at_b == end_b) return;
    const int64_t offset = at_a != end_a ? at_a->base_offset : at_b->base_offset;
    findings_.add(Anomaly::divergence, fmt::format("partition {}: brokers {} and {} differ at offset {}, below the high watermark {}", a.partition, a.broker,
                                                   b.broker, offset, to));
  }

  void check_controllers() {
    std::map<int32_t, int32_t> claimed;  // epoch -> broker
    for (const ControllerClaim& claim : history_.controllers) {
      const auto [first, is_new] = claimed.try_emplace(claim.epoch, claim.broker);
      if (first->second != claim.broker)
        findings_.add(Anomaly::two_controllers, fmt::format("brokers {} and {} at controller epoch {}", first->second, claim.broker, claim.epoch));
    }
  }

  const History& history_;
  std::map<RecordId, const Send*> sends_;
  std::map<int32_t, Partition> partitions_;
  Findings findings_;
};

}  // namespace

const char* name(Anomaly anomaly) {
  switch (anomaly) {
    case Anomaly::lost: return "lost";
    case Anomaly::undelivered: return "undelivered";
    case Anomaly::duplicate: return "duplicate";
    case Anomaly::inconsistent_offset: return "inconsistent offset";
    case Anomaly::reordered: return "reordered";
    case Anomaly::phantom: return "phantom";
    case Anomaly::poll_skip: return "poll skip";
    case Anomaly::nonmonotonic_poll: return "nonmonotonic poll";
    case Anomaly::divergence: return "divergence";
    case Anomaly::two_controllers: return "two controllers";
    case Anomaly::aborted_read: return "aborted read";
    case Anomaly::early_read: return "early read";
    case Anomaly::torn: return "torn transaction";
    case Anomaly::copied_twice: return "copied twice";
    case Anomaly::not_copied: return "not copied";
    case Anomaly::offset_went_back: return "offset went back";
    case Anomaly::two_owners: return "two owners";
    case Anomaly::not_given: return "not given to the group";
    case Anomaly::resurrected: return "resurrected";
    case Anomaly::tombstone_gone_early: return "tombstone gone early";
    case Anomaly::deleted_early: return "deleted early";
  }
  return "?";
}

void Findings::add(Anomaly anomaly, std::string words) {
  Found& found = found_[anomaly];
  ++found.count;
  if (found.examples.size() < examples_max) found.examples.push_back(std::move(words));
}

void Findings::add(const Findings& more) {
  for (const auto& [anomaly, added] : more.found_) {
    Found& found = found_[anomaly];
    found.count += added.count;
    for (const std::string& example : added.examples)
      if (found.examples.size() < examples_max) found.examples.push_back(example);
  }
}

int64_t Findings::count(Anomaly anomaly) const {
  const auto found = found_.find(anomaly);
  return found == found_.end() ? 0 : found->second.count;
}

const std::vector<std::string>& Findings::examples(Anomaly anomaly) const {
  static const std::vector<std::string> none;
  const auto found = found_.find(anomaly);
  return found == found_.end() ? none : found->second.examples;
}

std::string Findings::str() const {
  std::string text;
  for (const auto& [anomaly, found] : found_) {
    text += fmt::format("{} {}", name(anomaly), found.count);
    for (const std::string& example : found.examples) text += (&example == &found.examples.front() ? ": " : "; ") + example;
    text += '\n';
  }
  return text;
}

Findings check_history(const History& history) { return Checker(history).check(); }

}  // namespace quokka
