#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "broker/replica/follower.h"
#include "broker/replica/leader.h"
#include "protocol/base/schedules.h"

namespace quokka {
namespace {

constexpr Duration kLag = Duration::seconds(30);
const BrokerId kSelf{1}, kTwo{2}, kThree{3};

Leader make_leader(std::vector<BrokerId> isr, int32_t min_isr = 1, Offset log_end = Offset(10), Offset high_watermark = Offset(5)) {
  Leader::Start start{kSelf, {LeaderEpoch(3), PartitionEpoch(7), std::move(isr), false}, {kSelf, kTwo, kThree}, log_end, high_watermark};
  return Leader(start, {kLag, min_isr}, MonoTime{0});
}

CommittedPartitionState answer(const IsrProposal& p) {
  return {p.leader_epoch, PartitionEpoch(p.partition_epoch.value + 1), p.isr, false};
}

TEST(LeaderTest, CommitsWhatAllInSyncReplicasHave) {
  Leader leader = make_leader({kSelf, kTwo, kThree});
  EXPECT_FALSE(leader.on_appended(Offset(20), MonoTime{1}).high_watermark);
  EXPECT_FALSE(leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(20), Offset(0), true}, MonoTime{2}).high_watermark);
  EXPECT_EQ(leader.on_follower_fetch({kThree, BrokerEpoch(), Offset(15), Offset(0), true}, MonoTime{3}).high_watermark, Offset(15));
  EXPECT_EQ(leader.on_follower_fetch({kThree, BrokerEpoch(), Offset(20), Offset(0), true}, MonoTime{4}).high_watermark, Offset(20));
}

TEST(LeaderTest, AloneItCommitsAtOnce) {
  Leader leader = make_leader({kSelf});
  EXPECT_EQ(leader.on_appended(Offset(11), MonoTime{1}).high_watermark, Offset(11));
}

TEST(LeaderTest, H4AReplicaJoinsOnlyAtTheHighWatermarkAndAtTheEpochStart) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(5));
  EXPECT_FALSE(leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(9), Offset(0), true}, MonoTime{1}).propose) << "below the epoch start";
  leader.on_appended(Offset(20), MonoTime{2});
  ASSERT_EQ(leader.high_watermark(), Offset(20));
  EXPECT_FALSE(leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(19), Offset(0), true}, MonoTime{3}).propose) << "below the high watermark";
  const auto effects = leader.on_follower_fetch({kTwo, BrokerEpoch(77), Offset(20), Offset(0), true}, MonoTime{4});
  ASSERT_TRUE(effects.propose);
  EXPECT_EQ(effects.propose->isr, (std::vector<BrokerId>{kSelf, kTwo}));
  EXPECT_EQ(effects.propose->broker_epochs[1], BrokerEpoch(77));
}

TEST(LeaderTest, H11TheHighWatermarkWaitsForPendingMembersAndOneProposalIsInFlight) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(10));
  const auto effects = leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(10), Offset(0), true}, MonoTime{1});
  ASSERT_TRUE(effects.propose);
  EXPECT_FALSE(leader.on_appended(Offset(11), MonoTime{2}).high_watermark) << "2 may already be in the controller's set";
  EXPECT_FALSE(leader.on_follower_fetch({kThree, BrokerEpoch(), Offset(11), Offset(0), true}, MonoTime{3}).propose) << "one at a time";
  EXPECT_FALSE(leader.on_isr_written(*effects.propose, ProposalOutcome::superseded, {}, MonoTime{4}).propose);
  EXPECT_FALSE(leader.on_appended(Offset(12), MonoTime{Duration::seconds(60).us}).high_watermark) << "superseded keeps the maximal set";
}

TEST(LeaderTest, H12AProposalWithoutAnAnswerIsSentAgainUnchanged) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(10));
  const auto first = leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(10), Offset(0), true}, MonoTime{1});
  const auto again = leader.on_isr_written(*first.propose, ProposalOutcome::unknown, {}, MonoTime{2});
  EXPECT_EQ(again.propose, first.propose);
}

TEST(LeaderTest, H14OlderStatesAreIgnored) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(10));
  const auto first = leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(10), Offset(0), true}, MonoTime{1});
  const CommittedPartitionState older{LeaderEpoch(3), PartitionEpoch(6), {kSelf, kThree}, false};
  leader.on_isr_written(*first.propose, ProposalOutcome::done, older, MonoTime{2});
  EXPECT_TRUE(leader.has_proposal_in_flight());
  leader.on_isr_written(*first.propose, ProposalOutcome::done, answer(*first.propose), MonoTime{3});
  EXPECT_FALSE(leader.has_proposal_in_flight());
  EXPECT_EQ(leader.committed().partition_epoch, PartitionEpoch(8));
  leader.on_isr_written(*first.propose, ProposalOutcome::done, older, MonoTime{4});
  EXPECT_EQ(leader.committed().partition_epoch, PartitionEpoch(8)) << "a late answer carries an older epoch";
  // What is told of the first proposal once more says nothing about the second, nor does an answer that only tells of newer truth end it.
  const auto second = leader.on_follower_fetch({kThree, BrokerEpoch(), Offset(10), Offset(0), true}, MonoTime{5});
  ASSERT_TRUE(second.propose);
  leader.on_isr_written(*first.propose, ProposalOutcome::not_applied, {}, MonoTime{6});
  EXPECT_TRUE(leader.has_proposal_in_flight());
  leader.on_isr_written(*second.propose, ProposalOutcome::superseded, {}, MonoTime{7});
  EXPECT_TRUE(leader.has_proposal_in_flight()) << "until LeaderAndIsr brings it";
}

TEST(LeaderTest, SaysHowItsProposalsEnd) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(10));
  const auto asked = leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(10), Offset(0), true}, MonoTime{1});
  EXPECT_FALSE(asked.isr_update);
  EXPECT_FALSE(leader.on_isr_written(*asked.propose, ProposalOutcome::unknown, {}, MonoTime{2}).isr_update) << "no answer, no end";
  const auto again = leader.on_isr_written(*asked.propose, ProposalOutcome::failed, {}, MonoTime{3});
  EXPECT_EQ(again.isr_update, IsrUpdate::failed);
  EXPECT_EQ(again.propose, asked.propose) << "it is asked again";
  const CommittedPartitionState older{LeaderEpoch(3), PartitionEpoch(6), {kSelf, kThree}, false};
  EXPECT_EQ(leader.on_isr_written(*asked.propose, ProposalOutcome::done, older, MonoTime{4}).isr_update, IsrUpdate::failed);
  EXPECT_EQ(leader.on_isr_written(*asked.propose, ProposalOutcome::done, answer(*asked.propose), MonoTime{5}).isr_update, IsrUpdate::expanded);
  EXPECT_FALSE(leader.on_isr_written(*asked.propose, ProposalOutcome::done, answer(*asked.propose), MonoTime{6}).isr_update) << "twice";
  leader.on_appended(Offset(11), MonoTime{7});
  const auto lagging = leader.on_tick(MonoTime{kLag.us + 10});
  ASSERT_TRUE(lagging.propose);
  EXPECT_EQ(leader.on_isr_written(*lagging.propose, ProposalOutcome::superseded, {}, MonoTime{kLag.us + 11}).isr_update, IsrUpdate::failed);
  EXPECT_EQ(leader.on_isr_written(*lagging.propose, ProposalOutcome::done, answer(*lagging.propose), MonoTime{kLag.us + 12}).isr_update, IsrUpdate::shrunk);
}

TEST(LeaderTest, H18TheHighWatermarkStandsStillBelowMinInsyncReplicas) {
  Leader leader = make_leader({kSelf}, 2);
  EXPECT_FALSE(leader.on_appended(Offset(30), MonoTime{1}).high_watermark);
  EXPECT_FALSE(leader.has_enough_replicas());
}

TEST(LeaderTest, H19AReplicaThatShutsDownDoesNotHoldTheHighWatermark) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(10));
  leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(10), Offset(0), false}, MonoTime{1});
  EXPECT_EQ(leader.on_appended(Offset(11), MonoTime{2}).high_watermark, Offset(11));
}

TEST(LeaderTest, H16AReplicaThatTheControllerRefusesIsLeftAloneForAWhile) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(10));
  const auto first = leader.on_follower_fetch({kTwo, BrokerEpoch(5), Offset(10), Offset(0), true}, MonoTime{1});
  ASSERT_TRUE(first.propose);
  EXPECT_EQ(first.propose->joining, 1u);
  leader.on_isr_written(*first.propose, ProposalOutcome::not_applied, {}, MonoTime{2});
  // It shuts down: its fetches neither ask the controller again and again nor hold the high watermark back.
  EXPECT_FALSE(leader.on_follower_fetch({kTwo, BrokerEpoch(5), Offset(10), Offset(0), true}, MonoTime{3}).propose);
  EXPECT_EQ(leader.on_appended(Offset(11), MonoTime{4}).high_watermark, Offset(11));
  const MonoTime later{Duration::seconds(2).us};
  EXPECT_TRUE(leader.on_follower_fetch({kTwo, BrokerEpoch(5), Offset(11), Offset(0), true}, later).propose);
  // Another life of the broker is another matter.
  Leader other = make_leader({kSelf}, 1, Offset(10), Offset(10));
  const auto refused = other.on_follower_fetch({kTwo, BrokerEpoch(5), Offset(10), Offset(0), true}, MonoTime{1});
  other.on_isr_written(*refused.propose, ProposalOutcome::not_applied, {}, MonoTime{2});
  EXPECT_TRUE(other.on_follower_fetch({kTwo, BrokerEpoch(6), Offset(10), Offset(0), true}, MonoTime{3}).propose);
}

TEST(LeaderTest, H16AReplicaOnADeadBrokerDoesNotJoin) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(10));
  EXPECT_FALSE(leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(10), Offset(0), false}, MonoTime{1}).propose);
}

TEST(LeaderTest, H17AFetchOfAnEarlierLifeDoesNotCount) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(5));
  leader.on_follower_fetch({kTwo, BrokerEpoch(9), Offset(4), Offset(0), true}, MonoTime{1});
  const auto stale = leader.on_follower_fetch({kTwo, BrokerEpoch(8), Offset(10), Offset(0), true}, MonoTime{2});
  EXPECT_FALSE(stale.propose) << "its log lost its end since";
  EXPECT_EQ(leader.on_appended(Offset(11), MonoTime{3}).high_watermark, Offset(11));
  // The next epoch of the same leader still knows.
  Leader next = make_leader({kSelf}, 1, Offset(11), Offset(11));
  next.remember_brokers(leader);
  EXPECT_FALSE(next.on_follower_fetch({kTwo, BrokerEpoch(8), Offset(11), Offset(0), true}, MonoTime{4}).propose);
  const auto now = next.on_follower_fetch({kTwo, BrokerEpoch(9), Offset(11), Offset(0), true}, MonoTime{5});
  ASSERT_TRUE(now.propose);
  EXPECT_EQ(now.propose->broker_epochs[1], BrokerEpoch(9));
}

TEST(LeaderTest, H17AFetchThatCarriesNoEpochDoesNotUndoWhatIsKnown) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(5));
  leader.on_follower_fetch({kTwo, BrokerEpoch(9), Offset(4), Offset(0), true}, MonoTime{1});
  const auto joining = leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(10), Offset(0), true}, MonoTime{2});
  ASSERT_TRUE(joining.propose);
  EXPECT_EQ(joining.propose->broker_epochs[1], BrokerEpoch(9)) << "else nobody would find out that it began another life";
  // It did, and its fetches carry none any more: it is not kept out for ever.
  leader.on_isr_written(*joining.propose, ProposalOutcome::not_applied, {}, MonoTime{3});
  const auto again = leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(10), Offset(0), true}, MonoTime{Duration::seconds(60).us});
  ASSERT_TRUE(again.propose);
  EXPECT_EQ(again.propose->broker_epochs[1], BrokerEpoch());
}

TEST(LeaderTest, H19WhoDiesAfterItsLastFetchDoesNotHoldTheHighWatermark) {
  Leader leader = make_leader({kSelf}, 1, Offset(10), Offset(10));
  const auto joining = leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(10), Offset(0), true}, MonoTime{1});
  leader.on_isr_written(*joining.propose, ProposalOutcome::not_applied, {}, MonoTime{2});
  const MonoTime later{Duration::seconds(2).us};
  leader.on_follower_fetch({kThree, BrokerEpoch(), Offset(3), Offset(0), true}, later);
  leader.on_follower_fetch({kTwo, BrokerEpoch(), Offset(9), Offset(0), true}, later);
  EXPECT_FALSE(leader.on_appended(Offset(11), later).high_watermark) << "2 is near";
  EXPECT_EQ(leader.on_live_brokers({kSelf, kThree}, later).high_watermark, Offset(11));
}

TEST(LeaderTest, ALaggingReplicaLeavesAfterTheLagTime) {
  Leader leader = make_leader({kSelf, kTwo});
  leader.on_appended(Offset(11), MonoTime{1});
  EXPECT_FALSE(leader.on_tick(MonoTime{kLag.us}).propose);
  const auto effects = leader.on_tick(MonoTime{kLag.us + 1});
  ASSERT_TRUE(effects.propose);
  EXPECT_EQ(effects.propose->isr, std::vector<BrokerId>{kSelf});
  const auto done = leader.on_isr_written(*effects.propose, ProposalOutcome::done, answer(*effects.propose), MonoTime{kLag.us + 2});
  EXPECT_EQ(done.high_watermark, Offset(11));
}

TEST(LeaderTest, AReplicaThatIsAlwaysOneFetchBehindStaysInSync) {
  Leader leader = make_leader({kSelf, kTwo});
  Offset end(10);
  for (int64_t second = 1; second < 100; ++second) {
    const Offset had = end;
    end = end + 5;
    leader.on_appended(end, MonoTime{Duration::seconds(second).us});
    leader.on_follower_fetch({kTwo, BrokerEpoch(), had, Offset(0), true}, MonoTime{Duration::seconds(second).us});
    EXPECT_FALSE(leader.on_tick(MonoTime{Duration::seconds(second).us}).propose) << second;
  }
}

// Whatever happens in whatever order: the high watermark never goes back, never passes a member of the controller's in-sync set, and at most
// one proposal is in flight.
TEST(LeaderTest, RandomSchedulesKeepTheInvariants) {
  for (uint32_t seed = 0; seed < testing::schedules(2000); ++seed) {
    std::mt19937 random(seed);
    const auto draw = [&](uint32_t n) { return random() % n; };
    Leader leader = make_leader({kSelf, kTwo, kThree}, static_cast<int32_t>(1 + draw(3)));
    CommittedPartitionState controller = leader.committed();  // what the controller has in truth
    std::map<BrokerId, Offset> ends{{kTwo, Offset(5)}, {kThree, Offset(5)}};
    std::optional<IsrProposal> in_flight;
    Offset end(10), last(5);
    MonoTime now{0};
    const auto perform = [&](const Leader::Effects& effects) {
      if (effects.propose) {
        ASSERT_TRUE(!in_flight || *in_flight == *effects.propose) << "seed " << seed;
        in_flight = effects.propose;
      }
      if (effects.high_watermark) {
        ASSERT_GT(*effects.high_watermark, last) << "seed " << seed;
        last = *effects.high_watermark;
      }
      for (BrokerId id : controller.isr) {
        if (id != kSelf && effects.high_watermark) { ASSERT_GE(ends[id], last) << "seed " << seed << " broker " << id; }
      }
    };
    for (int step = 0; step < 200; ++step) {
      now = now + Duration::seconds(draw(8));
      const BrokerId follower = draw(2) ? kTwo : kThree;
      switch (draw(6)) {
        case 0: end = end + 1; perform(leader.on_appended(end, now)); break;
        case 1:
        case 2:
          ends[follower] = std::min(end, ends[follower] + static_cast<int64_t>(draw(4)));
          perform(leader.on_follower_fetch({follower, BrokerEpoch(), ends[follower], Offset(0), draw(8) != 0}, now));
          break;
        case 3: perform(leader.on_tick(now)); break;
        default: {
          if (!in_flight) break;
          const IsrProposal proposal = *in_flight;
          const bool applies = proposal.partition_epoch == controller.partition_epoch;
          if (applies && draw(2)) {
            controller = answer(proposal);
            if (draw(3) == 0) {  // applied, but the answer is lost
              perform(leader.on_isr_written(proposal, ProposalOutcome::unknown, {}, now));
              break;
            }
          }
          if (controller.isr == proposal.isr) {
            in_flight.reset();
            perform(leader.on_isr_written(proposal, ProposalOutcome::done, controller, now));
          } else {
            in_flight.reset();
            perform(leader.on_isr_written(proposal, ProposalOutcome::not_applied, {}, now));
          }
        }
      }
    }
  }
}

TEST(FollowerTest, H1TruncatesToTheLeadersEndOfTheSharedEpoch) {
  const Follower follower(LeaderEpoch(5));
  const FollowerLog log{Offset(0), Offset(20), Offset(3), {LeaderEpoch(4), Offset(20)}};
  EXPECT_EQ(follower.on_diverging({LeaderEpoch(4), Offset(12)}, log).truncate_to, Offset(12));
}

TEST(FollowerTest, H2AnEpochWeLackSendsUsToTheEndOfOurNextSmallerOne) {
  const Follower follower(LeaderEpoch(5));
  const FollowerLog log{Offset(0), Offset(20), Offset(3), {LeaderEpoch(2), Offset(8)}};
  EXPECT_EQ(follower.on_diverging({LeaderEpoch(3), Offset(12)}, log).truncate_to, Offset(8));
}

TEST(FollowerTest, WithoutACommonEpochOnlyTheHighWatermarkIsSafe) {
  const Follower follower(LeaderEpoch(5));
  const FollowerLog log{Offset(0), Offset(20), Offset(3), {}};
  EXPECT_EQ(follower.on_diverging({}, log).truncate_to, Offset(3));
}

TEST(FollowerTest, H21OutOfRange) {
  const Follower follower(LeaderEpoch(5));
  const FollowerLog log{Offset(0), Offset(20), Offset(3), {}};
  EXPECT_EQ(follower.on_out_of_range(Offset(0), Offset(15), log).truncate_to, Offset(15));
  EXPECT_EQ(follower.on_out_of_range(Offset(40), Offset(90), log).truncate_fully_and_start_at, Offset(40));
  EXPECT_FALSE(follower.on_out_of_range(Offset(0), Offset(20), log).truncate_to);
  const auto above = follower.on_out_of_range(Offset(0), Offset(5), {Offset(10), Offset(20), Offset(15), {}});
  EXPECT_EQ(above.truncate_fully_and_start_at, Offset(0)) << "all of the leader's log lies below ours";
  EXPECT_FALSE(above.truncate_to);
}

// A flipped bit in a batch's leader epoch passes its CRC: without this the follower asks for ever.
TEST(FollowerTest, AnEpochThatNobodyCanHaveWrittenIsCutOff) {
  const Follower follower(LeaderEpoch(5));
  const FollowerLog log{Offset(0), Offset(20), Offset(18), {LeaderEpoch(5), Offset(17)}};
  EXPECT_EQ(follower.on_out_of_range(Offset(0), Offset(90), log).truncate_to, Offset(17));
  const FollowerLog whole{Offset(0), Offset(20), Offset(18), {LeaderEpoch(5), Offset(20)}};
  EXPECT_FALSE(follower.on_out_of_range(Offset(0), Offset(90), whole).truncate_to);
}

TEST(FollowerTest, WhatEndsInsideABatchOfTheLeadersIsCutOff) {
  const Follower follower(LeaderEpoch(5));
  const auto cut = follower.on_batch_around_the_end({Offset(18), Offset(18), true}, {Offset(0), Offset(20), Offset(18), {}});
  EXPECT_EQ(cut.truncate_to, Offset(18));
  EXPECT_FALSE(cut.truncate_fully_and_start_at);
  const auto begun = follower.on_batch_around_the_end({Offset(18), Offset(20), true}, {Offset(20), Offset(20), Offset(20), {}});
  EXPECT_EQ(begun.truncate_fully_and_start_at, Offset(18)) << "an empty log has nothing that could be wrong";
}

TEST(FollowerTest, WhatIsCommittedIsCutForNoBatchOfTheLeadersUnlessItStandsApart) {
  const Follower follower(LeaderEpoch(5));
  const FollowerLog log{Offset(0), Offset(20), Offset(18), {}};
  const auto refused = follower.on_batch_around_the_end({Offset(17), Offset(16), true}, log);
  EXPECT_TRUE(refused.refused);
  EXPECT_FALSE(refused.truncate_to);
  EXPECT_TRUE(follower.on_batch_around_the_end({Offset(18), Offset(16), true}, log).refused) << "ours that holds it begins below";
  EXPECT_EQ(follower.on_batch_around_the_end({Offset(17), Offset(16), false}, log).truncate_to, Offset(17));
}

TEST(FollowerTest, H7AnAnswerFromAnotherEpochIsDropped) { EXPECT_FALSE(Follower(LeaderEpoch(5)).accepts(LeaderEpoch(4))); }

}  // namespace
}  // namespace quokka
