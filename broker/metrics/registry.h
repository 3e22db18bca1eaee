// The broker's metrics, named as Kafka names them, rendered in Prometheus' text format. Light: no library is included here.
//
//   family := "kafka_" group "_" type, for instance kafka_server_BrokerTopicMetrics; label name= carries the metric's own name.
//   A gauge is shown as <family>_Value, a meter as _Count, _OneMinuteRate ..., a timing as _Count, _Max, _Mean, _50thPercentile ...
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/mutex.h"
#include "protocol/base/time.h"

namespace quokka {

// Names beside the metric's own, in the order shown: {{"topic", "t"}}.
using Labels = std::vector<std::pair<std::string, std::string>>;

// Any thread. A count and its rate over 1, 5 and 15 minutes, as Kafka's meters (exponentially weighted, updated every 5 s by Registry::tick).
class Meter {
 public:
  void mark(uint64_t events = 1) { count_.fetch_add(events, std::memory_order_relaxed); }
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  friend class Registry;
  std::atomic<uint64_t> count_{0};
  // Registry::tick only.
  uint64_t ticked_count_ = 0;
  bool ticked_ = false;
  std::array<std::atomic<double>, 3> rates_{};
};

// Any thread.
class Gauge {
 public:
  void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(int64_t delta) { value_.fetch_add(delta, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Any thread. Times (or sizes) over a sliding window of one to two minutes: logarithmic buckets, within 4 % of the true percentile.
class Timing {
 public:
  // Stored with three decimals: record(0.021) is 21 us when the unit is ms.
  void record(double value);
  void record(Duration elapsed) { record(static_cast<double>(elapsed.us) / 1000.0); }  // in ms, Kafka's unit
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

  struct Summary {
    uint64_t count = 0;  // since the start; the rest is of the window
    double max = 0, mean = 0;
    std::array<double, 6> percentiles{};  // 50, 75, 95, 98, 99, 99.9
  };
  Summary summary() const;

 private:
  friend class Registry;
  void rotate();

  static constexpr size_t kBuckets = 512;
  struct Window {
    std::array<std::atomic<uint32_t>, kBuckets> buckets{};
    std::atomic<uint64_t> count{0};
    std::atomic<uint64_t> sum_thousandths{0};
    std::atomic<uint64_t> max_thousandths{0};
  };
  std::atomic<uint64_t> count_{0};
  std::atomic<uint32_t> current_{0};
  std::array<Window, 2> windows_;
};

// Where a collector puts what it knows at the time of the scrape, for series that come and go or are too many to keep.
class MetricSink {
 public:
  virtual ~MetricSink() = default;
  // `family` without "_Value".
  virtual void gauge(std::string_view family, std::string_view name, const Labels& labels, double value) = 0;
  // For tens of thousands of series: `labels` as label_text made it, once.
  void gauge_of_text(std::string_view family, std::string_view label_text, double value) { sample(family, "Value", label_text, value); }
  // Any other attribute, "OneMinuteRate" for instance.
  virtual void sample(std::string_view family, std::string_view attribute, std::string_view label_text, double value) = 0;
};
// name="Size",topic="t",partition="0": escaped, in this order.
std::string label_text(std::string_view name, const Labels& labels);

using Collector = std::function<void(MetricSink&)>;

// Any thread. Metrics live as long as the registry; asking again for the same family, name and labels gives the same object.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Meter& meter(const std::string& family, const std::string& name, const Labels& labels = {});
  Gauge& gauge(const std::string& family, const std::string& name, const Labels& labels = {});
  Timing& timing(const std::string& family, const std::string& name, const Labels& labels = {});
  // `read` runs at every scrape, on the admin endpoint's thread.
  void gauge(const std::string& family, const std::string& name, const Labels& labels, std::function<double()> read);
  // The same for many series at once. Returns a number for remove_collector.
  uint64_t collect(Collector collector);
  // A render under way may still call it: end what renders first.
  void remove_collector(uint64_t collector);
  // Forgets a topic's or partition's series: every one that carries the label with that value. References to them must be gone.
  void remove(const std::string& label, const std::string& value);

  // To be called about every second: moves rates and windows along.
  void tick(MonoTime now);
  // Prometheus text exposition format 0.0.4.
  std::string render() const;

 private:
  struct Series;
  Series& series(const std::string& family, const std::string& name, const Labels& labels) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, std::map<std::string, std::unique_ptr<Series>>> families_ GUARDED_BY(mutex_);  // family, then label text
  std::map<uint64_t, std::shared_ptr<Collector>> collectors_ GUARDED_BY(mutex_);
  uint64_t next_collector_ GUARDED_BY(mutex_) = 1;
  MonoTime rates_due_ GUARDED_BY(mutex_){};
  MonoTime windows_due_ GUARDED_BY(mutex_){};
};

}  // namespace quokka
