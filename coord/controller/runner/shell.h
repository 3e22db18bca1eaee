// What of the runner lives on the loop: the candidate, and while this broker is the controller, the core with all that must be read, written and sent
// for it. Included by the runner alone.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coord/controller/runner/cluster_reader.h"
#include "coord/controller/core.h"
#include "coord/controller/runner/fenced_writes.h"
#include "coord/controller/runner.h"
#include "coord/controller/runner/topic_waits.h"
#include "coord/session/zookeeper_session.h"

namespace quokka {

class ControllerRunner::Shell final : public ZookeeperListener, public std::enable_shared_from_this<ControllerRunner::Shell> {
 public:
  Shell(RunnerConfig config, RunnerDefaults defaults, Ports ports, std::shared_ptr<Published> published);
  ~Shell();

  void start();
  void stop();
  void stand_for_election();
  void refuse_through(Function<void(std::string)> refused) { refused_ = std::move(refused); }
  void tell_times_through(Function<void(Duration)> told) { brokers_dealt_with_ = std::move(told); }
  Loop& loop() { return ports_.loop; }

  void alter_partition(AlterIsrRequest request, Function<void(AlterIsrAnswer)> answered);
  void controlled_shutdown(BrokerId broker, BrokerEpoch broker_epoch, Function<void(ShutdownAnswer)> answered);
  void alter_reassignments(std::vector<ReassignRequest> requests, Function<void(Result<PartitionOutcomes>)> answered);
  void list_reassignments(std::optional<std::vector<TopicPartition>> partitions, Function<void(Result<std::map<TopicPartition, Assignment>>)> answered);
  void elect_leaders(ElectionType type, std::vector<TopicPartition> partitions, Duration timeout, Function<void(Result<PartitionOutcomes>)> answered);
  void allocate_producer_ids(BrokerId broker, BrokerEpoch broker_epoch, Function<void(Result<ProducerIdRange>)> answered);
  void when_topic_led(std::string topic, size_t partitions, Duration timeout, Function<void(ErrorCode)> done);
  void when_topic_deleted(std::string topic, Duration timeout, Function<void(ErrorCode)> done);
  void unclean_election_enabled(std::optional<std::string> topic);
  void look_at_view() { waits_.look(); }
  ControllerCounts counts();
  std::set<BrokerId> deletion_waits_for(const std::string& topic) const { return core_ ? core_->deletion_waits_for(topic) : std::set<BrokerId>(); }

  void on_session(SessionEvent event) override;
  void on_watch(WatchEvent event, const std::string& path) override;

 private:
  static constexpr Duration kAuditInterval = Duration::seconds(5);
  static constexpr Duration kElectionPause = Duration::seconds(1);
  static constexpr int64_t kProducerIdBlock = 1000;
  static constexpr size_t kPartitionsLoggedMax = 20;  // of one kind, in one event

  // An event of the core, waiting its turn. `refuse` answers its caller when there is no core any more.
  struct Event {
    Task run;
    Task refuse;
  };
  // What watches have marked to be read again.
  struct Marks {
    bool brokers = false;
    bool topics = false;
    bool deletions = false;
    bool log_dirs = false;
    bool preferred = false;
    bool reassignments = false;
    std::set<std::string> changed_topics;
  };

  // ---- Election (shell_election.cc). A step whose term is over does nothing.
  template <class F>
  auto in_term(F f) {
    return [weak = weak_from_this(), term = term_, f = std::move(f)](auto&&... args) mutable {
      if (auto self = weak.lock(); self != nullptr && self->term_ == term) f(*self, std::forward<decltype(args)>(args)...);
    };
  }
  bool is_active() const { return published_->active.load(std::memory_order_relaxed); }
  void publish_controller(BrokerId id) { published_->controller_id.store(id.value, std::memory_order_release); }
  void look_at_controller();
  void on_controller_read(ZkOutcome outcome, const ZnodeData& data, const ZnodeStat& stat);
  void begin_election();
  void check_migration();
  void read_epoch();
  void seize(ControllerEpoch epoch, int32_t epoch_version);
  void recognise(ControllerEpoch epoch);
  void elected(ControllerEpoch epoch, int32_t epoch_version);
  void resign(const char* why);
  void give_up(const std::string& why, ZkOutcome outcome = ZkOutcome::failed);
  void refuse(const std::string& reason);
  void audit();

  // ---- The first reading of an elected controller (shell_reading.cc)
  struct Reading;
  void set_up_feature();
  void read_everything();
  void read_topics_and_states(std::shared_ptr<Reading> reading);
  void read_states(std::shared_ptr<Reading> reading);
  void begin_core(std::shared_ptr<Reading> reading);
  void write_topic_ids(std::vector<TopicAssignment>& topics, Function<void(Shell&)> then);
  void remove_notifications(std::string_view parent, const std::vector<std::string>& names);

  // ---- Events (shell_events.cc)
  void post_event(Task run, Task refuse);
  void pump();
  void take_event();
  void event_over();
  void read_brokers();
  void read_topics();
  void read_topic(const std::string& name);
  void read_log_dir_events();
  void read_preferred_election();
  void read_reassignment_request();
  void perform(Effects effects);
  void send(const Send& what);
  void on_answer(BrokerId from, BrokerEpoch from_epoch, int16_t api_key, Bytes body);
  void set_timer(MonoTime when);
  // All registered brokers: some start in the second half of the event only, and their queues are new.
  void set_peers(const std::vector<LiveBroker>& brokers);
  bool on_writes_end(WritesEnd how);
  void tell_operator(const Effects& effects);
  void tell_waiting_deletions();
  void tell_brokers(const std::vector<LiveBroker>& brokers) const;

  // ---- Requests (shell_requests.cc)
  template <class Answer, class Told>
  void ask(Function<Effects()> run, std::optional<Answer> Effects::* where, Function<void(Told)> answered, Told refusal);
  // Answers the event at hand, if its answer is there.
  void answer(Effects& effects);
  void await_leaders(PartitionOutcomes outcomes, Duration timeout, Function<void(Result<PartitionOutcomes>)> answered);
  void allocate(BrokerId broker, BrokerEpoch broker_epoch, std::shared_ptr<Function<void(Result<ProducerIdRange>)>> answered);

  const RunnerConfig config_;
  RunnerDefaults defaults_;
  const Ports ports_;
  const std::shared_ptr<Published> published_;
  Function<void(std::string)> refused_;
  Function<void(Duration)> brokers_dealt_with_;
  bool running_ = false;
  bool registered_ = false;  // in this session: may stand for election

  // A term ends with every expiry, resignation and new election; what was begun in one before is ignored.
  uint64_t term_ = 0;
  bool electing_ = false;
  ControllerEpoch epoch_;
  int32_t epoch_version_ = -1;
  std::shared_ptr<ClusterReader> reader_;
  std::unique_ptr<ControllerCore> core_;  // null until everything is read
  std::optional<ControllerCounts> counts_;  // as counted since the last event ended
  size_t unclean_leader_elections_ = 0;     // of earlier terms
  Marks marks_;
  std::deque<Event> events_;
  std::set<std::string> deletions_told_;  // whose waiting is in the log
  bool busy_ = false;  // an event is being performed
  std::optional<MonoTime> brokers_since_;  // it began then, and is about brokers
  Task refuse_current_;
  Function<bool(Effects&)> answer_current_;  // true: given
  Loop::TimerId tick_timer_ = 0;
  Loop::TimerId audit_timer_ = 0;
  Loop::TimerId pause_timer_ = 0;
  TopicWaits waits_;
};

}  // namespace quokka
