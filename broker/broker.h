// One broker: puts the pieces together, starts them in order and stops them in order. Decides nothing about data.
#pragma once

#include <memory>

#include "broker/config/broker_config.h"
#include "protocol/base/function.h"
#include "protocol/base/result.h"

namespace quokka {

class Broker {
 public:
  explicit Broker(LoadedConfig config);
  // Stops, if stop() was not called.
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // Returns at once. `started` is called when this broker serves clients, or with an error that says in one line why it cannot; not after stop().
  // `failed` is called once if the broker finds out later that it must not go on; the caller then calls stop(). Both on any thread.
  void start(Function<void(Status)> started, Function<void(std::string why)> failed);
  // At any time. Blocks: moves leaderships away (controlled.shutdown.enable), answers what is under way, closes logs and session. Errors are logged.
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace quokka
