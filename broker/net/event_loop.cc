#include "broker/net/event_loop.h"

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <thread>
#include <unordered_map>

#include "protocol/base/mutex.h"

namespace quokka {
namespace {

namespace asio = boost::asio;

MonoTime steady_now() {
  auto since = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace

struct EventLoop::Core {
  explicit Core(std::string loop_name) : name(std::move(loop_name)) {}

  void run() {
    thread_id.store(std::this_thread::get_id(), std::memory_order_release);
    name_thread(name);
    io.run();
  }

  void run_posted() {
    {
      MutexLock lock(mutex);
      running.swap(posted);
    }
    for (Task& task : running) {
      if (io.stopped()) break;
      Task current = std::move(task);
      current();
    }
    running.clear();
  }

  void arm() {
    if (timers.empty()) return;
    MonoTime first = timers.begin()->first.when;
    if (first >= armed_for) return;
    armed_for = first;
    timer.expires_at(std::chrono::steady_clock::time_point(std::chrono::microseconds(first.us)));
    timer.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      armed_for = kNotArmed;
      run_due();
      arm();
    });
  }

  void run_due() {
    MonoTime now = steady_now();
    // Timers set by the tasks that run here wait for the next turn, even if they are due: a task that re-arms itself must not starve sockets.
    uint64_t set_before = next_timer;
    while (!timers.empty() && timers.begin()->first.when <= now && !io.stopped()) {
      auto first = timers.begin();
      if (first->first.id >= set_before) return;
      Task task = std::move(first->second);
      due_at.erase(first->first.id);
      timers.erase(first);
      task();
    }
  }

  struct Key {
    MonoTime when;
    TimerId id;
    auto operator<=>(const Key&) const = default;
  };
  static constexpr MonoTime kNotArmed{INT64_MAX};

  const std::string name;
  std::atomic<std::thread::id> thread_id{};
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread;

  Mutex mutex;
  std::vector<Task> posted GUARDED_BY(mutex);
  bool stopped GUARDED_BY(mutex) = false;

  // The loop's own thread.
  std::vector<Task> running;
  asio::steady_timer timer{io};
  MonoTime armed_for = kNotArmed;
  std::map<Key, Task> timers;
  std::unordered_map<TimerId, MonoTime> due_at;
  uint64_t next_timer = 1;
};

EventLoop::EventLoop(std::string name) : core_(std::make_unique<Core>(std::move(name))) {}

EventLoop::~EventLoop() {
  stop();
  discard();
}

void EventLoop::start() {
  core_->thread = std::thread([core = core_.get()] { core->run(); });
}

void EventLoop::stop() {
  {
    MutexLock lock(core_->mutex);
    core_->stopped = true;
  }
  core_->io.stop();
  if (core_->thread.joinable()) core_->thread.join();
}

void EventLoop::discard() {
  // Destroyed outside the lock: a task may own what posts while it is destroyed.
  std::vector<Task> posted;
  {
    MutexLock lock(core_->mutex);
    posted.swap(core_->posted);
  }
  posted.clear();
  core_->running.clear();
  auto timers = std::move(core_->timers);
  core_->timers.clear();
  core_->due_at.clear();
}

void EventLoop::post(Task task) {
  bool first = false;
  {
    MutexLock lock(core_->mutex);
    if (!core_->stopped) {
      first = core_->posted.empty();
      core_->posted.push_back(std::move(task));
    }
  }
  if (first) asio::post(core_->io, [core = core_.get()] { core->run_posted(); });
}

bool EventLoop::in_loop() const { return core_->thread_id.load(std::memory_order_acquire) == std::this_thread::get_id(); }

MonoTime EventLoop::now() const { return steady_now(); }

WallTime EventLoop::wall_now() const {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

Loop::TimerId EventLoop::call_at(MonoTime when, Task task) {
  TimerId id = core_->next_timer++;
  core_->timers.emplace(Core::Key{when, id}, std::move(task));
  core_->due_at.emplace(id, when);
  core_->arm();
  return id;
}

void EventLoop::cancel(TimerId timer) {
  auto at = core_->due_at.find(timer);
  if (at == core_->due_at.end()) return;
  auto held = core_->timers.extract(Core::Key{at->second, timer});
  core_->due_at.erase(at);
}

boost::asio::io_context& EventLoop::io_context() { return core_->io; }

EventLoops::EventLoops(int count, const std::string& name) {
  int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  for (int i = 0; i < std::clamp(count, 1, cores); ++i) loops_.push_back(std::make_unique<EventLoop>(name + "-" + std::to_string(i)));
}

EventLoops::~EventLoops() { stop(); }

void EventLoops::start() {
  for (auto& loop : loops_) loop->start();
}

void EventLoops::stop() {
  for (auto& loop : loops_) loop->stop();
  for (auto& loop : loops_) loop->discard();
}

uint64_t SystemRandom::next() {
  uint64_t value = 0;
  ssize_t got = getrandom(&value, sizeof value, 0);
  QUOKKA_CHECK_EQ(got, static_cast<ssize_t>(sizeof value));
  return value;
}

}  // namespace quokka
