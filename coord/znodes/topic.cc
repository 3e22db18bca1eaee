#include "coord/znodes/topic.h"

#include <charconv>

#include "coord/znodes/json.h"
#include "coord/znodes/paths.h"

namespace quokka::znodes {
namespace {

std::vector<BrokerId> brokers_of(const std::vector<int32_t>& numbers) {
  std::vector<BrokerId> brokers;
  brokers.reserve(numbers.size());
  for (int32_t each : numbers) brokers.emplace_back(each);
  return brokers;
}

void write_lists(JsonWriter& json, std::string_view key, const ReplicaLists& lists) {
  std::vector<std::string> keys;
  keys.reserve(lists.size());
  for (const auto& each : lists) keys.push_back(std::to_string(each.first.value));
  json.open(key);
  for (const std::string& partition : in_scala_map_order(std::move(keys))) {
    json.ids(partition, lists.at(PartitionIndex(std::stoi(partition))));
  }
  json.close();
}

ReplicaLists read_lists(JsonReader& reader, std::string_view key) {
  ReplicaLists lists;
  for (const auto& [name, value] : reader.fields(reader.root(), key)) {
    int32_t partition = -1;
    const auto [stop, problem] = std::from_chars(name.data(), name.data() + name.size(), partition);
    if (problem != std::errc() || stop != name.data() + name.size() || partition < 0) {
      reader.fail(key, "'" + name + "' is no partition");
      return {};
    }
    lists[PartitionIndex(partition)] = brokers_of(reader.int32s(value, key));
  }
  return lists;
}

}  // namespace

std::string encode(const Topic& topic) {
  JsonWriter json;
  json.open();
  write_lists(json, "partitions", topic.partitions);
  if (!topic.id.is_zero()) json.field("topic_id", topic.id.str());
  write_lists(json, "adding_replicas", topic.adding);
  write_lists(json, "removing_replicas", topic.removing);
  return json.field("version", 3).close().take();
}

Result<Topic> parse_topic(std::string_view name, std::string_view text) {
  JsonReader reader(std::string(kTopics) + "/" + std::string(name), text);
  Topic topic;
  topic.partitions = read_lists(reader, "partitions");
  topic.adding = read_lists(reader, "adding_replicas");
  topic.removing = read_lists(reader, "removing_replicas");
  const std::string id = reader.string(reader.root(), "topic_id", "");
  if (!id.empty()) {
    const std::optional<Uuid> parsed = Uuid::parse(id);
    if (!parsed) reader.fail("topic_id", "'" + id + "' is no topic id");
    if (parsed) topic.id = *parsed;
  }
  if (!reader.ok()) return reader.error();
  return topic;
}

std::string encode(const PartitionState& state) {
  JsonWriter json;
  json.open().field("controller_epoch", state.controller_epoch.value).field("leader", state.leader.value).field("version", 1);
  if (state.leader_recovery_state != LeaderRecoveryState::recovered) {
    json.field("leader_recovery_state", static_cast<int64_t>(state.leader_recovery_state));
  }
  return json.field("leader_epoch", state.leader_epoch.value).ids("isr", state.isr).close().take();
}

Result<PartitionState> parse_partition_state(const TopicPartition& partition, std::string_view text) {
  JsonReader reader(std::string(kTopics) + "/" + partition.topic + "/partitions/" + std::to_string(partition.partition.value) + "/state", text);
  const JsonValue& root = reader.root();
  PartitionState state;
  state.leader = BrokerId(reader.int32(root, "leader"));
  state.leader_epoch = LeaderEpoch(reader.int32(root, "leader_epoch"));
  state.controller_epoch = ControllerEpoch(reader.int32(root, "controller_epoch"));
  const JsonValue* isr = reader.find(root, "isr");
  if (isr == nullptr) reader.fail("isr", "missing");
  if (isr != nullptr) state.isr = brokers_of(reader.int32s(*isr, "isr"));
  state.leader_recovery_state = static_cast<LeaderRecoveryState>(reader.integer(root, "leader_recovery_state", 0, 1, 0));
  if (!reader.ok()) return reader.error();
  return state;
}

}  // namespace quokka::znodes
