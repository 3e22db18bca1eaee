#include "broker/metrics/registry.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "broker/metrics/family_help.h"
#include "protocol/base/check.h"

namespace quokka {
namespace {

constexpr Duration kRateInterval = Duration::seconds(5);
constexpr Duration kWindowLength = Duration::seconds(60);
constexpr std::array<double, 3> kRateMinutes{1, 5, 15};
constexpr std::array<const char*, 3> kRateNames{"OneMinuteRate", "FiveMinuteRate", "FifteenMinuteRate"};
constexpr std::array<double, 6> kPercentiles{0.50, 0.75, 0.95, 0.98, 0.99, 0.999};
constexpr std::array<const char*, 6> kPercentileNames{"50thPercentile", "75thPercentile", "95thPercentile",
                                                      "98thPercentile", "99thPercentile", "999thPercentile"};
constexpr std::string_view kWindowDetail = ": of the last one to two minutes";

// Sixteen buckets to a power of two; below sixteen one bucket to a value.
size_t bucket_of(uint64_t value, size_t buckets) {
  if (value < 16) return value;
  unsigned exponent = 63u - static_cast<unsigned>(std::countl_zero(value));
  size_t index = (exponent - 3) * 16 + ((value >> (exponent - 4)) & 15);
  return std::min(index, buckets - 1);
}

double middle_of_bucket(size_t index) {
  if (index < 16) return static_cast<double>(index);
  double scale = std::ldexp(1.0, static_cast<int>(index / 16) - 1);
  return (16.0 + static_cast<double>(index % 16) + 0.5) * scale;
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  char text[64];
  constexpr double kExact = 9007199254740992.0;  // 2^53: a double holds every integer up to it
  std::to_chars_result end{};
  if (value == std::trunc(value) && std::abs(value) < kExact)
    end = std::to_chars(text, text + sizeof text, static_cast<int64_t>(value));
  else
    end = std::to_chars(text, text + sizeof text, value);
  out.append(text, end.ptr);
}

void append_sample(std::string& out, std::string_view family, std::string_view attribute, std::string_view labels, double value) {
  out.append(family).append(1, '_').append(attribute).append(1, '{').append(labels).append("} ");
  append_number(out, value);
  out.push_back('\n');
}

// `detail` says what the attribute is of what the family is, if its name does not.
void append_heading(std::string& out, std::string_view family, std::string_view attribute, std::string_view type, std::string_view detail = {}) {
  if (const std::string_view help = help_of_family(family); !help.empty())
    out.append("# HELP ").append(family).append(1, '_').append(attribute).append(1, ' ').append(help).append(detail).append(".\n");
  out.append("# TYPE ").append(family).append(1, '_').append(attribute).append(1, ' ').append(type).append(1, '\n');
}

// What collectors give, kept by family so that each has one heading.
class BufferedSink final : public MetricSink {
 public:
  void gauge(std::string_view family, std::string_view name, const Labels& labels, double value) override {
    gauge_of_text(family, label_text(name, labels), value);
  }
  void sample(std::string_view family, std::string_view attribute, std::string_view text, double value) override {
    if (last_ == nullptr || last_family_ != family || last_attribute_ != attribute) {
      auto at = metrics.try_emplace({std::string(family), std::string(attribute)}).first;
      last_family_ = at->first.first;
      last_attribute_ = at->first.second;
      last_ = &at->second;
    }
    append_sample(*last_, family, attribute, text, value);
  }
  std::map<std::pair<std::string, std::string>, std::string> metrics;  // family and attribute to lines

 private:
  std::string_view last_family_;
  std::string_view last_attribute_;
  std::string* last_ = nullptr;
};

}  // namespace

std::string label_text(std::string_view name, const Labels& labels) {
  std::string out;
  auto append = [&out](std::string_view key, std::string_view value) {
    if (!out.empty()) out.push_back(',');
    out.append(key).append("=\"");
    for (char c : value) {
      if (c == '\\' || c == '"') out.push_back('\\');
      if (c == '\n')
        out.append("\\n");
      else
        out.push_back(c);
    }
    out.push_back('"');
  };
  if (!name.empty()) append("name", name);
  for (const auto& [key, value] : labels) append(key, value);
  return out;
}

void Timing::record(double value) {
  uint64_t thousandths = value <= 0 ? 0 : static_cast<uint64_t>(std::min(value, 1e12) * 1000.0 + 0.5);
  Window& window = windows_[current_.load(std::memory_order_relaxed)];
  window.buckets[bucket_of(thousandths, kBuckets)].fetch_add(1, std::memory_order_relaxed);
  window.count.fetch_add(1, std::memory_order_relaxed);
  window.sum_thousandths.fetch_add(thousandths, std::memory_order_relaxed);
  uint64_t max = window.max_thousandths.load(std::memory_order_relaxed);
  while (thousandths > max && !window.max_thousandths.compare_exchange_weak(max, thousandths, std::memory_order_relaxed)) {
  }
  count_.fetch_add(1, std::memory_order_relaxed);
}

Timing::Summary Timing::summary() const {
  Summary summary;
  summary.count = count();
  std::array<uint64_t, kBuckets> counts{};
  uint64_t total = 0, sum = 0, max = 0;
  for (const Window& window : windows_) {
    for (size_t i = 0; i < kBuckets; ++i) {
      uint64_t n = window.buckets[i].load(std::memory_order_relaxed);
      counts[i] += n;
      total += n;
    }
    sum += window.sum_thousandths.load(std::memory_order_relaxed);
    max = std::max(max, window.max_thousandths.load(std::memory_order_relaxed));
  }
  if (total == 0) return summary;
  summary.max = static_cast<double>(max) / 1000.0;
  summary.mean = static_cast<double>(sum) / static_cast<double>(total) / 1000.0;
  for (size_t p = 0; p < kPercentiles.size(); ++p) {
    auto rank = static_cast<uint64_t>(std::ceil(kPercentiles[p] * static_cast<double>(total)));
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      seen += counts[i];
      if (seen < rank) continue;
      summary.percentiles[p] = std::min(middle_of_bucket(i) / 1000.0, summary.max);
      break;
    }
  }
  return summary;
}

void Timing::rotate() {
  uint32_t next = current_.load(std::memory_order_relaxed) ^ 1u;
  Window& window = windows_[next];
  for (auto& bucket : window.buckets) bucket.store(0, std::memory_order_relaxed);
  window.count.store(0, std::memory_order_relaxed);
  window.sum_thousandths.store(0, std::memory_order_relaxed);
  window.max_thousandths.store(0, std::memory_order_relaxed);
  current_.store(next, std::memory_order_relaxed);
}

// Exactly one of the four is set.
struct Registry::Series {
  Labels labels;
  std::unique_ptr<Meter> meter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Timing> timing;
  std::shared_ptr<std::function<double()>> read;
};

Registry::Registry() = default;
Registry::~Registry() = default;

Registry::Series& Registry::series(const std::string& family, const std::string& name, const Labels& labels) {
  std::unique_ptr<Series>& slot = families_[family][label_text(name, labels)];
  if (!slot) {
    slot = std::make_unique<Series>();
    slot->labels = labels;
  }
  return *slot;
}

Meter& Registry::meter(const std::string& family, const std::string& name, const Labels& labels) {
  MutexLock lock(mutex_);
  Series& s = series(family, name, labels);
  QUOKKA_CHECK(!s.gauge && !s.timing && !s.read, family + " " + name + " is no meter");
  if (!s.meter) s.meter = std::make_unique<Meter>();
  return *s.meter;
}

Gauge& Registry::gauge(const std::string& family, const std::string& name, const Labels& labels) {
  MutexLock lock(mutex_);
  Series& s = series(family, name, labels);
  QUOKKA_CHECK(!s.meter && !s.timing && !s.read, family + " " + name + " is no gauge");
  if (!s.gauge) s.gauge = std::make_unique<Gauge>();
  return *s.gauge;
}

Timing& Registry::timing(const std::string& family, const std::string& name, const Labels& labels) {
  MutexLock lock(mutex_);
  Series& s = series(family, name, labels);
  QUOKKA_CHECK(!s.meter && !s.gauge && !s.read, family + " " + name + " is no timing");
  if (!s.timing) s.timing = std::make_unique<Timing>();
  return *s.timing;
}

void Registry::gauge(const std::string& family, const std::string& name, const Labels& labels, std::function<double()> read) {
  MutexLock lock(mutex_);
  Series& s = series(family, name, labels);
  QUOKKA_CHECK(!s.meter && !s.gauge && !s.timing, family + " " + name + " is no read gauge");
  s.read = std::make_shared<std::function<double()>>(std::move(read));
}

uint64_t Registry::collect(Collector collector) {
  MutexLock lock(mutex_);
  uint64_t id = next_collector_++;
  collectors_.emplace(id, std::make_shared<Collector>(std::move(collector)));
  return id;
}

void Registry::remove_collector(uint64_t collector) {
  MutexLock lock(mutex_);
  collectors_.erase(collector);
}

void Registry::remove(const std::string& label, const std::string& value) {
  MutexLock lock(mutex_);
  for (auto& [family, all] : families_)
    std::erase_if(all, [&](const auto& entry) {
      return std::any_of(entry.second->labels.begin(), entry.second->labels.end(),
                         [&](const auto& pair) { return pair.first == label && pair.second == value; });
    });
}

void Registry::tick(MonoTime now) {
  MutexLock lock(mutex_);
  if (rates_due_.us == 0) {
    rates_due_ = now + kRateInterval;
    windows_due_ = now + kWindowLength;
  }
  bool rotate = now >= windows_due_;
  if (rotate) windows_due_ = now + kWindowLength;
  bool rates = now >= rates_due_;
  // As many intervals as have passed: a late tick spreads its events over them.
  auto intervals = rates ? static_cast<double>(1 + (now - rates_due_).us / kRateInterval.us) : 0.0;
  if (rates) rates_due_ = rates_due_ + Duration{static_cast<int64_t>(intervals) * kRateInterval.us};
  if (!rotate && !rates) return;
  double seconds = intervals * static_cast<double>(kRateInterval.us) / 1e6;
  for (auto& [family, all] : families_) {
    for (auto& [text, s] : all) {
      if (rotate && s->timing) s->timing->rotate();
      if (!rates || !s->meter) continue;
      Meter& meter = *s->meter;
      uint64_t total = meter.count();
      double rate = static_cast<double>(total - meter.ticked_count_) / seconds;
      meter.ticked_count_ = total;
      for (size_t i = 0; i < kRateMinutes.size(); ++i) {
        double old = meter.rates_[i].load(std::memory_order_relaxed);
        double weight = 1.0 - std::exp(-seconds / 60.0 / kRateMinutes[i]);
        meter.rates_[i].store(meter.ticked_ ? old + weight * (rate - old) : rate, std::memory_order_relaxed);
      }
      meter.ticked_ = true;
    }
  }
}

std::string Registry::render() const {
  // What is read by callbacks is called without the lock, which their owners may hold while they register or remove series.
  struct Sample {
    std::string family, labels;
    std::shared_ptr<std::function<double()>> read;
  };
  std::vector<Sample> reads;
  std::vector<std::shared_ptr<Collector>> collectors;
  std::string out;
  BufferedSink sink;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, collector] : collectors_) collectors.push_back(collector);
    for (const auto& [family, all] : families_) {
      bool meters = false, timings = false;
      for (const auto& [text, s] : all) {
        meters |= s->meter != nullptr;
        timings |= s->timing != nullptr;
        if (s->gauge) sink.gauge_of_text(family, text, static_cast<double>(s->gauge->value()));
        if (s->read) reads.push_back({family, text, s->read});
      }
      if (meters || timings) {
        append_heading(out, family, "Count", "counter", ": count since the start");
        for (const auto& [text, s] : all) {
          if (s->meter) append_sample(out, family, "Count", text, static_cast<double>(s->meter->count()));
          if (s->timing) append_sample(out, family, "Count", text, static_cast<double>(s->timing->count()));
        }
      }
      for (size_t i = 0; meters && i < kRateNames.size(); ++i) {
        append_heading(out, family, kRateNames[i], "gauge", ": per second, a moving average");
        for (const auto& [text, s] : all)
          if (s->meter) append_sample(out, family, kRateNames[i], text, s->meter->rates_[i].load(std::memory_order_relaxed));
      }
      if (!timings) continue;
      std::vector<std::pair<std::string_view, Timing::Summary>> summaries;
      for (const auto& [text, s] : all)
        if (s->timing) summaries.emplace_back(text, s->timing->summary());
      append_heading(out, family, "Max", "gauge", kWindowDetail);
      for (const auto& [text, summary] : summaries) append_sample(out, family, "Max", text, summary.max);
      append_heading(out, family, "Mean", "gauge", kWindowDetail);
      for (const auto& [text, summary] : summaries) append_sample(out, family, "Mean", text, summary.mean);
      for (size_t i = 0; i < kPercentiles.size(); ++i) {
        append_heading(out, family, kPercentileNames[i], "gauge", kWindowDetail);
        for (const auto& [text, summary] : summaries) append_sample(out, family, kPercentileNames[i], text, summary.percentiles[i]);
      }
    }
  }
  for (const Sample& sample : reads) sink.gauge_of_text(sample.family, sample.labels, (*sample.read)());
  for (const auto& collector : collectors) (*collector)(sink);
  for (const auto& [metric, lines] : sink.metrics) {
    append_heading(out, metric.first, metric.second, "gauge");
    out += lines;
  }
  return out;
}

}  // namespace quokka
