#include "broker/net/event_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace quokka {
namespace {

TEST(EventLoop, RunsTheTasksOfAPosterInOrderOnItsThread) {
  EventLoop loop("test");
  loop.start();
  std::vector<int> seen;
  std::promise<void> done;
  for (int i = 0; i < 1000; ++i)
    loop.post([&, i] {
      EXPECT_TRUE(loop.in_loop());
      seen.push_back(i);
      if (i == 999) done.set_value();
    });
  done.get_future().wait();
  loop.stop();
  ASSERT_EQ(seen.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], i);
  EXPECT_FALSE(loop.in_loop());
}

TEST(EventLoop, APostIsNeverInline) {
  EventLoop loop("test");
  loop.start();
  std::promise<bool> ran_inline;
  loop.post([&] {
    auto inner = std::make_shared<bool>(false);
    loop.post([inner] { *inner = true; });
    ran_inline.set_value(*inner);
  });
  EXPECT_FALSE(ran_inline.get_future().get());
}

TEST(EventLoop, TimersRunInOrderOfTimeAndNotBefore) {
  EventLoop loop("test");
  loop.start();
  std::vector<int> seen;
  std::promise<void> done;
  MonoTime begin = loop.now();
  loop.post([&] {
    loop.call_after(Duration::millis(30), [&] { seen.push_back(3); done.set_value(); });
    loop.call_after(Duration::millis(10), [&] { seen.push_back(1); EXPECT_GE((loop.now() - begin).us, 10000); });
    loop.call_after(Duration::millis(20), [&] { seen.push_back(2); });
    auto cancelled = loop.call_after(Duration::millis(15), [&] { seen.push_back(99); });
    loop.cancel(cancelled);
    loop.cancel(cancelled);
  });
  done.get_future().wait();
  loop.stop();
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
}

TEST(EventLoop, ATimerThatSetsItselfAgainStarvesNobody) {
  EventLoop loop("test");
  loop.start();
  std::promise<void> done;
  std::function<void()> again = [&] { loop.call_at(loop.now(), [&] { again(); }); };
  loop.post([&] { again(); });
  std::thread poster([&] { loop.post([&] { done.set_value(); }); });
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  poster.join();
  loop.stop();
}

TEST(EventLoop, WhatIsLeftAfterStopIsDestroyedUnrunAndMayPostWhileDestroyed) {
  auto alive = std::make_shared<int>(0);
  struct Reposter {
    Loop* loop;
    std::shared_ptr<int> held;
    ~Reposter() { loop->post([kept = held] {}); }
  };
  std::atomic<int> ran{0};
  {
    EventLoop loop("test");
    loop.start();
    loop.stop();
    loop.post([&ran] { ++ran; });
  }
  {
    EventLoop loop("test");
    loop.post([&ran, r = std::make_unique<Reposter>(Reposter{&loop, alive})] { ++ran; });
    loop.call_at(loop.now(), [&ran, kept = alive] { ++ran; });
  }
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(EventLoops, AreAtMostTheCores) {
  EventLoops loops(1000);
  EXPECT_LE(loops.size(), std::thread::hardware_concurrency());
  EXPECT_EQ(EventLoops(0).size(), 1u);
}

TEST(ThreadPool, RunsEverythingAndBlocksTheCallerAboveTheBound) {
  ThreadPool pool(2, 4);
  std::atomic<int> ran{0};
  std::promise<void> gate;
  std::shared_future<void> open(gate.get_future());
  std::promise<void> all_in;
  std::thread caller([&] {
    for (int i = 0; i < 100; ++i)
      pool.run([&, open] {
        open.wait();
        ++ran;
      });
    all_in.set_value();
  });
  auto filled = all_in.get_future();
  while (pool.queued() < 4) std::this_thread::yield();
  EXPECT_LE(pool.queued(), 4u);
  EXPECT_EQ(filled.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
  gate.set_value();
  caller.join();
  while (ran < 100) std::this_thread::yield();
}

TEST(ThreadPool, StopDestroysWhatWaits) {
  auto alive = std::make_shared<int>(0);
  ThreadPool pool(1);
  std::promise<void> started, release;
  auto wait_for_release = release.get_future().share();
  pool.run([&, wait_for_release] {
    started.set_value();
    wait_for_release.wait();
  });
  started.get_future().wait();
  pool.run([kept = alive] { FAIL(); });
  std::thread stopper([&] { pool.stop(); });
  while (alive.use_count() > 1) std::this_thread::yield();
  release.set_value();
  stopper.join();
  pool.run([kept = alive] { FAIL(); });
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(SystemRandom, Differs) {
  SystemRandom random;
  EXPECT_NE(random.next(), random.next());
}

}  // namespace
}  // namespace quokka
