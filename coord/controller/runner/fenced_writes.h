// Performs the writes of one Effects: ZooKeeper multis of up to some hundred operations, each with a check that /controller_epoch still has the version
// this controller was elected with. All are sent at once; what fails is tried by itself and read again, until every write has an outcome.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coord/controller/effects.h"
#include "coord/session/zookeeper_session.h"
#include "protocol/base/function.h"

namespace quokka {

enum class WritesEnd {
  done,     // every write has its outcome
  deposed,  // /controller_epoch has another version: another controller was elected
  expired,  // the session is gone
  failed,   // ZooKeeper refuses for a reason of its own
};

class FencedWrites : public std::enable_shared_from_this<FencedWrites> {
 public:
  using Done = Function<void(WritesEnd, std::vector<StateOutcome>)>;

  // `epoch_version`: of the znode /controller_epoch. `done` is called once, never inline.
  static void perform(ZookeeperSession& session, int32_t epoch_version, const Effects& effects, Done done);
  // Deletes znodes if they are there.
  static void remove(ZookeeperSession& session, int32_t epoch_version, std::vector<std::string> paths, Done done);

 private:
  static constexpr size_t kOperationsMax = 300;

  FencedWrites(ZookeeperSession& session, int32_t epoch_version, Done done)
      : session_(session), epoch_version_(epoch_version), done_(std::move(done)) {}

  struct Chunk;
  // Each counts as one thing under way until it calls finish_one.
  void write_states(std::vector<StateWrite> writes);
  void write_chunk(std::shared_ptr<Chunk> chunk);
  void write_alone(size_t index);
  void create_alone(size_t index, size_t step);
  void read_again(size_t index, bool may_be_done);
  // Read, changed, and written at the version read (fenced_edits.cc).
  void write_assignments(const std::vector<AssignmentWrite>& writes);
  void edit_topic(const std::string& topic);
  void edit_reassignments();
  void edit(const std::string& path, Function<std::optional<ZkOp>(const std::string& data, int32_t version)> change);

  void remove_topic(const std::string& topic);
  // In order; missing ones are skipped. `retry` runs when something was created below them meanwhile.
  void remove_in_order(std::shared_ptr<std::vector<std::string>> paths, size_t from, Task retry);
  void remove_alone(std::shared_ptr<std::vector<std::string>> paths, size_t at, Task retry);

  void fenced(std::vector<ZkOp> ops, Function<void(ZkOutcome)> done);
  void finish_one();
  void end(WritesEnd how);

  ZookeeperSession& session_;
  const int32_t epoch_version_;
  Done done_;
  bool ended_ = false;
  size_t under_way_ = 0;
  std::vector<StateWrite> writes_;
  std::vector<StateOutcome> outcomes_;
  std::map<std::string, std::map<PartitionIndex, Assignment>> assignments_;  // by topic
  std::vector<ReassignmentRemoval> reassignment_removals_;
  std::map<std::string, int> tries_;  // of topic removals
};

}  // namespace quokka
