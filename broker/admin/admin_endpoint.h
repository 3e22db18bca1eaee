// A small HTTP server for people and probes: /metrics, /health/live, /health/ready. It changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "protocol/base/result.h"
#include "protocol/base/time.h"

namespace quokka {

struct AdminSettings {
  std::string host = "127.0.0.1";
  uint16_t port = 9644;  // 0: the kernel picks one
  size_t connections_max = 64;
  Duration request_timeout = Duration::seconds(10);  // from accept to the last byte of the answer
};

struct AdminAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Runs on a thread of its own, so that a slow scrape delays no client. The pages are called on that thread.
class AdminEndpoint {
 public:
  using Page = std::function<AdminAnswer(const std::string& query)>;

  // By exact path, "/metrics" for instance; "/" lists them.
  AdminEndpoint(AdminSettings settings, std::map<std::string, Page> pages);
  ~AdminEndpoint();

  // Binds and serves. Returns the port; the error names the address and what to do.
  Result<uint16_t> start();
  void stop();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace quokka
