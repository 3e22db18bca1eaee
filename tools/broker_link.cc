#include "tools/broker_link.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "protocol/messages/api_versions.h"
#include "protocol/messages/headers.h"

namespace quokka {
namespace {

constexpr size_t kAnswerBytesMax = 512u << 20;

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

struct AddressList {
  addrinfo* first = nullptr;
  ~AddressList() {
    if (first != nullptr) freeaddrinfo(first);
  }
};

}  // namespace

Result<std::vector<HostPort>> parse_servers(const std::string& servers) {
  std::vector<HostPort> result;
  size_t at = 0;
  while (at <= servers.size()) {
    const size_t comma = std::min(servers.find(',', at), servers.size());
    std::string part = servers.substr(at, comma - at);
    at = comma + 1;
    while (!part.empty() && part.front() == ' ') part.erase(0, 1);
    while (!part.empty() && part.back() == ' ') part.pop_back();
    if (part.empty()) continue;
    const size_t colon = part.rfind(':');
    HostPort address;
    if (colon != std::string::npos) {
      address.host = part.substr(0, colon);
      const char* const end = part.data() + part.size();
      const auto [stop, error] = std::from_chars(part.data() + colon + 1, end, address.port);
      if (error != std::errc() || stop != end) address.port = 0;
    }
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
      address.host = address.host.substr(1, address.host.size() - 2);
    }
    if (address.host.empty() || address.port == 0) {
      return Error{ErrorCode::INVALID_CONFIG, "'" + part + "' is not a server: write host:port, and commas between several"};
    }
    result.push_back(std::move(address));
  }
  if (result.empty()) return Error{ErrorCode::INVALID_CONFIG, "no server is named: write host:port"};
  return result;
}

BrokerLink::~BrokerLink() {
  if (socket_ >= 0) ::close(socket_);
}

Error BrokerLink::broken(const std::string& why) {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  expected_.clear();
  return Error{ErrorCode::NETWORK_EXCEPTION, "broker at " + address_.str() + ": " + why};
}

Result<std::unique_ptr<BrokerLink>> BrokerLink::open(const HostPort& address, const std::string& client_id, Deadline deadline) {
  std::unique_ptr<BrokerLink> link(new BrokerLink(address, client_id));
  if (Status status = link->connect(deadline); !status.ok()) return status.error();
  if (Status status = link->ask_versions(deadline); !status.ok()) return status.error();
  return link;
}

Status BrokerLink::connect(Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  AddressList addresses;
  const int failed = getaddrinfo(address_.host.c_str(), std::to_string(address_.port).c_str(), &hints, &addresses.first);
  if (failed != 0) return broken(std::string("the name cannot be resolved: ") + gai_strerror(failed));
  std::string why = "no address";
  for (const addrinfo* at = addresses.first; at != nullptr; at = at->ai_next) {
    socket_ = ::socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);
    if (socket_ < 0) continue;
    int error = ::connect(socket_, at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      if (Status status = wait(POLLOUT, deadline); !status.ok()) return status;
      socklen_t size = sizeof error;
      getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) {
      const int on = 1;
      setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return {};
    }
    why = std::strerror(error);
    ::close(socket_);
    socket_ = -1;
  }
  return broken("cannot connect: " + why);
}

Status BrokerLink::wait(short events, Deadline deadline) {
  while (true) {
    pollfd polled{socket_, events, 0};
    const int ready = ::poll(&polled, 1, milliseconds_until(deadline));
    if (ready > 0) return {};
    if (ready == 0 && has_passed(deadline)) {
      Error error = broken("no answer in time");
      error.code = ErrorCode::REQUEST_TIMED_OUT;
      return error;
    }
    if (ready < 0 && errno != EINTR) return broken(std::strerror(errno));
  }
}

Status BrokerLink::write_all(const uint8_t* bytes, size_t size, Deadline deadline) {
  while (size > 0) {
    const ssize_t written = ::send(socket_, bytes, size, MSG_NOSIGNAL);
    if (written > 0) {
      bytes += written;
      size -= static_cast<size_t>(written);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (Status status = wait(POLLOUT, deadline); !status.ok()) return status;
    } else if (errno != EINTR) {
      return broken(std::strerror(errno));
    }
  }
  return {};
}

Status BrokerLink::read_all(uint8_t* bytes, size_t size, Deadline deadline) {
  while (size > 0) {
    const ssize_t got = ::recv(socket_, bytes, size, 0);
    if (got > 0) {
      bytes += got;
      size -= static_cast<size_t>(got);
    } else if (got == 0) {
      return broken("the broker closed the connection");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (Status status = wait(POLLIN, deadline); !status.ok()) return status;
    } else if (errno != EINTR) {
      return broken(std::strerror(errno));
    }
  }
  return {};
}

Status BrokerLink::send_frame(ApiKey key, int16_t version, const Encoded& body, Deadline deadline) {
  if (!is_open()) return broken("the connection is closed");
  const ApiEntry* const entry = api_entry(static_cast<int16_t>(key));
  const int32_t correlation_id = next_correlation_id_++;
  const std::vector<uint8_t> header = encode_request_header({static_cast<int16_t>(key), version, correlation_id, client_id_},
                                                            entry->request_header_version(version));
  // One write for all but the records, which may be large and are not copied.
  std::vector<uint8_t> pending(4);
  store_be<int32_t>(pending.data(), static_cast<int32_t>(header.size() + body.size()));
  pending.insert(pending.end(), header.begin(), header.end());
  for (const Encoded::Chunk& chunk : body.chunks()) {
    if (chunk.bytes.size() < 4096) {
      pending.insert(pending.end(), chunk.bytes.begin(), chunk.bytes.end());
      continue;
    }
    if (Status status = write_all(pending.data(), pending.size(), deadline); !status.ok()) return status;
    pending.clear();
    if (Status status = write_all(chunk.bytes.data(), chunk.bytes.size(), deadline); !status.ok()) return status;
  }
  if (Status status = write_all(pending.data(), pending.size(), deadline); !status.ok()) return status;
  expected_.push_back({correlation_id, key, version});
  return {};
}

Result<std::vector<uint8_t>> BrokerLink::receive_frame(Deadline deadline, size_t& body_at, int16_t& version) {
  if (!is_open()) return broken("the connection is closed");
  const Expected expected = expected_.front();
  expected_.pop_front();
  version = expected.version;
  uint8_t length[4];
  if (Status status = read_all(length, sizeof length, deadline); !status.ok()) return status.error();
  const int32_t size = load_be<int32_t>(length);
  if (size < 4 || static_cast<size_t>(size) > kAnswerBytesMax) {
    return broken("an answer of " + std::to_string(size) + " bytes: is this the port of a broker's plaintext listener?");
  }
  std::vector<uint8_t> frame(static_cast<size_t>(size));
  if (Status status = read_all(frame.data(), frame.size(), deadline); !status.ok()) return status.error();
  const ApiEntry* const entry = api_entry(static_cast<int16_t>(expected.key));
  const Result<ResponseHeader> header = decode_response_header(frame, entry->response_header_version(version), body_at);
  if (!header.ok()) return broken(header.error().message);
  if (header->correlation_id != expected.correlation_id) return broken("an answer to another request");
  return frame;
}

Status BrokerLink::ask_versions(Deadline deadline) {
  ApiVersionsRequest request;
  request.client_software_name = "quokka-tools";
  request.client_software_version = "3.9";
  // A broker that does not know the version answers in the form of version 0, with the versions it knows.
  for (const int16_t version : {int16_t{3}, int16_t{0}}) {
    if (Status status = send(version == 0 ? ApiVersionsRequest{} : request, version, deadline); !status.ok()) return status;
    size_t body_at = 0;
    int16_t sent_version = 0;
    Result<std::vector<uint8_t>> frame = receive_frame(deadline, body_at, sent_version);
    if (!frame.ok()) return frame.error();
    const bool is_refused = frame->size() >= body_at + 2 && load_be<int16_t>(frame->data() + body_at) == static_cast<int16_t>(ErrorCode::UNSUPPORTED_VERSION);
    if (is_refused && version != 0) continue;
    const Result<Answer<ApiVersionsResponse>> answer = decoded<ApiVersionsResponse>(std::move(*frame), body_at, version);
    if (!answer.ok()) return answer.error();
    if (answer->message.error_code != ErrorCode::NONE) {
      return broken("refuses to say which versions it serves: " + std::string(name(answer->message.error_code)));
    }
    for (const auto& api : answer->message.api_keys) served_.push_back({api.api_key, api.min_version, api.max_version});
    return {};
  }
  return broken("serves no version of ApiVersions");
}

bool BrokerLink::serves(ApiKey key) const {
  for (const ServedVersions& served : served_) {
    if (served.key == static_cast<int16_t>(key)) return true;
  }
  return false;
}

Result<int16_t> BrokerLink::version_of(ApiKey key, int16_t version_min, int16_t version_max) const {
  for (const ServedVersions& served : served_) {
    if (served.key != static_cast<int16_t>(key)) continue;
    const int16_t version = std::min(served.version_max, version_max);
    if (version >= served.version_min && version >= version_min) return version;
    return Error{ErrorCode::UNSUPPORTED_VERSION, "broker at " + address_.str() + " serves " + std::string(name(key)) + " " +
                                                     std::to_string(served.version_min) + " to " + std::to_string(served.version_max) +
                                                     " only"};
  }
  return Error{ErrorCode::UNSUPPORTED_VERSION, "broker at " + address_.str() + " does not serve " + std::string(name(key))};
}

}  // namespace quokka
