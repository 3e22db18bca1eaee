// A client for tools: connects to a list of brokers, agrees on versions, asks one question at a time and waits for the answer.
//
//   BlockingClient client({.bootstrap = "localhost:9092"});
//   auto topics = client.call<MetadataResponse>(request);                 // any broker
//   auto created = client.call_controller<CreateTopicsResponse>(request);
//   auto offsets = client.call_broker<ListOffsetsResponse>(leader, request);
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/client/typed_call.h"

namespace quokka {

struct BlockingClientSettings {
  std::string bootstrap;  // "host:port,host:port"; IPv6 as [::1]:9092
  std::string client_id = "quokka-tools";
  Duration connect_timeout = Duration::seconds(10);
  Duration request_timeout = Duration::seconds(30);
};

struct BrokerAddress {
  BrokerId id;
  std::string host;
  uint16_t port = 0;
  std::string rack;  // "" for none
};

// One thread. Nothing is sent before the first call.
class BlockingClient {
 public:
  explicit BlockingClient(BlockingClientSettings settings);
  ~BlockingClient();
  BlockingClient(const BlockingClient&) = delete;
  BlockingClient& operator=(const BlockingClient&) = delete;

  // Answers come from the highest version that both sides know, or `version_max` if that is lower. Errors of the connection and of the protocol;
  // error codes inside the response are the caller's to look at.
  template <class Response, class Request>
  Result<Answer<Response>> call(const Request& request, int16_t version_max = INT16_MAX) {
    return call_at<Response>(kAnyBroker, request, version_max);
  }
  // The broker with that id, by the address the cluster advertises for it.
  template <class Response, class Request>
  Result<Answer<Response>> call_broker(BrokerId broker, const Request& request, int16_t version_max = INT16_MAX) {
    return call_at<Response>(broker.value, request, version_max);
  }
  // The controller. When it moves (NOT_CONTROLLER), call refresh() and ask again.
  template <class Response, class Request>
  Result<Answer<Response>> call_controller(const Request& request, int16_t version_max = INT16_MAX) {
    Result<BrokerId> controller = controller_id();
    if (!controller) return controller.error();
    return call_at<Response>(controller->value, request, version_max);
  }

  // From the last refresh; the first use refreshes.
  Result<std::vector<BrokerAddress>> brokers();
  Result<BrokerId> controller_id();
  Result<std::string> cluster_id();
  // The leader of a partition, asked for now. LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC_OR_PARTITION.
  Result<BrokerId> leader_of(const TopicPartition& partition);
  // The coordinator of a group (key type 0) or a transactional id (1), asked for now.
  Result<BrokerId> coordinator_of(const std::string& key, int8_t key_type);
  // Asks for brokers and controller again.
  Status refresh();

  // The highest version both sides know, for messages whose shape depends on it.
  Result<int16_t> version_of(int16_t api_key, int16_t version_min, int16_t version_max, std::optional<BrokerId> broker = std::nullopt);
  // Every (key, range) the broker lists, in its order.
  struct ListedApi {
    int16_t api_key = 0;
    int16_t version_min = 0;
    int16_t version_max = 0;
  };
  Result<std::vector<ListedApi>> listed_apis(std::optional<BrokerId> broker = std::nullopt);

  // Bytes in, bytes out, for whoever has messages of its own.
  Result<ClientResponse> exchange(std::optional<BrokerId> broker, ClientRequest request);

 private:
  static constexpr int32_t kAnyBroker = INT32_MIN;

  template <class Response, class Request>
  Result<Answer<Response>> call_at(int32_t broker, const Request& request, int16_t version_max) {
    static_assert(Request::kApiKey == Response::kApiKey, "a response of another API");
    auto at = broker == kAnyBroker ? std::nullopt : std::optional(BrokerId(broker));
    Result<int16_t> version = version_of(static_cast<int16_t>(Request::kApiKey), Request::kVersionMin,
                                         version_max < Request::kVersionMax ? version_max : Request::kVersionMax, at);
    if (!version) return version.error();
    Result<Encoded> body = encode(request, *version);
    if (!body) return body.error();
    ClientRequest bytes;
    bytes.api_key = static_cast<int16_t>(Request::kApiKey);
    bytes.version = *version;
    bytes.body = std::move(*body);
    Result<ClientResponse> answer = exchange(at, std::move(bytes));
    if (!answer) return answer.error();
    return decode_response<Response>(std::move(*answer), *version);
  }

  struct Core;
  std::unique_ptr<Core> core_;
};

// "host:port,[::1]:9092" to pairs. INVALID_CONFIG names the part that is no address.
Result<std::vector<std::pair<std::string, uint16_t>>> parse_bootstrap(const std::string& text);

}  // namespace quokka
