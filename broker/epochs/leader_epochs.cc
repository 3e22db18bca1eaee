#include "broker/epochs/leader_epochs.h"

#include <algorithm>
#include <charconv>

#include "protocol/base/text_parts.h"

namespace quokka {

namespace {

Error corrupt(const std::string& what) { return Error{ErrorCode::CORRUPT_MESSAGE, "leader epoch checkpoint: " + what}; }

std::optional<int64_t> next_number(std::string_view& line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc()) return std::nullopt;
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  if (!line.empty() && line.front() != ' ' && line.front() != '\t') return std::nullopt;
  return value;
}

}  // namespace

bool LeaderEpochs::assign(LeaderEpoch epoch, Offset start) {
  if (epoch.value < 0 || start.value < 0) return false;
  if (!entries_.empty() && entries_.back().epoch == epoch && entries_.back().start <= start) return false;
  while (!entries_.empty() && (entries_.back().epoch >= epoch || entries_.back().start >= start)) entries_.pop_back();
  entries_.push_back({epoch, start});
  return true;
}

EpochEnd LeaderEpochs::end_of(LeaderEpoch asked, Offset log_end) const {
  if (asked.value == -1 || entries_.empty()) return {};
  if (asked == entries_.back().epoch) return {asked, log_end};
  const auto higher = std::find_if(entries_.begin(), entries_.end(), [&](const EpochStart& e) { return e.epoch > asked; });
  if (higher == entries_.end()) return {};
  if (higher == entries_.begin()) return {asked, higher->start};
  return {std::prev(higher)->epoch, higher->start};
}

LeaderEpoch LeaderEpochs::epoch_at(Offset offset) const {
  LeaderEpoch found;
  for (const EpochStart& entry : entries_) {
    if (entry.start > offset) break;
    found = entry.epoch;
  }
  return found;
}

bool LeaderEpochs::truncate_from_end(Offset end) {
  const size_t before = entries_.size();
  while (!entries_.empty() && entries_.back().start >= end) entries_.pop_back();
  return entries_.size() != before;
}

bool LeaderEpochs::truncate_from_start(Offset start) {
  size_t below = 0;
  while (below < entries_.size() && entries_[below].start <= start) ++below;
  if (below == 0) return false;
  const bool changed = below > 1 || entries_.front().start != start;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(below - 1));
  entries_.front().start = start;
  return changed;
}

bool LeaderEpochs::clear() {
  const bool had = !entries_.empty();
  entries_.clear();
  return had;
}

std::string LeaderEpochs::encode() const {
  std::string text = "0\n" + std::to_string(entries_.size()) + "\n";
  for (const EpochStart& entry : entries_)
    text += std::to_string(entry.epoch.value) + " " + std::to_string(entry.start.value) + "\n";
  return text;
}

Result<LeaderEpochs> LeaderEpochs::decode(std::string_view text) {
  LeaderEpochs epochs;
  if (text.empty()) return epochs;
  auto line = next_line(text);
  if (!line || next_number(*line) != 0) return corrupt("its version is not 0");
  line = next_line(text);
  const auto count = line ? next_number(*line) : std::nullopt;
  if (!count || *count < 0) return corrupt("it has no count of entries");
  int64_t read = 0;
  while ((line = next_line(text))) {
    if (line->empty()) continue;
    const auto epoch = next_number(*line);
    const auto start = epoch ? next_number(*line) : std::nullopt;
    if (!start || *epoch < 0 || *epoch > INT32_MAX || *start < 0)
      return corrupt("entry " + std::to_string(read) + " is not an epoch and an offset");
    const EpochStart entry{LeaderEpoch(static_cast<int32_t>(*epoch)), Offset(*start)};
    if (!epochs.entries_.empty() && (entry.epoch <= epochs.entries_.back().epoch || entry.start <= epochs.entries_.back().start))
      return corrupt("entry " + std::to_string(read) + " does not rise in epoch and offset");
    epochs.entries_.push_back(entry);
    ++read;
  }
  if (read != *count) return corrupt("it has " + std::to_string(read) + " entries and says " + std::to_string(*count));
  return epochs;
}

}  // namespace quokka
