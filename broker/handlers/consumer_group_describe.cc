// ConsumerGroupDescribe (key 69), version 0: groups of the consumer protocol with their members, what each has and is to have. GROUP_ID_NOT_FOUND for one
// that is not known, or classic. Topics that are gone are left out. A group that is named twice is described once; what would make the answer
// larger than 100 MB is INVALID_REQUEST.
#include <deque>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/gathered_groups.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/consumer_group_describe.h"

namespace quokka {

namespace {

using GroupAnswer = ConsumerGroupDescribeResponse::DescribedGroup;
using MemberAnswer = GroupAnswer::Member;
using TopicAnswer = ConsumerGroupDescribeResponse::TopicPartitions;

// The arrays of an answer while it is made; growing does not move them.
struct Memory {
  std::deque<std::vector<PartitionIndex>> partitions;
  std::deque<std::vector<TopicAnswer>> topics;
  std::deque<std::vector<std::string_view>> names;
  std::deque<std::vector<MemberAnswer>> members;
};

ConsumerGroupDescribeResponse::Assignment assignment_of(const AssignedPartitions& from, const ClusterView& view, Memory& memory) {
  std::vector<TopicAnswer>& topics = memory.topics.emplace_back();
  for (const auto& [id, indexes] : from) {
    const TopicView* topic = view.topic(id);
    if (topic != nullptr) topics.push_back({id, topic->name, memory.partitions.emplace_back(indexes.begin(), indexes.end())});
  }
  return {topics};
}

Array<MemberAnswer> members_of(const ConsumerGroupDescription& group, const ClusterView& view, Memory& memory) {
  std::vector<MemberAnswer>& members = memory.members.emplace_back();
  for (const ConsumerGroupDescription::Member& each : group.members) {
    MemberAnswer& member = members.emplace_back();
    member.member_id = each.id;
    if (each.subscription.instance_id) member.instance_id = *each.subscription.instance_id;
    if (each.subscription.rack_id) member.rack_id = *each.subscription.rack_id;
    member.member_epoch = each.epoch;
    member.client_id = each.subscription.client_id;
    member.client_host = each.subscription.client_host;
    member.subscribed_topic_names = memory.names.emplace_back(each.subscription.topics.begin(), each.subscription.topics.end());
    if (each.subscription.topic_regex) member.subscribed_topic_regex = *each.subscription.topic_regex;
    member.assignment = assignment_of(each.assigned, view, memory);
    member.target_assignment = assignment_of(each.target, view, memory);
  }
  return members;
}

size_t bytes_in(const ConsumerGroupDescription& group) {
  size_t bytes = 0;
  for (const ConsumerGroupDescription::Member& each : group.members) {
    const ConsumerSubscription& wants = each.subscription;
    bytes += sizeof(each) + each.id.size() + wants.client_id.size() + wants.client_host.size() + wants.topic_regex.value_or("").size();
    for (const std::string& topic : wants.topics) bytes += topic.size() + sizeof(topic);
    for (const AssignedPartitions* assigned : {&each.assigned, &each.target})
      for (const auto& [id, indexes] : *assigned) bytes += kTopicNameBytesMax + indexes.size() * sizeof(PartitionIndex);
  }
  return bytes;
}

using Gathered = GatheredGroups<ConsumerGroupDescription>;

void answer(CallPtr call, const Gathered::Groups& groups, bool wants_operations, const ClusterView& view) {
  Memory memory;
  std::vector<GroupAnswer> told;
  for (const auto& [id, gathered] : groups) {
    GroupAnswer& group = told.emplace_back();
    group.group_id = id;
    const Result<ConsumerGroupDescription>& found = *gathered;
    group.error_code = found.code();
    if (!found) {
      group.error_message = found.error().message;
      continue;
    }
    group.group_state = found->state;
    group.group_epoch = found->epoch;
    group.assignment_epoch = found->assignment_epoch;
    group.assignor_name = found->assignor;
    group.members = members_of(*found, view, memory);
    if (wants_operations) group.authorized_operations = kGroupOperations;
  }
  ConsumerGroupDescribeResponse response;
  response.groups = told;
  reply(std::move(call), response);
}

}  // namespace

void handle_consumer_group_describe(Services& services, CallPtr call) {
  const auto decoded = decode_call<ConsumerGroupDescribeRequest>(call);
  if (!decoded) return;
  const ConsumerGroupDescribeRequest& request = decoded->request;
  Loop& loop = call->loop();
  auto done = [call = std::move(call), wants = request.include_authorized_operations, &services](const Gathered::Groups& groups) mutable {
    answer(std::move(call), groups, wants, *services.view.get());
  };
  Gathered::gather(loop, request.group_ids, &bytes_in, std::move(done), [&](const std::string& group, auto found) { services.groups.describe_consumer_group(group, std::move(found)); });
}

}  // namespace quokka
