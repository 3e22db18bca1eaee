#include "broker/peers/isr_proposer.h"

#include <utility>
#include <vector>

#include "coord/znodes/paths.h"
#include "protocol/base/log.h"
#include "protocol/messages/alter_partition.h"

namespace quokka {

namespace {

constexpr int16_t kVersion = 3;        // with broker epochs, topics by id
constexpr int16_t kVersionOfNames = 1;  // for topics without an id

ProposalOutcome outcome_of(ErrorCode error) {
  switch (error) {
    case ErrorCode::NONE: return ProposalOutcome::done;
    case ErrorCode::INELIGIBLE_REPLICA:
    case ErrorCode::OPERATION_NOT_ATTEMPTED: return ProposalOutcome::not_applied;
    case ErrorCode::UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode::UNKNOWN_TOPIC_ID:
    case ErrorCode::FENCED_LEADER_EPOCH:
    case ErrorCode::INVALID_UPDATE_VERSION:
    case ErrorCode::INVALID_REQUEST:
    case ErrorCode::NEW_LEADER_ELECTED: return ProposalOutcome::superseded;
    default: return ProposalOutcome::failed;
  }
}

}  // namespace

IsrProposer::IsrProposer(BrokerId self, std::atomic<int64_t>& broker_epoch, Loop& loop, ControllerChannel& channel, ZookeeperSession& session)
    : self_(self), broker_epoch_(broker_epoch), loop_(loop), channel_(channel), session_(session) {}

void IsrProposer::propose(PartitionPtr partition, IsrProposal proposal) {
  loop_.post([this, partition = std::move(partition), proposal = std::move(proposal)]() mutable {
    add({std::move(partition), std::move(proposal)});
    flush();
  });
}

void IsrProposer::add(Item item) {
  const auto epochs = [](const IsrProposal& proposal) { return std::pair(proposal.leader_epoch, proposal.partition_epoch); };
  const auto [at, added] = waiting_.try_emplace(item.partition->name(), item);
  if (!added && epochs(item.proposal) >= epochs(at->second.proposal)) at->second = std::move(item);
}

// Those that are as they were wait for the next request; the others are withdrawn.
void IsrProposer::verify(BrokerId joining, Items items) {
  session_.exists(znodes::broker_path(joining), Watch::no, [this, joining, items = std::move(items)](ZkOutcome outcome, const ZnodeStat& stat) mutable {
    for (auto& [name, item] : items) {
      const BrokerEpoch fetched_as = item.proposal.broker_epochs[*item.proposal.joining];
      if (outcome == ZkOutcome::ok && stat.czxid == fetched_as.value) {
        item.verified = true;
        add(std::move(item));
      } else if ((outcome == ZkOutcome::ok || outcome == ZkOutcome::no_node) && item.proposal.may_be_written) {
        look_whether_written(std::move(item));
      } else if (outcome == ZkOutcome::ok || outcome == ZkOutcome::no_node) {
        withdraw(item);
      } else {
        flush_later();
        item.partition->on_isr_written(item.proposal, ProposalOutcome::unknown, std::nullopt);
      }
    }
    flush();
  });
}

void IsrProposer::withdraw(const Item& item) {
  const size_t joining = *item.proposal.joining;
  log_info("broker {} does not join the in-sync set of {}: it is not the one that fetched with epoch {} any more", item.proposal.isr[joining], item.partition->name(),
           item.proposal.broker_epochs[joining]);
  item.partition->on_isr_written(item.proposal, ProposalOutcome::not_applied, std::nullopt);
}

// The broker that was to join is gone or another by now, but the set may hold it: then the high watermark has to count it (H11), until the controller says.
void IsrProposer::look_whether_written(Item item) {
  const TopicPartition& name = item.partition->name();
  session_.get(znodes::partition_state_path(name.topic, name.partition), Watch::no, [this, item = std::move(item)](ZkOutcome outcome, ZnodeData, const ZnodeStat& stat) mutable {
    if (outcome == ZkOutcome::ok && stat.version == item.proposal.partition_epoch.value) {
      withdraw(item);
    } else if (outcome == ZkOutcome::ok) {
      item.verified = true;  // asked again, it is refused for its version, or found to be there
      add(std::move(item));
      flush();
    } else {
      flush_later();
      item.partition->on_isr_written(item.proposal, ProposalOutcome::unknown, std::nullopt);
    }
  });
}

void IsrProposer::flush_later() {
  if (pausing_) return;
  pausing_ = true;
  loop_.call_after(kPause, [this] {
    pausing_ = false;
    flush();
  });
}

void IsrProposer::flush() {
  if (in_flight_ || pausing_ || waiting_.empty()) return;
  if (broker_epoch_.load() < 0) return flush_later();
  std::map<BrokerId, Items> unverified;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const IsrProposal& proposal = at->second.proposal;
    const bool known = at->second.verified || !proposal.joining || proposal.broker_epochs[*proposal.joining].value < 0;
    const auto next = std::next(at);
    if (!known) unverified[proposal.isr[*proposal.joining]].insert(waiting_.extract(at));
    at = next;
  }
  for (auto& [joining, items] : unverified) verify(joining, std::move(items));
  if (waiting_.empty()) return;
  // A request names all its topics by id or all by name.
  Items batch;
  const bool by_id = !waiting_.begin()->second.partition->topic_id().is_zero();
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (at->second.partition->topic_id().is_zero() == by_id) {
      ++at;
    } else {
      batch.insert(waiting_.extract(at++));
    }
  }
  send(std::move(batch));
}

void IsrProposer::send(Items items) {
  using Topic = AlterPartitionRequest::TopicData;
  const bool by_id = !items.begin()->second.partition->topic_id().is_zero();
  std::map<std::string, std::vector<Topic::PartitionData>> by_topic;
  std::vector<Topic> topics;
  std::vector<std::vector<Topic::PartitionData::BrokerState>> members;
  members.reserve(items.size());
  for (auto& [name, item] : items) {
    Topic::PartitionData data;
    data.partition_index = name.partition;
    data.leader_epoch = item.proposal.leader_epoch;
    data.partition_epoch = item.proposal.partition_epoch;
    if (by_id) {
      auto& states = members.emplace_back();
      for (size_t i = 0; i < item.proposal.isr.size(); ++i) {
        const BrokerId id = item.proposal.isr[i];
        states.push_back({id, id == self_ ? BrokerEpoch(broker_epoch_.load()) : item.proposal.broker_epochs[i]});
      }
      data.new_isr_with_epochs = states;
    } else {
      data.new_isr = item.proposal.isr;
    }
    by_topic[name.topic].push_back(data);
  }
  for (auto& [topic_name, partitions] : by_topic) {
    Topic topic;
    topic.topic_name = topic_name;
    topic.topic_id = items.lower_bound(TopicPartition{topic_name, PartitionIndex(INT32_MIN)})->second.partition->topic_id();
    topic.partitions = partitions;
    topics.push_back(topic);
  }
  AlterPartitionRequest request;
  request.broker_id = self_;
  request.broker_epoch = BrokerEpoch(broker_epoch_.load());
  request.topics = topics;
  in_flight_ = true;
  channel_.ask<AlterPartitionResponse>(request, by_id ? kVersion : kVersionOfNames,
                                       [this, items = std::move(items)](Result<Answer<AlterPartitionResponse>> answer) mutable {
                                         in_flight_ = false;
                                         const ErrorCode error = answer ? answer->message.error_code : answer.code();
                                         on_answer(std::move(items), error, answer ? &answer->message : nullptr);
                                       });
}

void IsrProposer::on_answer(Items items, ErrorCode error, const AlterPartitionResponse* response) {
  if (error != ErrorCode::NONE || response == nullptr) {
    log_warn_every(Duration::seconds(10), "the controller did not take the in-sync sets of {} partitions ({}); they are sent again", items.size(),
                   name(error));
    if (!pausing_) flush_later();
    for (auto& [name, item] : items) item.partition->on_isr_written(item.proposal, ProposalOutcome::unknown, std::nullopt);
    return;
  }
  for (const auto& topic : response->topics) {
    for (const auto& data : topic.partitions) {
      for (auto at = items.begin(); at != items.end(); ++at) {
        const PartitionPtr& partition = at->second.partition;
        const bool same_topic = topic.topic_id.is_zero() ? at->first.topic == topic.topic_name : partition->topic_id() == topic.topic_id;
        if (!same_topic || at->first.partition != data.partition_index) continue;
        std::optional<CommittedPartitionState> state;
        const ProposalOutcome outcome = outcome_of(data.error_code);
        if (outcome == ProposalOutcome::done)
          state = CommittedPartitionState{data.leader_epoch, data.partition_epoch, {data.isr.begin(), data.isr.end()}, data.leader_recovery_state == 1};
        if (outcome == ProposalOutcome::failed) flush_later();
        if (outcome != ProposalOutcome::done)
          log_info("the in-sync set of {} was not changed: {}", at->first, name(data.error_code));
        partition->on_isr_written(at->second.proposal, outcome, std::move(state));
        items.erase(at);
        break;
      }
    }
  }
  // What the answer left out is asked again.
  if (!items.empty()) flush_later();
  for (auto& [name, item] : items) item.partition->on_isr_written(item.proposal, ProposalOutcome::unknown, std::nullopt);
  flush();
}

}  // namespace quokka
