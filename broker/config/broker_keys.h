// The table of every broker key of Kafka 3.9, and of our own, which begin with "quokka.".
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "broker/config/config_key.h"

namespace quokka {

std::span<const ConfigKey> broker_keys();      // Kafka's, in alphabetical order
std::span<const ConfigKey> own_broker_keys();  // ours, in alphabetical order

// Of either table; nullptr if there is no such key. A listener prefix (listener.name.<listener>. or, for SASL,
// listener.name.<listener>.<mechanism>.) is looked through.
const ConfigKey* find_broker_key(std::string_view name);

// Names under which the value of `name` may be given, strongest first: {log.retention.ms, log.retention.minutes, log.retention.hours} for
// any of the three; {name, name without its prefix} for a key with a listener prefix; the name alone for most.
std::vector<std::string_view> broker_key_synonyms(std::string_view name);

// The known key that is nearest to an unknown one; "" if none is near.
std::string_view nearest_broker_key(std::string_view name);

}  // namespace quokka
