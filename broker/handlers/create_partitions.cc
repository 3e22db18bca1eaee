// CreatePartitions (key 37), versions 0-3: the controller adds partitions to topics and answers when they have leaders, or after the request's
// time-out with REQUEST_TIMED_OUT (the partitions stay). A time-out of 0 or less does not wait and says REQUEST_TIMED_OUT.
//
// NOT_CONTROLLER elsewhere. The topic is read from ZooKeeper. A name that is there twice is INVALID_REQUEST, once; a topic that is being deleted
// INVALID_TOPIC_EXCEPTION; an empty name UNKNOWN_SERVER_ERROR, as in Kafka, but for itself only.
//
// Better than Kafka: more partitions for an internal topic are INVALID_PARTITIONS. Kafka adds them, and with the next start of its brokers finds nothing of
// most groups and transactional ids (broker/journal/coordinator_topic.h).
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/handlers/topic_plans.h"
#include "coord/controller/runner.h"
#include "coord/topics/topic_writer.h"
#include "coord/znodes/paths.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/create_partitions.h"

namespace quokka {

namespace {

using Wanted = CreatePartitionsRequest::CreatePartitionsTopic;
using TopicResult = CreatePartitionsResponse::CreatePartitionsTopicResult;

Error does_not_exist(std::string_view name) {
  return {ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "The topic '" + std::string(name) + "' does not exist."};
}

// nullopt: the topic may grow.
std::optional<Error> why_not_to_grow(std::string_view name) {
  if (!is_internal_topic(name)) return std::nullopt;
  return Error{ErrorCode::INVALID_PARTITIONS, "The number of partitions of '" + std::string(name) +
                                                  "' cannot change while the topic exists: it says which partition holds a group or transactional id, and committed "
                                                  "offsets would not be found again."};
}

// A request until it is answered. Lives on the loop of coordination.
class Growth {
 public:
  Growth(Services& services, CallPtr call, Decoded<CreatePartitionsRequest> decoded)
      : services_(services), call_(std::move(call)), decoded_(std::move(decoded)) {}

  static void run(const std::shared_ptr<Growth>& self) {
    std::map<std::string_view, int> times;
    for (const Wanted& topic : self->decoded_.request.topics) ++times[topic.name];
    for (const Wanted& topic : self->decoded_.request.topics) {
      int& count = times[topic.name];
      if (count == 0) continue;  // answered already
      Item& item = self->items_.emplace_back();
      item.topic = &topic;
      if (count > 1) item.refuse({ErrorCode::INVALID_REQUEST, "Duplicate topic in request."});
      count = 0;
    }
    self->waiting_ = 1;
    for (size_t i = 0; i < self->items_.size(); ++i) {
      ++self->waiting_;
      check(self, i);
    }
    settle_one(self);
  }

 private:
  struct Item {
    const Wanted* topic = nullptr;
    ErrorCode error = ErrorCode::NONE;
    std::optional<std::string> message;

    void refuse(Error why) {
      error = why.code;
      message = std::move(why.message);
    }
  };

  static void settle(const std::shared_ptr<Growth>& self, size_t i, Error why) {
    self->items_[i].refuse(std::move(why));
    settle_one(self);
  }

  static void check(const std::shared_ptr<Growth>& self, size_t i) {
    Item& item = self->items_[i];
    if (item.error != ErrorCode::NONE) return settle_one(self);
    const std::string name(item.topic->name);
    if (name.empty()) {
      item.error = ErrorCode::UNKNOWN_SERVER_ERROR;
      return settle_one(self);
    }
    if (!is_valid_topic_name(name)) return settle(self, i, does_not_exist(name));
    self->services_.session.exists(znodes::delete_topic_path(name), Watch::no, [self, i](ZkOutcome outcome, const ZnodeStat&) {
      if (outcome == ZkOutcome::ok) return settle(self, i, {ErrorCode::INVALID_TOPIC_EXCEPTION, "The topic is queued for deletion."});
      read(self, i);
    });
  }

  static void read(const std::shared_ptr<Growth>& self, size_t i) {
    read_topic(self->services_.session, std::string(self->items_[i].topic->name), [self, i](Result<StoredTopic> stored) {
      if (stored) return grow(self, i, stored->topic);
      const bool gone = stored.code() == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
      settle(self, i, gone ? does_not_exist(self->items_[i].topic->name) : stored.error());
    });
  }

  static void grow(const std::shared_ptr<Growth>& self, size_t i, const znodes::Topic& stored) {
    const Wanted& wanted = *self->items_[i].topic;
    std::optional<std::vector<std::vector<BrokerId>>> assignments;
    if (wanted.assignments) {
      assignments.emplace();
      for (const auto& each : *wanted.assignments) assignments->emplace_back(each.broker_ids.begin(), each.broker_ids.end());
    }
    Result<znodes::ReplicaLists> added = plan_more_partitions(wanted.name, stored, wanted.count, assignments, *self->services_.view.get());
    if (!added) return settle(self, i, added.error());
    if (const auto refusal = why_not_to_grow(wanted.name)) return settle(self, i, *refusal);
    if (self->decoded_.request.validate_only) return settle_one(self);
    add_partitions(self->services_.session, std::string(wanted.name), *std::move(added), [self, i](Status status) {
      if (!status) return settle(self, i, status.error());
      await_leaders(self, i);
    });
  }

  static void await_leaders(const std::shared_ptr<Growth>& self, size_t i) {
    const int32_t timeout_ms = self->decoded_.request.timeout_ms;
    const auto finish = [self, i](ErrorCode led) {
      if (led != ErrorCode::NONE) self->items_[i].error = ErrorCode::REQUEST_TIMED_OUT;
      settle_one(self);
    };
    if (timeout_ms <= 0) return finish(ErrorCode::REQUEST_TIMED_OUT);
    const Wanted& wanted = *self->items_[i].topic;
    self->services_.controller.when_topic_led(std::string(wanted.name), static_cast<size_t>(wanted.count), Duration::millis(timeout_ms), finish);
  }

  static void settle_one(const std::shared_ptr<Growth>& self) {
    if (--self->waiting_ > 0) return;
    CreatePartitionsResponse response;
    std::vector<TopicResult> results;
    for (const Item& item : self->items_) {
      const auto message = item.message ? std::optional<std::string_view>(*item.message) : std::nullopt;
      results.push_back({item.topic->name, item.error, message});
    }
    response.results = results;
    reply(std::move(self->call_), response);
  }

  Services& services_;
  CallPtr call_;
  const Decoded<CreatePartitionsRequest> decoded_;
  std::vector<Item> items_;  // one for each name
  size_t waiting_ = 0;       // items that are not settled
};

void answer_not_controller(CallPtr call, const CreatePartitionsRequest& request) {
  CreatePartitionsResponse response;
  std::vector<TopicResult> results;
  std::map<std::string_view, bool> told;
  for (const Wanted& topic : request.topics)
    if (told.try_emplace(topic.name, true).second) results.push_back({topic.name, ErrorCode::NOT_CONTROLLER, std::nullopt});
  response.results = results;
  reply(std::move(call), response);
}

}  // namespace

void handle_create_partitions(Services& services, CallPtr call) {
  auto decoded = decode_call<CreatePartitionsRequest>(call);
  if (!decoded) return;
  if (!services.controller.is_active()) return answer_not_controller(std::move(call), decoded->request);
  auto growth = std::make_shared<Growth>(services, std::move(call), *std::move(decoded));
  services.coordination.post([growth] { Growth::run(growth); });
}

}  // namespace quokka
