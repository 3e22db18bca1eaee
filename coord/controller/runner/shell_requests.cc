// What other brokers and clients ask of the controller: an event each, answered when the core says so, or NOT_CONTROLLER.
#include <algorithm>

#include "coord/controller/runner/shell.h"
#include "coord/znodes/controller.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {
namespace {

Error not_controller() { return {ErrorCode::NOT_CONTROLLER, "This is not the correct controller for this cluster."}; }

}  // namespace

// `run` is the event, `where` the place in Effects at which its answer comes.
template <class Answer, class Told>
void ControllerRunner::Shell::ask(Function<Effects()> run, std::optional<Answer> Effects::* where, Function<void(Told)> answered, Told refusal) {
  auto shared = std::make_shared<Function<void(Told)>>(std::move(answered));
  post_event(
      [this, run = std::move(run), where, shared]() mutable {
        answer_current_ = [where, shared](Effects& effects) {
          if (!(effects.*where)) return false;
          (*shared)(Told(*std::move(effects.*where)));
          return true;
        };
        perform(run());
      },
      [shared, refusal = std::move(refusal)]() mutable { (*shared)(std::move(refusal)); });
}

void ControllerRunner::Shell::answer(Effects& effects) {
  if (!answer_current_) return;
  Function<bool(Effects&)> current = std::move(answer_current_);
  if (current(effects))
    refuse_current_ = nullptr;
  else
    answer_current_ = std::move(current);
}

void ControllerRunner::Shell::alter_partition(AlterIsrRequest request, Function<void(AlterIsrAnswer)> answered) {
  ask<AlterIsrAnswer, AlterIsrAnswer>([this, request = std::move(request)] { return core_->on_alter_partition(request); }, &Effects::alter_answer,
                                      std::move(answered), AlterIsrAnswer{ErrorCode::NOT_CONTROLLER, {}});
}

void ControllerRunner::Shell::controlled_shutdown(BrokerId broker, BrokerEpoch broker_epoch, Function<void(ShutdownAnswer)> answered) {
  ask<ShutdownAnswer, ShutdownAnswer>([this, broker, broker_epoch] { return core_->on_controlled_shutdown(broker, broker_epoch); },
                                      &Effects::shutdown_answer, std::move(answered), ShutdownAnswer{ErrorCode::NOT_CONTROLLER, {}});
}

void ControllerRunner::Shell::alter_reassignments(std::vector<ReassignRequest> requests, Function<void(Result<PartitionOutcomes>)> answered) {
  ask<PartitionOutcomes, Result<PartitionOutcomes>>([this, requests = std::move(requests)] { return core_->on_reassign(requests); },
                                                    &Effects::reassign_answer, std::move(answered), not_controller());
}

void ControllerRunner::Shell::list_reassignments(std::optional<std::vector<TopicPartition>> partitions,
                                                 Function<void(Result<std::map<TopicPartition, Assignment>>)> answered) {
  auto shared = std::make_shared<Function<void(Result<std::map<TopicPartition, Assignment>>)>>(std::move(answered));
  post_event(
      [this, partitions = std::move(partitions), shared] {
        refuse_current_ = nullptr;
        (*shared)(core_->reassignments(partitions));
        event_over();
      },
      [shared] { (*shared)(not_controller()); });
}

void ControllerRunner::Shell::elect_leaders(ElectionType type, std::vector<TopicPartition> partitions, Duration timeout,
                                            Function<void(Result<PartitionOutcomes>)> answered) {
  const MonoTime deadline = ports_.loop.now() + timeout;
  Function<void(Result<PartitionOutcomes>)> elected = [this, deadline, answered = std::move(answered)](Result<PartitionOutcomes> outcomes) mutable {
    if (!outcomes) return answered(std::move(outcomes));
    await_leaders(*std::move(outcomes), deadline - ports_.loop.now(), std::move(answered));
  };
  ask<PartitionOutcomes, Result<PartitionOutcomes>>([this, type, partitions = std::move(partitions)] { return core_->on_elect_leaders(type, partitions); },
                                                    &Effects::elect_answer, std::move(elected), not_controller());
}

// Until clients of this broker see the leaders that were elected.
void ControllerRunner::Shell::await_leaders(PartitionOutcomes outcomes, Duration timeout, Function<void(Result<PartitionOutcomes>)> answered) {
  auto shared = std::make_shared<PartitionOutcomes>(std::move(outcomes));
  auto is_seen = [this](const TopicPartition& tp, const PartitionOutcome& outcome) {
    if (outcome.error != ErrorCode::NONE) return true;
    const ClusterViewPtr view = ports_.view.get();
    const PartitionView* partition = view->partition(tp.topic, tp.partition);
    return partition != nullptr && partition->leader == outcome.leader;
  };
  auto all_seen = [shared, is_seen] {
    return std::all_of(shared->begin(), shared->end(), [&](const auto& each) { return is_seen(each.first, each.second); });
  };
  waits_.wait(timeout, std::move(all_seen), [shared, is_seen, answered = std::move(answered)](ErrorCode) mutable {
    for (auto& [tp, outcome] : *shared)
      if (!is_seen(tp, outcome)) outcome = {ErrorCode::REQUEST_TIMED_OUT, {}};
    answered(std::move(*shared));
  });
}

void ControllerRunner::Shell::allocate_producer_ids(BrokerId broker, BrokerEpoch broker_epoch, Function<void(Result<ProducerIdRange>)> answered) {
  auto shared = std::make_shared<Function<void(Result<ProducerIdRange>)>>(std::move(answered));
  post_event([this, broker, broker_epoch, shared] { allocate(broker, broker_epoch, shared); },
             [shared] { (*shared)(not_controller()); });
}

void ControllerRunner::Shell::allocate(BrokerId broker, BrokerEpoch broker_epoch, std::shared_ptr<Function<void(Result<ProducerIdRange>)>> answered) {
  auto answer = [answered](Shell& self, Result<ProducerIdRange> result) {
    (*answered)(std::move(result));
    self.event_over();
  };
  const LiveBroker* known = core_->picture().broker(broker);
  if (known == nullptr) return answer(*this, Error{ErrorCode::BROKER_ID_NOT_REGISTERED, "broker " + std::to_string(broker.value) + " is not registered"});
  if (known->epoch != broker_epoch) return answer(*this, Error{ErrorCode::STALE_BROKER_EPOCH, "the broker was registered anew"});
  const std::string path(znodes::kProducerIdBlock);
  ports_.session.get(path, Watch::no, in_term([=](Shell& self, ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
                       if (outcome != ZkOutcome::ok) {
                         log_error("{} cannot be read: {}", path, outcome);
                         return answer(self, Error{ErrorCode::UNKNOWN_SERVER_ERROR, path + " cannot be read"});
                       }
                       znodes::ProducerIdBlock last;
                       if (data && !data->empty()) {
                         auto parsed = znodes::parse_producer_id_block(*data);
                         if (!parsed) return answer(self, parsed.error());
                         last = *parsed;
                       }
                       if (last.last > INT64_MAX - kProducerIdBlock) return answer(self, Error{ErrorCode::UNKNOWN_SERVER_ERROR, "all producer ids are used up"});
                       const znodes::ProducerIdBlock next{broker, last.last + 1, last.last + kProducerIdBlock};
                       std::vector<ZkOp> ops;
                       ops.push_back(ZkOp::check(std::string(znodes::kControllerEpoch), self.epoch_version_));
                       ops.push_back(ZkOp::set(path, znodes::encode(next), stat.version));
                       self.ports_.session.multi(std::move(ops), self.in_term([=](Shell& again, MultiResult result) {
                                                   if (result.failed_op() == size_t{0}) {
                                                     again.on_writes_end(WritesEnd::deposed);
                                                   } else if (result.outcome == ZkOutcome::ok) {
                                                     answer(again, ProducerIdRange{ProducerId(next.first), static_cast<int32_t>(kProducerIdBlock)});
                                                   } else if (result.outcome == ZkOutcome::bad_version || result.outcome == ZkOutcome::connection_loss) {
                                                     again.allocate(broker, broker_epoch, answered);  // a block that was lost on the way is lost
                                                   } else {
                                                     answer(again, Error{ErrorCode::UNKNOWN_SERVER_ERROR, path + " cannot be written"});
                                                   }
                                                 }));
                     }));
}

void ControllerRunner::Shell::unclean_election_enabled(std::optional<std::string> topic) {
  post_event([this, topic = std::move(topic)] { perform(core_->on_unclean_enabled(topic)); }, nullptr);
}

ControllerCounts ControllerRunner::Shell::counts() {
  if (core_ && !counts_) counts_ = core_->counts();
  ControllerCounts counts = counts_.value_or(ControllerCounts());
  counts.unclean_leader_elections += unclean_leader_elections_;
  return counts;
}

void ControllerRunner::Shell::when_topic_led(std::string topic, size_t partitions, Duration timeout, Function<void(ErrorCode)> done) {
  if (!running_) return done(ErrorCode::NOT_CONTROLLER);
  auto is_led = [&view = ports_.view, topic = std::move(topic), partitions] {
    const ClusterViewPtr now = view.get();
    const TopicView* found = now->topic(topic);
    if (found == nullptr || found->partitions.size() < partitions) return false;
    for (const PartitionView& partition : found->partitions)
      if (partition.leader.value < 0) return false;
    return true;
  };
  waits_.wait(timeout, std::move(is_led), std::move(done));
}

void ControllerRunner::Shell::when_topic_deleted(std::string topic, Duration timeout, Function<void(ErrorCode)> done) {
  if (!running_) return done(ErrorCode::NOT_CONTROLLER);
  auto is_gone = [this, topic = std::move(topic)] {
    if (ports_.view.get()->topic(topic) != nullptr) return false;
    if (!core_ || core_->picture().topic(topic) == nullptr) return true;
    return core_->is_deleting(topic) && !core_->deletion_waits_for(topic).empty();
  };
  waits_.wait(timeout, std::move(is_gone), std::move(done));
}

}  // namespace quokka
