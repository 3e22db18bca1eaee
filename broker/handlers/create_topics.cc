// CreateTopics (key 19), versions 0-7: the controller writes each topic to ZooKeeper and answers when all partitions have leaders, or after the
// request's time-out with REQUEST_TIMED_OUT (the topic stays). A time-out of 0 or less does not wait and says REQUEST_TIMED_OUT.
//
// NOT_CONTROLLER elsewhere. A name that is there twice is INVALID_REQUEST each time. Replicas are placed by the broker or given; partitions and
// replication factor of -1 are the broker's defaults (any version). Version 1 brought validate_only and error messages, 5 the settings in force,
// 7 the topic's id.
//
// Deviation: replicas on unknown brokers, or none, are INVALID_REPLICA_ASSIGNMENT at once; Kafka creates the topic and times out.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/config/config_entries.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/handlers/topic_creation.h"
#include "coord/controller/runner.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/create_topics.h"

namespace quokka {

namespace {

using Wanted = CreateTopicsRequest::CreatableTopic;
using TopicResult = CreateTopicsResponse::CreatableTopicResult;
using ConfigResult = TopicResult::CreatableTopicConfigs;

constexpr std::string_view kClusterMetadataTopic = "__cluster_metadata";
// Of all topics of a request: they are in memory together until it is answered.
constexpr size_t kPartitionsOfRequestMax = 200'000;

WantedTopic wanted_of(const Wanted& asked) {
  WantedTopic topic;
  topic.name = asked.name;
  topic.partitions = asked.num_partitions;
  topic.replication_factor = asked.replication_factor;
  if (!asked.assignments.empty()) topic.assignment.emplace();
  for (const auto& assignment : asked.assignments)
    (*topic.assignment)[assignment.partition_index].assign(assignment.broker_ids.begin(), assignment.broker_ids.end());
  for (const auto& config : asked.configs) {
    if (config.value) topic.configs[std::string(config.name)] = *config.value;
    else topic.configs_without_value.emplace_back(config.name);
  }
  return topic;
}

// A request until it is answered. Lives on the loop of coordination; the answer is put together on the pool.
class Creation {
 public:
  Creation(Services& services, CallPtr call, Decoded<CreateTopicsRequest> decoded)
      : services_(services), call_(std::move(call)), decoded_(std::move(decoded)), items_(decoded_.request.topics.size()) {}

  static void run(const std::shared_ptr<Creation>& self) {
    self->plan();
    self->waiting_ = 1;
    // Two names of one request may collide: those that could are created one after another.
    std::vector<size_t> in_turn;
    for (size_t i = 0; i < self->items_.size(); ++i) {
      if (!self->items_[i].plan) continue;
      ++self->waiting_;
      if (has_collision_characters(self->items_[i].plan->name)) in_turn.push_back(i);
      else create(self, i, {});
    }
    create_in_turn(self, std::move(in_turn), 0);
    settle_one(self);
  }

 private:
  struct Item {
    std::optional<TopicPlan> plan;  // only while all is well
    ErrorCode error = ErrorCode::NONE;
    std::optional<std::string> message;
    TopicId id;
  };

  const Array<Wanted>& topics() const { return decoded_.request.topics; }

  void plan() {
    sources_ = services_.config_sources;
    const ClusterViewPtr view = services_.view.get();
    std::map<std::string_view, int> times;
    for (const Wanted& topic : topics()) ++times[topic.name];
    size_t partitions = 0;
    for (size_t i = 0; i < items_.size(); ++i) {
      const Wanted& topic = topics()[i];
      if (topic.name == kClusterMetadataTopic) {
        fail(i, {ErrorCode::INVALID_REQUEST, "Creation of internal topic __cluster_metadata is prohibited."});
      } else if (times[topic.name] > 1) {
        fail(i, {ErrorCode::INVALID_REQUEST, "Found multiple entries for this topic."});
      } else if (partitions > kPartitionsOfRequestMax) {
        fail(i, {ErrorCode::INVALID_PARTITIONS, "The topics before this one have more than " + std::to_string(kPartitionsOfRequestMax) +
                                                    " partitions together: create them in several requests."});
      } else {
        Result<TopicPlan> planned = plan_topic(wanted_of(topic), *view, services_.config, sources_, services_.random);
        if (planned) {
          partitions += planned->assignment.size();
          items_[i].plan = *std::move(planned);
        } else {
          fail(i, planned.error());
        }
      }
    }
  }

  void fail(size_t i, Error error) {
    items_[i].error = error.code;
    items_[i].message = std::move(error.message);
  }

  static void create_in_turn(const std::shared_ptr<Creation>& self, std::vector<size_t> in_turn, size_t next) {
    if (next == in_turn.size()) return;
    const size_t i = in_turn[next];
    create(self, i, [self, rest = std::move(in_turn), next]() mutable { create_in_turn(self, std::move(rest), next + 1); });
  }

  // `written`, unless empty, is called when the topic is there or will not be.
  static void create(const std::shared_ptr<Creation>& self, size_t i, Task written) {
    const bool check_only = self->decoded_.request.validate_only;
    create_planned_topic(self->services_, *self->items_[i].plan, check_only, [self, i, w = std::move(written)](Result<TopicId> id) mutable {
      if (id) self->items_[i].id = *id;
      else self->fail(i, id.error());
      await_leaders(self, i);
      if (w) w();
    });
  }

  static void await_leaders(const std::shared_ptr<Creation>& self, size_t i) {
    const CreateTopicsRequest& request = self->decoded_.request;
    if (self->items_[i].error != ErrorCode::NONE || request.validate_only) return settle_one(self);
    if (request.timeout_ms <= 0) {
      self->items_[i].error = ErrorCode::REQUEST_TIMED_OUT;
      return settle_one(self);
    }
    const TopicPlan& plan = *self->items_[i].plan;
    self->services_.controller.when_topic_led(plan.name, plan.assignment.size(), Duration::millis(request.timeout_ms), [self, i](ErrorCode led) {
      // The topic is there: another controller finishes it.
      if (led != ErrorCode::NONE) self->items_[i].error = ErrorCode::REQUEST_TIMED_OUT;
      settle_one(self);
    });
  }

  static void settle_one(const std::shared_ptr<Creation>& self) {
    if (--self->waiting_ > 0) return;
    self->services_.pool.run([self] { self->answer(); });
  }

  void describe(const TopicPlan& plan, std::vector<ConfigEntry>& entries, std::vector<ConfigResult>& configs) const {
    entries = describe_topic(plan.configs, sources_);
    for (const ConfigEntry& entry : entries) {
      ConfigResult& config = configs.emplace_back();
      config.name = entry.name;
      config.value = entry.value ? std::optional<std::string_view>(*entry.value) : std::nullopt;
      config.read_only = entry.read_only;
      config.config_source = static_cast<int8_t>(entry.source);
      config.is_sensitive = entry.sensitive;
    }
  }

  void answer() {
    CreateTopicsResponse response;
    std::vector<TopicResult> results(items_.size());
    std::vector<std::vector<ConfigEntry>> entries(items_.size());
    std::vector<std::vector<ConfigResult>> configs(items_.size());
    for (size_t i = 0; i < items_.size(); ++i) {
      const Item& item = items_[i];
      TopicResult& result = results[i];
      result.name = topics()[i].name;
      result.topic_id = item.id;
      result.error_code = item.error;
      result.error_message = item.message ? std::optional<std::string_view>(*item.message) : std::nullopt;
      if (item.error != ErrorCode::NONE || call_->version() < 5) continue;
      result.num_partitions = item.plan->partitions();
      result.replication_factor = item.plan->replication_factor();
      describe(*item.plan, entries[i], configs[i]);
      result.configs = Array(configs[i]);
    }
    response.topics = results;
    reply(std::move(call_), response);
  }

  Services& services_;
  CallPtr call_;
  const Decoded<CreateTopicsRequest> decoded_;
  std::vector<Item> items_;
  ConfigSources sources_;
  size_t waiting_ = 0;  // topics that are not settled
};

void answer_not_controller(CallPtr call, const CreateTopicsRequest& request) {
  CreateTopicsResponse response;
  std::vector<TopicResult> results;
  for (const Wanted& topic : request.topics) {
    TopicResult& result = results.emplace_back();
    result.name = topic.name;
    result.error_code = ErrorCode::NOT_CONTROLLER;
  }
  response.topics = results;
  reply(std::move(call), response);
}

}  // namespace

void handle_create_topics(Services& services, CallPtr call) {
  auto decoded = decode_call<CreateTopicsRequest>(call);
  if (!decoded) return;
  if (!services.controller.is_active()) return answer_not_controller(std::move(call), decoded->request);
  auto creation = std::make_shared<Creation>(services, std::move(call), *std::move(decoded));
  services.coordination.post([creation] { Creation::run(creation); });
}

}  // namespace quokka
