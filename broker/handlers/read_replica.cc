#include "broker/handlers/read_replica.h"

#include <tuple>

namespace quokka {

std::optional<BrokerId> rack_aware_replica(const ClusterView& view, std::string_view listener, std::string_view rack, BrokerId leader,
                                           const std::vector<Leader::Holder>& holders) {
  if (rack.empty()) return std::nullopt;
  const auto is_near = [&](BrokerId id) {
    const BrokerView* broker = view.broker(id);
    return broker != nullptr && broker->rack == rack && broker->endpoint(listener) != nullptr;
  };
  if (is_near(leader)) return std::nullopt;
  const auto order = [](const Leader::Holder& holder) { return std::tuple(holder.log_end, holder.last_caught_up, holder.id); };
  const Leader::Holder* best = nullptr;
  for (const Leader::Holder& holder : holders) {
    if (is_near(holder.id) && (best == nullptr || order(holder) > order(*best))) best = &holder;
  }
  return best == nullptr ? std::nullopt : std::optional(best->id);
}

}  // namespace quokka
