// The controller of the cluster, or a candidate for it: takes part in the election at /controller, watches what the controller must know, hands it to
// the core as events, one at a time, and performs what the core decides: fenced ZooKeeper writes and requests to brokers.
//
// It owns one core from an election to the resignation. Every write is checked against the version /controller_epoch had when this broker was
// elected, so a controller that was paused and replaced cannot write (H29). Watches only mark what is to be read again; it is read when the event is
// handled, and reading it arms the watch again (H36).
//
// Constructed and destroyed while its loop does not run, or on it. One loop, shared with the ZooKeeper session.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "coord/controller/core.h"
#include "coord/controller/peers.h"
#include "coord/view/cluster_view.h"
#include "protocol/base/function.h"
#include "protocol/base/loop.h"
#include "protocol/base/result.h"

namespace quokka {

class ZookeeperSession;

struct RunnerConfig {
  ControllerConfig controller;
  std::string inter_broker_listener;  // name of the listener on which brokers are reached
};

// Where brokers' settings are asked that may change while the process runs. Called on the controller's loop.
struct RunnerDefaults {
  Function<bool()> unclean_leader_election_enable;  // for topics that do not say it themselves
};

struct ProducerIdRange {
  ProducerId first;
  int32_t count = 0;
};

class ControllerRunner {
 public:
  struct Ports {
    Loop& loop;
    ZookeeperSession& session;
    Peers& peers;
    Random& random;
    ViewHolder& view;  // of this broker: waits for topics end when the clients of this broker see them
  };

  ControllerRunner(RunnerConfig config, RunnerDefaults defaults, Ports ports);
  ~ControllerRunner();

  // On the loop. `on_registered` is to be called whenever this broker has registered itself in a new session: it stands for election then. A session
  // that expires ends a controllership at once.
  void start();
  void on_registered();
  // On the loop. No election, no more decisions; callers that wait are answered NOT_CONTROLLER. /controller stays until the session is closed.
  void stop();

  // Any thread. True from the election until the resignation, also while the new controller still reads.
  bool is_active() const { return published_->active.load(std::memory_order_acquire); }
  // Any thread. Who /controller names, as read last; -1 none.
  BrokerId controller_id() const { return BrokerId(published_->controller_id.load(std::memory_order_acquire)); }
  // Any thread. Set when this process must not go on, with the reason: a KRaft controller holds the cluster. The wiring stops the broker.
  void on_refused(Function<void(std::string reason)> refused);  // before start
  // On the loop, for metrics: brokers came, went or changed, which is when leaders are elected, and it took the controller so long to deal with it.
  void on_brokers_dealt_with(Function<void(Duration took)> told);  // before start

  // ---- For request handlers, from any thread. Answers come on the controller's loop, exactly once; NOT_CONTROLLER when this broker is not the
  // controller, or ceases to be.

  void alter_partition(AlterIsrRequest request, Function<void(AlterIsrAnswer)> answered);
  void controlled_shutdown(BrokerId broker, BrokerEpoch broker_epoch, Function<void(ShutdownAnswer)> answered);
  // AlterPartitionReassignments: errors by partition, when what was asked is recorded.
  void alter_reassignments(std::vector<ReassignRequest> requests, Function<void(Result<PartitionOutcomes>)> answered);
  // Those that are under way, of the partitions named or of all.
  void list_reassignments(std::optional<std::vector<TopicPartition>> partitions, Function<void(Result<std::map<TopicPartition, Assignment>>)> answered);
  // ElectLeaders: errors by partition, when this broker's view shows the leaders that were elected; REQUEST_TIMED_OUT for those it does not show in time.
  void elect_leaders(ElectionType type, std::vector<TopicPartition> partitions, Duration timeout, Function<void(Result<PartitionOutcomes>)> answered);
  // The next block of producer ids for a broker.
  void allocate_producer_ids(BrokerId broker, BrokerEpoch broker_epoch, Function<void(Result<ProducerIdRange>)> answered);

  // CreateTopics, CreatePartitions: NONE when this broker's view, which is what its clients are told, shows a leader for each of the topic's
  // partitions, and at least `partitions` of them; REQUEST_TIMED_OUT after the time-out.
  void when_topic_led(std::string topic, size_t partitions, Duration timeout, Function<void(ErrorCode)> done);
  // DeleteTopics: NONE when this broker's view has forgotten the topic and its znodes are gone, or would be but for brokers that are not there.
  void when_topic_deleted(std::string topic, Duration timeout, Function<void(ErrorCode)> done);

  // This broker's view has changed: waits for topics look again. Any broker, any thread; cheap.
  void view_changed();

  // unclean.leader.election.enable was switched on, for one topic or by default.
  void unclean_election_enabled(std::optional<std::string> topic);

  // What the controller knows, for metrics and tools, as the last event left it. Zeros when not the controller, but for unclean_leader_elections: all that
  // this process has made.
  void counts(Function<void(ControllerCounts)> answered);
  // Brokers that a topic's deletion waits for, empty if it does not wait.
  void deletion_waits_for(std::string topic, Function<void(std::set<BrokerId>)> answered);

 private:
  class Shell;  // everything that runs on the loop
  struct Published {
    std::atomic<bool> active{false};
    std::atomic<int32_t> controller_id{-1};
  };

  std::shared_ptr<Published> published_;
  std::shared_ptr<Shell> shell_;
};

}  // namespace quokka
