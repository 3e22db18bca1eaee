// A few rows of the fault table, short enough for every change. `make faults` runs all.
#include <gtest/gtest.h>

#include <algorithm>

#include "integration-tests/faults/fault_run.h"

namespace quokka {
namespace {

// The first one of this name and workload.
void expect_passes(const std::string& name, Load load = Load::W1) {
  for (const FaultRow& row : fault_rows()) {
    if (row.name != name || row.load != load) continue;
    const FaultOutcome outcome = run_fault(row, static_cast<uint32_t>(::testing::UnitTest::GetInstance()->random_seed()) + 1);
    std::string words;
    for (const std::string& each : outcome.words) words += '\n' + each;
    if (outcome.verdict == Verdict::skipped) GTEST_SKIP() << row.name << ": " << words;
    EXPECT_EQ(outcome.verdict, Verdict::passed) << row.name << ", " << row.fault << ": " << quokka::name(outcome.verdict) << words;
    return;
  }
  FAIL() << "there is no row " << name;
}

TEST(FaultsTest, AllIsWellWithoutAFault) { expect_passes("F0"); }
TEST(FaultsTest, ALeaderIsKilledAndAnotherLeads) { expect_passes("F1"); }
TEST(FaultsTest, AllBrokersAreKilledAtOnce) { expect_passes("F3"); }

TEST(FaultsTest, TransactionsSurviveTheDeathOfALeader) { expect_passes("F1", Load::W3); }

TEST(FaultTableTest, RowsHaveNames) {
  for (const FaultRow& row : fault_rows()) {
    EXPECT_FALSE(row.name.empty() || row.fault.empty());
    EXPECT_TRUE(row.make != nullptr) << row.name;
  }
}

}  // namespace
}  // namespace quokka
