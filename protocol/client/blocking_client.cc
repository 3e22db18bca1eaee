#include "protocol/client/blocking_client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "protocol/messages/api_table.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/headers.h"
#include "protocol/messages/metadata.h"

namespace quokka {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kResponseBytesMax = 256u << 20;

Error network_error(const std::string& where, const std::string& what) { return {ErrorCode::NETWORK_EXCEPTION, where + ": " + what}; }

// A blocking connection to one broker.
class Channel {
 public:
  Channel(std::string host, uint16_t port, std::string client_id) : host_(std::move(host)), port_(port), client_id_(std::move(client_id)) {}
  ~Channel() { close(); }
  Channel(const Channel&) = delete;

  std::string name() const { return host_ + ":" + std::to_string(port_); }

  Status ensure_connected(Duration timeout) {
    // The broker may have closed an idle connection meanwhile.
    char probe;
    if (fd_ >= 0 && ::recv(fd_, &probe, 1, MSG_PEEK | MSG_DONTWAIT) == 0) close();
    if (fd_ >= 0) return {};
    apis.clear();
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    int failed = getaddrinfo(host_.c_str(), std::to_string(port_).c_str(), &hints, &found);
    if (failed != 0) return network_error(name(), std::string("the name does not resolve: ") + gai_strerror(failed));
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> holder(found, freeaddrinfo);
    Status last = network_error(name(), "no address");
    auto deadline = Clock::now() + std::chrono::microseconds(timeout.us);
    for (addrinfo* at = found; at != nullptr; at = at->ai_next) {
      last = connect_to(*at, deadline);
      if (last) return last;
    }
    return last;
  }

  Result<ClientResponse> exchange(const ClientRequest& request, Duration timeout) {
    const ApiEntry* api = api_entry(request.api_key);
    QUOKKA_CHECK(api != nullptr, "a request of an unknown API");
    auto deadline = Clock::now() + std::chrono::microseconds(timeout.us);
    int32_t correlation = next_correlation_++;
    std::vector<uint8_t> header =
        encode_request_header({request.api_key, request.version, correlation, client_id_}, api->request_header_version(request.version));
    std::vector<uint8_t> bytes(4);
    store_be(bytes.data(), static_cast<int32_t>(header.size() + request.body.size()));
    bytes.insert(bytes.end(), header.begin(), header.end());
    for (const Encoded::Chunk& chunk : request.body.chunks()) bytes.insert(bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
    Status sent = send_all(bytes, deadline);
    if (!sent) return lost(sent.error());
    if (!request.expects_answer) return ClientResponse{};

    uint8_t size[4];
    Status got = receive_all({size, 4}, deadline);
    if (!got) return lost(got.error());
    auto length = load_be<int32_t>(size);
    if (length < 4 || static_cast<size_t>(length) > kResponseBytesMax)
      return lost(network_error(name(), "an answer of " + std::to_string(length) + " bytes was announced; is this a Kafka port?"));
    ClientResponse response;
    response.frame.resize(static_cast<size_t>(length));
    got = receive_all(response.frame, deadline);
    if (!got) return lost(got.error());
    Result<ResponseHeader> answer = decode_response_header(response.frame, api->response_header_version(request.version), response.body_at);
    if (!answer) return lost(answer.error());
    if (answer->correlation_id != correlation) return lost(network_error(name(), "an answer to another request came"));
    return response;
  }

  std::vector<BlockingClient::ListedApi> apis;  // empty until asked

 private:
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  Error lost(Error error) {
    close();
    return error;
  }

  bool wait_for(short events, Clock::time_point deadline) {
    while (true) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left < 0) return false;
      pollfd what{fd_, events, 0};
      int ready = ::poll(&what, 1, static_cast<int>(std::min<int64_t>(left + 1, INT32_MAX)));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

  Status connect_to(const addrinfo& address, Clock::time_point deadline) {
    fd_ = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return network_error(name(), strerror(errno));
    if (::connect(fd_, address.ai_addr, address.ai_addrlen) != 0) {
      if (errno != EINPROGRESS) return lost(network_error(name(), strerror(errno)));
      if (!wait_for(POLLOUT, deadline)) return lost(network_error(name(), "no connection within the time allowed"));
      int error = 0;
      socklen_t length = sizeof error;
      getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
      if (error != 0) return lost(network_error(name(), strerror(error)));
    }
    int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return {};
  }

  Status send_all(Bytes bytes, Clock::time_point deadline) {
    while (!bytes.empty()) {
      ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put > 0) {
        bytes = bytes.subspan(static_cast<size_t>(put));
      } else if (errno == EAGAIN) {
        if (!wait_for(POLLOUT, deadline)) return Error{ErrorCode::REQUEST_TIMED_OUT, name() + ": the request could not be sent within the time allowed"};
      } else if (errno != EINTR) {
        return network_error(name(), strerror(errno));
      }
    }
    return {};
  }

  Status receive_all(MutableBytes into, Clock::time_point deadline) {
    while (!into.empty()) {
      ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
      if (got > 0) {
        into = into.subspan(static_cast<size_t>(got));
      } else if (got == 0) {
        return network_error(name(), "the broker closed the connection without an answer");
      } else if (errno == EAGAIN) {
        if (!wait_for(POLLIN, deadline)) return Error{ErrorCode::REQUEST_TIMED_OUT, name() + ": no answer within the time allowed"};
      } else if (errno != EINTR) {
        return network_error(name(), strerror(errno));
      }
    }
    return {};
  }

  const std::string host_;
  const uint16_t port_;
  const std::string client_id_;
  int fd_ = -1;
  int32_t next_correlation_ = 1;
};

}  // namespace

Result<std::vector<std::pair<std::string, uint16_t>>> parse_bootstrap(const std::string& text) {
  std::vector<std::pair<std::string, uint16_t>> addresses;
  size_t begin = 0;
  while (begin <= text.size()) {
    size_t end = std::min(text.find(',', begin), text.size());
    std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    part.erase(0, part.find_first_not_of(" \t"));
    part.erase(part.find_last_not_of(" \t") + 1);
    if (part.empty()) continue;
    size_t scheme = part.find("://");
    if (scheme != std::string::npos) part.erase(0, scheme + 3);
    size_t colon = part.rfind(':');
    std::string host = part.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    uint16_t port = 0;
    const char* last = part.data() + part.size();
    bool valid = colon != std::string::npos && !host.empty();
    if (valid) {
      auto parsed = std::from_chars(part.data() + colon + 1, last, port);
      valid = parsed.ec == std::errc() && parsed.ptr == last && port != 0;
    }
    if (!valid) return Error{ErrorCode::INVALID_CONFIG, "Invalid url in bootstrap.servers: " + part + " (host:port is needed)"};
    addresses.emplace_back(host, port);
  }
  if (addresses.empty()) return Error{ErrorCode::INVALID_CONFIG, "No bootstrap server is given"};
  return addresses;
}

struct BlockingClient::Core {
  explicit Core(BlockingClientSettings given) : settings(std::move(given)) {}

  std::unique_ptr<Channel> make(const std::string& host, uint16_t port) const {
    return std::make_unique<Channel>(host, port, settings.client_id);
  }

  // Connected, and its versions known.
  Result<Channel*> ready(Channel& channel) {
    Status connected = channel.ensure_connected(settings.connect_timeout);
    if (!connected) return connected.error();
    if (!channel.apis.empty()) return &channel;
    // A broker that does not know version 3 answers in version 0 with UNSUPPORTED_VERSION.
    for (int16_t version : {int16_t{3}, int16_t{0}}) {
      ApiVersionsRequest request;
      request.client_software_name = "quokka";
      request.client_software_version = "1.0";
      ClientRequest bytes;
      bytes.api_key = static_cast<int16_t>(ApiKey::API_VERSIONS);
      bytes.version = version;
      Result<Encoded> body = encode(request, version);
      if (!body) return body.error();
      bytes.body = std::move(*body);
      Result<ClientResponse> answer = channel.exchange(bytes, settings.request_timeout);
      if (!answer) return answer.error();
      MutableBytes answered = answer->body();
      bool refused = answered.size() >= 2 && load_be<int16_t>(answered.data()) == static_cast<int16_t>(ErrorCode::UNSUPPORTED_VERSION);
      if (refused && version > 0) continue;
      Result<Answer<ApiVersionsResponse>> decoded = decode_response<ApiVersionsResponse>(std::move(*answer), version);
      if (!decoded) return decoded.error();
      if (decoded->message.error_code != ErrorCode::NONE)
        return Error{decoded->message.error_code, channel.name() + ": the broker did not tell its versions"};
      for (const auto& api : decoded->message.api_keys) channel.apis.push_back({api.api_key, api.min_version, api.max_version});
      return &channel;
    }
    return Error{ErrorCode::UNSUPPORTED_VERSION, channel.name() + ": no version of ApiVersions is understood"};
  }

  Result<Channel*> any() {
    if (bootstrap) {
      Result<Channel*> channel = ready(*bootstrap);
      if (channel) return channel;
      bootstrap.reset();
    }
    auto addresses = parse_bootstrap(settings.bootstrap);
    if (!addresses) return addresses.error();
    std::string reasons;
    for (const auto& [host, port] : *addresses) {
      bootstrap = make(host, port);
      Result<Channel*> channel = ready(*bootstrap);
      if (channel) return channel;
      reasons += (reasons.empty() ? "" : "; ") + channel.error().message;
    }
    bootstrap.reset();
    return Error{ErrorCode::NETWORK_EXCEPTION, "no bootstrap server can be reached: " + reasons};
  }

  BlockingClientSettings settings;
  std::unique_ptr<Channel> bootstrap;
  std::map<int32_t, std::unique_ptr<Channel>> by_id;
  bool refreshed = false;
  std::vector<BrokerAddress> brokers;
  BrokerId controller;
  std::string cluster_id;
};

BlockingClient::BlockingClient(BlockingClientSettings settings) : core_(std::make_unique<Core>(std::move(settings))) {}
BlockingClient::~BlockingClient() = default;

Status BlockingClient::refresh() {
  MetadataRequest request;  // no topics
  Result<Answer<MetadataResponse>> answer = call<MetadataResponse>(request);
  if (!answer) return answer.error();
  std::vector<BrokerAddress> brokers;
  for (const auto& broker : (*answer)->brokers)
    brokers.push_back({broker.node_id, std::string(broker.host), static_cast<uint16_t>(broker.port), std::string(broker.rack.value_or(""))});
  // A broker that moved gets a new connection.
  for (const BrokerAddress& now : brokers)
    for (const BrokerAddress& before : core_->brokers)
      if (now.id == before.id && (now.host != before.host || now.port != before.port)) core_->by_id.erase(now.id.value);
  core_->brokers = std::move(brokers);
  core_->controller = (*answer)->controller_id;
  core_->cluster_id = std::string((*answer)->cluster_id.value_or(""));
  core_->refreshed = true;
  return {};
}

Result<std::vector<BrokerAddress>> BlockingClient::brokers() {
  if (!core_->refreshed) {
    Status status = refresh();
    if (!status) return status.error();
  }
  return core_->brokers;
}

Result<BrokerId> BlockingClient::controller_id() {
  if (!core_->refreshed || core_->controller.value < 0) {
    Status status = refresh();
    if (!status) return status.error();
  }
  if (core_->controller.value < 0) return Error{ErrorCode::NOT_CONTROLLER, "the cluster has no controller at the moment"};
  return core_->controller;
}

Result<std::string> BlockingClient::cluster_id() {
  if (!core_->refreshed) {
    Status status = refresh();
    if (!status) return status.error();
  }
  return core_->cluster_id;
}

Result<BrokerId> BlockingClient::leader_of(const TopicPartition& partition) {
  std::vector<MetadataRequest::MetadataRequestTopic> topics(1);
  topics[0].name = partition.topic;
  MetadataRequest request;
  request.topics = Array(topics);
  request.allow_auto_topic_creation = true;  // absent before version 4, where only the default can be sent
  Result<int16_t> version = version_of(static_cast<int16_t>(ApiKey::METADATA), 0, MetadataRequest::kVersionMax);
  if (version && *version >= 4) request.allow_auto_topic_creation = false;
  Result<Answer<MetadataResponse>> answer = call<MetadataResponse>(request);
  if (!answer) return answer.error();
  for (const auto& topic : (*answer)->topics) {
    if (topic.error_code != ErrorCode::NONE) return Error{topic.error_code, "topic " + partition.topic + ": " + std::string(name(topic.error_code))};
    for (const auto& p : topic.partitions) {
      if (p.partition_index != partition.partition) continue;
      if (p.leader_id.value < 0) return Error{ErrorCode::LEADER_NOT_AVAILABLE, partition.str() + " has no leader"};
      return BrokerId(p.leader_id);
    }
  }
  return Error{ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, partition.str() + " does not exist"};
}

Result<BrokerId> BlockingClient::coordinator_of(const std::string& key, int8_t key_type) {
  Result<int16_t> version = version_of(static_cast<int16_t>(ApiKey::FIND_COORDINATOR), 0, FindCoordinatorRequest::kVersionMax);
  if (!version) return version.error();
  FindCoordinatorRequest request;
  std::vector<std::string_view> keys{key};
  request.key_type = key_type;
  if (*version >= 4)
    request.coordinator_keys = Array(keys);
  else
    request.key = key;
  Result<Answer<FindCoordinatorResponse>> answer = call<FindCoordinatorResponse>(request);
  if (!answer) return answer.error();
  const FindCoordinatorResponse& response = answer->message;
  bool batched = !response.coordinators.empty();
  ErrorCode error = batched ? response.coordinators[0].error_code : response.error_code;
  if (error != ErrorCode::NONE) return Error{error, "coordinator of " + key + ": " + std::string(name(error))};
  return BrokerId(batched ? response.coordinators[0].node_id : response.node_id);
}

Result<ClientResponse> BlockingClient::exchange(std::optional<BrokerId> broker, ClientRequest request) {
  Result<std::vector<ListedApi>> listed = listed_apis(broker);  // connects
  if (!listed) return listed.error();
  Channel& channel = broker ? *core_->by_id[broker->value] : *core_->bootstrap;
  return channel.exchange(request, core_->settings.request_timeout);
}

Result<std::vector<BlockingClient::ListedApi>> BlockingClient::listed_apis(std::optional<BrokerId> broker) {
  if (!broker) {
    Result<Channel*> channel = core_->any();
    if (!channel) return channel.error();
    return (*channel)->apis;
  }
  std::unique_ptr<Channel>& slot = core_->by_id[broker->value];
  if (!slot) {
    Result<std::vector<BrokerAddress>> known = brokers();
    if (!known) return known.error();
    auto find = [&] { return std::find_if(core_->brokers.begin(), core_->brokers.end(), [&](const BrokerAddress& b) { return b.id == *broker; }); };
    auto at = find();
    if (at == core_->brokers.end()) {
      Status status = refresh();
      if (!status) return status.error();
      at = find();
    }
    if (at == core_->brokers.end())
      return Error{ErrorCode::BROKER_NOT_AVAILABLE, "broker " + std::to_string(broker->value) + " is not in the cluster"};
    slot = core_->make(at->host, at->port);
  }
  Result<Channel*> channel = core_->ready(*slot);
  if (!channel) return channel.error();
  return (*channel)->apis;
}

Result<int16_t> BlockingClient::version_of(int16_t api_key, int16_t version_min, int16_t version_max, std::optional<BrokerId> broker) {
  Result<std::vector<ListedApi>> listed = listed_apis(broker);
  if (!listed) return listed.error();
  for (const ListedApi& api : *listed) {
    if (api.api_key != api_key) continue;
    int16_t version = std::min(version_max, api.version_max);
    if (version >= version_min && version >= api.version_min) return version;
  }
  const ApiEntry* api = api_entry(api_key);
  return Error{ErrorCode::UNSUPPORTED_VERSION, "the broker does not support " + std::string(api ? api->name : "this API") + " in versions " +
                                                   std::to_string(version_min) + " to " + std::to_string(version_max)};
}

}  // namespace quokka
