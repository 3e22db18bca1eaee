// Groups of the consumer protocol (KIP-848), beside members of the classic protocol.
#include <set>

#include "broker/journal/coordinator_partition.h"
#include "integration-tests/clients/cluster_fixture.h"
#include "integration-tests/clients/group_member.h"
#include "integration-tests/clients/hand_made_member.h"

namespace quokka {
namespace {

constexpr int32_t kPartitions = 4;

class ConsumerProtocolTest : public ClusterFixture<ConsumerProtocolTest> {
 public:
  static ClusterOptions options() { return coordinator_options({{"group.consumer.migration.policy", "bidirectional"}}); }

 protected:
  void SetUp() override {
    ClusterFixture::SetUp();
    cluster().start_all_brokers();
  }
  static void make_topic(const std::string& name) { KafkaAdmin(bootstrap()).create_topic_and_wait(name, kPartitions, 3); }
  // Brokers learn of each other, and of topics, after they are ready.
  static bool beats_well(HandMadeMember& member) {
    return eventually(client_timeout_ms, [&] { return member.beat() == ErrorCode::NONE; });
  }
  static bool share(HandMadeMember& a, HandMadeMember& b, size_t of_a, size_t of_b) {
    return eventually(client_timeout_ms, [&] {
      a.beat();
      b.beat();
      std::set<int32_t> all = a.owned();
      all.insert(b.owned().begin(), b.owned().end());
      return a.owned().size() == of_a && b.owned().size() == of_b && all.size() == of_a + of_b;
    });
  }
};

TEST_F(ConsumerProtocolTest, TwoShareOneLeavesAndTheOtherHasAll) {
  make_topic("shared");
  HandMadeMember a(bootstrap(), "shared", "a"), b(bootstrap(), "shared", "b");
  ASSERT_TRUE(beats_well(a));
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { a.beat(); return a.owned().size() == 4u; }));
  ASSERT_EQ(b.beat(), ErrorCode::NONE);
  ASSERT_TRUE(share(a, b, 2, 2));
  EXPECT_EQ(a.description(), "Stable, 2 members");
  const int32_t mine = *a.owned().begin();
  EXPECT_EQ(a.commit(mine, 7, a.epoch()), ErrorCode::NONE);
  EXPECT_EQ(a.commit(mine, 9, a.epoch() - 1), ErrorCode::STALE_MEMBER_EPOCH);
  EXPECT_EQ(a.committed(mine), 7);
  EXPECT_EQ(b.beat_with_epoch(b.epoch() + 7), ErrorCode::FENCED_MEMBER_EPOCH);
  EXPECT_EQ(b.leave(), ErrorCode::NONE);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { a.beat(); return a.owned().size() == 4u; }));
  EXPECT_EQ(a.leave(), ErrorCode::NONE);
  EXPECT_EQ(a.description(), "Empty, 0 members");
}

TEST_F(ConsumerProtocolTest, MembersAndOffsetsSurviveTheirCoordinator) {
  make_topic("survives");
  HandMadeMember a(bootstrap(), "survives", "a"), b(bootstrap(), "survives", "b");
  ASSERT_TRUE(beats_well(a));
  ASSERT_EQ(b.beat(), ErrorCode::NONE);
  ASSERT_TRUE(share(a, b, 2, 2));
  const int32_t mine = *a.owned().begin();
  ASSERT_EQ(a.commit(mine, 7, a.epoch()), ErrorCode::NONE);
  const auto all_in_sync = [] {
    const auto state = znodes().partition_state("__consumer_offsets", coordinator_partition("survives", kCoordinatorPartitions).value);
    return state && state->isr.size() == cluster().broker_ids().size();
  };
  for (const int id : cluster().broker_ids()) {
    ASSERT_TRUE(eventually(client_timeout_ms, all_in_sync)) << "else there is nobody to take over";
    const int32_t epoch = a.epoch();
    const std::set<int32_t> owned = a.owned();
    cluster().kill_broker(id);
    EXPECT_TRUE(beats_well(a));
    EXPECT_TRUE(beats_well(b));
    EXPECT_EQ(a.epoch(), epoch) << "nobody is disturbed";
    EXPECT_EQ(a.owned(), owned);
    EXPECT_TRUE(eventually(client_timeout_ms, [&] { return a.committed(mine) == 7; }));
    cluster().start_broker(id);
    cluster().wait_until_ready(id);
  }
}

TEST_F(ConsumerProtocolTest, AClassicConsumerSharesTheGroupAndTheGroupIsClassicWhenItIsAlone) {
  make_topic("mixed");
  GroupMember classic(bootstrap(), "mixed", "mixed", {{"partition.assignment.strategy", "cooperative-sticky"}});
  ASSERT_TRUE(eventually(client_timeout_ms, [&] { return classic.assignment().size() == 4u; }));
  HandMadeMember a(bootstrap(), "mixed", "a");
  EXPECT_EQ(a.description(), "GROUP_ID_NOT_FOUND") << "a classic group";
  ASSERT_TRUE(beats_well(a));
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { a.beat(); return a.owned().size() == 2u && classic.assignment().size() == 2u; }));
  EXPECT_EQ(a.description(), "Stable, 2 members");
  EXPECT_EQ(a.leave(), ErrorCode::NONE);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return classic.assignment().size() == 4u; }));
  EXPECT_EQ(a.description(), "GROUP_ID_NOT_FOUND");
}

TEST_F(ConsumerProtocolTest, NoGroupBeginsToUseItWhileABrokerDeclinesIt) {
  make_topic("before");
  make_topic("after");
  HandMadeMember before(bootstrap(), "before", "a"), after(bootstrap(), "after", "a");
  ASSERT_TRUE(beats_well(before));
  ASSERT_EQ(cluster().stop_broker(3), 0);
  cluster().start_broker(3, {{"group.coordinator.rebalance.protocols", "classic"}});
  cluster().wait_until_ready(3);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return after.beat() == ErrorCode::UNSUPPORTED_VERSION; }));
  ASSERT_EQ(cluster().stop_broker(3), 0);
  cluster().start_broker(3, {{"group.coordinator.rebalance.protocols", "classic,consumer"}});
  cluster().wait_until_ready(3);
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return after.beat() == ErrorCode::NONE; })) << "offered again";
  EXPECT_TRUE(eventually(client_timeout_ms, [&] { return HandMadeMember(bootstrap(), "after", "b").beat() == ErrorCode::NONE; })) << "offered again";
  EXPECT_TRUE(beats_well(before)) << "it was never gone";
}

}  // namespace
}  // namespace quokka
