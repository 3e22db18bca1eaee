#include "coord/controller/runner/fenced_writes.h"

#include "coord/controller/runner/state_znode.h"
#include "coord/znodes/paths.h"
#include "protocol/base/log.h"

namespace quokka {
namespace {

constexpr int kRemovalTriesMax = 5;

bool is_create(const StateWrite& write) { return write.state.partition_epoch.value < 0; }

ZkOp set_op(const StateWrite& write) {
  return ZkOp::set(znodes::partition_state_path(write.tp.topic, write.tp.partition), state_znode(write.state), write.state.partition_epoch.value);
}

// The three znodes of a new partition; the first is shared by the partitions of a topic.
ZkOp create_op(const StateWrite& write, size_t step) {
  switch (step) {
    case 0: return ZkOp::create(znodes::topic_partitions_path(write.tp.topic), std::nullopt);
    case 1: return ZkOp::create(znodes::partition_path(write.tp.topic, write.tp.partition), std::nullopt);
    default: return ZkOp::create(znodes::partition_state_path(write.tp.topic, write.tp.partition), state_znode(write.state));
  }
}

// A list of znodes below and with one, children first.
struct Tree {
  std::string path;
  std::vector<std::shared_ptr<Tree>> children;

  void flatten(std::vector<std::string>& into) const {
    for (const auto& child : children) child->flatten(into);
    into.push_back(path);
  }
};

struct Listing {
  std::shared_ptr<Tree> root;
  size_t under_way = 0;
  Function<void(std::vector<std::string>)> done;
};

void list_node(ZookeeperSession& session, std::shared_ptr<Listing> listing, std::shared_ptr<Tree> node) {
  ++listing->under_way;
  session.get_children(node->path, Watch::no, [&session, listing, node](ZkOutcome outcome, std::vector<std::string> names, const ZnodeStat&) {
    if (outcome == ZkOutcome::ok)
      for (const std::string& name : names) {
        auto child = std::make_shared<Tree>();
        child->path = node->path + "/" + name;
        node->children.push_back(child);
        list_node(session, listing, child);
      }
    if (--listing->under_way != 0) return;
    std::vector<std::string> paths;
    listing->root->flatten(paths);
    listing->done(std::move(paths));
  });
}

}  // namespace

struct FencedWrites::Chunk {
  std::vector<size_t> indexes;
  std::vector<ZkOp> ops;
};

void FencedWrites::perform(ZookeeperSession& session, int32_t epoch_version, const Effects& effects, Done done) {
  std::shared_ptr<FencedWrites> self(new FencedWrites(session, epoch_version, std::move(done)));
  ++self->under_way_;  // until all have begun
  self->write_states(effects.state_writes);
  self->write_assignments(effects.assignment_writes);
  self->reassignment_removals_ = effects.reassignment_removals;
  if (!self->reassignment_removals_.empty()) self->edit_reassignments();
  for (const TopicRemoval& removal : effects.topic_removals) self->remove_topic(removal.topic);
  std::vector<std::string> paths;
  for (const std::string& topic : effects.deletion_request_removals) paths.push_back(znodes::delete_topic_path(topic));
  if (effects.remove_preferred_election) paths.emplace_back(znodes::kPreferredReplicaElection);
  if (!paths.empty()) {
    ++self->under_way_;
    self->remove_in_order(std::make_shared<std::vector<std::string>>(std::move(paths)), 0, nullptr);
  }
  self->finish_one();
}

void FencedWrites::remove(ZookeeperSession& session, int32_t epoch_version, std::vector<std::string> paths, Done done) {
  std::shared_ptr<FencedWrites> self(new FencedWrites(session, epoch_version, std::move(done)));
  ++self->under_way_;
  self->remove_in_order(std::make_shared<std::vector<std::string>>(std::move(paths)), 0, nullptr);
}

void FencedWrites::finish_one() {
  if (--under_way_ == 0) end(WritesEnd::done);
}

void FencedWrites::end(WritesEnd how) {
  if (ended_) return;
  ended_ = true;
  done_(how, std::move(outcomes_));
}

void FencedWrites::fenced(std::vector<ZkOp> ops, Function<void(ZkOutcome)> done) {
  ops.insert(ops.begin(), ZkOp::check(std::string(znodes::kControllerEpoch), epoch_version_));
  session_.multi(std::move(ops), [self = shared_from_this(), done = std::move(done)](MultiResult result) mutable {
    if (self->ended_) return;
    if (result.failed_op() == size_t{0}) return self->end(WritesEnd::deposed);
    switch (result.outcome) {
      case ZkOutcome::ok:
      case ZkOutcome::no_node:
      case ZkOutcome::node_exists:
      case ZkOutcome::bad_version:
      case ZkOutcome::not_empty:
      case ZkOutcome::connection_loss: return done(result.outcome);
      case ZkOutcome::session_expired: return self->end(WritesEnd::expired);
      case ZkOutcome::no_children_for_ephemerals:
      case ZkOutcome::no_auth:
      case ZkOutcome::invalid_argument:
      case ZkOutcome::not_performed:
      case ZkOutcome::failed:
        log_error("a write of the controller failed: {}", result.outcome);
        return self->end(WritesEnd::failed);
    }
  });
}

// ---- States of partitions

void FencedWrites::write_states(std::vector<StateWrite> writes) {
  writes_ = std::move(writes);
  outcomes_.resize(writes_.size());
  std::shared_ptr<Chunk> chunk;
  std::vector<std::shared_ptr<Chunk>> chunks;
  for (size_t i = 0; i < writes_.size(); ++i) {
    if (chunk == nullptr || chunk->ops.size() + 3 > kOperationsMax) chunks.push_back(chunk = std::make_shared<Chunk>());
    chunk->indexes.push_back(i);
    if (is_create(writes_[i])) {
      // The parent of all partitions comes with the first. A guess: what fails is tried step by step.
      for (size_t step = writes_[i].tp.partition.value == 0 ? 0 : 1; step < 3; ++step) chunk->ops.push_back(create_op(writes_[i], step));
    } else {
      chunk->ops.push_back(set_op(writes_[i]));
    }
  }
  for (auto& each : chunks) write_chunk(std::move(each));
}

void FencedWrites::write_chunk(std::shared_ptr<Chunk> chunk) {
  under_way_ += chunk->indexes.size();
  std::vector<ZkOp> ops = std::move(chunk->ops);
  fenced(std::move(ops), [this, chunk](ZkOutcome outcome) {
    for (size_t index : chunk->indexes) {
      if (outcome == ZkOutcome::ok) {
        outcomes_[index].done = true;
        finish_one();
      } else if (outcome == ZkOutcome::connection_loss) {
        read_again(index, true);
      } else {
        write_alone(index);  // one of them failed and took the others along
      }
    }
  });
}

void FencedWrites::write_alone(size_t index) {
  if (is_create(writes_[index])) return create_alone(index, 0);
  fenced({set_op(writes_[index])}, [this, index](ZkOutcome outcome) {
    if (outcome != ZkOutcome::ok) return read_again(index, outcome == ZkOutcome::connection_loss);
    outcomes_[index].done = true;
    finish_one();
  });
}

void FencedWrites::create_alone(size_t index, size_t step) {
  fenced({create_op(writes_[index], step)}, [this, index, step](ZkOutcome outcome) {
    if (outcome == ZkOutcome::no_node && step == 0) {
      outcomes_[index].topic_gone = true;
      return finish_one();
    }
    if (step < 2) {
      const bool exists = outcome == ZkOutcome::ok || outcome == ZkOutcome::node_exists;
      return create_alone(index, exists ? step + 1 : 0);
    }
    if (outcome != ZkOutcome::ok) return read_again(index, outcome == ZkOutcome::connection_loss);
    outcomes_[index].done = true;
    finish_one();
  });
}

void FencedWrites::read_again(size_t index, bool may_be_done) {
  const TopicPartition& tp = writes_[index].tp;
  session_.get(znodes::partition_state_path(tp.topic, tp.partition), Watch::no,
               [self = shared_from_this(), index, may_be_done](ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) {
                 if (self->ended_) return;
                 if (outcome == ZkOutcome::session_expired) return self->end(WritesEnd::expired);
                 if (outcome != ZkOutcome::ok && outcome != ZkOutcome::no_node) return self->end(WritesEnd::failed);
                 const StateWrite& write = self->writes_[index];
                 StateOutcome& result = self->outcomes_[index];
                 if (outcome == ZkOutcome::ok) {
                   result.current = parse_state_znode(write.tp, data, stat);
                   result.unreadable = !result.current;
                   LeaderAndIsr expected = write.state;
                   expected.partition_epoch = write.state.partition_epoch.next();
                   result.done = may_be_done && result.current == expected;
                 }
                 self->finish_one();
               });
}

// ---- Removals

void FencedWrites::remove_topic(const std::string& topic) {
  ++under_way_;
  auto listing = std::make_shared<Listing>();
  listing->root = std::make_shared<Tree>();
  listing->root->path = znodes::topic_path(topic);
  listing->done = [self = shared_from_this(), topic](std::vector<std::string> paths) {
    if (self->ended_) return;
    paths.push_back(znodes::config_path(znodes::ConfigType::topics, topic));
    paths.push_back(znodes::delete_topic_path(topic));
    self->remove_in_order(std::make_shared<std::vector<std::string>>(std::move(paths)), 0, [self, topic] {
      if (++self->tries_[topic] < kRemovalTriesMax)
        self->remove_topic(topic);
      else
        log_error("znodes of the deleted topic {} remain: something creates them again and again", topic);
      self->finish_one();
    });
  };
  auto root = listing->root;
  list_node(session_, std::move(listing), std::move(root));
}

void FencedWrites::remove_in_order(std::shared_ptr<std::vector<std::string>> paths, size_t from, Task retry) {
  if (from >= paths->size()) return finish_one();
  const size_t end = std::min(paths->size(), from + kOperationsMax);
  std::vector<ZkOp> ops;
  for (size_t i = from; i < end; ++i) ops.push_back(ZkOp::remove((*paths)[i], kAnyVersion));
  fenced(std::move(ops), [this, paths, from, end, retry = std::move(retry)](ZkOutcome outcome) mutable {
    if (outcome == ZkOutcome::ok) return remove_in_order(paths, end, std::move(retry));
    remove_alone(paths, from, std::move(retry));
  });
}

void FencedWrites::remove_alone(std::shared_ptr<std::vector<std::string>> paths, size_t at, Task retry) {
  if (at >= paths->size()) return finish_one();
  fenced({ZkOp::remove((*paths)[at], kAnyVersion)}, [this, paths, at, retry = std::move(retry)](ZkOutcome outcome) mutable {
    if (outcome == ZkOutcome::connection_loss) return remove_alone(paths, at, std::move(retry));
    if (outcome == ZkOutcome::not_empty && retry) return retry();
    remove_alone(paths, at + 1, std::move(retry));
  });
}

}  // namespace quokka
