// Runs a row of the fault table and says what came of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "integration-tests/faults/fault_row.h"

namespace quokka {

enum class Verdict {
  passed,
  failed,
  invalid,  // proves nothing: the fault had no effect, or fewer than acknowledged_min records were acknowledged
  skipped,  // the machine lacks a mechanism
};
const char* name(Verdict verdict);

struct FaultOutcome {
  static constexpr int64_t acknowledged_min = 1000;

  Verdict verdict = Verdict::passed;
  std::vector<std::string> words;  // why; effects of the fault, findings, problems
  Findings findings;
  int64_t acknowledged = 0;
  int64_t unavailable_ms = 0;  // the longest silence of a partition
};

// Never throws: what the cluster does not survive is a failure. The seed draws what a row leaves to chance.
FaultOutcome run_fault(const FaultRow& row, uint32_t seed);

}  // namespace quokka
