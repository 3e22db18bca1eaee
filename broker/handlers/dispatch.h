// Which APIs this broker serves, in which versions, and who handles them. What is not in the table is not listed in ApiVersions.
#pragma once

#include <cstdint>
#include <span>

#include "broker/handlers/services.h"
#include "broker/request/call.h"
#include "protocol/messages/api_table.h"

namespace quokka {

struct HandledApi {
  ApiKey key;
  void (*handle)(Services&, CallPtr);
  bool between_brokers = false;  // refused from listeners that are not the brokers' own

  // All versions of api_table.
  int16_t version_min() const;
  int16_t version_max() const;
};

// Ascending by key.
std::span<const HandledApi> handled_apis();

class Dispatch final : public CallHandler {
 public:
  explicit Dispatch(Services& services) : services_(services) {}
  void on_call(CallPtr call) override;

 private:
  Services& services_;
};

}  // namespace quokka
