// What kafka-consumer-groups --reset-offsets is told: times, topics with partitions, plans in files. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/consumer_group_text.h"

namespace quokka {

// Offsets to set, by group.
using ResetPlan = std::map<std::string, OffsetsByPartition>;

// "t" or "t:0,2". No partitions: all of the topic.
struct TopicChoice {
  std::string topic;
  std::optional<std::vector<PartitionIndex>> partitions;
};
Result<TopicChoice> parse_topic_choice(const std::string& text);

// "YYYY-MM-DDTHH:mm:SS.sss" with a zone (Z, +01, +01:30, +0130) or without one, then in UTC. Milliseconds since 1970.
Result<int64_t> parse_datetime(const std::string& text);
// ISO 8601 as Java reads it: "P7D", "PT1H30M", "P1DT-2.5S". Milliseconds; the shorter than one is cut off.
Result<int64_t> parse_duration(const std::string& text);

// Lines of `topic,partition,offset`, or with more than one group, or where the group is named, `group,topic,partition,offset`; words may be quoted.
// `only_group` is the group that is meant where none is named. An error says which line.
Result<ResetPlan> parse_plan(std::string_view csv, const std::optional<std::string>& only_group);
// The same form.
std::string plan_text(const ResetPlan& plan, bool with_group);

}  // namespace quokka
