// Decides what is wrong with what is left of a compacted topic: what was acknowledged of each key, what readers saw while it was cleaned, and what is there
// in the end. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "integration-tests/faults/history.h"

namespace quokka {

// A record as it was read. That of a tombstone has its payload beside the value that it lacks.
struct KeyedRecord {
  Polled polled;
  int32_t key = -1;
  bool is_tombstone = false;
};
using KeyedRecords = std::vector<KeyedRecord>;

struct Update {
  Send send;
  int32_t key = -1;
  bool is_tombstone = false;
};

// The whole of a partition: what the leader gave in the end, or a replica's files.
struct KeyedLog {
  std::string where;
  int32_t partition = 0;
  int64_t log_start = 0;
  int64_t at_ns = 0;  // when this was known
  KeyedRecords records;
};

struct CompactedHistory {
  uint32_t run = 0;
  std::vector<Update> updates;
  std::vector<KeyedRecords> readers;  // each was assigned all partitions and began at their starts; with times
  std::vector<KeyedLog> logs;
  int64_t delete_retention_ns = 0;          // a tombstone stays at least so long
  int64_t retention_ns = 0;                 // what is older may be deleted; 0: nothing is
  std::map<int32_t, int64_t> deleted_to;  // partition -> the highest offset that a DeleteRecords asked for, whatever it was answered
};

Findings check_compacted(const CompactedHistory& history);

}  // namespace quokka
