// DeleteTopics (key 20), versions 0-6: the controller marks topics for deletion and answers when they are gone, or after the request's time-out
// with REQUEST_TIMED_OUT (the deletion goes on). A time-out of 0 or less does not wait and says REQUEST_TIMED_OUT.
//
// NOT_CONTROLLER elsewhere. With delete.topic.enable=false: TOPIC_DELETION_DISABLED, before version 3 INVALID_REQUEST. Version 5 brought error
// messages, which stay null, version 6 topics by id (UNKNOWN_TOPIC_ID); name and id together are INVALID_REQUEST for the whole. Neither of them is
// TOPIC_AUTHORIZATION_FAILED, as in Kafka.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "coord/controller/runner.h"
#include "coord/topics/topic_writer.h"
#include "protocol/messages/delete_topics.h"

namespace quokka {

namespace {

using Topic = DeleteTopicsRequest::DeleteTopicState;
using TopicResult = DeleteTopicsResponse::DeletableTopicResult;

std::vector<Topic> topics_of(const DeleteTopicsRequest& request, int16_t version) {
  if (version >= 6) return {request.topics.begin(), request.topics.end()};
  std::vector<Topic> topics;
  for (std::string_view name : request.topic_names) topics.push_back({name, {}});
  return topics;
}

void refuse_all(CallPtr call, const std::vector<Topic>& topics, ErrorCode error) {
  DeleteTopicsResponse response;
  std::vector<TopicResult> results;
  for (const Topic& topic : topics) results.push_back({topic.name, topic.topic_id, error, std::nullopt});
  response.responses = results;
  reply(std::move(call), response);
}

// A request until it is answered. Lives on the loop of coordination.
class Deletion {
 public:
  Deletion(Services& services, CallPtr call, Decoded<DeleteTopicsRequest> decoded)
      : services_(services), call_(std::move(call)), decoded_(std::move(decoded)), view_(services.view.get()) {}

  static void run(const std::shared_ptr<Deletion>& self) {
    std::map<std::string_view, size_t> to_delete;  // where its outcome is told: a name that is there twice succeeds the second time
    for (const Topic& topic : topics_of(self->decoded_.request, self->call_->version())) {
      TopicResult& result = self->results_.emplace_back();
      result.name = topic.name;
      result.topic_id = topic.topic_id;
      result.error_code = self->resolve(result);
      if (result.error_code == ErrorCode::NONE) to_delete.emplace(*result.name, self->results_.size() - 1);
    }
    self->waiting_ = to_delete.size() + 1;
    for (const auto& [name, i] : to_delete) remove(self, std::string(name), i);
    settle_one(self);
  }

 private:
  // Names what is given by id, and says why it cannot be deleted.
  ErrorCode resolve(TopicResult& result) const {
    if (!result.topic_id.is_zero()) {
      const TopicView* topic = view_->topic(result.topic_id);
      if (topic == nullptr) return ErrorCode::UNKNOWN_TOPIC_ID;
      result.name = topic->name;
    }
    if (!result.name) return ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    return view_->topic(*result.name) == nullptr ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION : ErrorCode::NONE;
  }

  static void remove(const std::shared_ptr<Deletion>& self, const std::string& name, size_t i) {
    request_topic_deletion(self->services_.session, name, [self, name, i](Status status) {
      const int32_t timeout_ms = self->decoded_.request.timeout_ms;
      if (!status) return settle(self, i, status.code());
      if (timeout_ms <= 0) return settle(self, i, ErrorCode::REQUEST_TIMED_OUT);
      self->services_.controller.when_topic_deleted(name, Duration::millis(timeout_ms), [self, i](ErrorCode gone) {
        settle(self, i, gone == ErrorCode::NONE ? gone : ErrorCode::REQUEST_TIMED_OUT);
      });
    });
  }

  static void settle(const std::shared_ptr<Deletion>& self, size_t i, ErrorCode error) {
    self->results_[i].error_code = error;
    settle_one(self);
  }

  static void settle_one(const std::shared_ptr<Deletion>& self) {
    if (--self->waiting_ > 0) return;
    DeleteTopicsResponse response;
    response.responses = self->results_;
    reply(std::move(self->call_), response);
  }

  Services& services_;
  CallPtr call_;
  const Decoded<DeleteTopicsRequest> decoded_;
  const ClusterViewPtr view_;
  std::vector<TopicResult> results_;
  size_t waiting_ = 0;  // topics that are not settled
};

}  // namespace

void handle_delete_topics(Services& services, CallPtr call) {
  auto decoded = decode_call<DeleteTopicsRequest>(call);
  if (!decoded) return;
  const int16_t version = call->version();
  const std::vector<Topic> topics = topics_of(decoded->request, version);
  if (!services.controller.is_active()) return refuse_all(std::move(call), topics, ErrorCode::NOT_CONTROLLER);
  if (!services.config.delete_topic_enable)
    return refuse_all(std::move(call), topics, version < 3 ? ErrorCode::INVALID_REQUEST : ErrorCode::TOPIC_DELETION_DISABLED);
  if (std::any_of(topics.begin(), topics.end(), [](const Topic& topic) { return topic.name && !topic.topic_id.is_zero(); }))
    return refuse_all(std::move(call), topics, ErrorCode::INVALID_REQUEST);
  auto deletion = std::make_shared<Deletion>(services, std::move(call), *std::move(decoded));
  services.coordination.post([deletion] { Deletion::run(deletion); });
}

}  // namespace quokka
