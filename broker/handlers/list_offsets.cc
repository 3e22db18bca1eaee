// ListOffsets (key 2), versions 0-9: offsets at the ends of a partition or at a time.
//
// Version 0 answers the base offsets of segments; 1 one offset with its timestamp; 2 isolation level; 4 leader epochs; 5 OFFSET_NOT_AVAILABLE; 7 the
// largest timestamp (-3); 8 the start of the local log (-4); 9 the end of tiered storage (-5), which does not exist here: -1.
// A timestamp is searched on the pool, since it may read what is not in the page cache. A replica id counts only from the brokers' listener.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "broker/handlers/current_leaders.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/places.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/list_offsets.h"

namespace quokka {

namespace {

using TopicAnswer = ListOffsetsResponse::ListOffsetsTopicResponse;
using PartitionAnswer = TopicAnswer::ListOffsetsPartitionResponse;
using PartitionWish = ListOffsetsRequest::ListOffsetsTopic::ListOffsetsPartition;

constexpr int64_t kLatest = -1, kEarliest = -2, kLargestTimestamp = -3, kEarliestLocal = -4, kLatestTiered = -5;

// The version that brought a special timestamp; nullopt for a number that is none.
std::optional<int16_t> version_of(int64_t timestamp) {
  switch (timestamp) {
    case kLatest:
    case kEarliest: return 1;
    case kLargestTimestamp: return 7;
    case kEarliestLocal: return 8;
    case kLatestTiered: return 9;
    default: return std::nullopt;
  }
}

class OffsetSearch {
 public:
  OffsetSearch(Services& services, CallPtr call, Decoded<ListOffsetsRequest> decoded)
      : services_(services), call_(std::move(call)), decoded_(std::move(decoded)), version_(call_->version()), view_(services.view.get()) {
    const ListOffsetsRequest& request = decoded_.request;
    if (call_->peer().inter_broker || request.replica_id.value == -2) replica_id_ = request.replica_id;
    if (replica_id_.value != -1) {
      isolation_ = Isolation::log_end;
    } else if (request.isolation_level == 1) {
      isolation_ = Isolation::read_committed;
    }
  }

  bool may_wait_for_disk() const {
    for (const auto& topic : decoded_.request.topics) {
      for (const PartitionWish& wish : topic.partitions) {
        if (version_ >= 1 && (wish.timestamp >= 0 || wish.timestamp == kLargestTimestamp)) return true;
      }
    }
    return false;
  }
  void run();

 private:
  bool is_client() const { return replica_id_.value == -1; }
  bool is_leader_only() const { return replica_id_.value != -2; }
  ErrorCode unavailable() const { return version_ >= 5 ? ErrorCode::OFFSET_NOT_AVAILABLE : ErrorCode::LEADER_NOT_AVAILABLE; }
  PartitionAnswer look_up(std::string_view topic, const PartitionWish& wish);
  void answer_offset(const Partition& partition, const PartitionWish& wish, PartitionAnswer& answer) const;
  void answer_time(const Partition& partition, const PartitionWish& wish, PartitionAnswer& answer) const;
  void answer_segments(const Partition& partition, const PartitionWish& wish, PartitionAnswer& answer);

  Services& services_;
  CallPtr call_;
  Decoded<ListOffsetsRequest> decoded_;
  const int16_t version_;
  const ClusterViewPtr view_;
  BrokerId replica_id_{-1};
  Isolation isolation_ = Isolation::read_uncommitted;
  std::vector<std::unique_ptr<std::vector<int64_t>>> old_style_;  // what the answer of version 0 borrows
};

void OffsetSearch::answer_offset(const Partition& partition, const PartitionWish& wish, PartitionAnswer& answer) const {
  if (wish.timestamp >= 0 || wish.timestamp == kLargestTimestamp) return answer_time(partition, wish, answer);
  const Result<Partition::OffsetView> view = partition.offsets(wish.current_leader_epoch, is_leader_only());
  if (!view) {
    answer.error_code = view.code();
  } else if (wish.timestamp == kEarliest || wish.timestamp == kEarliestLocal) {
    answer.offset = view->log_start;
    answer.leader_epoch = view->start_epoch;
  } else if (wish.timestamp == kLatest && is_client() && view->high_watermark_lags) {
    answer.error_code = unavailable();
  } else if (wish.timestamp == kLatest) {
    answer.offset = view->end(isolation_);
    answer.leader_epoch = view->leader_epoch;
  }
}

void OffsetSearch::answer_time(const Partition& partition, const PartitionWish& wish, PartitionAnswer& answer) const {
  const Result<Partition::TimestampSearch> search = partition.plan_timestamp_search(
      wish.current_leader_epoch, is_leader_only(), wish.timestamp == kLargestTimestamp ? std::nullopt : std::optional(wish.timestamp));
  if (!search) {
    answer.error_code = search.code();
    return;
  }
  const Result<std::optional<TimestampedOffset>> found = search->plan.run();
  if (!found) {
    answer.error_code = found.code();
  } else if (*found && (*found)->offset < search->view.end(isolation_)) {
    answer.timestamp = (*found)->timestamp;
    answer.offset = (*found)->offset;
    answer.leader_epoch = (*found)->leader_epoch;
  } else if (is_client() && search->view.high_watermark_lags && *found) {
    answer.error_code = unavailable();
  }
}

// Segments begun at or before the time, newest first; "latest" is the log's end as well.
void OffsetSearch::answer_segments(const Partition& partition, const PartitionWish& wish, PartitionAnswer& answer) {
  Result<Partition::SegmentTimes> known = partition.segment_times(is_leader_only());
  if (!known) {
    answer.error_code = known.code();
    return;
  }
  const Partition::OffsetView& view = known->view;
  std::vector<std::pair<Offset, int64_t>>& times = known->segments;
  if (times.empty() || times.back().first < view.log_end) times.emplace_back(view.log_end, INT64_MAX);
  auto offsets = std::make_unique<std::vector<int64_t>>();
  size_t candidates = times.size();
  if (wish.timestamp == kEarliest) {
    candidates = 1;
  } else if (wish.timestamp != kLatest) {
    while (candidates > 0 && times[candidates - 1].second > wish.timestamp) --candidates;
  }
  const Offset end = is_client() ? view.high_watermark : view.log_end;
  bool ended = false;  // the end stands once for all that lies behind it
  for (size_t i = candidates; i-- > 0;) {
    const Offset offset = std::max(times[i].first, view.log_start);
    if (offset > end && std::exchange(ended, true)) continue;
    if (static_cast<int64_t>(offsets->size()) >= std::max(0, wish.max_num_offsets)) break;
    offsets->push_back(std::min(offset, end).value);
  }
  answer.old_style_offsets = *offsets;
  old_style_.push_back(std::move(offsets));
}

PartitionAnswer OffsetSearch::look_up(std::string_view topic, const PartitionWish& wish) {
  PartitionAnswer answer;
  answer.partition_index = wish.partition_index;
  if (wish.timestamp < 0) {
    const std::optional<int16_t> since = version_of(wish.timestamp);
    if (!since || std::max<int16_t>(version_, 1) < *since) {
      answer.error_code = ErrorCode::UNSUPPORTED_VERSION;
      return answer;
    }
  }
  const int8_t isolation = decoded_.request.isolation_level;
  const PartitionPtr partition = services_.replicas.find(topic, wish.partition_index);
  if ((version_ >= 2 && is_client() && isolation != 0 && isolation != 1) || (version_ == 0 && wish.max_num_offsets < 0)) {
    answer.error_code = ErrorCode::UNKNOWN_SERVER_ERROR;
  } else if (!partition) {
    answer.error_code = missing_partition_error(services_, *view_, topic, wish.partition_index);
  } else if (version_ == 0) {
    answer_segments(*partition, wish, answer);
  } else {
    answer_offset(*partition, wish, answer);
  }
  return answer;
}

void OffsetSearch::run() {
  // A partition that is named twice is refused.
  std::set<std::pair<std::string_view, PartitionIndex>> seen, twice;
  for (const auto& topic : decoded_.request.topics) {
    for (const PartitionWish& wish : topic.partitions) {
      if (!seen.emplace(topic.name, wish.partition_index).second) twice.emplace(topic.name, wish.partition_index);
    }
  }
  std::vector<std::vector<PartitionAnswer>> partitions;
  std::vector<TopicAnswer> topics;
  Places<std::string_view, PartitionIndex, int64_t> places;
  for (const auto& topic : decoded_.request.topics) {
    std::vector<PartitionAnswer>& answers = partitions.emplace_back();
    for (const PartitionWish& wish : topic.partitions) {
      // Version 0, whose answer may list every segment, takes the earliest, the latest and one time of each.
      if (version_ == 0 && !places.of(topic.name, wish.partition_index, std::min<int64_t>(wish.timestamp, 0)).is_new) continue;
      if (version_ >= 1 && twice.contains({topic.name, wish.partition_index})) {
        PartitionAnswer& refused = answers.emplace_back();
        refused.partition_index = wish.partition_index;
        refused.error_code = ErrorCode::INVALID_REQUEST;
      } else {
        PartitionAnswer& answer = answers.emplace_back(look_up(topic.name, wish));
        if (version_ < 4) answer.leader_epoch = LeaderEpoch();  // there is no room for it
      }
    }
    topics.push_back({topic.name, answers});
  }
  ListOffsetsResponse response;
  response.topics = topics;
  reply(std::move(call_), response);
}

}  // namespace

void handle_list_offsets(Services& services, CallPtr call) {
  auto decoded = decode_call<ListOffsetsRequest>(call);
  if (!decoded) return;
  auto search = std::make_shared<OffsetSearch>(services, std::move(call), *std::move(decoded));
  if (search->may_wait_for_disk()) {
    services.pool.run([search] { search->run(); });
  } else {
    search->run();
  }
}

}  // namespace quokka
