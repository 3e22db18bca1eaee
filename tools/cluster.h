// The cluster as a tool sees it: found through any of the servers named, its brokers connected when needed, its metadata asked anew when
// an answer says that it is old.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/messages/metadata.h"
#include "tools/broker_link.h"
#include "tools/tool_properties.h"

namespace quokka {

struct ClusterSettings {
  std::vector<HostPort> servers;
  std::string client_id;
  Duration request_timeout = Duration::seconds(30);  // of one request (request.timeout.ms)
  Duration api_timeout = Duration::seconds(60);      // of what the user asked for, with all its attempts (default.api.timeout.ms)
  Duration retry_backoff = Duration::millis(100);

  // From --bootstrap-server and the properties of --command-config and its like. Security that is not implemented is an error.
  static Result<ClusterSettings> from(const std::string& servers, const ToolProperties& properties, const std::string& client_id);
};

class Cluster {
 public:
  explicit Cluster(ClusterSettings settings) : settings_(std::move(settings)) {}

  const ClusterSettings& settings() const { return settings_; }

  // Links stay valid until the next call for the same broker finds them broken. Errors: NETWORK_EXCEPTION naming what was tried.
  Result<BrokerLink*> any_broker();
  Result<BrokerLink*> broker(BrokerId id);
  // Asks who it is.
  Result<BrokerLink*> controller();

  // nullopt: all topics.
  Result<Answer<MetadataResponse>> metadata(const std::optional<std::vector<std::string>>& topics, bool allow_auto_topic_creation);

  // Drops the links to brokers that were bootstrapped from, after an error.
  void forget(BrokerId id) { links_.erase(id); }

  Deadline request_deadline() const { return deadline_in(settings_.request_timeout); }

  // One request to the controller, again elsewhere while it answers that it is not (`is_elsewhere` of the response) or cannot be reached.
  template <class Response, class Request, class IsElsewhere>
  Result<Answer<Response>> call_controller(const Request& request, IsElsewhere is_elsewhere) {
    const Deadline deadline = deadline_in(settings_.api_timeout);
    while (true) {
      Result<Answer<Response>> answer = try_controller<Response>(request);
      const bool again = answer.ok() ? is_elsewhere(answer->message) : is_retriable(answer.code());
      if (!again || has_passed(deadline)) return answer;
      pause(settings_.retry_backoff);
    }
  }

  static void pause(Duration duration);

 private:
  template <class Response, class Request>
  Result<Answer<Response>> try_controller(const Request& request) {
    const Result<BrokerLink*> link = controller();
    if (!link.ok()) return link.error();
    return (*link)->template call<Response>(request, request_deadline());
  }

  ClusterSettings settings_;
  std::unique_ptr<BrokerLink> bootstrap_;
  std::map<BrokerId, HostPort> addresses_;
  std::map<BrokerId, std::unique_ptr<BrokerLink>> links_;
};

}  // namespace quokka
