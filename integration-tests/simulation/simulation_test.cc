#include <gtest/gtest.h>

#include "integration-tests/simulation/world.h"
#include "protocol/base/log.h"

namespace quokka::simulation {
namespace {

struct SimulationTest : testing::Test {
  SimulationTest() { set_log_level(LogLevel::off); }
  ~SimulationTest() override { set_log_level(LogLevel::warn); }
};

RunReport run(uint64_t seed, Duration disturbed) {
  RunSettings settings;
  settings.seed = seed;
  settings.disturbed = disturbed;
  return run_seed(settings);
}

TEST_F(SimulationTest, TheSameSeedGivesTheSameRun) {
  const RunReport first = run(7, Duration::seconds(20)), again = run(7, Duration::seconds(20)), other = run(8, Duration::seconds(20));
  EXPECT_EQ(first.fingerprint, again.fingerprint);
  EXPECT_EQ(first.events, again.events);
  EXPECT_EQ(first.acknowledged, again.acknowledged);
  EXPECT_NE(first.fingerprint, other.fingerprint);
}

TEST_F(SimulationTest, WhatIsAcknowledgedIsKept) {
  uint64_t faults = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    const RunReport report = run(seed, Duration::seconds(30));
    EXPECT_FALSE(report.violation) << "make simulation SEEDS=" << seed << "-" << seed << ": " << report.violation.value_or("");
    EXPECT_GT(report.acknowledged, 50u) << seed;
    for (const uint64_t count : report.faults) faults += count;
  }
  EXPECT_GT(faults, 30u);
}

}  // namespace
}  // namespace quokka::simulation
