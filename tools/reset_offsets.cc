#include "tools/reset_offsets.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tools/group_queries.h"

namespace quokka {
namespace {

std::vector<TopicPartition> names_of(const OffsetsByPartition& offsets) {
  std::vector<TopicPartition> names;
  for (const auto& [name, offset] : offsets) names.push_back(name);
  return names;
}

Error invalid(std::string message) { return Error{ErrorCode::INVALID_REQUEST, std::move(message)}; }

}  // namespace

const std::vector<std::string>& reset_scenarios() {
  static const std::vector<std::string> all{"to-offset",   "shift-by",   "to-datetime", "by-duration",
                                            "to-earliest", "to-latest", "to-current",  "from-file"};
  return all;
}

Result<std::vector<TopicPartition>> chosen_partitions(BlockingClient& client, const std::string& topic_option) {
  const auto choice = parse_topic_choice(topic_option);
  if (!choice.ok()) return choice.error();
  if (choice->partitions) {
    std::vector<TopicPartition> named;
    for (const PartitionIndex index : *choice->partitions) named.push_back({choice->topic, index});
    return named;
  }
  auto partitions = partitions_of_topic(client, choice->topic);
  if (partitions.ok() && partitions->empty()) return Error{ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "topic '" + choice->topic + "' does not exist"};
  return partitions;
}

Status OffsetReset::prepare() {
  if (const auto text = options_.text("to-datetime")) {
    const auto time = parse_datetime(*text);
    if (!time.ok()) return time.error();
    since_ms_ = *time;
  }
  if (const auto text = options_.text("by-duration")) {
    const auto duration = parse_duration(*text);
    if (!duration.ok()) return duration.error();
    since_ms_ = client_.wall_now().ms - *duration;
  }
  if (const auto path = options_.text("from-file")) {
    std::ifstream file(*path, std::ios::binary);
    std::ostringstream text;
    file.peek();  // a directory opens, and cannot be read
    if (!file.is_open() || file.bad()) return invalid("--from-file: cannot read " + *path + ": " + std::strerror(errno));
    text << file.rdbuf();
    const auto groups = options_.texts("group");
    auto plan = parse_plan(text.str(), groups.size() == 1 ? std::optional(groups.front()) : std::nullopt);
    if (!plan.ok()) return invalid("--from-file " + *path + ", " + plan.error().message);
    from_file_ = std::move(*plan);
  }
  return {};
}

Result<std::vector<TopicPartition>> OffsetReset::partitions_of(const std::string& group) {
  if (options_.has("all-topics")) {
    const auto committed = committed_offsets(client_, group, std::nullopt, false);
    if (!committed.ok()) return committed.error();
    return names_of(*committed);
  }
  std::vector<TopicPartition> all;
  for (const std::string& topic : options_.texts("topic")) {
    const auto partitions = chosen_partitions(client_, topic);
    if (!partitions.ok()) return partitions.error();
    all.insert(all.end(), partitions->begin(), partitions->end());
  }
  return all;
}

Result<OffsetsByPartition> OffsetReset::plan(const std::string& group) {
  if (from_file_) {
    const auto planned = from_file_->find(group);
    if (planned != from_file_->end()) return within_logs(planned->second);
    std::cout << "\nError: No reset plan for group " << group << " found\n";
    return OffsetsByPartition();
  }
  const auto partitions = partitions_of(group);
  if (!partitions.ok()) return partitions.error();
  if (options_.has("to-earliest")) return at(*partitions, kEarliestTimestamp);
  if (options_.has("to-latest")) return at(*partitions, kLatestTimestamp);
  if (options_.has("to-current")) return current(group, *partitions);
  if (const auto by = options_.number("shift-by")) return shifted(group, *partitions, *by);
  if (since_ms_) return since(*partitions, *since_ms_);
  OffsetsByPartition offsets;
  for (const TopicPartition& partition : *partitions) offsets[partition] = Offset(options_.number("to-offset").value_or(0));
  return within_logs(std::move(offsets));
}

Result<OffsetsByPartition> OffsetReset::at(const std::vector<TopicPartition>& partitions, int64_t timestamp) {
  const auto listed = listed_offsets(client_, partitions, timestamp);
  if (!listed.ok()) return listed.error();
  OffsetsByPartition offsets;
  for (const auto& [partition, offset] : *listed) {
    if (!offset.ok()) return offset.error();
    offsets[partition] = *offset;
  }
  return offsets;
}

Result<OffsetsByPartition> OffsetReset::since(const std::vector<TopicPartition>& partitions, int64_t timestamp) {
  auto offsets = at(partitions, std::max<int64_t>(timestamp, 0));
  if (!offsets.ok()) return offsets;
  std::vector<TopicPartition> without;
  for (const auto& [partition, offset] : *offsets) {
    if (offset.value >= 0) continue;
    without.push_back(partition);
    std::cout << "\nWarn: Partition " << partition.partition.value << " from topic " << partition.topic
              << " is empty. Falling back to latest known offset.\n";
  }
  const auto ends = at(without, kLatestTimestamp);
  if (!ends.ok()) return ends.error();
  for (const auto& [partition, end] : *ends) (*offsets)[partition] = end;
  return offsets;
}

Result<OffsetsByPartition> OffsetReset::current(const std::string& group, const std::vector<TopicPartition>& partitions) {
  const auto committed = committed_offsets(client_, group, std::nullopt, false);
  if (!committed.ok()) return committed.error();
  OffsetsByPartition offsets;
  std::vector<TopicPartition> without;
  for (const TopicPartition& partition : partitions) {
    const auto known = committed->find(partition);
    if (known == committed->end()) without.push_back(partition);
    else offsets[partition] = known->second;
  }
  const auto ends = at(without, kLatestTimestamp);
  if (!ends.ok()) return ends.error();
  offsets.insert(ends->begin(), ends->end());
  return offsets;
}

Result<OffsetsByPartition> OffsetReset::shifted(const std::string& group, const std::vector<TopicPartition>& partitions, int64_t by) {
  const auto committed = committed_offsets(client_, group, std::nullopt, false);
  if (!committed.ok()) return committed.error();
  OffsetsByPartition offsets;
  for (const TopicPartition& partition : partitions) {
    const auto known = committed->find(partition);
    if (known == committed->end()) {
      return invalid("Cannot shift offset for partition " + partition.str() + " since there is no current committed offset");
    }
    int64_t shifted = 0;
    if (__builtin_add_overflow(known->second.value, by, &shifted)) shifted = by < 0 ? INT64_MIN : INT64_MAX;
    offsets[partition] = Offset(shifted);
  }
  return within_logs(std::move(offsets));
}

Result<OffsetsByPartition> OffsetReset::within_logs(OffsetsByPartition offsets) {
  const std::vector<TopicPartition> partitions = names_of(offsets);
  const auto begins = at(partitions, kEarliestTimestamp);
  if (!begins.ok()) return begins;
  const auto ends = at(partitions, kLatestTimestamp);
  if (!ends.ok()) return ends;
  for (auto& [partition, offset] : offsets) {
    const Offset begin = begins->at(partition), end = ends->at(partition);
    const bool is_beyond = offset > end;
    if (!is_beyond && offset >= begin) continue;
    const Offset nearest = is_beyond ? end : begin;
    warn("New offset (" + std::to_string(offset.value) + ") is " + (is_beyond ? "higher than latest" : "lower than earliest") +
         " offset for topic partition " + partition.str() + ". Value will be set to " + std::to_string(nearest.value));
    offset = nearest;
  }
  return offsets;
}

}  // namespace quokka
