// Meters of records and bytes, of the broker and of each topic, under Kafka's names (BrokerTopicMetrics).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "broker/metrics/registry.h"
#include "protocol/base/mutex.h"

namespace quokka {

// Any thread.
class Traffic {
 public:
  explicit Traffic(Registry& registry) : registry_(registry), all_(meters({})) {}

  void on_produced(std::string_view topic, uint64_t bytes, uint64_t records) {
    for (const Meters* m : {&all_, &of(topic)}) {
      m->requests_produce->mark();
      m->bytes_in->mark(bytes);
      m->messages_in->mark(records);
    }
  }
  void on_produce_failed(std::string_view topic) {
    all_.failed_produce->mark();
    of(topic).failed_produce->mark();
  }
  void on_fetched(std::string_view topic, uint64_t bytes, bool by_follower) {
    for (const Meters* m : {&all_, &of(topic)}) {
      m->requests_fetch->mark();
      (by_follower ? m->replication_out : m->bytes_out)->mark(bytes);
    }
  }

 private:
  struct Meters {
    Meter *messages_in, *bytes_in, *bytes_out, *replication_out, *requests_produce, *requests_fetch, *failed_produce;
  };

  Meters meters(const Labels& labels) {
    const auto meter = [&](const char* name) { return &registry_.meter("kafka_server_BrokerTopicMetrics", name, labels); };
    return {meter("MessagesInPerSec"),          meter("BytesInPerSec"),           meter("BytesOutPerSec"),
            meter("ReplicationBytesOutPerSec"), meter("TotalProduceRequestsPerSec"), meter("TotalFetchRequestsPerSec"),
            meter("FailedProduceRequestsPerSec")};
  }
  const Meters& of(std::string_view topic) {
    {
      MutexLock lock(mutex_);
      if (const auto found = topics_.find(topic); found != topics_.end()) return found->second;
    }
    const Meters made = meters({{"topic", std::string(topic)}});
    MutexLock lock(mutex_);
    return topics_.emplace(std::string(topic), made).first->second;
  }

  Registry& registry_;
  const Meters all_;
  Mutex mutex_;
  std::map<std::string, Meters, std::less<>> topics_ GUARDED_BY(mutex_);
};

}  // namespace quokka
