// What the three requests of the controller to brokers have in common: the fences against older controllers and older lives of this broker.
#pragma once

#include "broker/handlers/services.h"

namespace quokka {

// On the serial queue of control requests. A broker epoch of -1 is not given; a higher one than we know is accepted, since the controller may hear of
// our registration before us (KIP-380). A controller epoch that is accepted is remembered.
inline ErrorCode fence_control_request(Services& services, ControllerEpoch controller_epoch, BrokerEpoch broker_epoch, bool kraft) {
  if (kraft) return ErrorCode::STALE_CONTROLLER_EPOCH;  // no migration is under way here
  if (broker_epoch.value != -1 && broker_epoch.value < services.broker_epoch.load()) return ErrorCode::STALE_BROKER_EPOCH;
  if (controller_epoch < services.controller_epoch) return ErrorCode::STALE_CONTROLLER_EPOCH;
  services.controller_epoch = controller_epoch;
  return ErrorCode::NONE;
}

}  // namespace quokka
