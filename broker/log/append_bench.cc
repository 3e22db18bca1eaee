// What an append and a read cost below the network: page cache writes of whole batches, reads near the end and in the middle.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>

#include "broker/disk/posix_disk.h"
#include "broker/log/log.h"
#include "protocol/records/batch_builder.h"

namespace quokka {
namespace {

std::vector<uint8_t> batch_of(size_t bytes, ProducerId id) {
  BatchFields fields;
  fields.producer_id = id;
  fields.producer_epoch = ProducerEpoch(id.value < 0 ? -1 : 0);
  fields.base_sequence = id.value < 0 ? -1 : 0;
  BatchBuilder builder(fields);
  const std::string value(100, 'v');
  while (builder.plain_size() < bytes) builder.add(1700000000000, std::nullopt, bytes_of(value));
  return builder.build();
}

class BenchLog {
 public:
  explicit BenchLog(LogConfig config = {}) {
    char name[] = "/tmp/quokka-bench-XXXXXX";
    path_ = mkdtemp(name);
    Log::Opening opening;
    opening.directory = path_;
    opening.partition = {"t", PartitionIndex(0)};
    opening.config = std::make_shared<LogConfig>(config);
    opening.health = std::make_shared<DirectoryHealth>(path_);
    opening.now = {1700000000000};
    log = std::move(*Log::open(disk_, std::move(opening)));
  }
  ~BenchLog() {
    log.reset();
    std::filesystem::remove_all(path_);
  }
  std::unique_ptr<Log> log;

 private:
  PosixDisk disk_;
  std::string path_;
};

void append(benchmark::State& state) {
  LogConfig config;
  config.segment_bytes = 256 << 20;
  config.retention_bytes = 256 << 20;
  BenchLog bench(config);
  const auto id = ProducerId(state.range(1) == 0 ? -1 : 1);
  std::vector<uint8_t> bytes = batch_of(static_cast<size_t>(state.range(0)), id);
  const int32_t records = BatchView(bytes).records_count();
  int32_t sequence = 0;
  for (auto _ : state) {
    if (id.value >= 0) {
      store_be<int32_t>(bytes.data() + 53, sequence);  // the CRC is the validation's business, not the append's
      sequence += records;
    }
    BatchToAppend batch(MutableBytes(bytes), -1);
    auto result = bench.log->append_as_leader(batch, LeaderEpoch(1), AppendOrigin::CLIENT, {1700000000000});
    if (!result.ok()) state.SkipWithError(result.error().message.c_str());
    if (result->rolled) {
      state.PauseTiming();
      bench.log->set_high_watermark(bench.log->log_end());
      auto removed = bench.log->apply_retention({1700000000000});
      for (const std::string& path : removed->paths) std::filesystem::remove(path);
      state.ResumeTiming();
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}
BENCHMARK(append)->ArgNames({"bytes", "idempotent"})->Args({1 << 10, 0})->Args({1 << 10, 1})->Args({16 << 10, 0})->Args({16 << 10, 1})->Args({1 << 20, 0});

void read(benchmark::State& state) {
  BenchLog bench;
  std::vector<uint8_t> bytes = batch_of(static_cast<size_t>(state.range(0)), ProducerId());
  for (int i = 0; i < 20000; ++i) {
    BatchToAppend batch(MutableBytes(bytes), -1);
    if (!bench.log->append_as_leader(batch, LeaderEpoch(1), AppendOrigin::CLIENT, {1700000000000}).ok()) state.SkipWithError("append");
  }
  const Offset end = bench.log->log_end();
  const bool tail = state.range(1) == 1;
  const int64_t records = BatchView(bytes).records_count();
  int64_t at = 0;
  for (auto _ : state) {
    const Offset from = tail ? end + -records : Offset((at += 7919) % end.value);
    auto plan = bench.log->plan_read({from, end, 1 << 20, true, false});
    auto result = plan->run();
    benchmark::DoNotOptimize(result->slice.length);
  }
}
BENCHMARK(read)->ArgNames({"bytes", "tail"})->Args({1 << 10, 1})->Args({1 << 10, 0})->Args({16 << 10, 1})->Args({16 << 10, 0});

}  // namespace
}  // namespace quokka
