// DescribeGroups (key 15), versions 0-5: state and members of groups; one that is not known, or of the consumer protocol, is Dead. 3: authorized operations. 4: instance ids.
//
// A group that is named twice is described once; what would make the answer larger than 100 MB is INVALID_REQUEST. Kafka knows neither.
//
// Beyond Kafka: who asks for it (tag 31 of version 5) is told why each group rebalanced the last times.
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/gathered_groups.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/describe_groups.h"

namespace quokka {

namespace {

using GroupAnswer = DescribeGroupsResponse::DescribedGroup;
using MemberAnswer = GroupAnswer::DescribedGroupMember;
using RebalanceAnswer = GroupAnswer::Rebalance;

std::vector<MemberAnswer> members_of(const GroupDescription& group) {
  std::vector<MemberAnswer> members;
  for (const GroupDescription::Member& each : group.members) {
    MemberAnswer& member = members.emplace_back();
    member.member_id = each.id;
    if (each.instance_id) member.group_instance_id = *each.instance_id;
    member.client_id = each.client_id;
    member.client_host = each.client_host;
    member.member_metadata = bytes_of(each.metadata);
    member.member_assignment = bytes_of(each.assignment);
  }
  return members;
}

std::vector<RebalanceAnswer> rebalances_of(const GroupDescription& group) {
  std::vector<RebalanceAnswer> rebalances;
  for (const RebalanceNote& each : group.rebalances) {
    rebalances.push_back({each.began.ms, each.ended ? each.ended->ms : -1, each.generation, static_cast<int32_t>(each.members), each.reason});
  }
  return rebalances;
}

using Gathered = GatheredGroups<GroupDescription>;

size_t bytes_in(const GroupDescription& group) {
  size_t bytes = group.rebalances.size() * 100;
  for (const GroupDescription::Member& each : group.members)
    bytes += each.id.size() + each.client_id.size() + each.client_host.size() + each.metadata.size() + each.assignment.size() + sizeof(each);
  return bytes;
}

struct Wanted {
  bool operations = false, rebalances = false;
};

void answer(CallPtr call, const Gathered::Groups& groups, Wanted wanted) {
  std::vector<std::vector<MemberAnswer>> members;
  std::vector<std::vector<RebalanceAnswer>> rebalances;
  members.reserve(groups.size());
  rebalances.reserve(groups.size());
  std::vector<GroupAnswer> told;
  for (const auto& [id, gathered] : groups) {
    GroupAnswer& group = told.emplace_back();
    group.group_id = id;
    const Result<GroupDescription>& found = *gathered;
    group.error_code = found.code();
    if (!found) continue;
    group.group_state = name(found->state);
    group.protocol_type = found->protocol_type;
    group.protocol_data = found->protocol;
    group.members = members.emplace_back(members_of(*found));
    if (wanted.rebalances) group.rebalances = rebalances.emplace_back(rebalances_of(*found));
    if (wanted.operations) group.authorized_operations = kGroupOperations;
  }
  DescribeGroupsResponse response;
  response.groups = told;
  reply(std::move(call), response);
}

}  // namespace

void handle_describe_groups(Services& services, CallPtr call) {
  const auto decoded = decode_call<DescribeGroupsRequest>(call);
  if (!decoded) return;
  const DescribeGroupsRequest& request = decoded->request;
  Loop& loop = call->loop();
  const Wanted wanted{request.include_authorized_operations, request.include_rebalances};
  auto done = [call = std::move(call), wanted](const Gathered::Groups& groups) mutable { answer(std::move(call), groups, wanted); };
  Gathered::gather(loop, request.groups, &bytes_in, std::move(done), [&](const std::string& group, auto found) { services.groups.describe(group, std::move(found)); });
}

}  // namespace quokka
