// Metadata (key 3), versions 0-12: the live brokers, the controller, and the topics asked for, as this broker's view shows them.
//
// Any broker answers. Brokers and leaders are those the client's listener reaches: a leader that is not alive makes its partition
// LEADER_NOT_AVAILABLE, one without that listener LISTENER_NOT_FOUND (before version 6 LEADER_NOT_AVAILABLE too). All topics: no list in version 0,
// null since version 1. Version 0 leaves out replicas that cannot be reached and says REPLICA_NOT_AVAILABLE. Version 4 brought
// allow_auto_topic_creation, 5 offline replicas, 7 leader epochs, 8 authorized operations (of the cluster until 10), 10 topic ids, 12 requests by id;
// an id or a null name before is INVALID_REQUEST for the whole.
//
// A name that is not known is UNKNOWN_TOPIC_OR_PARTITION, or is created where the request and auto.create.topics.enable allow it: by this broker,
// whichever it is, and the first answer says LEADER_NOT_AVAILABLE.
#include <memory>
#include <string_view>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/metadata_answer.h"
#include "broker/handlers/services.h"
#include "protocol/base/topic_name.h"

namespace quokka {

void handle_metadata(Services& services, CallPtr call) {
  auto decoded = decode_call<MetadataRequest>(call);
  if (!decoded) return;
  auto answer = std::make_unique<MetadataAnswer>(std::move(call), *std::move(decoded), services.view.get(), services.cluster_id);
  if (const ErrorCode error = answer->check(); error != ErrorCode::NONE) return answer->fail(error);

  const std::vector<std::string_view> missing = answer->add_known();
  for (std::string_view name : missing) {
    const ErrorCode error = is_valid_topic_name(name) ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION : ErrorCode::INVALID_TOPIC_EXCEPTION;
    answer->add_topic(name, error);
  }
  answer->send();
}

}  // namespace quokka
