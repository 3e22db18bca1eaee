#include "tools/consumer_group_text.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

TopicPartition part(const std::string& topic, int32_t index) { return {topic, PartitionIndex(index)}; }

DescribedConsumerGroup two_members() {
  DescribedConsumerGroup group;
  group.id = "live";
  group.state = "Stable";
  group.assignor = "range";
  group.coordinator = BrokerId(2);
  group.coordinator_address = {"127.0.0.1", 50533};
  group.members = {{"a-1", std::nullopt, "a", "/127.0.0.1", {part("u", 0)}},
                   {"b-2", std::nullopt, "b", "/127.0.0.1", {part("t", 0), part("t", 10), part("t", 2), part("u", 1)}}};
  return group;
}

TEST(ConsumerGroupText, a_line_end_stands_before_each_row_of_offsets_and_none_behind) {
  const DescribedConsumerGroup group = two_members();
  const OffsetsByPartition committed{{part("t", 0), Offset(5)}, {part("gone", 3), Offset(7)}};
  const OffsetsByPartition ends{{part("t", 0), Offset(9)}, {part("t", 2), Offset(4)}, {part("t", 10), Offset(1)}, {part("u", 0), Offset(0)}, {part("u", 1), Offset(0)}};
  EXPECT_EQ(offsets_text(group.id, group_offsets(group, committed, ends)),
            "\nGROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID"
            "\nlive            t               0          5               9               4               b-2             /127.0.0.1      b"
            "\nlive            t               2          -               4               -               b-2             /127.0.0.1      b"
            "\nlive            t               10         -               1               -               b-2             /127.0.0.1      b"
            "\nlive            u               1          -               0               -               b-2             /127.0.0.1      b"
            "\nlive            u               0          -               0               -               a-1             /127.0.0.1      a"
            "\nlive            gone            3          7               -               -               -               -               -")
      << "members with most partitions first, then what nobody reads; the end of a topic that is gone is not known";
}

TEST(ConsumerGroupText, columns_are_as_wide_as_what_is_in_them) {
  DescribedConsumerGroup group = two_members();
  group.id = "a-group-with-a-long-name";
  group.members.pop_back();
  group.members[0].id = "a-member-with-a-long-name";
  EXPECT_EQ(offsets_text(group.id, group_offsets(group, {}, {})),
            "\nGROUP                    TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID               HOST            CLIENT-ID"
            "\na-group-with-a-long-name u               0          -               -               -               a-member-with-a-long-name /127.0.0.1      a");
  EXPECT_EQ(listing_text({{group.id, "Stable", "Classic"}}, true, true),
            "GROUP                              TYPE                 STATE               \n"
            "a-group-with-a-long-name           Classic              Stable              \n");
  EXPECT_EQ(listing_text({}, false, true), "GROUP                     STATE               \n");
}

TEST(ConsumerGroupText, members_show_instances_only_if_there_are_any) {
  DescribedConsumerGroup group = two_members();
  EXPECT_EQ(members_text(group, true),
            "\nGROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     ASSIGNMENT\n"
            "live            a-1             /127.0.0.1      a               1               u(0)\n"
            "live            b-2             /127.0.0.1      b               4               t(0,2,10), u(1)\n");
  group.members[1].instance_id = "i-1";
  group.members[1].assignment.clear();
  EXPECT_EQ(members_text(group, false),
            "\nGROUP           CONSUMER-ID     GROUP-INSTANCE-ID HOST            CLIENT-ID       #PARTITIONS     \n"
            "live            a-1                               /127.0.0.1      a               1               \n"
            "live            b-2             i-1               /127.0.0.1      b               0               \n");
}

TEST(ConsumerGroupText, a_state_is_one_row_with_its_coordinator) {
  EXPECT_EQ(state_text(two_members()),
            "\nGROUP                     COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE           #MEMBERS"
            "\nlive                      127.0.0.1:50533  (2)      range                Stable          2\n");
}

TEST(ConsumerGroupText, rebalances_are_shown_newest_first) {
  DescribedConsumerGroup group = two_members();
  group.rebalances = {{WallTime{0}, WallTime{1250}, 1, 2, "adding new member a-1"}, {WallTime{3000}, std::nullopt, 2, 3, "adding new member b-2"}, {WallTime{86'400'000}, std::nullopt, -1, 0, "member a-1 left"}};
  EXPECT_EQ(rebalances_text(group),
            "\nGROUP           REBALANCE-BEGAN      DURATION-MS  GENERATION #MEMBERS   REASON"
            "\nlive            1970-01-02T00:00:00Z under way    -          -          member a-1 left"
            "\nlive            1970-01-01T00:00:03Z overtaken    2          3          adding new member b-2"
            "\nlive            1970-01-01T00:00:00Z 1250         1          2          adding new member a-1\n");
}

TEST(ConsumerGroupText, resets_and_deleted_offsets_end_their_lines) {
  EXPECT_EQ(reset_text({{"g", {{part("t", 0), Offset(11)}}}, {"h", {}}}),
            "\nGROUP                          TOPIC                          PARTITION  NEW-OFFSET     \n"
            "g                              t                              0          11             \n");
  EXPECT_EQ(deleted_offsets_text({{part("nope", -1), "no such topic"}, {part("t", 0), std::nullopt}}),
            "\nTOPIC                          PARTITION       STATUS         \n"
            "nope                           Not Provided    Error: no such topic\n"
            "t                              0               Successful     \n");
}

}  // namespace
}  // namespace quokka
