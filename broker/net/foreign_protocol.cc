#include "broker/net/foreign_protocol.h"

#include <algorithm>
#include <string_view>

namespace quokka {

std::optional<ForeignProtocol> recognise_foreign(const std::array<uint8_t, 4>& first, uint16_t port) {
  // TLS record (RFC 8446, 5.1): content type 22 handshake or 21 alert, then a version 3.x.
  if ((first[0] == 0x16 || first[0] == 0x15) && first[1] == 0x03 && first[2] <= 0x04) {
    if (first[0] == 0x15) return ForeignProtocol{"TLS", ""};
    // A fatal handshake_failure alert.
    return ForeignProtocol{"TLS", std::string("\x15\x03\x01\x00\x02\x02\x28", 7)};
  }
  std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
  constexpr std::array<std::string_view, 9> kMethods{"GET ", "POST", "HEAD", "PUT ", "DELE", "OPTI", "CONN", "PATC", "PRI "};
  if (std::find(kMethods.begin(), kMethods.end(), text) != kMethods.end()) {
    std::string page = "This is port " + std::to_string(port) +
                       " of a Quokka broker. It speaks the Kafka protocol, not HTTP: give host and port to a Kafka client as "
                       "bootstrap.servers. Metrics and health are on the broker's admin port.\n";
    return ForeignProtocol{"HTTP", "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
                                       std::to_string(page.size()) + "\r\nConnection: close\r\n\r\n" + page};
  }
  if (text == "SSH-") return ForeignProtocol{"SSH", ""};
  return std::nullopt;
}

}  // namespace quokka
