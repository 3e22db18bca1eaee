// Which configurations do not start: keys whose neglect would weaken security or durability, and values that do not fit together.
#pragma once

#include "broker/config/broker_config.h"
#include "broker/config/listeners.h"
#include "broker/config/properties.h"
#include "protocol/base/result.h"

namespace quokka {

// What is promised to a user by these keys is not there yet: INVALID_CONFIG names the key, rather than a broker without it.
Status refuse_what_would_weaken(const Properties& given);
Status refuse_secure_listeners(const Listeners& listeners);

// Kafka's checks across keys, with its sentences. `effective` has the value of every key that has one.
Status check_together(const BrokerConfig& config, const Properties& effective);

}  // namespace quokka
