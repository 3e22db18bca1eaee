#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "broker/net/event_loop.h"

#include "protocol/base/mutex.h"

namespace quokka {

struct ThreadPool::Core {
  void work(const std::string& name) {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    std::unique_lock lock(mutex);
    while (true) {
      filled.wait(lock, [this] { return stopped || !queue.empty(); });
      if (stopped) return;
      Task task = std::move(queue.front());
      queue.pop_front();
      room.notify_one();
      lock.unlock();
      task();
      task = Task();
      lock.lock();
    }
  }

  bool is_own_thread() const {
    for (const std::thread& thread : threads)
      if (thread.get_id() == std::this_thread::get_id()) return true;
    return false;
  }

  size_t queue_max = 0;
  mutable Mutex mutex;
  std::condition_variable_any filled;
  std::condition_variable_any room;
  std::deque<Task> queue;
  bool stopped = false;
  std::vector<std::thread> threads;
};

ThreadPool::ThreadPool(int threads, size_t queue_max, const std::string& name) : core_(std::make_unique<Core>()) {
  core_->queue_max = queue_max;
  MutexLock lock(core_->mutex);  // the threads vector is complete before any of them looks at it
  for (int i = 0; i < threads; ++i)
    core_->threads.emplace_back([core = core_.get(), named = name + "-" + std::to_string(i)] { core->work(named); });
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::run(Task work) {
  std::unique_lock lock(core_->mutex);
  // A thread of the pool that waited for room in its own queue could wait for ever.
  if (core_->queue.size() >= core_->queue_max && !core_->is_own_thread())
    core_->room.wait(lock, [this] { return core_->stopped || core_->queue.size() < core_->queue_max; });
  if (core_->stopped) {
    lock.unlock();  // `work` is destroyed outside the lock
    return;
  }
  core_->queue.push_back(std::move(work));
  core_->filled.notify_one();
}

void ThreadPool::stop() {
  std::deque<Task> unrun;
  {
    MutexLock lock(core_->mutex);
    core_->stopped = true;
    unrun.swap(core_->queue);
  }
  core_->filled.notify_all();
  core_->room.notify_all();
  unrun.clear();
  for (std::thread& thread : core_->threads)
    if (thread.joinable()) thread.join();
}

size_t ThreadPool::queued() const {
  MutexLock lock(core_->mutex);
  return core_->queue.size();
}

}  // namespace quokka
