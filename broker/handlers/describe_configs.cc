// DescribeConfigs (key 32), versions 0-4: the settings of topics, of this broker, of all brokers (dynamic defaults), and this broker's log levels.
//
// Topics are read from ZooKeeper, so that a change is seen at once, by any broker; those that the view does not know are UNKNOWN_TOPIC_OR_PARTITION.
// A broker answers only for itself ("" stands for the settings of all brokers). No keys, or null, are all keys; unknown keys are left out. Version 1
// brought sources and synonyms in the place of is_default, which is always false, as in Kafka; version 3 types and documentation.
//
// A resource that is named twice, "01" beside "1" included, is described once, with the keys of both; Kafka describes it twice.
//
// One resource of an unknown type makes every resource INVALID_REQUEST. Client metrics are for KRaft clusters. Of loggers there is "root".
#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/config/config_entries.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/places.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "coord/configs/config_store.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/describe_configs.h"

namespace quokka {

namespace {

using Resource = DescribeConfigsRequest::DescribeConfigsResource;
using ResourceAnswer = DescribeConfigsResponse::DescribeConfigsResult;
using EntryAnswer = ResourceAnswer::DescribeConfigsResourceResult;

constexpr int8_t kTopic = 2, kBroker = 4, kBrokerLogger = 8, kClientMetrics = 16;
constexpr std::string_view kMalformed =
    "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the "
    "broker logs for more details.";

bool is_known_type(int8_t type) { return type == kTopic || type == kBroker || type == kBrokerLogger || type == kClientMetrics; }

Error invalid(std::string message) { return {ErrorCode::INVALID_REQUEST, std::move(message)}; }

// Decimal, with an optional sign, as Java reads it.
std::optional<int32_t> broker_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Status check_broker(std::string_view name, BrokerId self, std::string_view expected) {
  const std::optional<int32_t> number = broker_number(name);
  if (!number) return invalid("Broker id must be an integer, but it is: " + std::string(name));
  if (*number == self.value) return {};
  return invalid("Unexpected broker id, expected " + std::to_string(self.value) + std::string(expected) + " but received " + std::string(name));
}

// A request until it is answered: first what is told of each resource is gathered, on the loop of coordination, then the answer is put together on the pool.
class Description {
 public:
  Description(Services& services, CallPtr call, Decoded<DescribeConfigsRequest> decoded)
      : services_(services), call_(std::move(call)), decoded_(std::move(decoded)), asked_(each_once(decoded_.request.resources)), told_(asked_.size()) {}

  static void gather(std::shared_ptr<Description> self) {
    Description& d = *self;
    d.sources_ = d.services_.config_sources;
    const ClusterViewPtr view = d.services_.view.get();
    d.waiting_ = 1;
    for (size_t i = 0; i < d.asked_.size(); ++i) {
      const Resource& resource = *d.asked_[i].resource;
      if (resource.resource_type != kTopic) continue;
      Told& told = d.told_[i];
      if (const Status valid = validate_topic_name(resource.resource_name); !valid) {
        told.status = valid;
      } else if (view->topic(resource.resource_name) == nullptr) {
        told.status = Error{ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ""};
      } else {
        ++d.waiting_;
        const znodes::ConfigEntity entity{znodes::ConfigType::topics, std::string(resource.resource_name), std::nullopt};
        d.services_.configs.read(entity, [self, i](Result<znodes::ConfigMap> read) {
          if (read) self->told_[i].overrides = *std::move(read);
          else self->told_[i].status = read.error();
          read_one(self);
        });
      }
    }
    read_one(self);
  }

 private:
  // A resource where it is first named, and the keys that are asked for wherever it is.
  struct Asked {
    const Resource* resource;
    std::optional<std::set<std::string_view>> keys;  // nullopt: all
  };
  // What was found out about one resource, and the memory that its part of the answer borrows from.
  struct Told {
    Status status;
    Properties overrides;  // of a topic
    std::vector<ConfigEntry> entries;
    std::vector<EntryAnswer> answers;
    std::deque<std::vector<EntryAnswer::DescribeConfigsSynonym>> synonyms;
  };

  static std::vector<Asked> each_once(const Array<Resource>& resources) {
    std::vector<Asked> asked;
    Places<int8_t, std::string> places;
    for (const Resource& resource : resources) {
      const auto number = resource.resource_type == kTopic ? std::nullopt : broker_number(resource.resource_name);
      const auto place = places.of(resource.resource_type, number ? std::to_string(*number) : std::string(resource.resource_name));
      if (place.is_new) asked.push_back({&resource, std::set<std::string_view>()});
      auto& keys = asked[place.index].keys;
      if (!resource.configuration_keys || resource.configuration_keys->empty()) keys.reset();
      else if (keys) keys->insert(resource.configuration_keys->begin(), resource.configuration_keys->end());
    }
    return asked;
  }

  static void read_one(const std::shared_ptr<Description>& self) {
    if (--self->waiting_ > 0) return;
    self->services_.pool.run([self] { self->answer(); });
  }

  void describe(const Resource& resource, Told& told) const {
    const std::string_view name = resource.resource_name;
    switch (resource.resource_type) {
      case kTopic:
        if (told.status.ok()) told.entries = describe_topic(told.overrides, sources_);
        return;
      case kBroker:
        if (name.empty()) {
          told.entries = describe_broker_default(sources_);
          return;
        }
        told.status = check_broker(name, services_.self, " or empty string,");
        if (told.status.ok()) told.entries = describe_broker(sources_);
        return;
      case kBrokerLogger:
        told.status = name.empty() ? invalid("Broker id must not be empty") : check_broker(name, services_.self, "");
        if (told.status.ok()) told.entries = {logger_entry()};
        return;
      default:
        told.status = invalid("Config type client-metrics is only supported on KRaft clusters");
    }
  }

  static ConfigEntry logger_entry() {
    ConfigEntry entry;
    entry.name = "root";
    entry.value = std::string(name(log_level()));
    entry.source = ConfigSource::broker_logger;
    return entry;
  }

  void fill(const Asked& asked, Told& told, ResourceAnswer& answer) const {
    for (const ConfigEntry& entry : told.entries) {
      if (asked.keys && !asked.keys->contains(entry.name)) continue;
      EntryAnswer& out = told.answers.emplace_back();
      out.name = entry.name;
      out.value = entry.value ? std::optional<std::string_view>(*entry.value) : std::nullopt;
      out.read_only = entry.read_only;
      out.config_source = static_cast<int8_t>(entry.source);
      out.is_sensitive = entry.sensitive;
      out.config_type = static_cast<int8_t>(entry.type);
      const bool logger = asked.resource->resource_type == kBrokerLogger;
      if (!logger && !decoded_.request.include_documentation) out.documentation = std::nullopt;
      else out.documentation = entry.documentation;
      if (!decoded_.request.include_synonyms) continue;
      auto& synonyms = told.synonyms.emplace_back();
      for (const ConfigEntry::Synonym& synonym : entry.synonyms) {
        const auto value = synonym.value ? std::optional<std::string_view>(*synonym.value) : std::nullopt;
        synonyms.push_back({synonym.name, value, static_cast<int8_t>(synonym.source)});
      }
      out.synonyms = synonyms;
    }
    answer.configs = told.answers;
  }

  void answer() {
    DescribeConfigsResponse response;
    std::vector<ResourceAnswer> results(told_.size());
    for (size_t i = 0; i < told_.size(); ++i) {
      const Resource& resource = *asked_[i].resource;
      Told& told = told_[i];
      describe(resource, told);
      results[i].resource_type = resource.resource_type;
      results[i].resource_name = resource.resource_name;
      if (told.status.ok()) {
        fill(asked_[i], told, results[i]);
      } else {
        results[i].error_code = told.status.code();
        results[i].error_message = told.status.error().message;
      }
    }
    response.results = results;
    reply(std::move(call_), response);
  }

  Services& services_;
  CallPtr call_;
  const Decoded<DescribeConfigsRequest> decoded_;
  const std::vector<Asked> asked_;
  std::vector<Told> told_;
  ConfigSources sources_;
  size_t waiting_ = 0;  // reads under way
};

void refuse_all(CallPtr call, const DescribeConfigsRequest& request) {
  DescribeConfigsResponse response;
  std::vector<ResourceAnswer> results;
  Places<int8_t, std::string_view> places;
  for (const Resource& resource : request.resources) {
    if (!places.of(resource.resource_type, resource.resource_name).is_new) continue;
    ResourceAnswer& result = results.emplace_back();
    result.error_code = ErrorCode::INVALID_REQUEST;
    result.error_message = kMalformed;
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
  }
  response.results = results;
  reply(std::move(call), response);
}

}  // namespace

void handle_describe_configs(Services& services, CallPtr call) {
  auto decoded = decode_call<DescribeConfigsRequest>(call);
  if (!decoded) return;
  const auto& resources = decoded->request.resources;
  if (!std::all_of(resources.begin(), resources.end(), [](const Resource& resource) { return is_known_type(resource.resource_type); }))
    return refuse_all(std::move(call), decoded->request);
  auto description = std::make_shared<Description>(services, std::move(call), *std::move(decoded));
  services.coordination.post([description] { Description::gather(description); });
}

}  // namespace quokka
