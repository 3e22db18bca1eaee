// OffsetCommit (key 8), versions 0-9: how far a group has come. Answered when it is committed to the group's log.
//
// Partitions that do not exist are UNKNOWN_TOPIC_OR_PARTITION, whatever the group. Of a partition that is named twice the last offset counts.
// Version 0 goes to ZooKeeper, one offset after another, as it did when consumers kept offsets there; what is named twice is answered twice.
// 1: generation and member, and a commit timestamp until 2. 2 to 4: a retention time, which is the offset's own expiry. 6: leader epoch.
// 7: static members. 9: member epochs of the consumer protocol, whose members must use it; another epoch than the member's is STALE_MEMBER_EPOCH.
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/partition_answers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/handlers/zookeeper_offsets.h"
#include "protocol/messages/offset_commit.h"

namespace quokka {

namespace {

using TopicAnswer = OffsetCommitResponse::OffsetCommitResponseTopic;
using PartitionAnswer = TopicAnswer::OffsetCommitResponsePartition;
using Answers = PartitionAnswers<TopicAnswer, PartitionAnswer>;
using Wanted = OffsetCommitRequest::OffsetCommitRequestTopic::OffsetCommitRequestPartition;

void answer(CallPtr call, Answers answers) {
  OffsetCommitResponse response;
  response.topics = answers.array();
  reply(std::move(call), response);
}

OffsetRecord record_of(const Wanted& wanted, int64_t retention_ms, int64_t now_ms) {
  OffsetRecord record;
  record.offset = wanted.committed_offset.value;
  record.leader_epoch = wanted.committed_leader_epoch.value;
  record.metadata = wanted.committed_metadata.value_or("");
  record.commit_timestamp_ms = wanted.commit_timestamp == -1 ? now_ms : wanted.commit_timestamp;
  if (retention_ms != -1) record.expire_timestamp_ms = now_ms + retention_ms;
  return record;
}

// Version 0, on the loop of coordination: one partition after another.
class ZookeeperCommit {
 public:
  ZookeeperCommit(Services& services, CallPtr call, OffsetCommit commit, Answers answers)
      : services_(services), call_(std::move(call)), commit_(std::move(commit)), answers_(std::move(answers)) {}

  static void run(const std::shared_ptr<ZookeeperCommit>& self, size_t next) {
    if (next == self->commit_.partitions.size()) return answer(std::move(self->call_), std::move(self->answers_));
    const OffsetCommit::Partition& each = self->commit_.partitions[next];
    const auto settle = [self, next](ErrorCode error) {
      const TopicPartition& partition = self->commit_.partitions[next].partition;
      self->answers_.add(partition.topic, {partition.partition, error});
      // Not from here: errors that come at once would nest them all.
      self->services_.coordination.post([self, next] { run(self, next + 1); });
    };
    if (each.record.metadata.size() > static_cast<size_t>(self->services_.config.offset_metadata_max_bytes)) return settle(ErrorCode::OFFSET_METADATA_TOO_LARGE);
    commit_to_zookeeper(self->services_.session, self->commit_.group, each.partition, each.record.offset, settle);
  }

 private:
  Services& services_;
  CallPtr call_;
  const OffsetCommit commit_;
  Answers answers_;
};

}  // namespace

void handle_offset_commit(Services& services, CallPtr call) {
  const auto decoded = decode_call<OffsetCommitRequest>(call);
  if (!decoded) return;
  const OffsetCommitRequest& request = decoded->request;
  OffsetCommit commit;
  commit.group = request.group_id;
  commit.member.member_id = request.member_id;
  if (request.group_instance_id) commit.member.instance_id = *request.group_instance_id;
  commit.generation = request.generation_id_or_member_epoch;
  commit.knows_member_epochs = call->version() >= 9;

  const int64_t now_ms = call->loop().wall_now().ms;
  const ClusterViewPtr view = services.view.get();
  Answers answers;
  std::map<TopicPartition, size_t> places;
  for (const auto& topic : request.topics) {
    if (view->topic(topic.name) == nullptr) answers.add_topic(topic.name);
    for (const Wanted& wanted : topic.partitions) {
      if (view->partition(topic.name, wanted.partition_index) == nullptr) {
        answers.add(topic.name, {wanted.partition_index, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION});
        continue;
      }
      const TopicPartition partition{std::string(topic.name), wanted.partition_index};
      const auto [at, is_new] = places.emplace(partition, commit.partitions.size());
      if (!is_new && call->version() == 0) at->second = commit.partitions.size();
      if (at->second == commit.partitions.size()) commit.partitions.push_back({partition, {}});
      commit.partitions[at->second].record = record_of(wanted, request.retention_time_ms, now_ms);
    }
  }
  if (commit.partitions.empty()) return answer(std::move(call), std::move(answers));
  if (call->version() == 0) {
    auto to_zookeeper = std::make_shared<ZookeeperCommit>(services, std::move(call), std::move(commit), std::move(answers));
    return services.coordination.post([to_zookeeper] { ZookeeperCommit::run(to_zookeeper, 0); });
  }
  std::vector<TopicPartition> asked;
  for (const auto& each : commit.partitions) asked.push_back(each.partition);
  services.groups.commit(std::move(commit), [call = std::move(call), asked = std::move(asked), answers = std::move(answers)](std::vector<ErrorCode> errors) mutable {
    for (size_t i = 0; i < asked.size(); ++i) answers.add(asked[i].topic, {asked[i].partition, errors[i]});
    answer(std::move(call), std::move(answers));
  });
}

}  // namespace quokka
