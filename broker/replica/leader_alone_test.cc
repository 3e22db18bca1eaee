// A leader that reaches its followers and clients, but not the controller.
#include <gtest/gtest.h>

#include "broker/replica/leader.h"

namespace quokka {
namespace {

TEST(LeaderAloneTest, H42WithoutTheControllerNobodyLeavesAndNothingIsCommitted) {
  const BrokerId self{1}, lagging{2};
  Leader::Start start{self, {LeaderEpoch(3), PartitionEpoch(7), {self, lagging}, false}, {self, lagging}, Offset(10), Offset(10)};
  Leader leader(start, {Duration::seconds(30), 1}, MonoTime{0});
  leader.on_appended(Offset(20), MonoTime{1});
  MonoTime now{Duration::seconds(31).us};
  auto asked = leader.on_tick(now).propose;
  ASSERT_TRUE(asked);
  for (int i = 0; i < 20; ++i) {
    now = now + Duration::seconds(15);
    const auto effects = leader.on_isr_written(*asked, ProposalOutcome::unknown, {}, now);
    ASSERT_EQ(effects.propose, asked) << "the same once more";
    EXPECT_FALSE(effects.high_watermark);
    EXPECT_FALSE(leader.on_tick(now).high_watermark);
    EXPECT_EQ(leader.committed().isr, (std::vector<BrokerId>{self, lagging}));
  }
  EXPECT_EQ(leader.high_watermark(), Offset(10)) << "acks=all must time out: elsewhere the other may lead by now";
}

}  // namespace
}  // namespace quokka
