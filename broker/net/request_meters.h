// Counts and times of requests by API, under Kafka's names (kafka.network:type=RequestMetrics). One for each loop: it caches what the registry
// shares.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "broker/metrics/registry.h"
#include "protocol/base/time.h"

namespace quokka {

// The life of a request: arrived, handed to its handler, handler returned, answered, sent.
struct RequestTimes {
  MonoTime arrived, delivered, handled, answered, sent;
};

class RequestMeters {
 public:
  explicit RequestMeters(Registry& registry);
  ~RequestMeters();

  // The loop's own thread only.
  void on_sent(int16_t api_key, bool follower, const RequestTimes& times, size_t request_bytes);

 private:
  struct Meters;
  Meters& meters(size_t index, const std::string& request);
  static void record(Meters& meters, const RequestTimes& times, size_t request_bytes);

  static constexpr size_t kKeysMax = 128;
  Registry& registry_;
  std::array<std::unique_ptr<Meters>, kKeysMax + 2> by_key_;  // then FetchConsumer and FetchFollower
};

}  // namespace quokka
