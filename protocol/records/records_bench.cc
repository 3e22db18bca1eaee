// What a broker does to every produced batch: CRC, a walk over the records, the whole validation.
#include <benchmark/benchmark.h>

#include <random>

#include "protocol/base/crc32c.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/validate.h"

namespace quokka {
namespace {

std::vector<uint8_t> batch_of(size_t records, size_t value_bytes, CompressionCodec codec) {
  BatchFields fields;
  fields.compression.codec = codec;
  BatchBuilder builder(fields);
  std::mt19937 random(5);
  std::vector<uint8_t> value(value_bytes);
  for (size_t i = 0; i < records; ++i) {
    for (auto& byte : value) byte = static_cast<uint8_t>('a' + random() % 8);
    builder.add(1'700'000'000'000 + static_cast<int64_t>(i), std::nullopt, Bytes(value));
  }
  return builder.build();
}

void crc(benchmark::State& state) {
  const auto batch = batch_of(static_cast<size_t>(state.range(0)), 100, CompressionCodec::NONE);
  for (auto _ : state) benchmark::DoNotOptimize(BatchView(batch).crc_is_valid());
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * batch.size()));
}
BENCHMARK(crc)->Arg(10)->Arg(150)->Arg(10000);

void record_walk(benchmark::State& state) {
  const auto batch = batch_of(10000, static_cast<size_t>(state.range(0)), CompressionCodec::NONE);
  const BatchView view(batch);
  for (auto _ : state) {
    RecordCursor cursor(view, view.payload());
    RecordView record;
    int64_t sum = 0;
    while (cursor.next(record)) sum += record.timestamp_ms;
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * 10000);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * batch.size()));
}
BENCHMARK(record_walk)->Arg(10)->Arg(100)->Arg(1000);

void validation(benchmark::State& state) {
  auto batch = batch_of(1000, 100, static_cast<CompressionCodec>(state.range(0)));
  const TopicPartition partition{"topic", PartitionIndex(0)};
  DecompressionScratch scratch;
  for (auto _ : state) {
    const Validation result = validate_append(batch, partition, {}, AppendOrigin::CLIENT, WallTime{1'700'000'000'000}, {}, scratch);
    if (!std::holds_alternative<BatchToAppend>(result)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(&result);
  }
  state.SetLabel(std::string(name(static_cast<CompressionCodec>(state.range(0)))));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * 1000 * 107);  // of plain records
}
BENCHMARK(validation)->DenseRange(0, 4);

}  // namespace
}  // namespace quokka
