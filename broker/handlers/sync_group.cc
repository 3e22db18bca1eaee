// SyncGroup (key 14), versions 0-5: the leader says who is assigned what, the others ask; answered when the assignment is written.
//
// 3: static members. 5: the member says which protocol it believes in (INCONSISTENT_GROUP_PROTOCOL if that is another, or none).
#include <utility>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/sync_group.h"

namespace quokka {

namespace {

void answer(CallPtr call, const SyncAnswer& made) {
  SyncGroupResponse response;
  response.error_code = made.error;
  if (made.protocol_type) response.protocol_type = *made.protocol_type;
  if (made.protocol) response.protocol_name = *made.protocol;
  response.assignment = bytes_of(made.assignment);
  reply(std::move(call), response);
}

}  // namespace

void handle_sync_group(Services& services, CallPtr call) {
  const auto decoded = decode_call<SyncGroupRequest>(call);
  if (!decoded) return;
  const SyncGroupRequest& request = decoded->request;
  if (call->version() >= 5 && (!request.protocol_type || !request.protocol_name))
    return answer(std::move(call), SyncAnswer{ErrorCode::INCONSISTENT_GROUP_PROTOCOL, {}, {}, {}});
  SyncGroup sync;
  sync.group = request.group_id;
  sync.member_id = request.member_id;
  if (request.group_instance_id) sync.instance_id = *request.group_instance_id;
  sync.generation = request.generation_id;
  if (request.protocol_type) sync.protocol_type = *request.protocol_type;
  if (request.protocol_name) sync.protocol = *request.protocol_name;
  for (const auto& each : request.assignments) sync.assignments[std::string(each.member_id)] = text_of(each.assignment);
  services.groups.sync(std::move(sync), [call = std::move(call)](SyncAnswer made) mutable { answer(std::move(call), made); });
}

}  // namespace quokka
