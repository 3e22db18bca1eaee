#include "broker/log/checkpoints.h"

#include <ctime>
#include <vector>

#include "protocol/base/text_parts.h"
#include "protocol/base/topic_name.h"

namespace quokka {

namespace {

Error corrupt(const std::string& what) { return Error{ErrorCode::CORRUPT_MESSAGE, what}; }

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    const size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return out;
    line.remove_prefix(begin);
    const size_t end = line.find_first_of(" \t");
    out.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return out;
    line.remove_prefix(end);
  }
}

}  // namespace

std::string encode_offset_checkpoint(const OffsetCheckpoint& offsets) {
  std::string text = "0\n" + std::to_string(offsets.size()) + "\n";
  for (const auto& [partition, offset] : offsets) {
    text += partition.topic;
    text += ' ';
    text += std::to_string(partition.partition.value);
    text += ' ';
    text += std::to_string(offset.value);
    text += '\n';
  }
  return text;
}

Result<OffsetCheckpoint> decode_offset_checkpoint(std::string_view text) {
  OffsetCheckpoint offsets;
  if (text.empty()) return offsets;
  auto line = next_line(text);
  if (!line || trimmed(*line) != "0") return corrupt("its version is not 0");
  line = next_line(text);
  const auto count = line ? number_in<int64_t>(trimmed(*line)) : std::nullopt;
  if (!count || *count < 0) return corrupt("it has no count of entries");
  int64_t read = 0;
  while ((line = next_line(text))) {
    const auto fields = words(*line);
    if (fields.empty()) continue;
    const auto partition = fields.size() == 3 ? number_in<int32_t>(fields[1]) : std::nullopt;
    const auto offset = fields.size() == 3 ? number_in<int64_t>(fields[2]) : std::nullopt;
    if (!partition || !offset || *partition < 0 || !is_valid_topic_name(fields[0])) return corrupt("entry " + std::to_string(read) + " is not a topic, partition and offset");
    offsets[{std::string(fields[0]), PartitionIndex(*partition)}] = Offset(*offset);
    ++read;
  }
  if (read != *count) return corrupt("it has " + std::to_string(read) + " entries and says " + std::to_string(*count));
  return offsets;
}

std::string encode_meta_properties(const MetaProperties& properties, WallTime now) {
  const auto seconds = static_cast<std::time_t>(now.ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char date[64];
  std::strftime(date, sizeof date, "%a %b %d %H:%M:%S UTC %Y", &utc);
  std::string text = "#\n#" + std::string(date) + "\n";
  if (properties.cluster_id) text += "cluster.id=" + *properties.cluster_id + "\n";
  if (properties.directory_id) text += "directory.id=" + *properties.directory_id + "\n";
  text += "version=" + std::to_string(properties.version) + "\n";
  if (properties.broker_id) text += "broker.id=" + std::to_string(properties.broker_id->value) + "\n";
  return text;
}

Result<MetaProperties> decode_meta_properties(std::string_view text) {
  MetaProperties properties;
  while (auto line = next_line(text)) {
    const std::string_view content = trimmed(*line);
    if (content.empty() || content[0] == '#' || content[0] == '!') continue;
    const size_t separator = content.find_first_of("=:");
    if (separator == std::string_view::npos) return corrupt("the line '" + std::string(content) + "' has no '='");
    const std::string_view key = trimmed(content.substr(0, separator));
    const std::string_view value = trimmed(content.substr(separator + 1));
    if (key == "version") {
      const auto version = number_in<int32_t>(value);
      if (!version) return corrupt("version is not a number: '" + std::string(value) + "'");
      properties.version = *version;
    } else if (key == "broker.id" || key == "node.id") {
      const auto id = number_in<int32_t>(value);
      if (!id || *id < 0) return corrupt(std::string(key) + " is not a broker id: '" + std::string(value) + "'");
      properties.broker_id = BrokerId(*id);
    } else if (key == "cluster.id") {
      properties.cluster_id = std::string(value);
    } else if (key == "directory.id") {
      properties.directory_id = std::string(value);
    }
  }
  return properties;
}

std::string encode_partition_metadata(TopicId topic_id) { return "version: 0\ntopic_id: " + topic_id.str(); }

Result<TopicId> decode_partition_metadata(std::string_view text) {
  std::optional<TopicId> topic_id;
  bool version_seen = false;
  while (auto line = next_line(text)) {
    const size_t colon = line->find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = trimmed(line->substr(0, colon));
    const std::string_view value = trimmed(line->substr(colon + 1));
    if (key == "version") {
      if (value != "0") return corrupt("its version is " + std::string(value) + ", not 0");
      version_seen = true;
    } else if (key == "topic_id") {
      topic_id = Uuid::parse(value);
    }
  }
  if (!version_seen || !topic_id || topic_id->is_zero()) return corrupt("it names no topic id");
  return *topic_id;
}

}  // namespace quokka
