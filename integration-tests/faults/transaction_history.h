// Decides what is wrong with a run of consume, transform, produce: what was read of an input, copied to an output and committed with the input's offsets,
// and what readers of committed records saw. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "integration-tests/faults/group_history.h"
#include "integration-tests/faults/history.h"

namespace quokka {

// A record of the output: whose copy it is.
struct Copy {
  Send send;  // its outcome says that the leader has it, not that it is committed
  int32_t source_partition = 0;
  int64_t source_offset = 0;
};

struct Transaction {
  static constexpr int64_t never = std::numeric_limits<int64_t>::max();

  std::vector<Copy> copies;
  std::map<int32_t, int64_t> offsets;       // input partition -> the offset to go on at, which is committed with it
  Outcome outcome = Outcome::failed;        // acknowledged: committed; failed: aborted, or given up before its commit was asked for
  int64_t commit_invoked_ns = never, completed_ns = never;
};

struct TransactionHistory {
  std::vector<Transaction> transactions;
  History output;  // without sends: readers of committed records, with times; the final read of committed records; replicas
  std::vector<GroupOffset> told;               // offsets of the input that members were told
  std::map<int32_t, int64_t> group_offsets;  // at the end, by input partition
};

// `input`: the topic that was copied. Every record below the group's offset has exactly one committed copy, none at it or above has one.
Findings check_transactions(const TransactionHistory& history, const History& input);

}  // namespace quokka
