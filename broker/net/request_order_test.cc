#include "broker/net/request_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace quokka {
namespace {

TEST(RequestOrder, ProducesOverlapAndOthersWaitForThem) {
  RequestOrder order;
  auto p1 = order.on_arrived(true), p2 = order.on_arrived(true), m = order.on_arrived(false), p3 = order.on_arrived(true);
  EXPECT_EQ(order.next_delivery(), p1);
  EXPECT_EQ(order.next_delivery(), p2);
  EXPECT_EQ(order.next_delivery(), std::nullopt);
  order.on_finished(p2);
  EXPECT_EQ(order.next_departure(), std::nullopt);
  EXPECT_EQ(order.next_delivery(), std::nullopt);
  order.on_finished(p1);
  EXPECT_EQ(order.next_departure(), p1);
  EXPECT_EQ(order.next_departure(), p2);
  EXPECT_EQ(order.next_departure(), std::nullopt);
  EXPECT_EQ(order.next_delivery(), m);
  EXPECT_EQ(order.next_delivery(), std::nullopt) << "a produce does not overtake";
  order.on_finished(m);
  EXPECT_EQ(order.next_delivery(), p3);
}

TEST(RequestOrder, AProduceThatHoldsKeepsTheNextBack) {
  RequestOrder order;
  auto p1 = order.on_arrived(true), p2 = order.on_arrived(true), p3 = order.on_arrived(true);
  EXPECT_EQ(order.next_delivery(), p1);
  order.on_hold(p1);
  EXPECT_EQ(order.next_delivery(), std::nullopt);
  order.on_allow(p1);
  order.on_allow(p1);
  EXPECT_EQ(order.next_delivery(), p2);
  order.on_hold(p2);
  EXPECT_EQ(order.next_delivery(), std::nullopt);
  order.on_finished(p2);
  EXPECT_EQ(order.next_delivery(), p3) << "an answer allows as well";
  order.on_finished(p1);
  EXPECT_EQ(order.next_departure(), p1);
  EXPECT_EQ(order.next_departure(), p2);
  order.on_allow(p1);  // late, and long gone
}

// Against what the rule says, looked at from outside.
TEST(RequestOrder, RandomSchedulesKeepTheRule) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    RequestOrder order;
    std::vector<bool> overlaps, delivered, finished;
    size_t departed = 0, next = 0;
    for (int step = 0; step < 300; ++step) {
      switch (random() % 3) {
        case 0: {
          bool produce = random() % 4 != 0;
          ASSERT_EQ(order.on_arrived(produce), overlaps.size());
          overlaps.push_back(produce);
          delivered.push_back(false);
          finished.push_back(false);
          break;
        }
        case 1:
          while (auto place = order.next_delivery()) {
            ASSERT_EQ(*place, next++) << "seed " << seed;
            for (size_t i = 0; i < *place; ++i)
              ASSERT_TRUE(finished[i] || (overlaps[i] && overlaps[*place])) << "seed " << seed;
            delivered[*place] = true;
          }
          if (next < overlaps.size()) {
            bool must_wait = false;
            for (size_t i = 0; i < next; ++i) must_wait |= !finished[i] && !(overlaps[i] && overlaps[next]);
            ASSERT_TRUE(must_wait) << "seed " << seed << ": held back without reason";
          }
          break;
        default: {
          std::vector<size_t> open;
          for (size_t i = 0; i < next; ++i)
            if (!finished[i]) open.push_back(i);
          if (!open.empty()) {
            size_t place = open[random() % open.size()];
            order.on_finished(place);
            finished[place] = true;
          }
          while (auto place = order.next_departure()) {
            ASSERT_EQ(*place, departed++) << "seed " << seed;
            ASSERT_TRUE(finished[*place]);
          }
          ASSERT_TRUE(departed == next || !finished[departed]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace quokka
