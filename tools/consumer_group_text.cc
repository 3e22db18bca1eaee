#include "tools/consumer_group_text.h"

#include <algorithm>
#include <ctime>

namespace quokka {
namespace {

constexpr size_t kColumnMin = 15;
constexpr size_t kInstanceColumnMin = 17;
constexpr const char* kMissing = "-";

// Left-justified columns with a blank between them. The last one may be left without width.
class Row {
 public:
  Row& column(const std::string& text, size_t width) {
    if (!text_.empty()) text_ += ' ';
    text_ += text;
    if (text.size() < width) text_.append(width - text.size(), ' ');
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

size_t widest(size_t least, const auto& rows, auto text_of) {
  size_t width = least;
  for (const auto& row : rows) width = std::max(width, text_of(row).size());
  return width;
}

std::string text_of(const std::optional<Offset>& offset) { return offset ? std::to_string(offset->value) : kMissing; }

// "t(0,1), u(2)"
std::string assignment_text(const std::set<TopicPartition>& assignment) {
  std::string text;
  const std::string* topic = nullptr;
  for (const TopicPartition& each : assignment) {
    const bool is_same = topic != nullptr && *topic == each.topic;
    text += is_same ? "," : (topic == nullptr ? "" : "), ") + each.topic + "(";
    text += std::to_string(each.partition.value);
    topic = &each.topic;
  }
  return assignment.empty() ? kMissing : text + ")";
}

std::string time_text(WallTime time) {
  const std::time_t seconds = time.ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

std::vector<GroupOffset> group_offsets(const DescribedConsumerGroup& group, const OffsetsByPartition& committed, const OffsetsByPartition& log_ends) {
  std::vector<GroupOffset> rows;
  std::set<TopicPartition> read;
  const auto add = [&](const TopicPartition& partition, const DescribedGroupMember* member) {
    GroupOffset& row = rows.emplace_back(GroupOffset{partition, std::nullopt, std::nullopt, member});
    if (const auto at = committed.find(partition); at != committed.end()) row.committed = at->second;
    if (const auto at = log_ends.find(partition); at != log_ends.end()) row.log_end = at->second;
  };
  std::vector<const DescribedGroupMember*> members;
  for (const DescribedGroupMember& member : group.members) members.push_back(&member);
  std::ranges::stable_sort(members, std::ranges::greater(), [](const DescribedGroupMember* member) { return member->assignment.size(); });
  for (const DescribedGroupMember* member : members) {
    for (const TopicPartition& partition : member->assignment) {
      add(partition, member);
      read.insert(partition);
    }
  }
  for (const auto& [partition, offset] : committed) {
    if (!read.contains(partition)) add(partition, nullptr);
  }
  return rows;
}

std::string listing_text(const std::vector<ListedGroup>& groups, bool with_type, bool with_state) {
  constexpr size_t kRoom = 10, kColumn = 20;
  const size_t width = widest(kColumnMin, groups, [](const ListedGroup& group) { return group.id; }) + kRoom;
  const auto line = [&](const std::string& id, const std::string& type, const std::string& state) {
    Row row;
    row.column(id, width);
    if (with_type) row.column(type, kColumn);
    if (with_state) row.column(state, kColumn);
    return row.text() + "\n";
  };
  std::string text = line("GROUP", "TYPE", "STATE");
  for (const ListedGroup& group : groups) text += line(group.id, group.type, group.state);
  return text;
}

std::string offsets_text(const std::string& group, const std::vector<GroupOffset>& rows) {
  const auto topic = [](const GroupOffset& row) { return row.partition ? row.partition->topic : kMissing; };
  const auto member = [](const GroupOffset& row) { return row.member != nullptr ? row.member->id : kMissing; };
  const auto host = [](const GroupOffset& row) { return row.member != nullptr ? row.member->host : kMissing; };
  const size_t group_width = std::max(kColumnMin, group.size()), topic_width = widest(kColumnMin, rows, topic);
  const size_t member_width = widest(kColumnMin, rows, member), host_width = widest(kColumnMin, rows, host);
  const auto line = [&](const std::vector<std::string>& words) {
    const size_t widths[] = {group_width, topic_width, 10, 15, 15, 15, member_width, host_width, 0};
    Row row;
    for (size_t i = 0; i < words.size(); ++i) row.column(words[i], widths[i]);
    return "\n" + row.text();
  };
  std::string text = line({"GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID"});
  for (const GroupOffset& row : rows) {
    std::optional<Offset> lag;
    if (row.committed && row.log_end) lag = Offset(row.log_end->value - row.committed->value);
    text += line({group, topic(row), row.partition ? std::to_string(row.partition->partition.value) : kMissing, text_of(row.committed),
                  text_of(row.log_end), text_of(lag), member(row), host(row), row.member != nullptr ? row.member->client_id : kMissing});
  }
  return text;
}

std::string members_text(const DescribedConsumerGroup& group, bool with_assignment) {
  const auto instance = [](const DescribedGroupMember& member) { return member.instance_id.value_or(""); };
  const bool has_static = std::ranges::any_of(group.members, [](const auto& member) { return member.instance_id.has_value(); });
  const size_t group_width = group.members.empty() ? kColumnMin : std::max(kColumnMin, group.id.size());
  const size_t id_width = widest(kColumnMin, group.members, [](const auto& member) { return member.id; });
  const size_t instance_width = widest(kInstanceColumnMin, group.members, instance);
  const size_t host_width = widest(kColumnMin, group.members, [](const auto& member) { return member.host; });
  const size_t client_width = widest(kColumnMin, group.members, [](const auto& member) { return member.client_id; });
  const auto line = [&](const std::vector<std::string>& words) {
    const size_t widths[] = {group_width, id_width, instance_width, host_width, client_width, 15};
    Row row;
    for (size_t i = 0; i < std::size(widths); ++i) {
      if (i != 2 || has_static) row.column(words[i], widths[i]);
    }
    return row.text() + " " + (with_assignment ? words.back() : "") + "\n";
  };
  std::string text = "\n" + line({"GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS", "ASSIGNMENT"});
  for (const DescribedGroupMember& member : group.members) {
    text += line({group.id, member.id, instance(member), member.host, member.client_id, std::to_string(member.assignment.size()),
                  assignment_text(member.assignment)});
  }
  return text;
}

std::string state_text(const DescribedConsumerGroup& group) {
  const std::string coordinator = group.coordinator_address.str() + "  (" + std::to_string(group.coordinator.value) + ")";
  const auto line = [width = std::max<size_t>(25, coordinator.size())](const std::vector<std::string>& words) {
    const size_t widths[] = {width, 25, 20, 15, 0};
    Row row;
    for (size_t i = 0; i < words.size(); ++i) row.column(words[i], widths[i]);
    return "\n" + row.text();
  };
  return line({"GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"}) +
         line({group.id, coordinator, group.assignor, group.state, std::to_string(group.members.size())}) + "\n";
}

std::string rebalances_text(const DescribedConsumerGroup& group) {
  const size_t group_width = std::max(kColumnMin, group.id.size());
  const auto line = [&](const std::vector<std::string>& words) {
    const size_t widths[] = {group_width, 20, 12, 10, 10, 0};
    Row row;
    for (size_t i = 0; i < words.size(); ++i) row.column(words[i], widths[i]);
    return "\n" + row.text();
  };
  std::string text = line({"GROUP", "REBALANCE-BEGAN", "DURATION-MS", "GENERATION", "#MEMBERS", "REASON"});
  for (auto rebalance = group.rebalances.rbegin(); rebalance != group.rebalances.rend(); ++rebalance) {
    const bool has_members = rebalance->generation >= 0;
    // One that never ended was overtaken by the next.
    const std::string unfinished = rebalance == group.rebalances.rbegin() ? "under way" : "overtaken";
    text += line({group.id, time_text(rebalance->began), rebalance->ended ? std::to_string(rebalance->ended->ms - rebalance->began.ms) : unfinished,
                  has_members ? std::to_string(rebalance->generation) : kMissing, has_members ? std::to_string(rebalance->members) : kMissing,
                  rebalance->reason});
  }
  return text + "\n";
}

std::string reset_text(const std::map<std::string, OffsetsByPartition>& plan) {
  const auto line = [](const std::string& group, const std::string& topic, const std::string& partition, const std::string& offset) {
    return Row().column(group, 30).column(topic, 30).column(partition, 10).column(offset, 15).text() + "\n";
  };
  std::string text = "\n" + line("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET");
  for (const auto& [group, offsets] : plan) {
    for (const auto& [partition, offset] : offsets) {
      text += line(group, partition.topic, std::to_string(partition.partition.value), std::to_string(offset.value));
    }
  }
  return text;
}

std::string deleted_offsets_text(const std::vector<std::pair<TopicPartition, std::optional<std::string>>>& outcomes) {
  const auto line = [](const std::string& topic, const std::string& partition, const std::string& status) {
    return Row().column(topic, 30).column(partition, 15).column(status, 15).text() + "\n";
  };
  std::string text = "\n" + line("TOPIC", "PARTITION", "STATUS");
  for (const auto& [partition, error] : outcomes) {
    text += line(partition.topic, partition.partition.value < 0 ? "Not Provided" : std::to_string(partition.partition.value),
                 error ? "Error: " + *error : "Successful");
  }
  return text;
}

}  // namespace quokka
