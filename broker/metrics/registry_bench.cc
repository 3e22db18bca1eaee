// What a scrape of a broker with forty thousand partitions costs.
#include "broker/metrics/registry.h"

#include <benchmark/benchmark.h>

namespace quokka {
namespace {

void render_forty_thousand_partitions(benchmark::State& state) {
  std::vector<std::string> labels;
  for (int i = 0; i < 40000; ++i)
    labels.push_back(label_text("Size", {{"topic", "topic-" + std::to_string(i / 10)}, {"partition", std::to_string(i % 10)}}));
  Registry registry;
  registry.collect([&labels](MetricSink& sink) {
    double value = 123456;
    for (const std::string& text : labels) sink.gauge_of_text("kafka_log_Log", text, value += 1000);
  });
  for (auto _ : state) benchmark::DoNotOptimize(registry.render());
}
BENCHMARK(render_forty_thousand_partitions)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quokka
