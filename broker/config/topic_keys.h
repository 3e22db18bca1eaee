// The table of the topic keys of Kafka 3.9, in alphabetical order.
#pragma once

#include <span>
#include <string_view>

#include "broker/config/config_key.h"

namespace quokka {

std::span<const ConfigKey> topic_keys();
const ConfigKey* find_topic_key(std::string_view name);  // nullptr if there is none

}  // namespace quokka
