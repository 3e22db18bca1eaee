// ListGroups (key 16), versions 0-5: the groups that this broker coordinates; a client asks every broker. 4: filter by state, 5: by type, both without
// regard to case. A filter that names nothing known lists nothing.
#include <algorithm>
#include <cctype>
#include <set>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/list_groups.h"

namespace quokka {

namespace {

std::string_view type_of(const GroupOverview& group) { return group.is_consumer_protocol ? "consumer" : "classic"; }

std::string lower(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return made;
}

std::set<std::string> lower_set(const Array<std::string_view>& words) {
  std::set<std::string> made;
  for (std::string_view word : words) made.insert(lower(word));
  return made;
}

}  // namespace

void handle_list_groups(Services& services, CallPtr call) {
  const auto decoded = decode_call<ListGroupsRequest>(call);
  if (!decoded) return;
  const std::set<std::string> types = lower_set(decoded->request.types_filter);
  services.groups.list([call = std::move(call), states = lower_set(decoded->request.states_filter), types](
                           ErrorCode error, std::vector<GroupOverview> groups) mutable {
    ListGroupsResponse response;
    response.error_code = error;
    std::vector<ListGroupsResponse::ListedGroup> listed;
    for (const GroupOverview& each : groups) {
      if (!types.empty() && types.count(std::string(type_of(each))) == 0) continue;
      if (!states.empty() && states.count(lower(name(each.state))) == 0) continue;
      listed.push_back({each.group, each.protocol_type, name(each.state), type_of(each)});
    }
    response.groups = listed;
    reply(std::move(call), response);
  });
}

}  // namespace quokka
