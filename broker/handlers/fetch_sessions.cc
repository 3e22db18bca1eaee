#include "broker/handlers/fetch_sessions.h"

#include <algorithm>
#include <limits>

#include "protocol/base/topic_name.h"

namespace quokka {

namespace {
constexpr int32_t kNewSession = 0;    // session epoch: begin one
constexpr int32_t kNoSession = -1;    // session epoch: none, and close the one named

int32_t next_epoch(int32_t epoch) { return epoch == std::numeric_limits<int32_t>::max() ? 1 : epoch + 1; }

// What is kept is counted by partitions, not by the length of their names.
bool can_be_kept(const std::vector<FetchWish>& wishes) {
  return std::all_of(wishes.begin(), wishes.end(), [](const FetchWish& wish) { return !wish.topic || wish.topic->size() <= kTopicNameBytesMax; });
}
}  // namespace

std::strong_ordering FetchSession::Key::operator<=>(const Key& other) const {
  if (const auto order = id <=> other.id; order != 0) return order;
  if (topic != other.topic) {  // not the same string; two equal ones are the same topic all the same
    const std::string_view mine = topic ? std::string_view(*topic) : std::string_view();
    const std::string_view theirs = other.topic ? std::string_view(*other.topic) : std::string_view();
    if (const auto order = mine <=> theirs; order != 0) return order;
  }
  return partition <=> other.partition;
}

FetchSession::Key FetchSession::key_of(const FetchWish& wish) const {
  if (uses_topic_ids_) return {wish.topic_id, nullptr, wish.partition};
  return {{}, wish.topic, wish.partition};
}

// Those that it would grow by.
size_t FetchSession::count_new(const std::vector<FetchWish>& wishes) const {
  MutexLock lock(mutex_);
  size_t count = 0;
  for (const FetchWish& wish : wishes) {
    if (!entries_.contains(key_of(wish))) ++count;
  }
  return count;
}

void FetchSession::update(const std::vector<FetchWish>& wishes, const std::vector<FetchWish>& forgotten) {
  MutexLock lock(mutex_);
  for (const FetchWish& wish : wishes) {
    Key key = key_of(wish);
    if (const auto found = entries_.find(key); found != entries_.end()) {
      FetchWish& kept = found->second->wish;
      auto name = std::move(kept.topic);  // the key's
      kept = wish;
      if (!uses_topic_ids_) kept.topic = std::move(name);
    } else {
      const auto at = order_.insert(order_.end(), Entry{wish});
      entries_.emplace(std::move(key), at);
    }
  }
  for (const FetchWish& wish : forgotten) {
    const auto found = entries_.find(key_of(wish));
    if (found == entries_.end()) continue;
    order_.erase(found->second);
    entries_.erase(found);
  }
}

std::vector<FetchWish> FetchSession::wishes() const {
  MutexLock lock(mutex_);
  std::vector<FetchWish> all;
  all.reserve(order_.size());
  for (const Entry& entry : order_) all.push_back(entry.wish);
  return all;
}

std::vector<bool> FetchSession::note(const std::vector<FetchWish>& wishes, const std::vector<FetchNews>& news, bool incremental) {
  std::vector<bool> send(wishes.size(), true);
  MutexLock lock(mutex_);
  for (size_t i = 0; i < wishes.size(); ++i) {
    const auto found = entries_.find(key_of(wishes[i]));
    if (found == entries_.end()) continue;
    Entry& entry = *found->second;
    const FetchNews& told = news[i];
    const bool changed = told.has_records || told.must_send || told.error != ErrorCode::NONE || entry.high_watermark != told.high_watermark ||
                         entry.log_start != told.log_start;
    entry.high_watermark = told.high_watermark;
    entry.log_start = told.log_start;
    // An error is told again and again until the partition recovers.
    if (told.error != ErrorCode::NONE) entry.high_watermark = Offset(-1);
    if (incremental) send[i] = changed;
    if (told.has_records) order_.splice(order_.end(), order_, found->second);
  }
  return send;
}

size_t FetchSessions::size() const {
  MutexLock lock(mutex_);
  return sessions_.size();
}

size_t FetchSessions::partitions() const {
  MutexLock lock(mutex_);
  return partitions_;
}

bool FetchSessions::has_room(size_t partitions) const {
  return sessions_.size() < settings_.sessions_max && partitions_ + partitions <= settings_.partitions_max;
}

// Idle sessions go first; then a bigger session, or a follower's, takes the place of those least recently used that are worth less.
bool FetchSessions::make_room(const Request& request, MonoTime now) {
  const size_t wanted = request.wishes.size();
  if (wanted > settings_.partitions_max) return false;
  for (auto at = by_last_use_.begin(); !has_room(wanted) && at != by_last_use_.end();) {
    const int32_t id = (at++)->second;
    const FetchSession& candidate = *sessions_.at(id);
    const bool idle = now - candidate.last_used_ > settings_.idle_before_eviction;
    const bool settled = now - candidate.created_ > settings_.idle_before_eviction;
    const bool worth_less = (!candidate.privileged_ && request.from_follower) ||
                            (candidate.privileged_ == request.from_follower && settled && candidate.cached_size_ < wanted);
    if (idle || worth_less) remove(id);
  }
  return has_room(wanted);
}

FetchSessionPtr FetchSessions::create(const Request& request, MonoTime now) {
  if (!can_be_kept(request.wishes)) return nullptr;
  const auto id = static_cast<int32_t>(random_.next() & 0x7fffffff);
  auto session = std::make_shared<FetchSession>(id, request.uses_topic_ids, request.from_follower, now);
  {
    MutexLock lock(mutex_);
    // A drawn id that is taken, once in millions, costs a client its session this time.
    if (id == 0 || sessions_.contains(id) || !make_room(request, now)) return nullptr;
    session->last_used_ = now;
    session->cached_size_ = request.wishes.size();
    partitions_ += request.wishes.size();
    sessions_.emplace(id, session);
    by_last_use_.emplace(std::pair(now, id), id);
  }
  // It has its room; nobody knows its id yet.
  session->update(request.wishes, {});
  return session;
}

void FetchSessions::remove(int32_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  by_last_use_.erase({found->second->last_used_, id});
  partitions_ -= found->second->cached_size_;
  sessions_.erase(found);
}

// Finds the session and takes its next epoch, so that of two requests with one epoch only the first goes on.
FetchSessionPtr FetchSessions::advance(const Request& request, MonoTime now, ErrorCode& error) {
  MutexLock lock(mutex_);
  const auto found = sessions_.find(request.session_id);
  if (found == sessions_.end()) {
    error = ErrorCode::FETCH_SESSION_ID_NOT_FOUND;
    return nullptr;
  }
  FetchSessionPtr session = found->second;
  if (session->epoch_ != request.session_epoch) {
    error = ErrorCode::INVALID_FETCH_SESSION_EPOCH;
    return nullptr;
  }
  if (session->uses_topic_ids_ != request.uses_topic_ids) {
    error = ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR;
    return nullptr;
  }
  by_last_use_.erase({session->last_used_, session->id()});
  session->epoch_ = next_epoch(session->epoch_);
  session->last_used_ = now;
  by_last_use_.emplace(std::pair(now, session->id()), session->id());
  return session;
}

// Takes room for so many more, if there is.
bool FetchSessions::grow(const FetchSession& session, size_t partitions) {
  MutexLock lock(mutex_);
  const auto kept = sessions_.find(session.id());
  if (kept == sessions_.end() || kept->second.get() != &session) return true;  // evicted meanwhile: this request is its last
  if (partitions_ + partitions > settings_.partitions_max) return false;
  partitions_ += partitions;
  kept->second->cached_size_ += partitions;
  return true;
}

FetchContext FetchSessions::open(Request request, MonoTime now) {
  FetchContext context;
  if (request.session_epoch == kNewSession || request.session_epoch == kNoSession) {
    {
      MutexLock lock(mutex_);
      remove(request.session_id);
    }
    if (request.session_epoch == kNewSession) context.session = create(request, now);
    context.wishes = std::move(request.wishes);
    return context;
  }
  FetchSessionPtr session = advance(request, now, context.error);
  if (!session) return context;
  if (!can_be_kept(request.wishes) || !grow(*session, session->count_new(request.wishes))) {
    MutexLock lock(mutex_);
    remove(session->id());
    context.error = ErrorCode::FETCH_SESSION_ID_NOT_FOUND;
    return context;
  }
  session->update(request.wishes, request.forgotten);
  context.wishes = session->wishes();
  MutexLock lock(mutex_);
  if (context.wishes.empty()) {  // the client forgot all of it: the session ends
    remove(session->id());
    return context;
  }
  const auto kept = sessions_.find(session->id());
  if (kept != sessions_.end() && kept->second == session) {
    partitions_ += context.wishes.size() - session->cached_size_;
    session->cached_size_ = context.wishes.size();
  }
  context.session = std::move(session);
  context.incremental = true;
  return context;
}

}  // namespace quokka
