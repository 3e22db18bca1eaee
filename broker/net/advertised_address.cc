#include "broker/net/advertised_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace quokka {
namespace {

std::string text_of_address(const addrinfo& at) {
  char text[NI_MAXHOST] = "";
  getnameinfo(at.ai_addr, at.ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  return text;
}

// "" if the connection came about.
std::string try_to_connect(const addrinfo& at, Duration timeout) {
  int fd = ::socket(at.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return strerror(errno);
  std::string failed;
  if (::connect(fd, at.ai_addr, at.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) {
      failed = strerror(errno);
    } else {
      pollfd what{fd, POLLOUT, 0};
      int error = ETIMEDOUT;
      socklen_t length = sizeof error;
      if (::poll(&what, 1, static_cast<int>(timeout.to_millis())) > 0) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
      if (error != 0) failed = strerror(error);
    }
  }
  ::close(fd);
  return failed;
}

std::string advertised_text(const ListenerSettings& listener) { return listener.advertised_host + ":" + std::to_string(listener.advertised_port); }

}  // namespace

bool is_loopback(const std::string& address) { return address.rfind("127.", 0) == 0 || address == "::1"; }

AdvertisedAddress check_advertised(const ListenerSettings& listener, uint16_t bound_port, Duration timeout) {
  AdvertisedAddress found;
  found.listener = listener.name;
  std::string advertised = advertised_text(listener);
  std::string advice = "; set advertised.listeners to a name and port that clients can reach";
  addrinfo hints{}, *all = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  int failed = getaddrinfo(listener.advertised_host.c_str(), std::to_string(listener.advertised_port).c_str(), &hints, &all);
  if (failed != 0) {
    found.problem = "clients are told " + advertised + ", which does not resolve here (" + gai_strerror(failed) + ")" + advice;
    return found;
  }
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> holder(all, freeaddrinfo);
  std::string reason;
  for (const addrinfo* at = all; at != nullptr; at = at->ai_next) {
    std::string address = text_of_address(*at);
    if (std::find(found.addresses.begin(), found.addresses.end(), address) != found.addresses.end()) continue;
    found.addresses.push_back(address);
    if (found.reachable) continue;
    reason = try_to_connect(*at, timeout);
    found.reachable = reason.empty();
  }
  bool only_here = std::all_of(found.addresses.begin(), found.addresses.end(), is_loopback);
  bool for_others = !is_loopback(listener.host) && listener.host != "localhost";
  if (!found.reachable) {
    found.problem = "clients are told " + advertised + ", which cannot be reached from here (" + reason + "); this broker listens on port " +
                    std::to_string(bound_port) + advice;
  } else if (only_here && for_others) {
    found.problem = "clients are told " + advertised + ", which only programs on this machine can reach" + advice + " if others are to connect";
  }
  return found;
}

std::string redirect_warning(const ListenerSettings& listener, const std::vector<std::string>& advertised, const std::string& local_address) {
  if (advertised.empty() || std::find(advertised.begin(), advertised.end(), local_address) != advertised.end()) return {};
  // Who is on this machine reaches a loopback address and every other of its addresses alike.
  if (is_loopback(local_address)) return {};
  return "reached this broker as " + local_address + " but will be told " + advertised_text(listener) +
         "; if it then cannot connect, set advertised.listeners to a name and port that it can reach";
}

}  // namespace quokka
