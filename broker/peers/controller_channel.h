// Requests of this broker to whoever is the controller: AlterPartition, AllocateProducerIds, ControlledShutdown.
#pragma once

#include "broker/peers/broker_link.h"
#include "protocol/client/typed_call.h"

namespace quokka {

// The loop's own thread only.
class ControllerChannel {
 public:
  ControllerChannel(Loop& loop, Streams& streams, ViewHolder& view, LinkSettings settings)
      : view_(view), link_(loop, streams, view, std::move(settings)) {}

  // Errors: NOT_CONTROLLER while no controller is known, and those of send().
  template <class Response, class Request>
  void ask(const Request& request, int16_t version, Function<void(Result<Answer<Response>>)> done) {
    ClientConnection* connection = link_.to(view_.get()->controller());
    if (connection == nullptr) return done(Error{ErrorCode::NOT_CONTROLLER, "no controller is known that can be reached"});
    send<Response>(*connection, request, version, std::move(done));
  }

 private:
  ViewHolder& view_;
  BrokerLink link_;
};

}  // namespace quokka
