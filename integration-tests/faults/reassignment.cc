#include "integration-tests/faults/reassignment.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "coord/znodes/topic.h"
#include "integration-tests/cluster/local_cluster.h"
#include "protocol/client/blocking_client.h"
#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/elect_leaders.h"
#include "protocol/messages/list_partition_reassignments.h"

namespace quokka {
namespace {

using WantedTopic = AlterPartitionReassignmentsRequest::ReassignableTopic;
using WantedPartition = WantedTopic::ReassignablePartition;

std::vector<BrokerId> ids_of(const std::vector<int>& brokers) {
  std::vector<BrokerId> ids;
  for (int broker : brokers) ids.emplace_back(broker);
  return ids;
}

void require_accepted(ErrorCode error, const std::string& what) {
  if (error != ErrorCode::NONE) throw std::runtime_error(fmt::format("the reassignment of {} is refused: {}", what, name(error)));
}

template <class Response, class Request>
Answer<Response> ask_controller(const std::string& bootstrap, const Request& request) {
  Result<std::vector<HostPort>> servers = parse_servers(bootstrap);
  if (!servers) throw std::runtime_error(servers.error().message);
  BlockingClient client({.servers = *std::move(servers), .client_id = "reassignment"}, [](const std::string&) {});
  auto answer = client.call_controller<Response>(request, [](const Response& response) { return response.error_code == ErrorCode::NOT_CONTROLLER; });
  if (!answer) throw std::runtime_error("the controller cannot be asked: " + answer.error().message);
  return *std::move(answer);
}

// What comes of it shows in ZooKeeper.
void elect_preferred(const std::string& bootstrap, const TopicPartition& tp) {
  std::vector<PartitionIndex> indexes = {tp.partition};
  std::vector<ElectLeadersRequest::TopicPartitions> topics = {{tp.topic, indexes}};
  ElectLeadersRequest request;
  request.topic_partitions = topics;
  ask_controller<ElectLeadersResponse>(bootstrap, request);
}

void ask_to_reassign(const std::string& bootstrap, const std::string& topic, const std::vector<WantedPartition>& partitions) {
  std::vector<WantedTopic> topics = {{topic, partitions}};
  AlterPartitionReassignmentsRequest request;
  request.topics = topics;
  const auto answer = ask_controller<AlterPartitionReassignmentsResponse>(bootstrap, request);
  require_accepted(answer.message.error_code, topic);
  for (const auto& each : answer.message.responses)
    for (const auto& partition : each.partitions) require_accepted(partition.error_code, fmt::format("{}-{}", topic, partition.partition_index.value));
}

}  // namespace

ReplicaPlan replicas_of(ClusterZnodes& znodes, const std::string& topic) {
  const Result<znodes::Topic> now = znodes::parse_topic(topic, znodes.text("/brokers/topics/" + topic).value_or(""));
  if (!now) throw std::runtime_error(now.error().message);
  ReplicaPlan plan;
  for (const auto& [partition, replicas] : now->partitions)
    for (BrokerId broker : replicas) plan[partition.value].push_back(broker.value);
  return plan;
}

void reassign(const std::string& bootstrap, const std::string& topic, const ReplicaPlan& plan) {
  std::vector<std::vector<BrokerId>> replicas;
  replicas.reserve(plan.size());
  std::vector<WantedPartition> partitions;
  for (const auto& [partition, brokers] : plan) {
    replicas.push_back(ids_of(brokers));
    partitions.push_back({PartitionIndex(partition), Array<BrokerId>(replicas.back())});
  }
  ask_to_reassign(bootstrap, topic, partitions);
}

void cancel_reassignment(const std::string& bootstrap, const std::string& topic, const ReplicaPlan& plan) {
  std::vector<WantedPartition> partitions;
  for (const auto& [partition, brokers] : plan) partitions.push_back({PartitionIndex(partition), std::nullopt});
  ask_to_reassign(bootstrap, topic, partitions);
}

size_t count_reassignments(const std::string& bootstrap) {
  const auto answer = ask_controller<ListPartitionReassignmentsResponse>(bootstrap, ListPartitionReassignmentsRequest());
  size_t count = 0;
  for (const auto& topic : answer.message.topics) count += topic.partitions.size();
  return count;
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
