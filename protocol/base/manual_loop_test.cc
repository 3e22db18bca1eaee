#include "protocol/base/manual_loop.h"

#include <gtest/gtest.h>

#include <string>

namespace quokka {
namespace {

TEST(ManualLoop, RunsTasksInOrderAndTimersInTime) {
  ManualLoop loop;
  std::string order;
  loop.call_after(Duration::millis(20), [&] { order += 'd'; });
  loop.call_after(Duration::millis(10), [&] {
    order += 'c';
    loop.post([&] { order += '!'; });
  });
  loop.post([&] { order += 'a'; });
  loop.post([&] { order += 'b'; });
  EXPECT_EQ(loop.run_ready(), 2u);
  EXPECT_EQ(order, "ab");
  loop.advance(Duration::millis(15));
  EXPECT_EQ(order, "abc!");
  loop.advance(Duration::millis(15));
  EXPECT_EQ(order, "abc!d");
  EXPECT_FALSE(loop.has_timer());
}

TEST(ManualLoop, CancelledTimersDoNotRun) {
  ManualLoop loop;
  bool ran = false;
  Loop::TimerId timer = loop.call_after(Duration::millis(1), [&] { ran = true; });
  loop.cancel(timer);
  loop.cancel(timer);
  loop.advance(Duration::seconds(1));
  EXPECT_FALSE(ran);
}

TEST(ManualLoop, BothClocksMoveTogether) {
  ManualLoop loop({5000});
  MonoTime before = loop.now();
  loop.advance(Duration::millis(250));
  EXPECT_EQ((loop.now() - before).to_millis(), 250);
  EXPECT_EQ(loop.wall_now().ms, 5250);
}

}  // namespace
}  // namespace quokka
