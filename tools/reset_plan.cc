#include "tools/reset_plan.h"

#include <chrono>
#include <cstdio>

#include "protocol/base/text_parts.h"

namespace quokka {
namespace {

Error bad(std::string message) { return Error{ErrorCode::INVALID_REQUEST, std::move(message)}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly `digits` digits off `text`.
std::optional<int> take_digits(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// Minutes east of UTC. zone := "" | "Z" | sign hh | sign hh mm | sign hh ":" mm
std::optional<int> zone_minutes(std::string_view text) {
  if (text.empty() || text == "Z") return 0;
  const bool is_east = text.front() == '+';
  if (!is_east && text.front() != '-') return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take_digits(text, 2);
  if (!hours) return std::nullopt;
  int minutes = 0;
  if (!text.empty()) {
    take(text, ':');
    const auto rest = take_digits(text, 2);
    if (!rest || !text.empty()) return std::nullopt;
    minutes = *rest;
  }
  if (*hours > 23 || minutes > 59) return std::nullopt;
  return (is_east ? 1 : -1) * (*hours * 60 + minutes);
}

// Fields of one line. Quotes around a field are dropped, two inside stand for one.
std::optional<std::vector<std::string>> csv_fields(std::string_view line) {
  std::vector<std::string> fields;
  while (true) {
    std::string field;
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    if (take(line, '"')) {
      while (true) {
        const size_t quote = line.find('"');
        if (quote == std::string_view::npos) return std::nullopt;
        field += line.substr(0, quote);
        line.remove_prefix(quote + 1);
        if (!take(line, '"')) break;
        field += '"';
      }
      line = trimmed(line);
      if (!line.empty() && line.front() != ',') return std::nullopt;
    } else {
      const size_t comma = line.find(',');
      field = trimmed(line.substr(0, comma));
      line.remove_prefix(comma == std::string_view::npos ? line.size() : comma);
    }
    fields.push_back(std::move(field));
    if (!take(line, ',')) return fields;
  }
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

// A number of a duration, in thousandths, and its unit. Only seconds have a fraction.
struct Part {
  int64_t thousandths = 0;
  char unit = 0;
};
std::optional<Part> take_part(std::string_view& text) {
  const bool is_negative = take(text, '-');
  if (!is_negative) take(text, '+');
  size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  const auto whole = number_in(text.substr(0, digits));
  constexpr int64_t kWholeMax = INT64_MAX / 1000 / 86'400'000;
  if (!whole || *whole > kWholeMax) return std::nullopt;
  text.remove_prefix(digits);
  int64_t thousandths = *whole * 1000;
  bool has_fraction = false;
  if (!text.empty() && (text.front() == '.' || text.front() == ',')) {
    text.remove_prefix(1);
    has_fraction = true;
    for (int64_t weight = 100; !text.empty() && is_digit(text.front()); weight /= 10) {
      thousandths += weight * (text.front() - '0');
      text.remove_prefix(1);
    }
  }
  if (text.empty()) return std::nullopt;
  const char unit = static_cast<char>(text.front() & ~0x20);
  text.remove_prefix(1);
  if (has_fraction && unit != 'S') return std::nullopt;
  return Part{is_negative ? -thousandths : thousandths, unit};
}

}  // namespace

Result<TopicChoice> parse_topic_choice(const std::string& text) {
  TopicChoice choice;
  const size_t colon = text.find(':');
  choice.topic = text.substr(0, colon);
  if (colon == std::string::npos) return choice;
  const std::string partitions = text.substr(colon + 1);
  if (choice.topic.empty() || partitions.empty() || partitions.find(':') != std::string::npos) {
    return bad("Invalid topic arg '" + text + "', expected topic name and partitions");
  }
  choice.partitions.emplace();
  for (const std::string_view word : between_commas(partitions)) {
    const auto number = number_in<int32_t>(word);
    if (!number || *number < 0) return bad("Invalid partition '" + std::string(word) + "' specified in topic arg '" + text + "'");
    choice.partitions->push_back(PartitionIndex(*number));
  }
  return choice;
}

Result<int64_t> parse_datetime(const std::string& text) {
  const Error refused = bad("Error parsing timestamp '" + text + "': the form is YYYY-MM-DDTHH:mm:SS.sss, with Z or +HH:mm behind it, or in UTC");
  std::string_view left = text;
  const auto year = take_digits(left, 4);
  if (!year || !take(left, '-')) return refused;
  const auto month = take_digits(left, 2);
  if (!month || !take(left, '-')) return refused;
  const auto day = take_digits(left, 2);
  if (!day || !take(left, 'T')) return refused;
  const auto hour = take_digits(left, 2);
  if (!hour || !take(left, ':')) return refused;
  const auto minute = take_digits(left, 2);
  if (!minute || !take(left, ':')) return refused;
  const auto second = take_digits(left, 2);
  if (!second || !take(left, '.')) return refused;
  const auto millis = take_digits(left, 3);
  const auto zone = zone_minutes(left);
  if (!millis || !zone || *hour > 23 || *minute > 59 || *second > 59) return refused;
  namespace chrono = std::chrono;
  const chrono::year_month_day date{chrono::year(*year), chrono::month(static_cast<unsigned>(*month)), chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return refused;
  const int64_t days = chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24 + *hour) * 60 + *minute - *zone) * 60 + *second) * 1000 + *millis;
}

Result<int64_t> parse_duration(const std::string& text) {
  const Error refused = bad("'" + text + "' cannot be parsed to a duration: the form is PnDTnHnMnS, for instance P7D or PT1H30M");
  std::string_view left = text;
  const bool is_negative = take(left, '-');
  if (!is_negative) take(left, '+');
  if (!take(left, 'P') && !take(left, 'p')) return refused;
  int64_t total = 0;
  bool has_time = false, has_part = false;
  constexpr std::string_view kOrder = "DHMS";
  size_t rank = 0;
  while (!left.empty()) {
    if (!has_time && (take(left, 'T') || take(left, 't'))) {
      has_time = true;
      has_part = false;  // a T with nothing behind it is none
      continue;
    }
    const auto part = take_part(left);
    const size_t at = part ? kOrder.find(part->unit, rank) : std::string_view::npos;
    if (at == std::string_view::npos || (at == 0) == has_time) return refused;
    rank = at + 1;
    constexpr int64_t kSeconds[] = {86400, 3600, 60, 1};
    total += part->thousandths * kSeconds[at];
    has_part = true;
  }
  if (!has_part) return refused;
  return is_negative ? -total : total;
}

Result<ResetPlan> parse_plan(std::string_view csv, const std::optional<std::string>& only_group) {
  ResetPlan plan;
  for (size_t number = 1; const auto line = next_line(csv); ++number) {
    if (trimmed(*line).empty()) continue;
    const auto fields = csv_fields(*line);
    const bool names_group = fields && fields->size() == 4;
    if (!fields || (!names_group && (fields->size() != 3 || !only_group))) {
      return bad("line " + std::to_string(number) + ": '" + std::string(*line) + "' is not " + (only_group ? "topic,partition,offset" : "group,topic,partition,offset"));
    }
    const size_t at = names_group ? 1 : 0;
    const auto partition = number_in<int32_t>((*fields)[at + 1]);
    const auto offset = number_in((*fields)[at + 2]);
    if (!partition || *partition < 0 || !offset) return bad("line " + std::to_string(number) + ": '" + std::string(*line) + "' has a partition or an offset that is no number");
    plan[names_group ? (*fields)[0] : *only_group][{(*fields)[at], PartitionIndex(*partition)}] = Offset(*offset);
  }
  return plan;
}

std::string plan_text(const ResetPlan& plan, bool with_group) {
  std::string text;
  for (const auto& [group, offsets] : plan) {
    for (const auto& [partition, offset] : offsets) {
      if (with_group) text += csv_field(group) + ",";
      text += csv_field(partition.topic) + "," + std::to_string(partition.partition.value) + "," + std::to_string(offset.value) + "\n";
    }
  }
  return text;
}

}  // namespace quokka
