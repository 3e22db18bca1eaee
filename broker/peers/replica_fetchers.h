// Copies partitions from their leaders: one connection and one incremental fetch session per source broker and fetcher (num.replica.fetchers),
// one fetch in flight on each. Partitions without a topic id, of a controller older than KIP-516, have their own: a request that names topics cannot carry
// the broker epoch (KIP-903), which the others must not lose for it. A partition in trouble is left out for a while and does not hold up the others; so is one that is throttled and not in sync,
// while the rate is above the limit (KIP-73).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "broker/peers/broker_link.h"
#include "broker/quota/replication_throttle.h"
#include "broker/replica/replica_table.h"

namespace quokka {

class ReplicaFetchers final : public Fetchers {
 public:
  struct Settings {
    BrokerId self;
    LinkSettings link;                                  // request_timeout: replica.socket.timeout.ms
    int32_t fetchers_per_source = 1;                    // num.replica.fetchers
    Duration wait_max = Duration::millis(500);          // replica.fetch.wait.max.ms
    int32_t bytes_min = 1;                              // replica.fetch.min.bytes
    int32_t response_bytes_max = 10 << 20;              // replica.fetch.response.max.bytes
    int32_t partition_bytes_max = 1 << 20;              // replica.fetch.max.bytes
    Duration backoff = Duration::millis(1000);          // replica.fetch.backoff.ms
  };
  // A loop with the streams of its sockets.
  struct Lane {
    Loop& loop;
    Streams& streams;
  };
  struct Ports {
    std::vector<Lane> lanes;  // fetchers are spread over them
    Pool& pool;               // truncation
    const ViewHolder& view;
    std::atomic<int64_t>& broker_epoch;
    ReplicationThrottle& throttle;  // of what is copied
  };

  ReplicaFetchers(Settings settings, Ports ports);
  // The lanes' loops have stopped.
  ~ReplicaFetchers() override;

  void follow(PartitionPtr partition, BrokerId leader) override;
  void unfollow(const TopicPartition& partition) override;
  // Once. Follows nothing any more and appends nothing once `stopped` runs, on a thread of one of the loops or the caller's.
  void stop(Task stopped);

 private:
  class Fetcher;
  using FetcherPtr = std::shared_ptr<Fetcher>;
  using Key = std::tuple<BrokerId, size_t, bool>;  // source, index below fetchers_per_source, by id

  const Settings settings_;
  const Ports ports_;

  Mutex mutex_;
  std::map<Key, FetcherPtr> fetchers_ GUARDED_BY(mutex_);
  std::map<TopicPartition, Key> assigned_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace quokka
