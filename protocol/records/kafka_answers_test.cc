// Twelve hundred produce requests, most of them with invalid batches, against the answers that a Kafka 3.9.1 broker gave to them.
#include <gtest/gtest.h>

#include "protocol/records/test_records.h"
#include "protocol/records/validate.h"

namespace quokka {
namespace {

using namespace quokka::testing;

constexpr int64_t kNow = 1'700'000'000'000;

AppendRules rules_of(const std::string& topic) {
  AppendRules rules;
  if (topic == "xlat") rules.timestamp_type = TimestampType::LOG_APPEND_TIME;
  if (topic == "xcompact") rules.compacted = true;
  if (topic == "xgz") rules.compression = Compression{CompressionCodec::GZIP};
  if (topic == "xunc") rules.compression = Compression{CompressionCodec::NONE};
  if (topic == "fut") rules.timestamp_after_max_ms = 1000;
  if (topic == "past") rules.timestamp_before_max_ms = 60000;
  return rules;
}

struct Answer {
  ErrorCode code = ErrorCode::NONE;
  std::string record_errors;  // indexes, blanks between

  bool operator==(const Answer&) const = default;
};

Answer produce(std::vector<uint8_t> bytes, int16_t version, const AppendRules& rules) {
  const FirstBatch first = peek_first_batch(bytes);
  if (first.error != ErrorCode::NONE) return {first.error, ""};
  if (first.is_transactional) return {ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, ""};  // no request here names an id
  if (const auto refusal = check_produce_version(bytes, version)) return {refusal->code, ""};
  DecompressionScratch scratch;
  const Validation result = validate_append(bytes, {"t", PartitionIndex(0)}, rules, AppendOrigin::CLIENT, WallTime{kNow}, {}, scratch);
  const auto* refused = std::get_if<AppendRefused>(&result);
  if (refused == nullptr) return {};
  Answer answer{refused->code, ""};
  if (version < 8) return answer;
  for (const RecordError& error : refused->record_errors) {
    answer.record_errors += (answer.record_errors.empty() ? "" : " ") + std::to_string(error.batch_index);
  }
  return answer;
}

TEST(Produce, answers_are_those_of_kafka_3_9) {
  std::ifstream file("protocol/records/testdata/kafka_produce_answers.tsv");
  std::string line;
  std::getline(file, line);
  int count = 0;
  while (std::getline(file, line)) {
    std::istringstream columns(line);
    std::string topic, version, name, hex, code, errors;
    std::getline(columns, topic, '\t');
    std::getline(columns, version, '\t');
    std::getline(columns, name, '\t');
    std::getline(columns, hex, '\t');
    std::getline(columns, code, '\t');
    std::getline(columns, errors, '\t');
    const Answer expected{static_cast<ErrorCode>(std::stoi(code)), errors};
    const Answer answer = produce(unhex(hex), static_cast<int16_t>(std::stoi(version)), rules_of(topic));
    EXPECT_EQ(quokka::name(answer.code), quokka::name(expected.code)) << topic << " v" << version << ": " << name;
    EXPECT_EQ(answer.record_errors, expected.record_errors) << topic << " v" << version << ": " << name;
    ++count;
  }
  EXPECT_GT(count, 1000);
}

}  // namespace
}  // namespace quokka
