#include "broker/replica/replication_model.h"

#include "protocol/base/schedules.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

using testing::ReplicationModel;

constexpr int kSteps = 400;

// The first seed of [0, seeds) whose run violates an invariant.
std::optional<uint32_t> first_violation(uint32_t seeds, bool durable, ReplicationModel::Mistake mistake, std::string& what) {
  for (uint32_t seed = 0; seed < seeds; ++seed) {
    ReplicationModel model(seed, durable, mistake);
    for (int step = 0; step < kSteps && model.violation().empty(); ++step) model.step();
    if (model.violation().empty()) model.heal();
    if (model.violation().empty()) continue;
    what = model.violation();
    return seed;
  }
  return std::nullopt;
}

// Whatever the schedule: nothing that was committed is lost, no two replicas differ below their high watermarks, and in the end all come together.
TEST(ReplicationModelTest, NoScheduleBreaksTheInvariants) {
  std::string what;
  const auto seed = first_violation(testing::schedules(5000), false, ReplicationModel::Mistake::none, what);
  EXPECT_FALSE(seed) << "seed " << *seed << ": " << what;
}

// The same when only what is synced counts, and every machine may lose what is not, all of them at once too.
TEST(ReplicationModelTest, DurableModeKeepsWhatIsCommittedThroughPowerLosses) {
  std::string what;
  const auto seed = first_violation(testing::schedules(5000), true, ReplicationModel::Mistake::none, what);
  EXPECT_FALSE(seed) << "seed " << *seed << ": " << what;
}

TEST(ReplicationModelTest, SchedulesCommitRecords) {
  size_t committed = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    ReplicationModel model(seed, seed % 2 == 0);
    for (int step = 0; step < kSteps; ++step) model.step();
    committed += model.committed();
  }
  EXPECT_GT(committed, 250u);
}

TEST(ReplicationModelTest, H9TheHighWatermarkOfADivergingAnswerIsFoundIfUsed) {
  std::string what;
  EXPECT_TRUE(first_violation(6000, false, ReplicationModel::Mistake::uses_high_watermark_of_diverging_answer, what));
}

TEST(ReplicationModelTest, H10ADivergingFetchIsFoundIfCounted) {
  std::string what;
  EXPECT_TRUE(first_violation(6000, false, ReplicationModel::Mistake::counts_diverging_fetch, what));
}

}  // namespace
}  // namespace quokka
