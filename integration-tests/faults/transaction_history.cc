#include "integration-tests/faults/transaction_history.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <utility>

namespace quokka {
namespace {

using Source = std::pair<int32_t, int64_t>;  // partition and offset of the input

class Checker {
 public:
  Checker(const TransactionHistory& history, const History& input) : history_(history), input_(input) {
    for (const Transaction& transaction : history.transactions)
      for (const Copy& copy : transaction.copies) copies_[copy.send.id] = {&transaction, &copy};
    for (const Polled& polled : history.output.final_read)
      if (polled.payload) committed_.insert(polled.payload->id);
  }

  Findings check() {
    findings_.add(check_history(output()));
    for (const Polls& reader : history_.output.consumers) check_reader(reader);
    check_reader(history_.output.final_read);
    for (const Transaction& transaction : history_.transactions) check_whole(transaction);
    check_copies();
    check_offsets();
    return std::move(findings_);
  }

 private:
  struct Known {
    const Transaction* transaction;
    const Copy* copy;
  };

  static std::string str(const Copy& copy) {
    return fmt::format("record {} of copier {}, a copy of partition {} offset {}", copy.send.id.sequence, copy.send.id.producer, copy.source_partition,
                       copy.source_offset);
  }

  // As of any topic: what was acknowledged within a committed transaction is there once, in order, at its offset.
  History output() const {
    History output = history_.output;
    for (const Transaction& transaction : history_.transactions)
      for (const Copy& copy : transaction.copies) {
        Send send = copy.send;
        send.outcome = transaction.outcome == Outcome::acknowledged ? Outcome::acknowledged : Outcome::unknown;
        output.sends.push_back(send);
      }
    return output;
  }

  void check_reader(const Polls& reader) {
    for (const Polled& polled : reader) {
      const auto found = polled.payload ? copies_.find(polled.payload->id) : copies_.end();
      if (found == copies_.end()) continue;  // a phantom
      const auto& [transaction, copy] = found->second;
      if (transaction->outcome == Outcome::failed)
        findings_.add(Anomaly::aborted_read, str(*copy));
      else if (polled.at_ns > 0 && polled.at_ns < transaction->commit_invoked_ns)
        findings_.add(Anomaly::early_read, str(*copy));
    }
  }

  // Committed or not known: all of its records are there, or none, and with them its offsets.
  void check_whole(const Transaction& transaction) {
    if (transaction.outcome == Outcome::failed) return;
    const Copy *there = nullptr, *missing = nullptr;
    for (const Copy& copy : transaction.copies) (committed_.contains(copy.send.id) ? there : missing) = &copy;
    if (there && missing) findings_.add(Anomaly::torn, fmt::format("{} is there, and not {}", str(*there), str(*missing)));
    if (!there) return;
    for (const auto& [partition, offset] : transaction.offsets)
      if (const auto found = history_.group_offsets.find(partition); found == history_.group_offsets.end() || found->second < offset)
        findings_.add(Anomaly::torn, fmt::format("{} is there, and offset {} of input partition {} is not committed: {}", str(*there), offset, partition,
                                                 found == history_.group_offsets.end() ? -1 : found->second));
  }

  void check_copies() {
    std::map<Source, const Copy*> copied;
    for (RecordId id : committed_) {
      const auto known = copies_.find(id);
      if (known == copies_.end()) continue;
      const Copy& copy = *known->second.copy;
      const auto [first, is_first] = copied.try_emplace({copy.source_partition, copy.source_offset}, &copy);
      if (!is_first) findings_.add(Anomaly::copied_twice, fmt::format("{} and {}", str(*first->second), str(copy)));
    }
    for (const Polled& polled : input_.final_read) {
      const auto end = history_.group_offsets.find(polled.partition);
      if (end == history_.group_offsets.end() || polled.offset >= end->second || copied.contains({polled.partition, polled.offset})) continue;
      findings_.add(Anomaly::not_copied, fmt::format("input partition {} offset {}, the group's offset is {}", polled.partition, polled.offset, end->second));
    }
  }

  void check_offsets() {
    std::vector<GroupOffset> offsets = history_.told;
    for (const Transaction& transaction : history_.transactions) {
      if (transaction.outcome != Outcome::acknowledged) continue;
      for (const auto& [partition, offset] : transaction.offsets)
        offsets.push_back({partition, offset, transaction.commit_invoked_ns, transaction.completed_ns});
    }
    check_group_offsets(std::move(offsets), findings_);
  }

  const TransactionHistory& history_;
  const History& input_;
  std::map<RecordId, Known> copies_;
  std::set<RecordId> committed_;
  Findings findings_;
};

}  // namespace

Findings check_transactions(const TransactionHistory& history, const History& input) { return Checker(history, input).check(); }

}  // namespace quokka
