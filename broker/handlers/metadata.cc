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
//
// Deviations: a broker that the controller has told nothing yet (it just started) answers LEADER_NOT_AVAILABLE for every name, at which clients ask
// again. Kafka says that the topic does not exist, or that there are too few brokers to create it, and a producer of librdkafka takes that for
// final. And __cluster_metadata is not created by being asked for, but INVALID_TOPIC_EXCEPTION.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/metadata_answer.h"
#include "broker/handlers/services.h"
#include "broker/handlers/topic_creation.h"
#include "protocol/base/topic_name.h"

namespace quokka {

namespace {

// KRaft's own log: a topic of that name would stand in the way of a cluster's move there.
constexpr std::string_view kClusterMetadataTopic = "__cluster_metadata";

// Topics that a request brings into being, and its answer. Lives on the loop of coordination.
class AutomaticCreation {
 public:
  AutomaticCreation(Services& services, std::unique_ptr<MetadataAnswer> answer) : services_(services), answer_(std::move(answer)) {}

  // Names that cannot be created, or that are being created already, are answered here. On the connection's loop.
  void choose(const std::vector<std::string_view>& missing) {
    for (std::string_view name : missing) {
      if (!is_valid_topic_name(name) || name == kClusterMetadataTopic) answer_->add_topic(name, ErrorCode::INVALID_TOPIC_EXCEPTION);
      else if (!services_.automatic_topics.add(name)) answer_->add_topic(name, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
      else names_.push_back(name);
    }
  }

  static void run(const std::shared_ptr<AutomaticCreation>& self) {
    self->waiting_ = self->names_.size() + 1;
    for (std::string_view name : self->names_) create(self, name);
    settle_one(self);
  }

 private:
  static void create(const std::shared_ptr<AutomaticCreation>& self, std::string_view name) {
    create_automatic_topic(self->services_, name, [self, name](Result<TopicId> id) { settle(self, name, id.code()); });
  }

  static void settle(const std::shared_ptr<AutomaticCreation>& self, std::string_view name, ErrorCode error) {
    self->services_.automatic_topics.remove(name);
    const bool is_there = error == ErrorCode::NONE || error == ErrorCode::TOPIC_ALREADY_EXISTS;
    self->answer_->add_topic(name, is_there ? ErrorCode::LEADER_NOT_AVAILABLE : error);
    settle_one(self);
  }

  static void settle_one(const std::shared_ptr<AutomaticCreation>& self) {
    if (--self->waiting_ == 0) self->answer_->send();
  }

  Services& services_;
  const std::unique_ptr<MetadataAnswer> answer_;
  std::vector<std::string_view> names_;  // in the request's frame
  size_t waiting_ = 0;                   // names that are not settled
};

}  // namespace

void handle_metadata(Services& services, CallPtr call) {
  auto decoded = decode_call<MetadataRequest>(call);
  if (!decoded) return;
  const ClusterViewPtr view = services.view.get();
  const bool knows_nothing = view->brokers().empty();
  auto answer = std::make_unique<MetadataAnswer>(std::move(call), *std::move(decoded), view, services.cluster_id);
  if (const ErrorCode error = answer->check(); error != ErrorCode::NONE) return answer->fail(error);

  const std::vector<std::string_view> missing = answer->add_known();
  if (knows_nothing) {
    for (std::string_view name : missing)
      answer->add_topic(name, is_valid_topic_name(name) ? ErrorCode::LEADER_NOT_AVAILABLE : ErrorCode::INVALID_TOPIC_EXCEPTION);
    return answer->send();
  }
  if (!missing.empty() && answer->may_create() && services.config.auto_create_topics_enable) {
    auto creation = std::make_shared<AutomaticCreation>(services, std::move(answer));
    creation->choose(missing);
    return services.coordination.post([creation] { AutomaticCreation::run(creation); });
  }
  for (std::string_view name : missing) {
    const ErrorCode error = is_valid_topic_name(name) ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION : ErrorCode::INVALID_TOPIC_EXCEPTION;
    answer->add_topic(name, error);
  }
  answer->send();
}

}  // namespace quokka
