#include "coord/controller/runner/cluster_reader.h"

#include "coord/controller/runner/state_znode.h"
#include "coord/znodes/admin.h"
#include "coord/znodes/broker.h"
#include "coord/znodes/config.h"
#include "coord/znodes/paths.h"
#include "coord/znodes/topic.h"
#include "protocol/base/log.h"

namespace quokka {
namespace {

std::optional<TopicAssignment> assignment_of(const std::string& name, const ZnodeData& data) {
  auto parsed = znodes::parse_topic(name, data ? *data : std::string());
  if (!parsed) {
    log_error("topic {} is left alone: {}", name, parsed.error().message);
    return std::nullopt;
  }
  TopicAssignment topic{name, parsed->id, {}};
  for (auto& [index, replicas] : parsed->partitions) topic.partitions[index].replicas = std::move(replicas);
  for (auto& [index, replicas] : parsed->adding)
    if (auto found = topic.partitions.find(index); found != topic.partitions.end()) found->second.adding = std::move(replicas);
  for (auto& [index, replicas] : parsed->removing)
    if (auto found = topic.partitions.find(index); found != topic.partitions.end()) found->second.removing = std::move(replicas);
  return topic;
}

}  // namespace

std::string state_znode(const LeaderAndIsr& state) {
  znodes::PartitionState znode;
  znode.leader = state.leader;
  znode.leader_epoch = state.leader_epoch;
  znode.controller_epoch = state.controller_epoch;
  znode.isr = state.isr;
  znode.leader_recovery_state = state.recovering ? znodes::LeaderRecoveryState::recovering : znodes::LeaderRecoveryState::recovered;
  return znodes::encode(znode);
}

std::optional<LeaderAndIsr> parse_state_znode(const TopicPartition& tp, const ZnodeData& data, const ZnodeStat& stat) {
  auto parsed = znodes::parse_partition_state(tp, data ? *data : std::string());
  if (!parsed) {
    log_error("state of partition {} cannot be understood: {}", tp, parsed.error().message);
    return std::nullopt;
  }
  LeaderAndIsr state;
  state.leader = parsed->leader;
  state.leader_epoch = parsed->leader_epoch;
  state.controller_epoch = parsed->controller_epoch;
  state.isr = std::move(parsed->isr);
  state.recovering = parsed->leader_recovery_state == znodes::LeaderRecoveryState::recovering;
  state.partition_epoch = PartitionEpoch(stat.version);
  return state;
}

bool ClusterReader::check(ZkOutcome outcome, const std::string& path) {
  if (stopped_) return false;
  if (outcome == ZkOutcome::ok || outcome == ZkOutcome::no_node) return true;
  stopped_ = true;
  failed_(outcome, path);
  return false;
}

// ---- Many reads, a window of them under way

struct ClusterReader::Batch {
  std::vector<std::string> paths;
  Watch watch = Watch::no;
  Function<void(size_t, ZkOutcome, ZnodeData, const ZnodeStat&)> each;
  Task all;
  size_t started = 0;
  size_t finished = 0;
};

void ClusterReader::get_all(std::vector<std::string> paths, Watch watch, Function<void(size_t, ZkOutcome, ZnodeData, const ZnodeStat&)> each, Task all) {
  auto batch = std::make_shared<Batch>();
  batch->paths = std::move(paths);
  batch->watch = watch;
  batch->each = std::move(each);
  batch->all = std::move(all);
  if (batch->paths.empty()) return batch->all();
  for (size_t i = 0; i < kReadsInFlightMax && i < batch->paths.size(); ++i) get_next(batch);
}

void ClusterReader::get_next(const std::shared_ptr<Batch>& batch) {
  const size_t index = batch->started++;
  session_.get(batch->paths[index], batch->watch, [self = shared_from_this(), batch, index](ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
    if (!self->check(outcome, batch->paths[index])) return;
    batch->each(index, outcome, std::move(data), stat);
    if (++batch->finished == batch->paths.size())
      batch->all();
    else if (batch->started < batch->paths.size())
      self->get_next(batch);
  });
}

void ClusterReader::children(std::string path, Function<void(std::vector<std::string>)> done) {
  std::string at = path;
  session_.get_children(std::move(path), Watch::yes,
                        [self = shared_from_this(), at = std::move(at), done = std::move(done)](ZkOutcome outcome, std::vector<std::string> names,
                                                                                                const ZnodeStat&) mutable {
                          if (self->check(outcome, at)) done(std::move(names));
                        });
}

// ---- What there is

void ClusterReader::brokers(Function<void(std::vector<LiveBroker>)> done) {
  children(std::string(znodes::kBrokerIds), [self = shared_from_this(), done = std::move(done)](std::vector<std::string> names) mutable {
    struct Reading {
      std::vector<BrokerId> ids;
      std::vector<LiveBroker> found;
    };
    auto reading = std::make_shared<Reading>();
    std::vector<std::string> paths;
    for (const std::string& name : names) {
      const bool is_number = !name.empty() && name.size() <= 10 && name.find_first_not_of("0123456789") == std::string::npos;
      if (!is_number || std::stoll(name) > INT32_MAX) {
        log_error("/brokers/ids/{} is no broker id and is left alone", name);
        continue;
      }
      reading->ids.emplace_back(static_cast<int32_t>(std::stoll(name)));
      paths.push_back(znodes::broker_path(reading->ids.back()));
    }
    self->get_all(
        std::move(paths), Watch::yes,
        [reading](size_t index, ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
          if (outcome != ZkOutcome::ok) return;
          const BrokerId id = reading->ids[index];
          auto parsed = znodes::parse_broker(id, data ? *data : std::string());
          if (!parsed) {
            log_error("broker {} is ignored: {}", id, parsed.error().message);
            return;
          }
          reading->found.push_back({BrokerView{id, std::move(parsed->endpoints), std::move(parsed->rack)}, BrokerEpoch(stat.czxid)});
        },
        [reading, done = std::move(done)]() mutable { done(std::move(reading->found)); });
  });
}

void ClusterReader::topics(std::vector<std::string> names, Function<void(std::vector<TopicAssignment>)> done) {
  struct Reading {
    std::vector<std::string> names;
    std::vector<TopicAssignment> found;
  };
  auto reading = std::make_shared<Reading>();
  std::vector<std::string> paths;
  for (const std::string& name : names) paths.push_back(znodes::topic_path(name));
  reading->names = std::move(names);
  get_all(
      std::move(paths), Watch::yes,
      [reading](size_t index, ZkOutcome outcome, ZnodeData data, const ZnodeStat&) {
        if (outcome != ZkOutcome::ok) return;
        if (auto topic = assignment_of(reading->names[index], data)) reading->found.push_back(std::move(*topic));
      },
      [reading, done = std::move(done)]() mutable { done(std::move(reading->found)); });
}

void ClusterReader::topic(std::string name, Function<void(std::optional<TopicAssignment>)> done) {
  topics({std::move(name)}, [done = std::move(done)](std::vector<TopicAssignment> found) mutable {
    done(found.empty() ? std::nullopt : std::optional(std::move(found.front())));
  });
}

void ClusterReader::states(std::vector<TopicPartition> partitions, Function<void(States)> done) {
  struct Reading {
    std::vector<TopicPartition> partitions;
    States found;
  };
  auto reading = std::make_shared<Reading>();
  std::vector<std::string> paths;
  paths.reserve(partitions.size());
  for (const TopicPartition& tp : partitions) paths.push_back(znodes::partition_state_path(tp.topic, tp.partition));
  reading->partitions = std::move(partitions);
  get_all(
      std::move(paths), Watch::no,
      [reading](size_t index, ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
        if (outcome != ZkOutcome::ok) return;
        const TopicPartition& tp = reading->partitions[index];
        auto state = parse_state_znode(tp, data, stat);
        if (!state) {
          reading->found.unreadable.insert(tp);
          return;
        }
        for (const BrokerId id : state->isr) {
          const auto [since, is_first] = reading->found.in_sync_since.try_emplace(id, stat.mzxid);
          if (!is_first) since->second = std::min(since->second, BrokerEpoch(stat.mzxid));
        }
        reading->found.states.emplace(tp, std::move(*state));
      },
      [reading, done = std::move(done)]() mutable { done(std::move(reading->found)); });
}

void ClusterReader::unclean_allowed(std::set<std::string> topics, bool otherwise, Function<void(std::set<std::string>)> done) {
  struct Reading {
    std::vector<std::string> names;
    std::set<std::string> allowed;
  };
  auto reading = std::make_shared<Reading>();
  std::vector<std::string> paths;
  for (const std::string& name : topics) {
    reading->names.push_back(name);
    paths.push_back(znodes::config_path(znodes::ConfigType::topics, name));
  }
  get_all(
      std::move(paths), Watch::no,
      [reading, otherwise](size_t index, ZkOutcome outcome, ZnodeData data, const ZnodeStat&) {
        bool allowed = otherwise;
        if (outcome == ZkOutcome::ok && data && !data->empty()) {
          auto parsed = znodes::parse_config(znodes::config_path(znodes::ConfigType::topics, reading->names[index]), *data);
          if (!parsed) {
            log_error("no unclean election for topic {}: {}", reading->names[index], parsed.error().message);
            allowed = false;
          } else if (auto found = parsed->find("unclean.leader.election.enable"); found != parsed->end()) {
            allowed = found->second == "true";
          }
        }
        if (allowed) reading->allowed.insert(reading->names[index]);
      },
      [reading, done = std::move(done)]() mutable { done(std::move(reading->allowed)); });
}

void ClusterReader::log_dir_events(std::vector<std::string> names, Function<void(std::set<BrokerId>)> done) {
  auto paths = std::make_shared<std::vector<std::string>>();
  for (const std::string& name : names) paths->push_back(znodes::child_path(znodes::kLogDirEventNotification, name));
  auto found = std::make_shared<std::set<BrokerId>>();
  get_all(
      *paths, Watch::no,
      [found, paths](size_t index, ZkOutcome outcome, ZnodeData data, const ZnodeStat&) {
        if (outcome != ZkOutcome::ok) return;
        auto parsed = znodes::parse_log_dir_event((*paths)[index], data ? *data : std::string());
        if (parsed)
          found->insert(*parsed);
        else
          log_error("a log directory event is ignored: {}", parsed.error().message);
      },
      [found, done = std::move(done)]() mutable { done(std::move(*found)); });
}

void ClusterReader::preferred_election(Function<void(bool, std::vector<TopicPartition>)> done) {
  const std::string path(znodes::kPreferredReplicaElection);
  // A read leaves no watch on a znode that is missing, so `exists` does; it comes first.
  session_.exists(path, Watch::yes, [self = shared_from_this(), path](ZkOutcome outcome, const ZnodeStat&) { self->check(outcome, path); });
  session_.get(path, Watch::no,
               [self = shared_from_this(), path, done = std::move(done)](ZkOutcome outcome, ZnodeData data, const ZnodeStat&) mutable {
                 if (!self->check(outcome, path)) return;
                 if (outcome == ZkOutcome::no_node) return done(false, {});
                 auto parsed = znodes::parse_partitions(path, data ? *data : std::string());
                 if (!parsed) log_error("a request for preferred leaders is dropped: {}", parsed.error().message);
                 done(true, parsed ? std::move(*parsed) : std::vector<TopicPartition>());
               });
}

void ClusterReader::reassignments(Function<void(std::map<TopicPartition, Replicas>)> done) {
  const std::string path(znodes::kReassignPartitions);
  session_.exists(path, Watch::yes, [self = shared_from_this(), path](ZkOutcome outcome, const ZnodeStat&) { self->check(outcome, path); });
  session_.get(path, Watch::no,
               [self = shared_from_this(), path, done = std::move(done)](ZkOutcome outcome, ZnodeData data, const ZnodeStat&) mutable {
                 if (!self->check(outcome, path)) return;
                 std::map<TopicPartition, Replicas> found;
                 if (outcome == ZkOutcome::no_node) return done(std::move(found));
                 auto parsed = znodes::parse_reassignments(data ? *data : std::string());
                 if (!parsed) {
                   log_error("a request to reassign partitions is left alone: {}", parsed.error().message);
                   return done(std::move(found));
                 }
                 for (znodes::Reassignment& each : *parsed) found[each.partition] = std::move(each.replicas);
                 done(std::move(found));
               });
}

}  // namespace quokka
