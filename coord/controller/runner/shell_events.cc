// The controller's events, one at a time: what watches have marked is read and handed to the core, requests and answers wait in line; what the core
// decides is performed to its end.
#include <utility>

#include "coord/controller/runner/control_requests.h"
#include "coord/controller/runner/shell.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {

// ---- In line

void ControllerRunner::Shell::on_watch(WatchEvent, const std::string& path) {
  if (path == znodes::kController) return look_at_controller();
  if (!is_active()) return;
  if (path == znodes::kBrokerIds || path.starts_with("/brokers/ids/")) {
    marks_.brokers = true;
  } else if (path == znodes::kTopics) {
    marks_.topics = true;
  } else if (path == znodes::kDeleteTopics) {
    marks_.deletions = true;
  } else if (path == znodes::kLogDirEventNotification) {
    marks_.log_dirs = true;
  } else if (path == znodes::kPreferredReplicaElection) {
    marks_.preferred = true;
  } else if (path == znodes::kReassignPartitions) {
    marks_.reassignments = true;
  } else if (path.starts_with("/brokers/topics/")) {
    std::string name = path.substr(znodes::kTopics.size() + 1);
    if (name.find('/') == std::string::npos) marks_.changed_topics.insert(std::move(name));
  }
  pump();
}

void ControllerRunner::Shell::post_event(Task run, Task refuse) {
  if (!is_active()) {
    if (refuse) refuse();
    return;
  }
  events_.push_back({std::move(run), std::move(refuse)});
  pump();
}

void ControllerRunner::Shell::pump() {
  if (busy_ || !core_) return;
  busy_ = true;
  ports_.loop.post(in_term([](Shell& self) { self.take_event(); }));
}

void ControllerRunner::Shell::take_event() {
  // Who is live goes first: all else depends on it.
  if (marks_.brokers) return read_brokers();
  if (marks_.deletions || marks_.topics) return read_topics();
  if (!marks_.changed_topics.empty()) {
    auto first = marks_.changed_topics.extract(marks_.changed_topics.begin());
    return read_topic(first.value());
  }
  if (marks_.log_dirs) return read_log_dir_events();
  if (marks_.preferred) return read_preferred_election();
  if (marks_.reassignments) return read_reassignment_request();
  if (events_.empty()) {
    busy_ = false;
    return;
  }
  Event event = std::move(events_.front());
  events_.pop_front();
  refuse_current_ = std::move(event.refuse);
  event.run();
}

void ControllerRunner::Shell::event_over() {
  refuse_current_ = nullptr;
  answer_current_ = nullptr;
  busy_ = false;
  counts_.reset();
  if (const auto since = std::exchange(brokers_since_, std::nullopt); since && brokers_dealt_with_) brokers_dealt_with_(ports_.loop.now() - *since);
  tell_waiting_deletions();
  waits_.look();
  pump();
}

// ---- What watches have marked

void ControllerRunner::Shell::read_brokers() {
  brokers_since_ = ports_.loop.now();
  marks_.brokers = false;
  reader_->brokers(in_term([](Shell& self, std::vector<LiveBroker> brokers) {
    self.tell_brokers(brokers);
    Effects effects = self.core_->on_brokers(brokers);
    self.set_peers(brokers);
    self.perform(std::move(effects));
  }));
}

void ControllerRunner::Shell::tell_brokers(const std::vector<LiveBroker>& brokers) const {
  std::set<BrokerId> gone;
  for (const auto& [id, broker] : core_->picture().brokers()) gone.insert(id);
  for (const LiveBroker& broker : brokers) {
    const LiveBroker* known = core_->picture().broker(broker.view.id);
    gone.erase(broker.view.id);
    if (known == nullptr)
      log_info("broker {} is live, epoch {}", broker.view.id, broker.epoch);
    else if (known->epoch != broker.epoch)
      log_info("broker {} went and came back: epoch {} after {}", broker.view.id, broker.epoch, known->epoch);
  }
  for (BrokerId id : gone) log_info("broker {} is gone", id);
}

void ControllerRunner::Shell::read_topics() {
  const bool deletions = marks_.deletions;
  marks_.deletions = marks_.topics = false;
  // Deletions are read first: the topics they name are then among those read.
  auto asked = std::make_shared<std::set<std::string>>();
  if (deletions)
    reader_->children(std::string(znodes::kDeleteTopics), in_term([asked](Shell&, std::vector<std::string> names) { asked->insert(names.begin(), names.end()); }));
  reader_->children(std::string(znodes::kTopics), in_term([asked, deletions](Shell& self, std::vector<std::string> names) {
                      auto all = std::make_shared<std::set<std::string>>(names.begin(), names.end());
                      std::erase_if(names, [&](const std::string& name) { return self.core_->picture().topic(name) != nullptr; });
                      self.reader_->topics(std::move(names), self.in_term([asked, all, deletions](Shell& again, std::vector<TopicAssignment> found) {
                                             auto added = std::make_shared<std::vector<TopicAssignment>>(std::move(found));
                                             again.write_topic_ids(*added, [asked, all, added, deletions](Shell& last) {
                                               if (deletions)
                                                 last.events_.push_front({[&last, asked] { last.perform(last.core_->on_delete_topics(*asked)); }, nullptr});
                                               last.perform(last.core_->on_topics(*all, *added));
                                             });
                                           }));
                    }));
}

void ControllerRunner::Shell::read_topic(const std::string& name) {
  reader_->topic(name, in_term([name](Shell& self, std::optional<TopicAssignment> topic) { self.perform(self.core_->on_topic_changed(name, topic)); }));
}

void ControllerRunner::Shell::read_log_dir_events() {
  marks_.log_dirs = false;
  reader_->children(std::string(znodes::kLogDirEventNotification), in_term([](Shell& self, std::vector<std::string> names) {
                      auto kept = std::make_shared<std::vector<std::string>>(names);
                      self.reader_->log_dir_events(std::move(names), self.in_term([kept](Shell& again, std::set<BrokerId> brokers) {
                                                     again.remove_notifications(znodes::kLogDirEventNotification, *kept);
                                                     again.perform(again.core_->on_log_dir_event(brokers));
                                                   }));
                    }));
}

void ControllerRunner::Shell::read_preferred_election() {
  marks_.preferred = false;
  reader_->preferred_election(in_term([](Shell& self, bool exists, std::vector<TopicPartition> partitions) {
    if (!exists) return self.event_over();
    self.perform(self.core_->on_preferred_election(partitions));
  }));
}

void ControllerRunner::Shell::read_reassignment_request() {
  marks_.reassignments = false;
  // Topics are read before it: it names none that is not known.
  reader_->reassignments(in_term([](Shell& self, std::map<TopicPartition, Replicas> partitions) {
    self.perform(self.core_->on_reassignment_request(partitions));
  }));
}

// ---- Performing

void ControllerRunner::Shell::perform(Effects effects) {
  if (effects.wake_at) set_timer(*effects.wake_at);
  for (const Send& each : effects.sends) send(each);
  answer(effects);
  if (!effects.ask_unclean.empty()) {
    const bool otherwise = defaults_.unclean_leader_election_enable && defaults_.unclean_leader_election_enable();
    return reader_->unclean_allowed(std::move(effects.ask_unclean), otherwise, in_term([](Shell& self, std::set<std::string> allowed) { self.perform(self.core_->on_unclean_allowed(allowed)); }));
  }
  if (effects.has_writes()) {
    tell_operator(effects);
    return FencedWrites::perform(ports_.session, epoch_version_, effects, in_term([](Shell& self, WritesEnd how, std::vector<StateOutcome> outcomes) {
                                   if (self.on_writes_end(how)) self.perform(self.core_->on_written(outcomes));
                                 }));
  }
  event_over();
}

// What an operator must know is in the log: partitions without leader, records that may be lost, deletions that do not go on.
void ControllerRunner::Shell::tell_operator(const Effects& effects) {
  size_t leaderless = 0;
  for (const StateWrite& write : effects.state_writes) {
    log_debug("partition {}: leader {}, leader epoch {}, in sync {}", write.tp, write.state.leader, write.state.leader_epoch, str(write.state.isr));
    if (core_->is_deleting(write.tp.topic)) continue;
    const PartitionPicture* before = core_->picture().partition(write.tp);
    if (write.state.leader.value < 0 && ++leaderless <= kPartitionsLoggedMax)
      log_warn("partition {} has no leader: none of its in-sync replicas {} is live", write.tp, str(write.state.isr));
    if (write.state.recovering && before != nullptr && before->state && !contains(before->state->isr, write.state.leader))
      log_warn("partition {}: unclean election of broker {}, which was not in sync; records that only {} had are lost", write.tp, write.state.leader,
               str(before->state->isr));
  }
  if (leaderless > kPartitionsLoggedMax) log_warn("{} more partitions have no leader", leaderless - kPartitionsLoggedMax);
  if (!effects.state_writes.empty()) log_info("controller epoch {} changes the state of {} partitions", epoch_, effects.state_writes.size());
  for (const AssignmentWrite& write : effects.assignment_writes)
    log_info("partition {}: replicas {}, adding {}, removing {}", write.tp, str(write.assignment.replicas), str(write.assignment.adding),
             str(write.assignment.removing));
  for (const ReassignmentRemoval& removal : effects.reassignment_removals)
    log_info("the request in {} to reassign {} is {}", znodes::kReassignPartitions, removal.tp, removal.replicas ? "done" : "refused or replaced");
  for (const TopicRemoval& removal : effects.topic_removals) log_info("topic {} is deleted: all its replicas are gone", removal.topic);
}

void ControllerRunner::Shell::tell_waiting_deletions() {
  std::erase_if(deletions_told_, [&](const std::string& topic) { return !core_->is_deleting(topic); });
  for (const std::string& topic : core_->deleting()) {
    if (deletions_told_.contains(topic)) continue;
    std::string brokers;
    for (BrokerId id : core_->deletion_waits_for(topic)) brokers += " " + std::to_string(id.value);
    if (brokers.empty()) continue;
    log_warn("deletion of topic {} waits for brokers that hold replicas of it and are not there:{}", topic, brokers);
    deletions_told_.insert(topic);
  }
}

bool ControllerRunner::Shell::on_writes_end(WritesEnd how) {
  switch (how) {
    case WritesEnd::done: return true;
    case WritesEnd::deposed:
      resign("another controller was elected");
      look_at_controller();
      return false;
    case WritesEnd::expired: return false;  // the session's event follows
    case WritesEnd::failed: give_up("its writes to ZooKeeper fail"); return false;
  }
  return false;
}

void ControllerRunner::Shell::set_peers(const std::vector<LiveBroker>& brokers) {
  std::vector<PeerAddress> peers;
  for (const LiveBroker& broker : brokers)
    if (const Endpoint* endpoint = broker.view.endpoint(config_.inter_broker_listener))
      peers.push_back({broker.view.id, broker.epoch, endpoint->host, endpoint->port, endpoint->security_protocol});
  ports_.peers.set_brokers(peers);
}

void ControllerRunner::Shell::send(const Send& what) {
  for (AddressedRequest& each : control_requests(what, config_.controller.id, epoch_, core_->picture(), config_.inter_broker_listener)) {
    const int16_t api_key = each.request.api_key;
    ports_.peers.send(each.to, std::move(each.request), in_term([to = each.to, epoch = each.to_epoch, api_key](Shell& self, Bytes body) {
                        self.on_answer(to, epoch, api_key, body);
                      }));
  }
}

void ControllerRunner::Shell::on_answer(BrokerId from, BrokerEpoch from_epoch, int16_t api_key, Bytes body) {
  if (!core_) return;
  ControlAnswer answer = parse_control_answer(api_key, body, core_->picture());
  if (answer.error != ErrorCode::NONE) {
    log_warn("broker {} answered a control request (key {}) with {}", from, api_key, name(answer.error));
    if (answer.error == ErrorCode::STALE_CONTROLLER_EPOCH) look_at_controller();  // it knows a newer controller
    // A StopReplica that failed as a whole names its partitions all the same.
    for (auto& [tp, error] : answer.partitions) error = answer.error;
  }
  if (answer.partitions.empty()) {
    if (api_key == kUpdateMetadataKey && from == config_.controller.id) waits_.look();
    return;
  }
  if (api_key == kLeaderAndIsrKey && answer.error == ErrorCode::NONE) {
    post_event([this, from, from_epoch, partitions = std::move(answer.partitions)] { perform(core_->on_leader_and_isr_answer(from, from_epoch, partitions)); },
               nullptr);
  } else if (api_key == kStopReplicaKey) {
    post_event([this, from, from_epoch, partitions = std::move(answer.partitions)] { perform(core_->on_stop_replica_answer(from, from_epoch, partitions)); },
               nullptr);
  }
}

void ControllerRunner::Shell::set_timer(MonoTime when) {
  ports_.loop.cancel(tick_timer_);
  tick_timer_ = ports_.loop.call_at(when, in_term([](Shell& self) {
                                      self.post_event([&self] { self.perform(self.core_->on_tick(self.ports_.loop.now())); }, nullptr);
                                    }));
}

}  // namespace quokka
