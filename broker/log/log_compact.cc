// Log: one segment takes the place of several, when a cleaner has copied what is to stay of them.
//
//   begin_replacement    <base>.{log,index,timeindex[,txnindex]}.cleaned -> .swap      any .cleaned that is left: the loader takes all of them away
//   (directory synced)                                                               from here on the loader completes what follows
//   finish_replacement   files of the old segments -> .deleted, from the lowest on; .swap -> the plain name
#include <algorithm>

#include "broker/log/log.h"

namespace quokka {

namespace {

// The log first: without the others it is whole.
std::vector<std::string_view> suffixes_of(const SegmentReplacement& replacement) {
  std::vector<std::string_view> suffixes = {".log", ".index", ".timeindex"};
  if (replacement.has_aborted) suffixes.push_back(".txnindex");
  return suffixes;
}

}  // namespace

CompactionView Log::compaction_view() const {
  CompactionView view;
  view.segments = segments_;
  const Offset decided = last_stable_offset();
  for (const SegmentPtr& segment : *segments_) {
    if (!segment->sealed() || segment->seal()->next_offset > decided || !segment->persisted()) break;
    ++view.rewritable;
  }
  view.aborted_in_active = active_.indexes().aborted;
  view.log_start = log_start_;
  view.log_end = log_end();
  view.first_dirty = first_dirty_;
  view.config = config_;
  return view;
}

bool Log::holds(const SegmentList& row) const {
  if (fenced()) return false;
  const auto first = std::find(segments_->begin(), segments_->end(), row.front());
  return static_cast<size_t>(segments_->end() - first) >= row.size() && std::equal(row.begin(), row.end(), first);
}

Result<bool> Log::begin_replacement(SegmentReplacement replacement) {
  if (replacing_ || !holds(replacement.old)) return false;
  for (const std::string_view suffix : suffixes_of(replacement)) {
    const std::string path = replacement.by->path(suffix);
    if (auto status = disk_.rename(path + ".cleaned", path + ".swap"); !status) return fail(status.error());
  }
  replacing_ = std::move(replacement);
  directory_dirty_ = true;
  return true;
}

Result<std::optional<RemovedSegments>> Log::finish_replacement() {
  if (!replacing_ || fenced()) return std::optional<RemovedSegments>();
  const SegmentReplacement replacement = std::move(*replacing_);
  replacing_.reset();
  QUOKKA_CHECK(holds(replacement.old), "a replaced segment left the log");
  RemovedSegments removed;
  for (const SegmentPtr& old : replacement.old) {
    // That of the first belongs to the new one as well.
    const bool with_snapshot = old != replacement.old.front();
    if (auto status = rename_deleted(*old, removed, with_snapshot); !status) return fail(status.error());
    removed.bytes += old->seal()->bytes;
    ++removed.segments;
  }
  for (const std::string_view suffix : suffixes_of(replacement)) {
    const std::string path = replacement.by->path(suffix);
    if (auto status = disk_.rename(path + ".swap", path); !status) return fail(status.error());
  }
  auto list = std::make_shared<SegmentList>(*segments_);
  const auto first = std::find(list->begin(), list->end(), replacement.old.front());
  *first = replacement.by;
  list->erase(first + 1, first + static_cast<ptrdiff_t>(replacement.old.size()));
  segments_ = std::move(list);
  sealed_bytes_ += replacement.by->seal()->bytes - removed.bytes;
  directory_dirty_ = true;
  return std::optional(std::move(removed));
}

// Before a truncation: a crash must not bring back what it takes.
Status Log::undo_replacement() {
  if (!replacing_) return {};
  const SegmentReplacement replacement = std::move(*replacing_);
  replacing_.reset();
  directory_dirty_ = true;
  for (const std::string_view suffix : suffixes_of(replacement))
    if (auto status = disk_.remove(replacement.by->path(suffix) + std::string(".swap")); !status) return fail(status.error());
  return {};
}

}  // namespace quokka
