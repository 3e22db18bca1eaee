// LeaveGroup (key 13), versions 0-5: members leave and the rest rebalances at once.
//
// 3: several members, static ones by their instance id alone; before, the one member's error is that of the answer. 5: reasons.
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/leave_group.h"

namespace quokka {

namespace {

void answer(CallPtr call, const GroupShard::Left& left, const std::vector<MemberIdentity>& members) {
  LeaveGroupResponse response;
  response.error_code = left.error;
  std::vector<LeaveGroupResponse::MemberResponse> told;
  if (call->version() < 3) {
    if (left.error == ErrorCode::NONE) response.error_code = left.members.at(0);
  } else {
    for (size_t i = 0; i < left.members.size(); ++i) {
      auto& member = told.emplace_back();
      member.member_id = members[i].member_id;
      member.group_instance_id = members[i].instance_id ? std::optional<std::string_view>(*members[i].instance_id) : std::nullopt;
      member.error_code = left.members[i];
    }
  }
  response.members = told;
  reply(std::move(call), response);
}

}  // namespace

void handle_leave_group(Services& services, CallPtr call) {
  const auto decoded = decode_call<LeaveGroupRequest>(call);
  if (!decoded) return;
  const LeaveGroupRequest& request = decoded->request;
  std::vector<MemberIdentity> members;
  if (call->version() < 3) members.push_back({std::string(request.member_id), std::nullopt, {}});
  for (const auto& each : request.members) {
    MemberIdentity& member = members.emplace_back();
    member.member_id = each.member_id;
    if (each.group_instance_id) member.instance_id = *each.group_instance_id;
    member.reason = each.reason.value_or("");
  }
  std::vector<MemberIdentity> asked = members;
  services.groups.leave(std::string(request.group_id), std::move(asked),
                        [call = std::move(call), members = std::move(members)](GroupShard::Left left) mutable { answer(std::move(call), left, members); });
}

}  // namespace quokka
