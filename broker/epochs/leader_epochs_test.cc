#include "broker/epochs/leader_epochs.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

LeaderEpochs epochs_of(std::initializer_list<std::pair<int, int>> entries) {
  LeaderEpochs epochs;
  for (const auto& [epoch, start] : entries) epochs.assign(LeaderEpoch(epoch), Offset(start));
  return epochs;
}

std::vector<EpochStart> list(std::initializer_list<std::pair<int, int>> entries) {
  std::vector<EpochStart> out;
  for (const auto& [epoch, start] : entries) out.push_back({LeaderEpoch(epoch), Offset(start)});
  return out;
}

EpochEnd end(int epoch, int offset) { return {LeaderEpoch(epoch), Offset(offset)}; }

TEST(LeaderEpochs, AssignKeepsTheFirstStartOfAnEpoch) {
  LeaderEpochs epochs;
  EXPECT_TRUE(epochs.assign(LeaderEpoch(0), Offset(0)));
  EXPECT_FALSE(epochs.assign(LeaderEpoch(0), Offset(5)));
  EXPECT_TRUE(epochs.assign(LeaderEpoch(2), Offset(10)));
  EXPECT_EQ(epochs.entries(), list({{0, 0}, {2, 10}}));
  EXPECT_EQ(epochs.latest(), LeaderEpoch(2));
}

TEST(LeaderEpochs, AssignIgnoresTheUndefinedEpoch) {
  LeaderEpochs epochs;
  EXPECT_FALSE(epochs.assign(LeaderEpoch(-1), Offset(0)));
  EXPECT_TRUE(epochs.entries().empty());
}

TEST(LeaderEpochs, H5ContradictingEntriesAreReplaced) {
  EXPECT_EQ(epochs_of({{4, 11}, {6, 11}}).entries(), list({{6, 11}}));  // an election without a write
  EXPECT_EQ(epochs_of({{1, 0}, {3, 10}, {5, 20}, {4, 15}}).entries(), list({{1, 0}, {3, 10}, {4, 15}}));
  EXPECT_EQ(epochs_of({{1, 0}, {3, 10}, {3, 8}}).entries(), list({{1, 0}, {3, 8}}));
}

TEST(LeaderEpochs, H5BelowTheFirstEntryTheFirstStartIsTheEnd) {
  const LeaderEpochs epochs = epochs_of({{3, 10}, {5, 20}});
  EXPECT_EQ(epochs.end_of(LeaderEpoch(1), Offset(30)), end(1, 10));
}

TEST(LeaderEpochs, H2UnknownEpochAnswersTheLargestBelowIt) {
  const LeaderEpochs epochs = epochs_of({{1, 0}, {3, 10}, {6, 20}});
  EXPECT_EQ(epochs.end_of(LeaderEpoch(1), Offset(30)), end(1, 10));
  EXPECT_EQ(epochs.end_of(LeaderEpoch(2), Offset(30)), end(1, 10));
  EXPECT_EQ(epochs.end_of(LeaderEpoch(4), Offset(30)), end(3, 20));
  EXPECT_EQ(epochs.end_of(LeaderEpoch(6), Offset(30)), end(6, 30));
  EXPECT_EQ(epochs.end_of(LeaderEpoch(7), Offset(30)), EpochEnd{});
  EXPECT_EQ(epochs.end_of(LeaderEpoch(-1), Offset(30)), EpochEnd{});
  EXPECT_EQ(LeaderEpochs().end_of(LeaderEpoch(0), Offset(30)), EpochEnd{});
}

TEST(LeaderEpochs, H62EpochZeroCounts) {
  const LeaderEpochs epochs = epochs_of({{0, 0}});
  EXPECT_EQ(epochs.end_of(LeaderEpoch(0), Offset(7)), end(0, 7));
  EXPECT_EQ(epochs.epoch_at(Offset(3)), LeaderEpoch(0));
}

TEST(LeaderEpochs, H8TruncationAtTheEndDropsEntriesThere) {
  LeaderEpochs epochs = epochs_of({{1, 0}, {3, 10}, {6, 20}});
  EXPECT_TRUE(epochs.truncate_from_end(Offset(20)));
  EXPECT_EQ(epochs.entries(), list({{1, 0}, {3, 10}}));
  EXPECT_FALSE(epochs.truncate_from_end(Offset(20)));
  EXPECT_TRUE(epochs.truncate_from_end(Offset(0)));
  EXPECT_TRUE(epochs.entries().empty());
}

TEST(LeaderEpochs, TruncationAtTheStartRaisesTheFirstStart) {
  LeaderEpochs epochs = epochs_of({{1, 0}, {3, 10}, {6, 20}});
  EXPECT_TRUE(epochs.truncate_from_start(Offset(5)));
  EXPECT_EQ(epochs.entries(), list({{1, 5}, {3, 10}, {6, 20}}));
  EXPECT_FALSE(epochs.truncate_from_start(Offset(5)));
  EXPECT_TRUE(epochs.truncate_from_start(Offset(10)));
  EXPECT_EQ(epochs.entries(), list({{3, 10}, {6, 20}}));
  EXPECT_TRUE(epochs.truncate_from_start(Offset(100)));
  EXPECT_EQ(epochs.entries(), list({{6, 100}}));
}

TEST(LeaderEpochs, CheckpointTextIsKafkas) {
  const LeaderEpochs epochs = epochs_of({{0, 0}, {2, 39}});
  EXPECT_EQ(epochs.encode(), "0\n2\n0 0\n2 39\n");
  auto read = LeaderEpochs::decode(epochs.encode());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->entries(), epochs.entries());
  EXPECT_TRUE(LeaderEpochs::decode("").ok());
}

TEST(LeaderEpochs, DamagedCheckpointsAreRefused) {
  for (const char* text : {"1\n0\n", "0\n", "0\nx\n", "0\n1\n", "0\n2\n0 0\n", "0\n1\n0\n", "0\n1\n0 x\n", "0\n2\n1 0\n1 5\n", "0\n2\n1 5\n2 5\n",
                           "0\n1\n-1 0\n", "0\n1\n99999999999 0\n"})
    EXPECT_FALSE(LeaderEpochs::decode(text).ok()) << text;
}

}  // namespace
}  // namespace quokka
