#include "coord/znodes/admin.h"

#include "coord/znodes/json.h"
#include "coord/znodes/paths.h"
#include "protocol/base/topic_name.h"

namespace quokka::znodes {
namespace {

void write_partition(JsonWriter& json, const TopicPartition& partition) {
  json.field("topic", partition.topic).field("partition", partition.partition.value);
}

// False when the name is not legal.
bool read_partition(JsonReader& reader, const JsonValue& entry, TopicPartition& partition) {
  partition.topic = reader.string(entry, "topic");
  partition.partition = PartitionIndex(reader.int32(entry, "partition"));
  return is_valid_topic_name(partition.topic);
}

}  // namespace

std::string encode_reassignments(const std::vector<Reassignment>& reassignments) {
  JsonWriter json;
  json.open().field("version", 1).open_array("partitions");
  for (const Reassignment& each : reassignments) {
    json.open();
    write_partition(json, each.partition);
    json.ids("replicas", each.replicas).close();
  }
  return json.close_array().close().take();
}

Result<std::vector<Reassignment>> parse_reassignments(std::string_view text) {
  JsonReader reader(kReassignPartitions, text);
  std::vector<Reassignment> all;
  for (const JsonValue& entry : reader.array(reader.root(), "partitions")) {
    Reassignment each;
    const bool legal = read_partition(reader, entry, each.partition);
    const JsonValue* replicas = reader.find(entry, "replicas");
    if (replicas == nullptr) reader.fail("replicas", "missing");
    if (!reader.ok()) break;
    for (int32_t broker : reader.int32s(*replicas, "replicas")) each.replicas.emplace_back(broker);
    if (legal) all.push_back(std::move(each));
  }
  if (!reader.ok()) return reader.error();
  return all;
}

std::string encode_partitions(const std::vector<TopicPartition>& partitions) {
  JsonWriter json;
  json.open().field("version", 1).open_array("partitions");
  for (const TopicPartition& each : partitions) {
    json.open();
    write_partition(json, each);
    json.close();
  }
  return json.close_array().close().take();
}

Result<std::vector<TopicPartition>> parse_partitions(std::string_view path, std::string_view text) {
  JsonReader reader(path, text);
  std::vector<TopicPartition> all;
  for (const JsonValue& entry : reader.array(reader.root(), "partitions")) {
    TopicPartition each;
    const bool legal = read_partition(reader, entry, each);
    if (!reader.ok()) break;
    if (legal) all.push_back(std::move(each));
  }
  if (!reader.ok()) return reader.error();
  return all;
}

std::string encode_log_dir_event(BrokerId broker) {
  return JsonWriter().open().field("version", 1).field("broker", broker.value).field("event", 1).close().take();
}

Result<BrokerId> parse_log_dir_event(std::string_view path, std::string_view text) {
  JsonReader reader(path, text);
  BrokerId broker(reader.int32(reader.root(), "broker"));
  if (!reader.ok()) return reader.error();
  return broker;
}

}  // namespace quokka::znodes
