// Names of inter.broker.protocol.version: which exist, and which this broker can speak.
#pragma once

#include <optional>
#include <string_view>

namespace quokka {

// "3.9" -> "3.9-IV0": a release's name stands for its highest version. nullopt if there is no such version.
std::optional<std::string_view> full_protocol_version(std::string_view name);

// Of a full name: from 3.0-IV1 (before, leaders write partition state themselves) to 3.9-IV0.
bool is_served_protocol_version(std::string_view full_name);

}  // namespace quokka
