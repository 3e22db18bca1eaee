// TxnOffsetCommit (key 28), versions 0-4: offsets of a group that count when the transaction of a producer is committed. Until then they are told to nobody,
// and whoever asks for stable offsets is told to wait.
//
// As for a produce, the first commit of a transaction in a partition of __consumer_offsets is verified with the transaction's coordinator (KIP-890): a
// partition that takes no part is TRANSACTION_ABORTABLE, before version 4 INVALID_TXN_STATE; a zombie INVALID_PRODUCER_EPOCH. Partitions that do not exist
// are UNKNOWN_TOPIC_OR_PARTITION. 3: generation and member are checked if given.
//
// Better than Kafka: an epoch above the open transaction's is INVALID_PRODUCER_EPOCH; Kafka takes it, and the transaction never completes.
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/partition_answers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/txn/transaction_verifier.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/txn_offset_commit.h"

namespace quokka {

namespace {

using TopicAnswer = TxnOffsetCommitResponse::TxnOffsetCommitResponseTopic;
using PartitionAnswer = TopicAnswer::TxnOffsetCommitResponsePartition;
using Answers = PartitionAnswers<TopicAnswer, PartitionAnswer>;

struct Asked {
  CallPtr call;
  OffsetCommit commit;
  Answers answers;

  void answer(const std::vector<ErrorCode>& errors) {
    for (size_t i = 0; i < commit.partitions.size(); ++i) answers.add(commit.partitions[i].partition.topic, {commit.partitions[i].partition.partition, errors[i]});
    TxnOffsetCommitResponse response;
    response.topics = answers.array();
    reply(std::move(call), response);
  }
  void refuse(ErrorCode error) { answer(std::vector<ErrorCode>(commit.partitions.size(), error)); }
};

void commit(Services& services, const std::shared_ptr<Asked>& asked) {
  OffsetCommit offsets = asked->commit;
  services.groups.commit(std::move(offsets), [asked](std::vector<ErrorCode> errors) { asked->answer(errors); });
}

void verify_and_commit(Services& services, const std::shared_ptr<Asked>& asked, std::string transactional_id) {
  OffsetTransaction& transaction = *asked->commit.transaction;
  const std::optional<PartitionIndex> index = services.groups.partition_of(asked->commit.group);
  if (!index) return asked->refuse(ErrorCode::NOT_COORDINATOR);
  const TopicPartition offsets{std::string(kGroupMetadataTopic), *index};
  if (!services.verifier.enabled()) {
    transaction.guard = TransactionGuard::trusted().number;
    return commit(services, asked);
  }
  const PartitionPtr partition = services.replicas.find(offsets.topic, offsets.partition);
  if (!partition) return asked->refuse(ErrorCode::NOT_COORDINATOR);
  ProducerBatch batch;
  batch.producer_id = transaction.producer;
  batch.producer_epoch = transaction.epoch;
  batch.base_sequence = 0;
  batch.transactional = true;
  const auto guard = partition->begin_verification(batch);
  if (!guard) return asked->refuse(ErrorCode::NOT_COORDINATOR);
  if (!*guard) return commit(services, asked);
  transaction.guard = (*guard)->number;
  services.verifier.verify(transactional_id, {transaction.producer, transaction.epoch}, {offsets}, [&services, asked](std::vector<ErrorCode> errors) {
    ErrorCode error = errors.front();
    if (error == ErrorCode::NONE) return commit(services, asked);
    if (error == ErrorCode::TRANSACTION_ABORTABLE && asked->call->version() < 4) error = ErrorCode::INVALID_TXN_STATE;
    asked->refuse(error == ErrorCode::NOT_ENOUGH_REPLICAS ? ErrorCode::COORDINATOR_NOT_AVAILABLE : error);
  });
}

}  // namespace

void handle_txn_offset_commit(Services& services, CallPtr call) {
  const auto decoded = decode_call<TxnOffsetCommitRequest>(call);
  if (!decoded) return;
  const TxnOffsetCommitRequest& request = decoded->request;
  auto asked = std::make_shared<Asked>();
  OffsetCommit& commit = asked->commit;
  commit.group = request.group_id;
  commit.member.member_id = request.member_id;
  if (request.group_instance_id) commit.member.instance_id = *request.group_instance_id;
  commit.generation = request.generation_id;
  commit.transaction = OffsetTransaction{request.producer_id, request.producer_epoch};

  const int64_t now_ms = call->loop().wall_now().ms;
  const ClusterViewPtr view = services.view.get();
  std::map<TopicPartition, size_t> places;  // of a partition that is named twice the last offset counts
  for (const auto& topic : request.topics) {
    if (view->topic(topic.name) == nullptr) asked->answers.add_topic(topic.name);
    for (const auto& wanted : topic.partitions) {
      if (view->partition(topic.name, wanted.partition_index) == nullptr) {
        asked->answers.add(topic.name, {wanted.partition_index, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION});
        continue;
      }
      const TopicPartition partition{std::string(topic.name), wanted.partition_index};
      const auto [at, is_new] = places.emplace(partition, commit.partitions.size());
      if (is_new) commit.partitions.push_back({partition, {}});
      OffsetRecord& record = commit.partitions[at->second].record;
      record = {};
      record.offset = wanted.committed_offset.value;
      record.leader_epoch = wanted.committed_leader_epoch.value;
      record.metadata = wanted.committed_metadata.value_or("");
      record.commit_timestamp_ms = now_ms;
    }
  }
  const std::string transactional_id(request.transactional_id);
  asked->call = std::move(call);
  if (commit.partitions.empty()) return asked->answer({});
  if (commit.group.empty()) return asked->refuse(ErrorCode::INVALID_GROUP_ID);
  verify_and_commit(services, asked, transactional_id);
}

}  // namespace quokka
