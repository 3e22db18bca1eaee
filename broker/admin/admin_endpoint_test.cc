#include "broker/admin/admin_endpoint.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace quokka {
namespace {

int connect_to(uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval limit{20, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

std::string receive_to_end(int fd) {
  std::string all;
  char part[4096];
  for (ssize_t got; (got = ::recv(fd, part, sizeof part, 0)) > 0;) all.append(part, static_cast<size_t>(got));
  ::close(fd);
  return all;
}

std::string ask(uint16_t port, const std::string& request) {
  int fd = connect_to(port);
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  return receive_to_end(fd);
}

std::map<std::string, AdminEndpoint::Page> pages() {
  return {{"/metrics", [](const std::string& query) { return AdminAnswer{200, "text/plain; version=0.0.4", "m{} 1\n" + query}; }},
          {"/health/ready", [](const std::string&) { return AdminAnswer{503, "text/plain", "not registered\n"}; }}};
}

TEST(AdminEndpoint, ServesItsPages) {
  AdminSettings settings;
  settings.port = 0;
  AdminEndpoint endpoint(settings, pages());
  uint16_t port = endpoint.start().value();
  std::string metrics = ask(port, "GET /metrics?names=jmx HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(metrics.substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_NE(metrics.find("Content-Type: text/plain; version=0.0.4\r\n"), std::string::npos);
  EXPECT_NE(metrics.find("\r\n\r\nm{} 1\nnames=jmx"), std::string::npos) << metrics;
  EXPECT_EQ(ask(port, "GET /health/ready HTTP/1.0\r\n\r\n").substr(9, 3), "503");
  std::string head = ask(port, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 6\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.substr(head.size() - 4), "\r\n\r\n") << "no body";
  std::string unknown = ask(port, "GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(unknown.substr(9, 3), "404");
  EXPECT_NE(unknown.find("/health/ready"), std::string::npos);
  EXPECT_EQ(ask(port, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").substr(9, 3), "405");
}

TEST(AdminEndpoint, ARequestThatDoesNotComeEndsAtItsDeadline) {
  AdminSettings settings;
  settings.port = 0;
  settings.request_timeout = Duration::millis(100);
  AdminEndpoint endpoint(settings, pages());
  uint16_t port = endpoint.start().value();
  EXPECT_EQ(ask(port, "GET /metr"), "");
  EXPECT_EQ(ask(port, "\x16\x03\x01 not http at all\r\n\r\n").find("HTTP/1.1 200"), std::string::npos);
}

TEST(AdminEndpoint, AHugeRequestIsCutOff) {
  AdminSettings settings;
  settings.port = 0;
  AdminEndpoint endpoint(settings, pages());
  uint16_t port = endpoint.start().value();
  EXPECT_EQ(ask(port, "GET /metrics HTTP/1.1\r\nX: " + std::string(100000, 'x')).find("200 OK"), std::string::npos);
}

TEST(AdminEndpoint, OneTooManyIsClosed) {
  AdminSettings settings;
  settings.port = 0;
  settings.connections_max = 1;
  AdminEndpoint endpoint(settings, pages());
  uint16_t port = endpoint.start().value();
  int first = connect_to(port);
  EXPECT_EQ(receive_to_end(connect_to(port)), "");
  ::close(first);
  std::string answer;
  for (int i = 0; i < 1000 && answer.empty(); ++i) answer = ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer.substr(9, 3), "200");
}

TEST(AdminEndpoint, APortInUseIsAnErrorWithAHint) {
  AdminSettings settings;
  settings.port = 0;
  AdminEndpoint first(settings, pages());
  settings.port = first.start().value();
  AdminEndpoint second(settings, pages());
  auto failed = second.start();
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find("127.0.0.1:" + std::to_string(settings.port) + ": Address already in use"), std::string::npos)
      << failed.error().message;
}

}  // namespace
}  // namespace quokka
