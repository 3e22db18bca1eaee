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

// Empty if there is none.
OffsetCheckpoint checkpoint_of(const std::string& log_directory, const char* name) {
  const fs::path path = fs::path(log_directory) / name;
  if (!fs::exists(path)) return {};
  Result<OffsetCheckpoint> decoded = decode_offset_checkpoint(text_of_file(path));
  if (!decoded) throw std::runtime_error(path.string() + ": " + decoded.error().message);
  return *std::move(decoded);
}

}  // namespace

std::vector<StoredSegments> read_segments(const std::string& log_directory, const std::string& topic) {
  const OffsetCheckpoint log_starts = checkpoint_of(log_directory, "log-start-offset-checkpoint");
  std::vector<StoredSegments> logs;
  for (const fs::directory_entry& entry : fs::directory_iterator(log_directory)) {
    const std::optional<DirectoryName> name = parse_directory_name(entry.path().filename().string());
    if (!name || name->kind != DirectoryName::Kind::partition || name->partition.topic != topic) continue;
    StoredSegments log;
    log.partition = name->partition.partition.value;
    std::vector<fs::path> paths;
    for (const fs::directory_entry& file : fs::directory_iterator(entry.path()))
      if (file.path().extension() == ".log") paths.push_back(file.path());
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) log.segments.push_back(text_of_file(path));
    if (!paths.empty()) log.log_start = std::stoll(paths.front().stem().string());
    if (const auto found = log_starts.find(name->partition); found != log_starts.end()) log.log_start = std::max(log.log_start, found->second.value);
    logs.push_back(std::move(log));
  }
  return logs;
}

std::vector<ReplicaLog> read_replica_logs(int32_t broker, const std::string& log_directory, const std::string& topic) {
  const OffsetCheckpoint high_watermarks = checkpoint_of(log_directory, "replication-offset-checkpoint");
  std::vector<ReplicaLog> logs;
  for (const StoredSegments& stored : read_segments(log_directory, topic)) {
    ReplicaLog log{broker, stored.partition, 0, {}};
    const auto found = high_watermarks.find({topic, PartitionIndex(stored.partition)});
    if (found != high_watermarks.end()) log.high_watermark = found->second.value;
    for (const std::string& segment : stored.segments) add_batches(segment, log.batches);
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
