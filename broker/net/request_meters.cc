#include "broker/net/request_meters.h"

#include <algorithm>

#include "protocol/messages/api_table.h"

namespace quokka {
namespace {
constexpr int16_t kFetch = 1;
}

struct RequestMeters::Meters {
  Meter& requests;
  Timing& queue;
  Timing& local;
  Timing& remote;
  Timing& send;
  Timing& total;
  Timing& bytes;
};

RequestMeters::RequestMeters(Registry& registry) : registry_(registry) {}
RequestMeters::~RequestMeters() = default;

RequestMeters::Meters& RequestMeters::meters(size_t index, const std::string& request) {
  std::unique_ptr<Meters>& slot = by_key_[index];
  if (!slot) {
    const std::string family = "kafka_network_RequestMetrics";
    Labels labels{{"request", request}};
    auto timing = [&](const char* name) -> Timing& { return registry_.timing(family, name, labels); };
    slot.reset(new Meters{registry_.meter(family, "RequestsPerSec", labels), timing("RequestQueueTimeMs"), timing("LocalTimeMs"),
                          timing("RemoteTimeMs"), timing("ResponseSendTimeMs"), timing("TotalTimeMs"), timing("RequestBytes")});
  }
  return *slot;
}

void RequestMeters::record(Meters& meters, const RequestTimes& times, size_t request_bytes) {
  auto between = [](MonoTime from, MonoTime to) { return std::max(to - from, Duration{0}); };
  meters.requests.mark();
  meters.queue.record(between(times.arrived, times.delivered));
  // An answer given inside the handler ends the local part.
  MonoTime local_end = std::min(times.handled, times.answered);
  meters.local.record(between(times.delivered, local_end));
  meters.remote.record(between(local_end, times.answered));
  meters.send.record(between(times.answered, times.sent));
  meters.total.record(between(times.arrived, times.sent));
  meters.bytes.record(static_cast<double>(request_bytes));
}

void RequestMeters::on_sent(int16_t api_key, bool follower, const RequestTimes& times, size_t request_bytes) {
  if (api_key < 0 || static_cast<size_t>(api_key) >= kKeysMax) return;
  const ApiEntry* api = api_entry(api_key);
  if (api == nullptr) return;
  record(meters(static_cast<size_t>(api_key), std::string(api->name)), times, request_bytes);
  if (api_key == kFetch) record(meters(kKeysMax + (follower ? 1 : 0), follower ? "FetchFollower" : "FetchConsumer"), times, request_bytes);
}

}  // namespace quokka
