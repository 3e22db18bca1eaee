// A member of a group of the consumer protocol (KIP-848) that speaks it by hand, since the installed librdkafka may be older than it.
#pragma once

#include <stdint.h>

#include <memory>
#include <set>
#include <string>

#include "protocol/base/error_code.h"
#include "protocol/base/uuid.h"
#include "protocol/client/blocking_client.h"

namespace quokka {

// Every heartbeat tells everything, and it gives up at once what it is to give up. The group's only topic has the group's name.
class HandMadeMember {
 public:
  HandMadeMember(std::string bootstrap, std::string group, std::string id);

  ErrorCode beat() { return ask(epoch_); }
  ErrorCode leave();
  // Drops what it knows of brokers, above all who coordinates it.
  void connect_anew();
  // As if it had not heard of what came since.
  ErrorCode beat_with_epoch(int32_t epoch) { return ask(epoch); }
  int32_t epoch() const { return epoch_; }
  const std::set<int32_t>& owned() const { return owned_; }

  ErrorCode commit(int32_t index, int64_t offset, int32_t epoch);
  int64_t committed(int32_t index);  // -2: an error
  std::string description();             // "Stable, 2 members"; an error's name

 private:
  ErrorCode ask(int32_t epoch);

  const std::string bootstrap_, group_, id_;
  std::unique_ptr<BlockingClient> client_;
  int32_t epoch_ = 0;
  Uuid topic_;
  std::set<int32_t> owned_;
};

}  // namespace quokka
