#include "integration-tests/faults/replica_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "broker/log/checkpoints.h"
#include "broker/log/log_names.h"
#include "protocol/base/crc32c.h"
#include "protocol/records/record_batch.h"

namespace quokka {
namespace {

namespace fs = std::filesystem;

std::string text_of_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void add_batches(const std::string& segment, std::vector<StoredBatch>& batches) {
  BatchCursor cursor(bytes_of(segment));
  while (const std::optional<BatchView> batch = cursor.next())
    batches.push_back({batch->base_offset().value, batch->last_offset().value, batch->leader_epoch().value, batch->crc_is_valid(), crc32c(batch->bytes()),
                       batch->producer_id().value, batch->base_sequence()});
}

}  // namespace

std::vector<ReplicaLog> read_replica_logs(int32_t broker, const std::string& log_directory, const std::string& topic) {
  OffsetCheckpoint high_watermarks;
  if (const fs::path path = fs::path(log_directory) / "replication-offset-checkpoint"; fs::exists(path)) {
    Result<OffsetCheckpoint> decoded = decode_offset_checkpoint(text_of_file(path));
    if (!decoded) throw std::runtime_error(path.string() + ": " + decoded.error().message);
    high_watermarks = *std::move(decoded);
  }
  std::vector<ReplicaLog> logs;
  for (const fs::directory_entry& entry : fs::directory_iterator(log_directory)) {
    const std::optional<DirectoryName> name = parse_directory_name(entry.path().filename().string());
    if (!name || name->kind != DirectoryName::Kind::partition || name->partition.topic != topic) continue;
    ReplicaLog log{broker, name->partition.partition.value, 0, {}};
    if (const auto found = high_watermarks.find(name->partition); found != high_watermarks.end()) log.high_watermark = found->second.value;
    std::vector<fs::path> segments;
    for (const fs::directory_entry& file : fs::directory_iterator(entry.path()))
      if (file.path().extension() == ".log") segments.push_back(file.path());
    std::sort(segments.begin(), segments.end());
    for (const fs::path& segment : segments) add_batches(text_of_file(segment), log.batches);
    logs.push_back(std::move(log));
  }
  return logs;
}

std::vector<ControllerClaim> controller_claims(const std::string& broker_output) {
  static const std::regex ours("broker ([0-9]+) is the controller, epoch ([0-9]+)"),
      theirs("\\[Controller id=([0-9]+)\\] [0-9]+ successfully elected as the controller\\. Epoch incremented to ([0-9]+)");
  std::vector<ControllerClaim> claims;
  for (const std::regex* line : {&ours, &theirs})
    for (std::sregex_iterator at(broker_output.begin(), broker_output.end(), *line), end; at != end; ++at)
      claims.push_back({std::stoi((*at)[1]), std::stoi((*at)[2])});
  return claims;
}

}  // namespace quokka
