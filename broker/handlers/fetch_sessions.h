// Incremental fetch sessions (KIP-227): a client names its partitions once and afterwards only what changed; answers carry only partitions with
// news. A cache of bounded size; what does not fit is served without a session.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/base/error_code.h"
#include "protocol/base/ids.h"
#include "protocol/base/loop.h"
#include "protocol/base/mutex.h"
#include "protocol/base/uuid.h"

namespace quokka {

// What a client wants of one partition. The name is empty while only an unknown id is given.
struct FetchWish {
  std::shared_ptr<const std::string> topic;
  TopicId topic_id;
  PartitionIndex partition;
  LeaderEpoch current_leader_epoch;
  LeaderEpoch last_fetched_epoch;
  Offset fetch_offset{0};
  Offset follower_log_start;
  int32_t partition_bytes_max = 0;
};

// The part of an answer that a session remembers, so that it is sent only when it changes.
struct FetchNews {
  ErrorCode error = ErrorCode::NONE;
  Offset high_watermark;
  Offset log_start;
  bool has_records = false;
  bool must_send = false;  // a diverging epoch, a preferred read replica
};

class FetchSession;
using FetchSessionPtr = std::shared_ptr<FetchSession>;

// One fetch request's relation to its session.
struct FetchContext {
  ErrorCode error = ErrorCode::NONE;  // FETCH_SESSION_ID_NOT_FOUND and its like: the whole answer
  FetchSessionPtr session;            // null without a session
  bool incremental = false;           // only partitions with news are sent
  std::vector<FetchWish> wishes;      // in the order in which they are to be served
};

class FetchSessions {
 public:
  struct Settings {
    size_t sessions_max = 1000;  // max.incremental.fetch.session.cache.slots
    Duration idle_before_eviction = Duration::seconds(120);
    // Of all sessions together: some 300 bytes each, and at most as many again for its name.
    size_t partitions_max = 500'000;
  };
  FetchSessions(Settings settings, Random& random) : settings_(settings), random_(random) {}

  struct Request {
    int32_t session_id = 0;
    int32_t session_epoch = -1;
    bool uses_topic_ids = false;
    bool from_follower = false;
    std::vector<FetchWish> wishes;     // named in the request
    std::vector<FetchWish> forgotten;  // only topic, topic_id and partition count
  };
  // Any thread. Finds, creates or advances the session of a request. Partitions that there is no room for, or whose topic's name is longer than one can
  // be, are served without a session; one that has such come to it is gone (FETCH_SESSION_ID_NOT_FOUND), and the client begins anew.
  FetchContext open(Request request, MonoTime now);
  size_t size() const;
  // Of all sessions together.
  size_t partitions() const;

 private:
  FetchSessionPtr create(const Request& request, MonoTime now) EXCLUDES(mutex_);
  FetchSessionPtr advance(const Request& request, MonoTime now, ErrorCode& error) EXCLUDES(mutex_);
  void remove(int32_t id) REQUIRES(mutex_);
  bool has_room(size_t partitions) const REQUIRES(mutex_);
  bool make_room(const Request& request, MonoTime now) REQUIRES(mutex_);
  bool grow(const FetchSession& session, size_t partitions) EXCLUDES(mutex_);

  const Settings settings_;
  Random& random_;
  mutable Mutex mutex_;
  std::unordered_map<int32_t, FetchSessionPtr> sessions_ GUARDED_BY(mutex_);
  std::map<std::pair<MonoTime, int32_t>, int32_t> by_last_use_ GUARDED_BY(mutex_);
  size_t partitions_ GUARDED_BY(mutex_) = 0;
};

// The partitions of one client. A client with one request in flight is the rule, but nothing breaks with more.
class FetchSession {
 public:
  FetchSession(int32_t id, bool uses_topic_ids, bool privileged, MonoTime now)
      : id_(id), uses_topic_ids_(uses_topic_ids), privileged_(privileged), created_(now) {}

  int32_t id() const { return id_; }

  // Keeps what was told and answers, wish by wish, whether it must be sent. Partitions with records go to the end of the order, so that none starves.
  std::vector<bool> note(const std::vector<FetchWish>& wishes, const std::vector<FetchNews>& news, bool incremental);

 private:
  friend class FetchSessions;
  // Shares the wish's name, which is looked at only where ids are not used.
  struct Key {
    TopicId id;
    std::shared_ptr<const std::string> topic;  // null where ids are used
    PartitionIndex partition;
    std::strong_ordering operator<=>(const Key& other) const;
  };
  struct Entry {
    FetchWish wish;
    Offset high_watermark{-1};
    Offset log_start{-1};
  };

  Key key_of(const FetchWish& wish) const;
  size_t count_new(const std::vector<FetchWish>& wishes) const;
  void update(const std::vector<FetchWish>& wishes, const std::vector<FetchWish>& forgotten);
  std::vector<FetchWish> wishes() const;

  const int32_t id_;
  const bool uses_topic_ids_;
  const bool privileged_;  // a follower's: not evicted for a consumer's
  const MonoTime created_;
  // Guarded by the mutex of FetchSessions.
  int32_t epoch_ = 1;  // expected next
  MonoTime last_used_{0};
  size_t cached_size_ = 0;

  mutable Mutex mutex_;
  std::list<Entry> order_ GUARDED_BY(mutex_);
  std::map<Key, std::list<Entry>::iterator> entries_ GUARDED_BY(mutex_);
};

}  // namespace quokka
