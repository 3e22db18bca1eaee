// JoinGroup (key 11), versions 0-9: a member enters its group, or a rebalance of it. The answer comes when the rebalance has its members.
//
// 1: rebalance time-out (before: the session's). 4: a new dynamic member is told its id first (KIP-394). 5: static members (KIP-345). 7: protocol type
// in the answer, and null instead of "" where there is no protocol. 8: the member's reason. 9: a leader may skip the assignment (KIP-814).
// In a group of the consumer protocol a member is given its epoch as generation, at once, and nobody leads (broker/group/group_migration.cc).
// Better than Kafka: a protocol that is named twice is INVALID_REQUEST, not silence.
#include <memory>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/join_group.h"

namespace quokka {

namespace {

JoinGroup join_of(const JoinGroupRequest& request, Call& call) {
  JoinGroup join;
  join.group = request.group_id;
  join.member_id = request.member_id;
  if (request.group_instance_id) join.instance_id = *request.group_instance_id;
  join.requires_member_id = call.version() >= 4 && !join.instance_id;
  join.may_skip_assignment = call.version() >= 9;
  join.client_id = call.client_id();
  join.client_host = "/" + call.peer().address;
  join.session_timeout_ms = request.session_timeout_ms;
  join.rebalance_timeout_ms = call.version() == 0 ? request.session_timeout_ms : request.rebalance_timeout_ms;
  join.protocol_type = request.protocol_type;
  for (const auto& protocol : request.protocols) join.protocols.push_back({std::string(protocol.name), std::string(text_of(protocol.metadata))});
  join.reason = request.reason.value_or("");
  return join;
}

void answer(CallPtr call, const JoinAnswer& made) {
  JoinGroupResponse response;
  response.error_code = made.error;
  response.generation_id = made.generation;
  if (made.protocol_type) response.protocol_type = *made.protocol_type;
  response.protocol_name = made.protocol ? std::string_view(*made.protocol) : std::string_view();
  if (call->version() >= 7 && response.protocol_name->empty()) response.protocol_name.reset();
  response.leader = made.leader;
  response.skip_assignment = made.skip_assignment;
  response.member_id = made.member_id;
  std::vector<JoinGroupResponse::JoinGroupResponseMember> members;
  for (const JoinAnswer::Member& each : made.members) {
    auto& member = members.emplace_back();
    member.member_id = each.id;
    if (each.instance_id) member.group_instance_id = *each.instance_id;
    member.metadata = bytes_of(each.metadata);
  }
  response.members = members;
  reply(std::move(call), response);
}

}  // namespace

void handle_join_group(Services& services, CallPtr call) {
  const auto decoded = decode_call<JoinGroupRequest>(call);
  if (!decoded) return;
  JoinGroup join = join_of(decoded->request, *call);
  services.groups.join(std::move(join), [call = std::move(call)](JoinAnswer made) mutable { answer(std::move(call), made); });
}

}  // namespace quokka
