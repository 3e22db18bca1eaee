// Clients of the simulated cluster: a machine with one loop, connections to brokers, and what it was last told about leaders. Real wire messages.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "integration-tests/simulation/history.h"
#include "integration-tests/simulation/network.h"
#include "protocol/client/client_connection.h"
#include "protocol/client/typed_call.h"
#include "protocol/messages/fetch.h"

namespace quokka::simulation {

struct ClusterShape {
  int brokers = 3;  // ids 1, 2, ... on hosts b1, b2, ...
  std::string topic = "events";
  int partitions = 2;
  bool durable = false;  // flush.messages=1
};

class Client {
 public:
  Client(Agenda& agenda, Network& network, const ClusterShape& shape, int id);
  virtual ~Client();

  const std::string& host() const { return machine_.host; }
  Loop& loop() { return loop_; }
  const ClusterShape& shape() const { return shape_; }

 protected:
  // To a broker by its id.
  ClientConnection& connection(int broker);
  int any_broker() { return static_cast<int>(draw().between(1, shape_.brokers)); }
  // The leader as last told; 0, and asks, while none is known.
  int leader_of(int partition);
  LeaderEpoch leader_epoch_of(int partition) const {
    const auto known = leader_epochs_.find(partition);
    return known == leader_epochs_.end() ? LeaderEpoch() : LeaderEpoch(known->second);
  }
  // Reads a partition at a broker. With the leader epoch as last told: without it, whoever led in an earlier epoch goes on serving as a follower, and the
  // reader never asks again who leads.
  void fetch_from(int broker, int partition, Offset offset, int32_t bytes_max, bool committed_only, Function<void(Result<Answer<FetchResponse>>)> on_answer);
  // Asks any broker for leaders, unless that is being done.
  void refresh();
  Draw& draw() { return agenda_.draw; }
  TopicPartition name_of(int partition) const { return {shape_.topic, PartitionIndex(partition)}; }
  // Drawn until an answer comes: what a client's request time-out is.
  static constexpr Duration kRequestTimeout = Duration::seconds(8);

  Agenda& agenda_;
  const ClusterShape& shape_;
  Machine machine_;
  SimulatedLoop loop_;
  std::unique_ptr<Streams> streams_;

 private:
  std::map<int, std::unique_ptr<ClientConnection>> connections_;
  std::map<int, int> leaders_;
  std::map<int, int32_t> leader_epochs_;
  bool refreshing_ = false;
};

// Creates the topic, again and again until it is there.
class TopicMaker final : public Client {
 public:
  using Client::Client;
  void start(std::map<std::string, std::string> configs, Task done);

 private:
  void attempt();
  std::map<std::string, std::string> configs_;
  Task done_;
};

// Changes the cluster under load. What is asked may be refused, or never answered.
class Operator final : public Client {
 public:
  using Client::Client;
  ~Operator() override { loop_.stop(); }
  // Of one partition, to three brokers that are drawn.
  void reassign();
  // Its first replica, if it is in sync, leads again.
  void elect_preferred();
  // Creates or deletes a topic that nobody uses.
  void change_topics();

 private:
  void create(const std::string& topic);
  void remove(const std::string& topic);
};

// Appends records, at a pace that is drawn. What is not answered is sent again, the same bytes with the same sequence.
class Producer final : public Client {
 public:
  struct Settings {
    bool idempotent = true;  // with acks=all; else acks=1 without sequences
    size_t in_flight_max = 5;
    Duration pause_max = Duration::millis(300);
    // The epoch in which the broker leads, as ZooKeeper has it; -1 it does not.
    std::function<LeaderEpoch(const TopicPartition&, int broker)> leads;
  };
  Producer(Agenda& agenda, Network& network, const ClusterShape& shape, int id, Settings settings, History& history);
  ~Producer() override;

  void start();
  // No new records; what waits is still sent until it is answered.
  void finish() { finishing_ = true; }
  bool is_done() const;
  uint64_t resent() const { return resent_; }
  uint64_t ids_given_up() const { return ids_given_up_; }

 private:
  struct Batch {
    std::vector<RecordId> ids;
    std::vector<uint8_t> bytes;
    int32_t sequence = -1;
    bool in_flight = false;
    int sends = 0;
    LeaderEpoch sent_in;  // the receiver's, at the last time
  };
  using BatchPtr = std::shared_ptr<Batch>;
  // What goes to one partition, in order.
  struct Lane {
    uint32_t next_number = 0;
    int32_t next_sequence = 0;
    std::deque<BatchPtr> batches;  // unanswered
    size_t in_flight = 0;
    int leader = 0;           // who was sent what is in flight
    bool recovering = false;  // nothing is sent before all that is in flight is answered
    bool pausing = false;
  };

  void obtain_id();
  void produce_later();
  void make_batch(int partition);
  void send_more(int partition);
  void send_after_pause(int partition);
  void send_batch(int partition, const BatchPtr& batch);
  void on_answer(int partition, const BatchPtr& batch, ErrorCode error, Offset base);
  void on_sequence_refused(int partition, const BatchPtr& batch, ErrorCode error);
  void acknowledge(int partition, const BatchPtr& batch, Offset base);

  const Settings settings_;
  const uint32_t number_;
  History& history_;
  ProducerId producer_id_;
  ProducerEpoch producer_epoch_{0};
  std::map<int, Lane> lanes_;
  bool producing_ = false;
  bool finishing_ = false;
  uint64_t resent_ = 0;
  uint64_t ids_given_up_ = 0;
};

// Reads every partition from the beginning, and sees that nothing it was shown changes.
class Reader final : public Client {
 public:
  Reader(Agenda& agenda, Network& network, const ClusterShape& shape, int id, History& history);
  ~Reader() override;
  void start();
  Offset position(int partition) const { return positions_.at(partition); }

 private:
  void fetch(int partition);
  void fetch_later(int partition, Duration pause);
  void on_records(int partition, Bytes records);

  History& history_;
  std::map<int, Offset> positions_;
};

}  // namespace quokka::simulation
