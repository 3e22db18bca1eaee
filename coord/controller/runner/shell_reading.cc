// What a new controller reads before it decides anything, and sets up on the way.
#include "coord/controller/runner/shell.h"
#include "coord/znodes/controller.h"
#include "coord/znodes/paths.h"
#include "coord/znodes/topic.h"
#include "protocol/base/log.h"

namespace quokka {

struct ControllerRunner::Shell::Reading {
  ElectedState state;
  bool preferred_exists = false;
};

// The finalized features of a ZooKeeper cluster are none, but brokers and tools read the znode's version and status.
void ControllerRunner::Shell::set_up_feature() {
  const std::string path(znodes::kFeature);
  ports_.session.get(path, Watch::no, in_term([path](Shell& self, ZkOutcome outcome, ZnodeData data, const ZnodeStat&) {
                       auto go_on = [](Shell& again) { again.read_everything(); };
                       znodes::Feature wanted;
                       if (outcome == ZkOutcome::no_node) {
                         return self.ports_.session.create(path, znodes::encode(wanted), CreateMode::persistent,
                                                           self.in_term([go_on](Shell& again, ZkOutcome, const std::string&) { go_on(again); }));
                       }
                       if (outcome != ZkOutcome::ok) return self.give_up(path + " cannot be read", outcome);
                       auto parsed = znodes::parse_feature(data ? *data : std::string());
                       if (parsed && (parsed->version != wanted.version || parsed->status != wanted.status)) {
                         if (parsed->status == wanted.status) wanted.features = parsed->features;
                         return self.ports_.session.set(path, znodes::encode(wanted), kAnyVersion,
                                                        self.in_term([go_on](Shell& again, ZkOutcome, const ZnodeStat&) { go_on(again); }));
                       }
                       if (!parsed) log_error("/feature is left alone: {}", parsed.error().message);
                       go_on(self);
                     }));
}

void ControllerRunner::Shell::read_everything() {
  auto reading = std::make_shared<Reading>();
  reading->state.controller_epoch = epoch_;
  // Requests for elections and deletions are read before the topics they name: what they name is then among the topics read.
  reader_->preferred_election(in_term([reading](Shell&, bool exists, std::vector<TopicPartition> partitions) {
    reading->preferred_exists = exists;
    reading->state.preferred_election = std::move(partitions);
  }));
  reader_->reassignments(in_term([reading](Shell&, std::map<TopicPartition, Replicas> partitions) {
    reading->state.reassignments = std::move(partitions);
  }));
  reader_->children(std::string(znodes::kLogDirEventNotification), in_term([](Shell& self, std::vector<std::string> names) {
                      self.remove_notifications(znodes::kLogDirEventNotification, names);
                    }));
  reader_->children(std::string(znodes::kIsrChangeNotification), in_term([](Shell& self, std::vector<std::string> names) {
                      self.remove_notifications(znodes::kIsrChangeNotification, names);
                    }));
  reader_->children(std::string(znodes::kDeleteTopics), in_term([reading](Shell&, std::vector<std::string> names) {
                      reading->state.deletions.insert(names.begin(), names.end());
                    }));
  reader_->brokers(in_term([reading](Shell& self, std::vector<LiveBroker> brokers) {
    reading->state.brokers = std::move(brokers);
    self.read_topics_and_states(reading);
  }));
}

void ControllerRunner::Shell::read_topics_and_states(std::shared_ptr<Reading> reading) {
  reader_->children(std::string(znodes::kTopics), in_term([reading](Shell& self, std::vector<std::string> names) {
                      self.reader_->topics(std::move(names), self.in_term([reading](Shell& again, std::vector<TopicAssignment> topics) {
                                             reading->state.topics = std::move(topics);
                                             again.write_topic_ids(reading->state.topics, [reading](Shell& last) { last.read_states(reading); });
                                           }));
                    }));
}

void ControllerRunner::Shell::read_states(std::shared_ptr<Reading> reading) {
  std::vector<TopicPartition> partitions;
  for (const TopicAssignment& topic : reading->state.topics)
    for (const auto& [index, assignment] : topic.partitions) partitions.push_back({topic.name, index});
  reader_->states(std::move(partitions), in_term([reading](Shell& self, ClusterReader::States found) {
                    reading->state.states = std::move(found.states);
                    reading->state.in_sync_since = std::move(found.in_sync_since);
                    reading->state.unreadable = std::move(found.unreadable);
                    self.begin_core(reading);
                  }));
}

void ControllerRunner::Shell::begin_core(std::shared_ptr<Reading> reading) {
  core_ = std::make_unique<ControllerCore>(config_.controller);
  log_info("controller epoch {}: {} brokers, {} topics, {} partitions with a state", epoch_, reading->state.brokers.size(), reading->state.topics.size(),
           reading->state.states.size());
  Effects effects = core_->on_elected(reading->state, ports_.loop.now());
  for (const LiveBroker& broker : reading->state.brokers)
    if (core_->picture().broker(broker.view.id) == nullptr)
      log_info("broker {} came back while there was no controller: its replicas leave the in-sync sets first", broker.view.id);
  set_peers(reading->state.brokers);
  busy_ = true;
  perform(std::move(effects));
}

// Topics made by a cluster older than 2.8 have no id: they get one.
void ControllerRunner::Shell::write_topic_ids(std::vector<TopicAssignment>& topics, Function<void(Shell&)> then) {
  struct Writing {
    size_t left = 1;
    Function<void(Shell&)> then;
  };
  auto writing = std::make_shared<Writing>();
  writing->then = std::move(then);
  auto one_done = [writing](Shell& self) {
    if (--writing->left == 0) writing->then(self);
  };
  for (TopicAssignment& topic : topics) {
    if (!topic.id.is_zero()) continue;
    do {
      const uint64_t high = ports_.random.next();
      topic.id = Uuid::from_random(high, ports_.random.next());
    } while (topic.id.is_reserved() || topic.id.str().front() == '-');
    znodes::Topic znode;
    znode.id = topic.id;
    for (const auto& [index, assignment] : topic.partitions) {
      znode.partitions[index] = assignment.replicas;
      if (!assignment.adding.empty()) znode.adding[index] = assignment.adding;
      if (!assignment.removing.empty()) znode.removing[index] = assignment.removing;
    }
    ++writing->left;
    std::vector<ZkOp> ops;
    ops.push_back(ZkOp::check(std::string(znodes::kControllerEpoch), epoch_version_));
    ops.push_back(ZkOp::set(znodes::topic_path(topic.name), znodes::encode(znode), kAnyVersion));
    ports_.session.multi(std::move(ops), in_term([one_done, name = topic.name](Shell& self, MultiResult result) {
                           if (result.failed_op() == size_t{0}) return self.resign("another controller was elected");
                           if (result.outcome != ZkOutcome::ok && result.outcome != ZkOutcome::no_node)
                             return self.give_up("the id of topic " + name + " cannot be written", result.outcome);
                           one_done(self);
                         }));
  }
  one_done(*this);
}

void ControllerRunner::Shell::remove_notifications(std::string_view parent, const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::vector<std::string> paths;
  for (const std::string& name : names) paths.push_back(znodes::child_path(parent, name));
  FencedWrites::remove(ports_.session, epoch_version_, std::move(paths),
                       in_term([](Shell& self, WritesEnd how, std::vector<StateOutcome>) { self.on_writes_end(how); }));
}

}  // namespace quokka
