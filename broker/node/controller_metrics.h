// Series about the cluster as the controller sees it, under Kafka's names: zeros unless this broker is the controller.
#pragma once

#include "broker/metrics/registry.h"
#include "coord/controller/core.h"
#include "protocol/base/mutex.h"

namespace quokka {

// Any thread.
class ControllerMetrics {
 public:
  // `registry` outlives it, and renders nothing any more when it is destroyed.
  explicit ControllerMetrics(Registry& registry);
  ~ControllerMetrics() { registry_.remove_collector(collector_); }
  ControllerMetrics(const ControllerMetrics&) = delete;
  ControllerMetrics& operator=(const ControllerMetrics&) = delete;

  // What the controller counts now. One caller at a time.
  void set(const ControllerCounts& counts);
  void on_brokers_dealt_with(Duration took) { elections_.record(took); }

 private:
  void collect(MetricSink& sink) const;

  Registry& registry_;
  Meter& unclean_elections_;
  Timing& elections_;
  uint64_t collector_ = 0;  // constant after construction
  mutable Mutex mutex_;
  ControllerCounts counts_ GUARDED_BY(mutex_);
};

}  // namespace quokka
