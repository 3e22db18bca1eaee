#include "protocol/client/waiting_loop.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace quokka {
namespace {

constexpr Duration kPatience = Duration::seconds(20);

TEST(WaitingLoop, RunsWhatComesUntilTheConditionHolds) {
  WaitingLoop loop;
  std::string ran;
  loop.post([&] { ran += 'a'; });
  loop.post([&] { ran += 'b'; });
  std::thread other([&] { loop.post([&] { ran += 'c'; }); });
  EXPECT_TRUE(loop.run_until([&] { return ran.size() == 3; }, kPatience));
  other.join();
  EXPECT_LT(ran.find('a'), ran.find('b'));
  EXPECT_TRUE(loop.in_loop());
}

TEST(WaitingLoop, TimersRunInTheirOrderAndCancelledOnesNever) {
  WaitingLoop loop;
  std::string ran;
  const MonoTime now = loop.now();
  loop.call_at(now + Duration::millis(3), [&] { ran += 'c'; });
  loop.call_at(now + Duration::millis(1), [&] { ran += 'a'; });
  const auto cancelled = loop.call_at(now + Duration::millis(2), [&] { ran += 'b'; });
  loop.cancel(cancelled);
  EXPECT_TRUE(loop.run_until([&] { return ran.size() == 2; }, kPatience));
  EXPECT_EQ(ran, "ac");
  EXPECT_GE(loop.now(), now + Duration::millis(3));
}

TEST(WaitingLoop, SaysWhenTheEndCameFirst) {
  WaitingLoop loop;
  const MonoTime end = loop.now() + Duration::millis(5);
  EXPECT_FALSE(loop.run_until([] { return false; }, Duration::millis(5)));
  EXPECT_GE(loop.now(), end);
}

TEST(WaitingLoop, DestroysWhatHasNotRun) {
  auto held = std::make_shared<int>();
  {
    WaitingLoop loop;
    loop.post([held] { FAIL(); });
    loop.call_after(Duration::seconds(60), [held] { FAIL(); });
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace quokka
