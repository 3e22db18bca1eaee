#include "broker/config/throttled_replicas.h"

#include "protocol/base/text_parts.h"

namespace quokka {

ThrottledReplicas ThrottledReplicas::of(std::string_view text) {
  ThrottledReplicas named;
  const std::vector<std::string_view> parts = between_commas(text);
  named.all_ = parts.size() == 1 && parts[0] == "*";
  for (std::string_view part : parts) {
    const size_t colon = part.find(':');
    if (colon == std::string_view::npos) continue;
    const auto partition = number_in<int32_t>(part.substr(0, colon)), broker = number_in<int32_t>(part.substr(colon + 1));
    if (partition && broker) named.replicas_.emplace(*partition, *broker);
  }
  return named;
}

}  // namespace quokka
