#include "coord/controller/runner.h"

#include "coord/controller/runner/shell.h"

namespace quokka {

ControllerRunner::ControllerRunner(RunnerConfig config, RunnerDefaults defaults, Ports ports)
    : published_(std::make_shared<Published>()), shell_(std::make_shared<Shell>(std::move(config), std::move(defaults), ports, published_)) {}

ControllerRunner::~ControllerRunner() { shell_->stop(); }

void ControllerRunner::start() { shell_->start(); }
void ControllerRunner::on_registered() { shell_->stand_for_election(); }
void ControllerRunner::stop() { shell_->stop(); }
void ControllerRunner::on_refused(Function<void(std::string)> refused) { shell_->refuse_through(std::move(refused)); }
void ControllerRunner::on_brokers_dealt_with(Function<void(Duration)> told) { shell_->tell_times_through(std::move(told)); }

// Everything below comes from any thread and goes on on the loop.

void ControllerRunner::alter_partition(AlterIsrRequest request, Function<void(AlterIsrAnswer)> answered) {
  shell_->loop().post([shell = shell_, request = std::move(request), answered = std::move(answered)]() mutable {
    shell->alter_partition(std::move(request), std::move(answered));
  });
}

void ControllerRunner::controlled_shutdown(BrokerId broker, BrokerEpoch broker_epoch, Function<void(ShutdownAnswer)> answered) {
  shell_->loop().post([shell = shell_, broker, broker_epoch, answered = std::move(answered)]() mutable {
    shell->controlled_shutdown(broker, broker_epoch, std::move(answered));
  });
}

void ControllerRunner::alter_reassignments(std::vector<ReassignRequest> requests, Function<void(Result<PartitionOutcomes>)> answered) {
  shell_->loop().post([shell = shell_, requests = std::move(requests), answered = std::move(answered)]() mutable {
    shell->alter_reassignments(std::move(requests), std::move(answered));
  });
}

void ControllerRunner::list_reassignments(std::optional<std::vector<TopicPartition>> partitions,
                                          Function<void(Result<std::map<TopicPartition, Assignment>>)> answered) {
  shell_->loop().post([shell = shell_, partitions = std::move(partitions), answered = std::move(answered)]() mutable {
    shell->list_reassignments(std::move(partitions), std::move(answered));
  });
}

void ControllerRunner::elect_leaders(ElectionType type, std::vector<TopicPartition> partitions, Duration timeout,
                                     Function<void(Result<PartitionOutcomes>)> answered) {
  shell_->loop().post([shell = shell_, type, partitions = std::move(partitions), timeout, answered = std::move(answered)]() mutable {
    shell->elect_leaders(type, std::move(partitions), timeout, std::move(answered));
  });
}

void ControllerRunner::allocate_producer_ids(BrokerId broker, BrokerEpoch broker_epoch, Function<void(Result<ProducerIdRange>)> answered) {
  shell_->loop().post([shell = shell_, broker, broker_epoch, answered = std::move(answered)]() mutable {
    shell->allocate_producer_ids(broker, broker_epoch, std::move(answered));
  });
}

void ControllerRunner::when_topic_led(std::string topic, size_t partitions, Duration timeout, Function<void(ErrorCode)> done) {
  shell_->loop().post([shell = shell_, topic = std::move(topic), partitions, timeout, done = std::move(done)]() mutable {
    shell->when_topic_led(std::move(topic), partitions, timeout, std::move(done));
  });
}

void ControllerRunner::when_topic_deleted(std::string topic, Duration timeout, Function<void(ErrorCode)> done) {
  shell_->loop().post([shell = shell_, topic = std::move(topic), timeout, done = std::move(done)]() mutable {
    shell->when_topic_deleted(std::move(topic), timeout, std::move(done));
  });
}

void ControllerRunner::view_changed() {
  shell_->loop().post([shell = shell_] { shell->look_at_view(); });
}

void ControllerRunner::unclean_election_enabled(std::optional<std::string> topic) {
  shell_->loop().post([shell = shell_, topic = std::move(topic)]() mutable { shell->unclean_election_enabled(std::move(topic)); });
}

void ControllerRunner::counts(Function<void(ControllerCounts)> answered) {
  shell_->loop().post([shell = shell_, answered = std::move(answered)]() mutable { answered(shell->counts()); });
}

void ControllerRunner::deletion_waits_for(std::string topic, Function<void(std::set<BrokerId>)> answered) {
  shell_->loop().post([shell = shell_, topic = std::move(topic), answered = std::move(answered)]() mutable { answered(shell->deletion_waits_for(topic)); });
}

}  // namespace quokka
