// OffsetFetch (key 9), versions 0-9: committed offsets of groups; -1 where there is none. Only what is committed to the group's log is told.
//
// Version 0 reads them from ZooKeeper. 2: null asks for all, and an error for the whole group. 5: leader epochs. 7: stable offsets only: one that an open
// transaction is about to change is UNSTABLE_OFFSET_COMMIT (KIP-447). 8: many groups in one request. 9: member id and epoch of the consumer protocol.
// Better than Kafka: a request for no group is answered, with nothing. A group that is named twice is answered once, with the partitions of both.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/named_partitions.h"
#include "broker/handlers/partition_answers.h"
#include "broker/handlers/places.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/handlers/zookeeper_offsets.h"
#include "protocol/messages/offset_fetch.h"

namespace quokka {

namespace {

using OldTopic = OffsetFetchResponse::OffsetFetchResponseTopic;
using OldPartition = OldTopic::OffsetFetchResponsePartition;
using GroupAnswer = OffsetFetchResponse::OffsetFetchResponseGroup;
using NewTopic = GroupAnswer::OffsetFetchResponseTopics;
using NewPartition = NewTopic::OffsetFetchResponsePartitions;

// One group that is asked for, and what was found.
struct Wanted : OffsetsWanted {
  ErrorCode error = ErrorCode::NONE;
  std::vector<FetchedOffset> fetched;
};

// Each group once, with the names that its partitions go by.
struct AllWanted {
  std::vector<Wanted> groups;
  TopicNames names;
};

using OldNamed = OffsetFetchRequest::OffsetFetchRequestTopic;
using GroupNamed = OffsetFetchRequest::OffsetFetchRequestGroup;
using NewNamed = GroupNamed::OffsetFetchRequestTopics;

bool reserve_memory(CallPtr& call, const Decoded<OffsetFetchRequest>& decoded) {
  NamedMemory memory;
  if (decoded.request.topics) memory.add_all(*decoded.request.topics, &OldNamed::name, &OldNamed::partition_indexes);
  for (const auto& group : decoded.request.groups)
    if (group.topics) memory.add_all(*group.topics, &NewNamed::name, &NewNamed::partition_indexes);
  return memory.reserve(call, decoded.arena.bytes_used());
}

// A group may be named again with other partitions, or with null for all.
std::vector<Wanted> groups_of(const Array<GroupNamed>& named, TopicNames& names) {
  std::vector<Wanted> all;
  Places<std::string_view> groups;
  for (const auto& group : named) {
    const auto place = groups.of(group.group_id);
    if (place.is_new) {
      Wanted& first = all.emplace_back();
      first.group = group.group_id;
      first.partitions.emplace();
      if (group.member_id) first.member.member_id = *group.member_id;
      first.member.epoch = group.member_epoch;
    }
    Wanted& wanted = all[place.index];
    if (!group.topics) wanted.partitions.reset();
    if (!wanted.partitions) continue;
    for (TopicPartition& each : named_partitions(*group.topics, &NewNamed::name, &NewNamed::partition_indexes, names))
      wanted.partitions->push_back(std::move(each));
  }
  if (all.size() == named.size()) return all;
  for (Wanted& each : all) {
    if (!each.partitions) continue;
    std::sort(each.partitions->begin(), each.partitions->end());
    each.partitions->erase(std::unique(each.partitions->begin(), each.partitions->end()), each.partitions->end());
  }
  return all;
}

AllWanted wanted_of(const OffsetFetchRequest& request, int16_t version) {
  AllWanted all;
  if (version < 8) {
    Wanted& wanted = all.groups.emplace_back();
    wanted.group = request.group_id;
    if (request.topics) wanted.partitions = named_partitions(*request.topics, &OldNamed::name, &OldNamed::partition_indexes, all.names);
  } else {
    all.groups = groups_of(request.groups, all.names);
  }
  for (Wanted& each : all.groups) each.require_stable = request.require_stable;
  return all;
}

template <class Topic, class Partition>
PartitionAnswers<Topic, Partition> topics_of(const Wanted& wanted, const TopicNames& names) {
  PartitionAnswers<Topic, Partition> topics;
  for (const FetchedOffset& each : wanted.fetched) {
    Partition partition;
    partition.partition_index = each.partition.partition;
    partition.committed_offset = Offset(each.offset);
    partition.committed_leader_epoch = LeaderEpoch(each.leader_epoch);
    partition.metadata = each.metadata;
    partition.error_code = each.error;
    topics.add(names.outward(each.partition.topic), partition);
  }
  return topics;
}

void answer(CallPtr call, const AllWanted& wanted_all) {
  const std::vector<Wanted>& all = wanted_all.groups;
  OffsetFetchResponse response;
  if (call->version() < 8) {
    auto topics = topics_of<OldTopic, OldPartition>(all.front(), wanted_all.names);
    response.topics = topics.array();
    response.error_code = all.front().error;
    return reply(std::move(call), response);
  }
  std::vector<PartitionAnswers<NewTopic, NewPartition>> topics;
  for (const Wanted& wanted : all) topics.push_back(topics_of<NewTopic, NewPartition>(wanted, wanted_all.names));
  std::vector<GroupAnswer> groups;
  for (size_t i = 0; i < all.size(); ++i) {
    GroupAnswer& group = groups.emplace_back();
    group.group_id = all[i].group;
    group.error_code = all[i].error;
    group.topics = topics[i].array();
  }
  response.groups = groups;
  reply(std::move(call), response);
}

// Asks the coordinator for each group; the answers come together on the connection's loop.
class GroupsFetch {
 public:
  GroupsFetch(Services& services, CallPtr call, AllWanted all)
      : services_(services), loop_(call->loop()), call_(std::move(call)), all_(std::move(all)), left_(all_.groups.size()) {}

  static void run(const std::shared_ptr<GroupsFetch>& self) {
    if (self->left_ == 0) return answer(std::move(self->call_), self->all_);
    for (size_t i = 0; i < self->all_.groups.size(); ++i) {
      self->services_.groups.fetch_offsets(self->all_.groups[i], [self, i](GroupShard::Fetched fetched) mutable {
        self->loop_.post([self, i, fetched = std::move(fetched)]() mutable { self->settle(i, std::move(fetched)); });
      });
    }
  }

 private:
  void settle(size_t i, GroupShard::Fetched fetched) {
    all_.groups[i].error = fetched.code();
    if (fetched) all_.groups[i].fetched = *std::move(fetched);
    if (--left_ == 0) answer(std::move(call_), all_);
  }

  Services& services_;
  Loop& loop_;
  CallPtr call_;
  AllWanted all_;
  size_t left_;
};

// Version 0, on the loop of coordination: one partition after another.
class ZookeeperFetch {
 public:
  ZookeeperFetch(Services& services, CallPtr call, AllWanted all) : services_(services), call_(std::move(call)), all_(std::move(all)) {}

  static void run(const std::shared_ptr<ZookeeperFetch>& self, size_t next) {
    Wanted& wanted = self->all_.groups.front();
    const ClusterViewPtr view = self->services_.view.get();
    for (; next < wanted.partitions->size(); ++next) {
      FetchedOffset& into = wanted.fetched.emplace_back();
      into.partition = (*wanted.partitions)[next];
      if (view->partition(into.partition) != nullptr) break;
      into.error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (next == wanted.partitions->size()) return answer(std::move(self->call_), self->all_);
    const TopicPartition partition = wanted.fetched.back().partition;
    fetch_from_zookeeper(self->services_.session, wanted.group, partition, [self, next](Result<std::optional<int64_t>> found) {
      FetchedOffset& fetched = self->all_.groups.front().fetched.back();
      if (!found) fetched.error = found.code();
      else if (*found) fetched.offset = **found;
      else fetched.error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
      // Not from here: an answer that comes at once would nest them all.
      self->services_.coordination.post([self, next] { run(self, next + 1); });
    });
  }

 private:
  Services& services_;
  CallPtr call_;
  AllWanted all_;
};

}  // namespace

void handle_offset_fetch(Services& services, CallPtr call) {
  const auto decoded = decode_call<OffsetFetchRequest>(call);
  if (!decoded) return;
  if (!reserve_memory(call, *decoded)) return;
  AllWanted all = wanted_of(decoded->request, call->version());
  if (call->version() == 0) {
    auto fetch = std::make_shared<ZookeeperFetch>(services, std::move(call), std::move(all));
    return services.coordination.post([fetch] { ZookeeperFetch::run(fetch, 0); });
  }
  GroupsFetch::run(std::make_shared<GroupsFetch>(services, std::move(call), std::move(all)));
}

}  // namespace quokka
