// The internal topic of a coordinator: which of its partitions holds an id. All brokers, and Kafka's among them, must find the same one, or what was committed
// under an id is not found again (to a consumer: no offset, so auto.offset.reset).
//
// The number of partitions is that of the topic's assignment in ZooKeeper, led or not, when this broker heard of the topic first: at its start, else when the
// topic comes into the view. It holds for the life of the broker, as Kafka's does. A topic that is deleted and created anew is another one, with nothing
// in it of before: its number is read anew. (Kafka's goes on with the old one until the restart.)
//
// What holds when the topic grows all the same (our CreatePartitions refuses it, a Kafka broker that is controller does not; then it is as with Kafka
// alone): brokers that run go on with the number of before and find everything. One that starts afterwards has the new number; until all have started
// again they disagree about most ids, and a client is sent on (NOT_COORDINATOR) or finds nothing; with the last start what was committed under the old
// number is lost. Each broker that sees the topic grow warns of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "coord/view/cluster_view.h"
#include "protocol/base/function.h"
#include "protocol/base/ids.h"
#include "protocol/base/mutex.h"
#include "protocol/base/result.h"

namespace quokka {

class Loop;
class ZookeeperSession;

// Any thread.
class CoordinatorTopic {
 public:
  struct Assignment {
    TopicId id;  // zero: none
    int32_t partitions = 0;
  };
  // What ZooKeeper has; UNKNOWN_TOPIC_OR_PARTITION if there is none. Called on any thread, answers on any, perhaps at once.
  using Read = std::function<void(const std::string& topic, Function<void(Result<Assignment>)> done)>;

  // The view outlives it. Answers that come after its destruction are dropped.
  CoordinatorTopic(std::string_view name, ViewHolder& view, Read read);
  CoordinatorTopic(const CoordinatorTopic&) = delete;
  CoordinatorTopic& operator=(const CoordinatorTopic&) = delete;

  // At the start of the broker, before anybody asks. Success also if there is no such topic.
  void learn_at_start(Function<void(Status)> done);
  // After the view changed: it may have the topic now, another one, or none any more.
  void on_view();
  // This broker leads a partition of it, so it is there, whether the view has it or not.
  void on_led() { learn(); }

  // nullopt: there is no such topic, or how many partitions it has is being read.
  std::optional<PartitionIndex> partition_of(std::string_view id);

 private:
  struct State {
    Mutex mutex;
    std::optional<Assignment> known GUARDED_BY(mutex);
    bool in_view GUARDED_BY(mutex) = false;       // the view had it
    bool is_reading GUARDED_BY(mutex) = false;
    uint64_t topics_before GUARDED_BY(mutex) = 0;  // a read that was begun before another topic took the name counts for nothing
    void forget() REQUIRES(mutex);
  };

  // Unless it is known or being read.
  void learn(Function<void(Status)> done = {});

  const std::string name_;
  ViewHolder& view_;
  const Read read_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

// Reads on `coordination`, the session's loop. Both outlive it.
CoordinatorTopic::Read coordinator_topic_reader(ZookeeperSession& session, Loop& coordination);

}  // namespace quokka
