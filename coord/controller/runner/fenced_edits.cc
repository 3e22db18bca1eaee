// Znodes that others write too, such as a topic's when partitions are added: read, changed, and written at the version read, until nobody was faster.
#include <algorithm>

#include "coord/controller/runner/fenced_writes.h"
#include "coord/znodes/admin.h"
#include "coord/znodes/paths.h"
#include "coord/znodes/topic.h"
#include "protocol/base/log.h"

namespace quokka {
namespace {

void put(znodes::ReplicaLists& lists, PartitionIndex index, const Replicas& replicas) {
  if (replicas.empty())
    lists.erase(index);
  else
    lists[index] = replicas;
}

}  // namespace

// `change` returns nothing when there is nothing to be written. Repeating it does no harm: a lost answer is no special case.
void FencedWrites::edit(const std::string& path, Function<std::optional<ZkOp>(const std::string&, int32_t)> change) {
  session_.get(path, Watch::no, [self = shared_from_this(), path, change = std::move(change)](ZkOutcome outcome, ZnodeData data, const ZnodeStat& stat) mutable {
    if (self->ended_) return;
    if (outcome == ZkOutcome::no_node) return self->finish_one();
    if (outcome == ZkOutcome::session_expired) return self->end(WritesEnd::expired);
    if (outcome != ZkOutcome::ok) return self->end(WritesEnd::failed);
    std::optional<ZkOp> op = change(data ? *data : std::string(), stat.version);
    if (!op) return self->finish_one();
    std::vector<ZkOp> ops;
    ops.push_back(*std::move(op));
    self->fenced(std::move(ops), [self = self.get(), path, change = std::move(change)](ZkOutcome written) mutable {
      if (written == ZkOutcome::ok || written == ZkOutcome::no_node) return self->finish_one();
      self->edit(path, std::move(change));
    });
  });
}

void FencedWrites::write_assignments(const std::vector<AssignmentWrite>& writes) {
  for (const AssignmentWrite& write : writes) assignments_[write.tp.topic][write.tp.partition] = write.assignment;
  for (const auto& [topic, partitions] : assignments_) edit_topic(topic);
}

void FencedWrites::edit_topic(const std::string& topic) {
  ++under_way_;
  edit(znodes::topic_path(topic), [this, topic](const std::string& data, int32_t version) -> std::optional<ZkOp> {
    auto parsed = znodes::parse_topic(topic, data);
    if (!parsed) {
      log_error("topic {} is left alone: {}", topic, parsed.error().message);
      return std::nullopt;
    }
    const znodes::Topic before = *parsed;
    for (const auto& [index, assignment] : assignments_[topic]) {
      parsed->partitions[index] = assignment.replicas;
      put(parsed->adding, index, assignment.adding);
      put(parsed->removing, index, assignment.removing);
    }
    if (*parsed == before) return std::nullopt;
    return ZkOp::set(znodes::topic_path(topic), znodes::encode(*parsed), version);
  });
}

void FencedWrites::edit_reassignments() {
  ++under_way_;
  edit(std::string(znodes::kReassignPartitions), [this](const std::string& data, int32_t version) -> std::optional<ZkOp> {
    const std::string path(znodes::kReassignPartitions);
    auto parsed = znodes::parse_reassignments(data);
    if (!parsed) {
      log_error("{} is left alone: {}", path, parsed.error().message);
      return std::nullopt;
    }
    const size_t removed = std::erase_if(*parsed, [&](const znodes::Reassignment& each) {
      return std::any_of(reassignment_removals_.begin(), reassignment_removals_.end(), [&](const ReassignmentRemoval& removal) {
        return removal.tp == each.partition && (!removal.replicas || *removal.replicas == each.replicas);
      });
    });
    if (removed == 0) return std::nullopt;
    return parsed->empty() ? ZkOp::remove(path, version) : ZkOp::set(path, znodes::encode_reassignments(*parsed), version);
  });
}

}  // namespace quokka
