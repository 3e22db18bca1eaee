#include "broker/handlers/read_replica.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

const BrokerId kLeader{1}, kTwo{2}, kThree{3};

ClusterViewPtr racks(const std::string& first, const std::string& second, const std::string& third) {
  ClusterUpdate update;
  const auto broker = [](int32_t id, const std::string& rack) {
    return BrokerView{BrokerId(id), {{"PLAINTEXT", "b", 9092, 0}}, rack.empty() ? std::nullopt : std::optional(rack)};
  };
  update.brokers = {broker(1, first), broker(2, second), broker(3, third)};
  ViewChanges changes;
  return ClusterView().after(update, changes);
}

std::vector<Leader::Holder> both(int64_t end_of_two = 10, int64_t end_of_three = 10, int64_t two_caught_up_at = 5, int64_t three_caught_up_at = 5) {
  return {{kTwo, Offset(end_of_two), MonoTime{two_caught_up_at}}, {kThree, Offset(end_of_three), MonoTime{three_caught_up_at}}};
}

TEST(ReadReplicaTest, AReplicaInTheConsumersRackIsPreferred) {
  const auto view = racks("a", "b", "c");
  EXPECT_EQ(rack_aware_replica(*view, "PLAINTEXT", "b", kLeader, both()), kTwo);
  EXPECT_EQ(rack_aware_replica(*view, "PLAINTEXT", "c", kLeader, both()), kThree);
}

TEST(ReadReplicaTest, TheLeaderServesItsOwnRackAndRacksWithoutReplica) {
  EXPECT_EQ(rack_aware_replica(*racks("a", "a", "a"), "PLAINTEXT", "a", kLeader, both()), std::nullopt);
  EXPECT_EQ(rack_aware_replica(*racks("a", "b", "c"), "PLAINTEXT", "d", kLeader, both()), std::nullopt);
  EXPECT_EQ(rack_aware_replica(*racks("a", "", ""), "PLAINTEXT", "", kLeader, both()), std::nullopt) << "a consumer that names none";
}

TEST(ReadReplicaTest, OfSeveralTheOneNearestToTheLeader) {
  const auto view = racks("a", "b", "b");
  EXPECT_EQ(rack_aware_replica(*view, "PLAINTEXT", "b", kLeader, both(11, 10)), kTwo);
  EXPECT_EQ(rack_aware_replica(*view, "PLAINTEXT", "b", kLeader, both(10, 10, 6, 5)), kTwo);
  EXPECT_EQ(rack_aware_replica(*view, "PLAINTEXT", "b", kLeader, both()), kThree);
  EXPECT_EQ(rack_aware_replica(*view, "PLAINTEXT", "b", kLeader, {}), std::nullopt) << "neither holds the offset";
  EXPECT_EQ(rack_aware_replica(*view, "SSL", "b", kLeader, both()), std::nullopt) << "neither can be reached there";
}

}  // namespace
}  // namespace quokka
