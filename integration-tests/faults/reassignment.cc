#include "integration-tests/faults/reassignment.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "coord/znodes/topic.h"
#include "integration-tests/cluster/local_cluster.h"
#include "protocol/client/blocking_client.h"
#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/elect_leaders.h"

namespace quokka {
namespace {

std::vector<BrokerId> ids_of(const std::vector<int>& brokers) {
  std::vector<BrokerId> ids;
  for (int broker : brokers) ids.emplace_back(broker);
  return ids;
}

void require_accepted(ErrorCode error, const std::string& what) {
  if (error != ErrorCode::NONE) throw std::runtime_error(fmt::format("the reassignment of {} is refused: {}", what, name(error)));
}

BlockingClient client_of(const std::string& bootstrap) {
  Result<std::vector<HostPort>> servers = parse_servers(bootstrap);
  if (!servers) throw std::runtime_error(servers.error().message);
  return BlockingClient({.servers = *std::move(servers), .client_id = "reassignment"}, [](const std::string&) {});
}

// What comes of it shows in ZooKeeper.
void elect_preferred(const std::string& bootstrap, const TopicPartition& tp) {
  std::vector<PartitionIndex> indexes = {tp.partition};
  std::vector<ElectLeadersRequest::TopicPartitions> topics = {{tp.topic, indexes}};
  ElectLeadersRequest request;
  request.topic_partitions = topics;
  BlockingClient client = client_of(bootstrap);
  const auto answer = client.call_controller<ElectLeadersResponse>(
      request, [](const ElectLeadersResponse& response) { return response.error_code == ErrorCode::NOT_CONTROLLER; });
  if (!answer) throw std::runtime_error("the controller cannot be asked to elect: " + answer.error().message);
}

}  // namespace

void reassign(const std::string& bootstrap, const std::string& topic, const ReplicaPlan& plan) {
  using Topic = AlterPartitionReassignmentsRequest::ReassignableTopic;
  std::vector<std::vector<BrokerId>> replicas;
  replicas.reserve(plan.size());
  std::vector<Topic::ReassignablePartition> partitions;
  for (const auto& [partition, brokers] : plan) {
    replicas.push_back(ids_of(brokers));
    partitions.push_back({PartitionIndex(partition), Array<BrokerId>(replicas.back())});
  }
  std::vector<Topic> topics = {{topic, partitions}};
  AlterPartitionReassignmentsRequest request;
  request.topics = topics;

  BlockingClient client = client_of(bootstrap);
  const auto answer = client.call_controller<AlterPartitionReassignmentsResponse>(
      request, [](const AlterPartitionReassignmentsResponse& response) { return response.error_code == ErrorCode::NOT_CONTROLLER; });
  if (!answer) throw std::runtime_error("the controller cannot be asked to reassign: " + answer.error().message);
  require_accepted(answer->message.error_code, topic);
  for (const auto& each : answer->message.responses)
    for (const auto& partition : each.partitions) require_accepted(partition.error_code, fmt::format("{}-{}", topic, partition.partition_index.value));
}

bool is_reassigned(ClusterZnodes& znodes, const std::string& topic, const ReplicaPlan& plan) {
  const Result<znodes::Topic> now = znodes::parse_topic(topic, znodes.text("/brokers/topics/" + topic).value_or(""));
  if (!now || !now->adding.empty() || !now->removing.empty()) return false;
  return std::all_of(plan.begin(), plan.end(), [&](const auto& wanted) {
    const auto found = now->partitions.find(PartitionIndex(wanted.first));
    const auto state = znodes.partition_state(topic, wanted.first);
    return found != now->partitions.end() && found->second == ids_of(wanted.second) && state && state->isr.size() == wanted.second.size();
  });
}

bool move_leader(ClusterZnodes& znodes, const std::string& bootstrap, const TopicPartition& tp, const std::vector<int>& replicas, int timeout_ms) {
  const ReplicaPlan plan = {{tp.partition.value, replicas}};
  reassign(bootstrap, tp.topic, plan);
  return eventually(timeout_ms, [&] {
    if (!is_reassigned(znodes, tp.topic, plan)) return false;
    if (znodes.partition_state(tp.topic, tp.partition.value)->leader.value == replicas.front()) return true;
    elect_preferred(bootstrap, tp);
    return false;
  });
}

}  // namespace quokka
