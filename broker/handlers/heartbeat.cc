// Heartbeat (key 12), versions 0-4: a member is there; REBALANCE_IN_PROGRESS tells it to join again. While the coordinator loads: NONE. 3: static members.
#include <utility>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/heartbeat.h"

namespace quokka {

void handle_heartbeat(Services& services, CallPtr call) {
  const auto decoded = decode_call<HeartbeatRequest>(call);
  if (!decoded) return;
  const HeartbeatRequest& request = decoded->request;
  MemberIdentity member;
  member.member_id = request.member_id;
  if (request.group_instance_id) member.instance_id = *request.group_instance_id;
  services.groups.heartbeat(std::string(request.group_id), std::move(member), request.generation_id, [call = std::move(call)](ErrorCode error) mutable {
    HeartbeatResponse response;
    response.error_code = error;
    reply(std::move(call), response);
  });
}

}  // namespace quokka
