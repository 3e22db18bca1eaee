// A cluster as a program sees it that does one thing at a time: found through any of the servers named, its brokers connected when needed,
// its metadata asked anew when an answer says that it is old.
//
//   BlockingClient client({.servers = *parse_servers("localhost:9092")}, warn);
//   auto topics = client.persist([&] { return client.metadata(std::nullopt, false); });
//   auto created = client.call_controller<CreateTopicsResponse>(request, is_elsewhere);
//   auto broker = client.broker(leader);
//   if (broker.ok()) auto offsets = (*broker)->call<ListOffsetsResponse>(request, timeout);
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/client/blocking_connection.h"
#include "protocol/client/tcp_streams.h"
#include "protocol/messages/metadata.h"

namespace quokka {

struct BlockingClientSettings {
  std::vector<HostPort> servers;
  std::string client_id = "quokka-tools";
  Duration connect_timeout = Duration::seconds(10);
  Duration request_timeout = Duration::seconds(30);  // of one request (request.timeout.ms)
  Duration api_timeout = Duration::seconds(60);      // of what the user asked for, with all its attempts (default.api.timeout.ms)
  Duration retry_backoff = Duration::millis(100);
};

// One thread. Nothing is sent before the first call.
class BlockingClient {
 public:
  // `warn` gets one line for whatever is tried again.
  BlockingClient(BlockingClientSettings settings, std::function<void(const std::string&)> warn) : settings_(std::move(settings)), warn_(std::move(warn)) {}

  const BlockingClientSettings& settings() const { return settings_; }

  // Connections stay valid until the next call for the same broker finds them broken. Errors: NETWORK_EXCEPTION naming what was tried.
  Result<BlockingConnection*> any_broker();
  // By the address that the last metadata gave. BROKER_NOT_AVAILABLE if it gave none.
  Result<BlockingConnection*> broker(BrokerId id);
  // Asks who it is.
  Result<BlockingConnection*> controller();

  // Who coordinates a group; remembered until a call_coordinator hears otherwise. Errors: COORDINATOR_NOT_AVAILABLE and what the broker says.
  struct Coordinator {
    BrokerId id;
    HostPort address;
  };
  Result<Coordinator> coordinator(const std::string& group);

  // nullopt: all topics.
  Result<Answer<MetadataResponse>> metadata(const std::optional<std::vector<std::string>>& topics, bool allow_auto_topic_creation);

  // `attempt` returns a Result or Status: again while its error may pass and api_timeout lasts, with a line for each new reason.
  template <class Attempt>
  auto persist(Attempt attempt) {
    const MonoTime end = now() + settings_.api_timeout;
    while (true) {
      auto outcome = attempt();
      if (outcome.ok() || !is_retriable(outcome.code()) || now() >= end) return outcome;
      warn_once(outcome.error().message + "; trying again for " + std::to_string(settings_.api_timeout.to_millis()) + " ms (default.api.timeout.ms)");
      pause(settings_.retry_backoff);
    }
  }

  // One request to the controller, again while it answers that it is not (`is_elsewhere` of the response) or cannot be reached.
  template <class Response, class Request, class IsElsewhere>
  Result<Answer<Response>> call_controller(const Request& request, IsElsewhere is_elsewhere) {
    return persist([&]() -> Result<Answer<Response>> {
      const Result<BlockingConnection*> connection = controller();
      if (!connection.ok()) return connection.error();
      auto answer = (*connection)->template call<Response>(request, settings_.request_timeout);
      if (answer.ok() && is_elsewhere(answer->message)) return Error{ErrorCode::NOT_CONTROLLER, (*connection)->address().str() + " is not the controller"};
      return answer;
    });
  }

  // One request to a group's coordinator, again while that is elsewhere, not there yet or cannot be reached. `code_of` the response is its error for
  // the whole group.
  template <class Response, class Request, class CodeOf>
  Result<Answer<Response>> call_coordinator(const std::string& group, const Request& request, CodeOf code_of,
                                            int16_t version_max = Request::kVersionMax, int16_t version_min = Request::kVersionMin) {
    return persist([&]() -> Result<Answer<Response>> {
      const Result<BlockingConnection*> connection = coordinating_broker(group);
      if (!connection.ok()) return connection.error();
      auto answer = (*connection)->template call<Response>(request, settings_.request_timeout, version_max, version_min);
      const ErrorCode code = answer.ok() ? code_of(answer->message) : answer.code();
      if (!answer.ok() || !lost_coordinator(group, code)) return answer;
      return Error{code, "group " + group + ": " + (*connection)->address().str() + " answers " + std::string(name(code))};
    });
  }
  // A connection to it, apart from others: a request to it may wait for the whole group.
  Result<BlockingConnection*> coordinating_broker(const std::string& group);
  // Gives that connection up, and what waits there.
  void disconnect_coordinator(const std::string& group);
  // Whether that error says that the group has no coordinator there or none yet; then the next call asks anew who it is.
  bool lost_coordinator(const std::string& group, ErrorCode code);

  MonoTime now() const { return loop_.now(); }
  WallTime wall_now() const { return loop_.wall_now(); }
  // Runs what was started until `condition` holds.
  void wait(const std::function<bool()>& condition) { loop_.run_until(condition); }
  // The same; false when `patience` ended first.
  bool wait(const std::function<bool()>& condition, Duration patience) { return loop_.run_until(condition, patience); }
  void pause(Duration duration) {
    wait([] { return false; }, duration);
  }

 private:
  Result<std::unique_ptr<BlockingConnection>> connect(const HostPort& address);
  void warn_once(const std::string& text);

  const BlockingClientSettings settings_;
  const std::function<void(const std::string&)> warn_;
  std::string last_warning_;
  WaitingLoop loop_;
  TcpStreams streams_{loop_.io_context(), loop_};
  std::map<BrokerId, HostPort> addresses_;
  std::unique_ptr<BlockingConnection> bootstrap_;
  std::map<BrokerId, std::unique_ptr<BlockingConnection>> connections_;
  std::map<std::string, Coordinator> coordinators_;  // by group, as its connection
  std::map<std::string, std::unique_ptr<BlockingConnection>> coordinator_connections_;
};

}  // namespace quokka
