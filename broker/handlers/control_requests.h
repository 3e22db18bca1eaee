// What the three requests of the controller to brokers have in common: the fences against older controllers, older lives of this broker, and epochs that no
// controller has. An epoch above the one that was accepted last is looked up in ZooKeeper, where a controller writes it before it says anything (H29): else
// whoever reaches this port could name one that no controller will ever have, and this broker would listen to none any more.
#pragma once

#include "broker/handlers/services.h"
#include "protocol/base/function.h"

namespace quokka {

// A broker epoch of -1 is not given; a higher one than we know is accepted, since the controller may hear of our registration before us (KIP-380).
struct ControlFence {
  ControllerEpoch controller_epoch;
  BrokerEpoch broker_epoch;
  bool kraft = false;
};

// Any thread. `work` runs on the serial queue of control requests, with NONE, STALE_BROKER_EPOCH or STALE_CONTROLLER_EPOCH, and calls `done` in the end. A
// controller epoch that ZooKeeper knows is remembered. One that it does not know, or not yet, counts for this request only.
void begin_control_request(Services& services, const ControlFence& fence, Function<void(ErrorCode error, Task done)> work);

}  // namespace quokka
