// The shards of a coordinator: one for each partition of an internal topic that this broker leads, each on one of the event loops. Finds the one that
// holds an id, and follows leadership. What a shard does is its own affair; it has a `Journal& journal()` and an `ErrorCode readiness() const`.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/journal/coordinator_topic.h"
#include "broker/journal/journal.h"
#include "protocol/base/function.h"
#include "protocol/base/mutex.h"

namespace quokka {

// NONE if the shard over `journal` serves requests; COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR.
inline ErrorCode coordinator_readiness(const Journal& journal) {
  switch (journal.phase()) {
    case Journal::Phase::idle: return ErrorCode::NOT_COORDINATOR;
    case Journal::Phase::loading: return ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    case Journal::Phase::active: return ErrorCode::NONE;
  }
  return ErrorCode::NOT_COORDINATOR;
}

// Any thread, unless a method says otherwise.
template <class Shard>
class CoordinatorShards {
 public:
  using Make = std::function<std::unique_ptr<Shard>(PartitionIndex, Loop&)>;

  // All outlive this; the loops run nothing any more when it is destroyed.
  CoordinatorShards(const std::vector<Loop*>& loops, CoordinatorTopic& topic, Make make) : topic_(topic), make_(std::move(make)) {
    for (Loop* loop : loops) lanes_.push_back(std::make_unique<Lane>(Lane{loop}));
  }
  CoordinatorShards(const CoordinatorShards&) = delete;
  CoordinatorShards& operator=(const CoordinatorShards&) = delete;

  // --- Leadership, in the order in which it changes. nullopt: the partition is gone.
  void lead(PartitionIndex partition, LeaderEpoch epoch) {
    topic_.on_led();
    Lane& lane = lane_of(partition);
    lane.loop->post([this, &lane, partition, epoch] {
      if (lane.stopped) return;
      std::unique_ptr<Shard>& shard = lane.shards[partition];
      if (!shard) shard = make_(partition, *lane.loop);
      shard->journal().lead(epoch);
    });
  }
  void resign(PartitionIndex partition, std::optional<LeaderEpoch> epoch) {
    Lane& lane = lane_of(partition);
    lane.loop->post([&lane, partition, epoch] {
      if (const auto found = lane.shards.find(partition); found != lane.shards.end()) found->second->journal().resign(epoch);
    });
  }
  // Unloads every shard, for good. `done` runs on any thread; no log is written to any more.
  void stop(Task done) {
    on_every_lane(
        [](Lane& lane) {
          lane.stopped = true;
          for (const auto& [partition, shard] : lane.shards) shard->journal().resign(std::nullopt);
        },
        std::move(done));
  }

  // On the shard's loop `f(shard, done)` if it is ready, else `refuse(error, done)`.
  template <class Done, class F, class Refuse>
  void with_shard(PartitionIndex partition, Done done, F f, Refuse refuse) {
    Lane& lane = lane_of(partition);
    auto run = [&lane, partition, done = std::move(done), f = std::move(f), refuse = std::move(refuse)]() mutable {
      const auto found = lane.shards.find(partition);
      const ErrorCode error = found == lane.shards.end() ? ErrorCode::NOT_COORDINATOR : found->second->readiness();
      if (error == ErrorCode::NONE) f(*found->second, std::move(done));
      else refuse(error, std::move(done));
    };
    if (lane.loop->in_loop()) run();
    else lane.loop->post(std::move(run));
  }
  // That which holds `id`.
  template <class Done, class F, class Refuse>
  void with_shard_of(std::string_view id, Done done, F f, Refuse refuse) {
    const std::optional<PartitionIndex> partition = topic_.partition_of(id);
    if (!partition) return refuse(ErrorCode::NOT_COORDINATOR, std::move(done));
    with_shard(*partition, std::move(done), std::move(f), std::move(refuse));
  }
  // What list() of all shards says, in any order; COORDINATOR_LOAD_IN_PROGRESS beside it if one is being loaded.
  template <class Overview>
  void list(Function<void(ErrorCode, std::vector<Overview>)> done) {
    struct Gathered {
      Mutex mutex;
      ErrorCode error GUARDED_BY(mutex) = ErrorCode::NONE;
      std::vector<Overview> all GUARDED_BY(mutex);
    };
    auto gathered = std::make_shared<Gathered>();
    const auto gather = [gathered](Shard& shard) {
      MutexLock lock(gathered->mutex);
      if (shard.readiness() == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) gathered->error = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
      for (Overview& each : shard.list()) gathered->all.push_back(std::move(each));
    };
    on_every(gather, [gathered, done = std::move(done)]() mutable {
      ErrorCode error = ErrorCode::NONE;
      std::vector<Overview> all;
      {
        MutexLock lock(gathered->mutex);
        error = gathered->error;
        all = std::move(gathered->all);
      }
      done(error, std::move(all));
    });
  }
  // `f(shard)` for every shard on its loop, ready or not; then `done` once, on any thread.
  template <class F>
  void on_every(F f, Task done) {
    on_every_lane([f](Lane& lane) { for (const auto& [partition, shard] : lane.shards) f(*shard); }, std::move(done));
  }
  // `f(shard)` for every shard, again and again until the stop.
  template <class F>
  void every(Duration interval, F f) {
    for (const auto& lane : lanes_) lane->loop->post([this, &lane = *lane, interval, f] { repeat(lane, interval, f); });
  }

 private:
  struct Lane {
    Loop* loop;
    // The loop's own.
    std::map<PartitionIndex, std::unique_ptr<Shard>> shards{};
    bool stopped = false;
  };

  Lane& lane_of(PartitionIndex partition) { return *lanes_[static_cast<size_t>(partition.value) % lanes_.size()]; }
  template <class F>
  void on_every_lane(F f, Task done) {
    struct Left {
      std::atomic<size_t> lanes{0};
      Task done;
    };
    auto left = std::make_shared<Left>();
    left->lanes = lanes_.size();
    left->done = std::move(done);
    for (const auto& lane : lanes_) {
      lane->loop->post([&lane = *lane, f, left] {
        f(lane);
        if (--left->lanes == 0) left->done();
      });
    }
  }
  template <class F>
  void repeat(Lane& lane, Duration interval, F f) {
    if (lane.stopped) return;
    lane.loop->call_after(interval, [this, &lane, interval, f] {
      if (lane.stopped) return;
      for (const auto& [partition, shard] : lane.shards) f(*shard);
      repeat(lane, interval, f);
    });
  }

  CoordinatorTopic& topic_;
  const Make make_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // constant after construction
};

}  // namespace quokka
