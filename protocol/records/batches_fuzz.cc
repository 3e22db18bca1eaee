// Any bytes as the records of a produce request and of a fetch: nothing crashes, what is accepted is a whole batch with a good CRC.
#include "protocol/base/check.h"
#include "protocol/base/crc32c.h"
#include "protocol/records/conversion.h"
#include "protocol/records/legacy.h"
#include "protocol/records/validate.h"

using namespace quokka;

namespace {

constexpr DecompressionLimits kLimits{.decompressed_bytes_max = 1 << 20, .zstd_window_log_max = 20};

void walk(Bytes bytes, DecompressionScratch& scratch) {
  std::vector<uint8_t> plain;
  BatchCursor cursor(bytes);
  while (const auto batch = cursor.next()) {
    if (!batch->is_v2()) {
      LegacyCursor messages(*batch, kLimits, scratch, plain);
      LegacyMessage message;
      while (messages.next(message)) {}
      continue;
    }
    if (!batch->attributes().codec_is_known()) continue;
    if (!decompress(batch->codec(), batch->payload(), 2, kLimits, scratch, plain).ok()) continue;
    RecordCursor records(*batch, plain);
    RecordView record;
    while (records.next(record)) {
      HeaderCursor headers = record.headers();
      while (headers.next()) {}
    }
  }
}

void validate(std::vector<uint8_t> bytes, uint8_t choice, DecompressionScratch& scratch) {
  AppendRules rules;
  rules.compacted = (choice & 1) != 0;
  if ((choice & 2) != 0) rules.timestamp_type = TimestampType::LOG_APPEND_TIME;
  if ((choice & 4) != 0) rules.compression = Compression{static_cast<CompressionCodec>((choice >> 3) % 5)};
  Validation result = validate_append(bytes, {"t", PartitionIndex(0)}, rules, AppendOrigin::CLIENT,
                                      WallTime{1'700'000'000'000}, kLimits, scratch);
  auto* batch = std::get_if<BatchToAppend>(&result);
  if (batch == nullptr || batch->is_empty()) return;
  batch->assign(Offset(7), LeaderEpoch(1));
  BatchCursor again(batch->bytes());
  const auto view = again.next();
  QUOKKA_CHECK(view && view->crc_is_valid() && !again.next(), "an accepted batch is not one good batch");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  DecompressionScratch scratch;
  const uint8_t choice = bytes[0];
  std::vector<uint8_t> input(bytes + 1, bytes + size);
  peek_first_batch(input);
  check_produce_version(input, choice % 12);
  walk(input, scratch);
  std::vector<uint8_t> out;
  (void)convert_down(input, choice & 1, Offset(0), kLimits, scratch, out).ok();
  validate(input, choice, scratch);
  // Once more with a checksum that lets the fuzzer in.
  if (input.size() >= kBatchHeaderBytes) {
    input[16] = 2;
    store_be<int32_t>(input.data() + 8, static_cast<int32_t>(input.size() - kLogOverheadBytes));
    store_be<int64_t>(input.data(), 0);
    store_be<uint32_t>(input.data() + 17, crc32c(Bytes(input).subspan(21)));
    walk(input, scratch);
    validate(std::move(input), choice, scratch);
  }
  return 0;
}
