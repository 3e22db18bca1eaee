#include "broker/log/log_names.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "protocol/base/topic_name.h"

namespace quokka {

namespace {

constexpr size_t kDirectoryNameMax = 255;
constexpr size_t kOffsetDigits = 20;

std::string_view mark(DirectoryName::Kind kind) {
  switch (kind) {
    case DirectoryName::Kind::partition: return "";
    case DirectoryName::Kind::deleted: return "-delete";
    case DirectoryName::Kind::stray: return "-stray";
    case DirectoryName::Kind::future: return "-future";
  }
  return "";
}

std::optional<TopicPartition> parse_partition(std::string_view name) {
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view topic = name.substr(0, dash);
  const std::string_view digits = name.substr(dash + 1);
  int32_t partition = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), partition);
  if (error != std::errc() || end != digits.data() + digits.size() || partition < 0 || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  if (!is_valid_topic_name(topic)) return std::nullopt;
  return TopicPartition{std::string(topic), PartitionIndex(partition)};
}

}  // namespace

std::optional<DirectoryName> parse_directory_name(std::string_view name) {
  using Kind = DirectoryName::Kind;
  for (const Kind kind : {Kind::deleted, Kind::stray, Kind::future}) {
    if (!name.ends_with(mark(kind))) continue;
    const std::string_view rest = name.substr(0, name.size() - mark(kind).size());
    const size_t dot = rest.rfind('.');
    if (dot == std::string_view::npos || dot + 1 == rest.size()) continue;
    const auto partition = parse_partition(rest.substr(0, dot));
    if (partition) return DirectoryName{kind, *partition};
  }
  const auto partition = parse_partition(name);
  if (!partition) return std::nullopt;
  return DirectoryName{Kind::partition, *partition};
}

std::string marked_directory_name(const TopicPartition& partition, const Uuid& unique, DirectoryName::Kind kind) {
  char hex[33];
  std::snprintf(hex, sizeof hex, "%016llx%016llx", static_cast<unsigned long long>(unique.high), static_cast<unsigned long long>(unique.low));
  const std::string tail = "-" + std::to_string(partition.partition.value) + "." + hex + std::string(mark(kind));
  const size_t room = kind == DirectoryName::Kind::future ? kTopicNameBytesMax : kDirectoryNameMax - tail.size();
  return partition.topic.substr(0, room) + tail;
}

std::string segment_file_name(Offset base_offset, std::string_view suffix) {
  std::string digits = std::to_string(base_offset.value);
  std::string name(kOffsetDigits - std::min(kOffsetDigits, digits.size()), '0');
  name += digits;
  name += suffix;
  return name;
}

std::optional<Offset> parse_segment_file_name(std::string_view name, std::string_view suffix) {
  if (name.size() != kOffsetDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  int64_t offset = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kOffsetDigits, offset);
  if (error != std::errc() || end != name.data() + kOffsetDigits || offset < 0) return std::nullopt;
  return Offset(offset);
}

}  // namespace quokka
