// Recognises peers that speak something else on a Kafka port, by the four bytes that would be the size of their first frame (B46).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/base/bytes.h"

namespace quokka {

struct ForeignProtocol {
  std::string name;    // "TLS", "HTTP"
  std::string answer;  // bytes that such a peer understands; may be empty
};

// `port` is shown to people who open it in a browser.
std::optional<ForeignProtocol> recognise_foreign(const std::array<uint8_t, 4>& first, uint16_t port);

}  // namespace quokka
