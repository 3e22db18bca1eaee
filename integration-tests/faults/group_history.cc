#include "integration-tests/faults/group_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace quokka {
namespace {

void check_owners(const GroupHistory& group, Findings& findings) {
  std::map<std::pair<int32_t, int32_t>, std::string> owners;  // of a generation's partition
  for (const Ownership& each : group.ownerships)
    for (int32_t partition : each.partitions) {
      const auto [owner, is_first] = owners.try_emplace({each.generation, partition}, each.member);
      if (owner->second != each.member)
        findings.add(Anomaly::two_owners, fmt::format("generation {} gives partition {} to {} and {}", each.generation, partition, owner->second, each.member));
    }
}

// Within one ownership a member reads one offset after the other, and nothing but what was written.
void check_reading(const GroupHistory& group, const History& input, Findings& findings) {
  std::map<std::pair<int32_t, int64_t>, RecordId> written;
  for (const Polled& polled : input.final_read)
    if (polled.payload) written[{polled.partition, polled.offset}] = polled.payload->id;
  for (const Ownership& each : group.ownerships) {
    std::map<int32_t, int64_t> last;  // partition -> offset
    for (const Polled& polled : each.polls) {
      const std::string where = fmt::format("{}: partition {} offset {}", each.member, polled.partition, polled.offset);
      const auto found = written.find({polled.partition, polled.offset});
      if (found == written.end() || !polled.payload)
        findings.add(Anomaly::phantom, where + " is not what is there in the end");
      else if (found->second != polled.payload->id)
        findings.add(Anomaly::inconsistent_offset, where + " holds another record in the end");
      const auto [previous, is_first] = last.try_emplace(polled.partition, polled.offset);
      if (!is_first && polled.offset <= previous->second)
        findings.add(Anomaly::nonmonotonic_poll, fmt::format("{} after {}", where, previous->second));
      else if (!is_first && written.upper_bound({polled.partition, previous->second}) != written.lower_bound({polled.partition, polled.offset}))
        findings.add(Anomaly::poll_skip, fmt::format("{} after {}", where, previous->second));
      previous->second = polled.offset;
    }
  }
}

void check_deliveries(const GroupHistory& group, const History& input, Findings& findings) {
  std::set<RecordId> given;
  for (const Ownership& each : group.ownerships)
    for (const Polled& polled : each.polls)
      if (polled.payload) given.insert(polled.payload->id);
  for (const Send& send : input.sends)
    if (send.outcome == Outcome::acknowledged && !given.contains(send.id))
      findings.add(Anomaly::not_given, fmt::format("record {} of producer {}, acknowledged at partition {} offset {}", send.id.sequence, send.id.producer,
                                                   send.partition, send.offset));
}

}  // namespace

void check_group_offsets(std::vector<GroupOffset> offsets, Findings& findings) {
  std::vector<GroupOffset> completed = offsets;
  std::sort(offsets.begin(), offsets.end(), [](auto& a, auto& b) { return a.invoked_ns < b.invoked_ns; });
  std::sort(completed.begin(), completed.end(), [](auto& a, auto& b) { return a.completed_ns < b.completed_ns; });
  std::map<int32_t, int64_t> highest;  // of what was answered before
  size_t next = 0;
  for (const GroupOffset& each : offsets) {
    for (; next < completed.size() && completed[next].completed_ns < each.invoked_ns; ++next) {
      int64_t& known = highest[completed[next].partition];
      known = std::max(known, completed[next].offset);
    }
    if (const auto known = highest.find(each.partition); known != highest.end() && each.offset < known->second)
      findings.add(Anomaly::offset_went_back, fmt::format("partition {}: {} after {}", each.partition, each.offset, known->second));
  }
}

Findings check_group(const GroupHistory& group, const History& input) {
  Findings findings;
  check_owners(group, findings);
  check_reading(group, input, findings);
  check_deliveries(group, input, findings);
  check_group_offsets(group.offsets, findings);
  return findings;
}

}  // namespace quokka
