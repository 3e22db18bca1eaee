// For tests: a cluster of candidates for the controller over one in-memory ZooKeeper. Brokers are their sessions, their views and what they answer to
// control requests; nothing else of them exists.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "coord/controller/runner/control_requests.h"
#include "coord/controller/runner.h"
#include "coord/session/fake_zookeeper.h"
#include "coord/znodes/broker.h"
#include "coord/znodes/paths.h"
#include "coord/znodes/topic.h"
#include "protocol/base/manual_loop.h"
#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"
#include "protocol/messages/update_metadata.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {

class RunnerCluster;

// The control requests of one controller. Answered at once, unless held.
class FakePeers final : public Peers {
 public:
  FakePeers(RunnerCluster& cluster, ManualLoop& loop) : cluster_(cluster), loop_(loop) {}
  void set_brokers(const std::vector<PeerAddress>& brokers) override;
  void send(BrokerId to, ControlRequest request, Answered answered) override;

  std::map<BrokerId, BrokerEpoch> known;

 private:
  RunnerCluster& cluster_;
  ManualLoop& loop_;
};

struct FakeRandom final : Random {
  uint64_t next() override { return state = state * 6364136223846793005u + 1442695040888963407u; }
  uint64_t state = 99;
};

class RunnerCluster {
 public:
  struct Node {
    Node(RunnerCluster& cluster, BrokerId id)
        : id_(id),
          session(std::make_unique<FakeSession>(cluster.zookeeper, cluster.loop)),
          peers(cluster, cluster.loop),
          runner(RunnerConfig{config_of(id), "PLAINTEXT"}, RunnerDefaults{[] { return false; }},
                 ControllerRunner::Ports{cluster.loop, *session, peers, cluster.random, view}) {}
    static ControllerConfig config_of(BrokerId id) {
      ControllerConfig config;
      config.id = id;
      return config;
    }

    BrokerId id_;
    std::unique_ptr<FakeSession> session;
    FakePeers peers;
    ViewHolder view;
    ControllerRunner runner;
    std::string refused;
    ControllerEpoch controller_epoch;  // highest seen in a control request
    bool answers = true;               // false: control requests are lost without an answer
  };

  ManualLoop loop;
  FakeZookeeper zookeeper{loop};
  FakeRandom random;
  std::map<int32_t, std::unique_ptr<Node>> nodes;
  std::vector<std::string> sent;                               // "<controller>-><broker> <request>"
  std::set<std::pair<BrokerId, TopicPartition>> lost_replicas;  // on failed log directories

  RunnerCluster() {
    for (const std::string& path : znodes::persistent_paths()) zookeeper.put(path, std::nullopt);
    zookeeper.forget_writes();
  }

  Node& start(int32_t id) {
    auto& node = nodes[id];
    node = std::make_unique<Node>(*this, BrokerId(id));
    Node& made = *node;
    made.runner.on_refused([&made](std::string reason) { made.refused = std::move(reason); });
    made.runner.start();
    loop.run_ready();
    enlist(id);
    return made;
  }
  // Registers the broker in its current session, as the registration does after an expiry, and lets it stand for election.
  void enlist(int32_t id) {
    enlist_later(id);
    loop.run_ready();
  }
  void enlist_later(int32_t id) {
    Node& node = *nodes.at(id);
    znodes::Broker broker;
    broker.endpoints = {Endpoint{"PLAINTEXT", "host" + std::to_string(id), 9092, 0}};
    std::vector<ZkOp> ops;
    ops.push_back(ZkOp::create(znodes::broker_path(BrokerId(id)), std::nullopt, CreateMode::ephemeral));
    ops.push_back(ZkOp::set(znodes::broker_path(BrokerId(id)), znodes::encode(broker), 0));
    node.session->multi(std::move(ops), [&node](MultiResult result) {
      if (result.outcome == ZkOutcome::ok) node.runner.on_registered();
    });
  }
  void stop(int32_t id) {
    nodes.at(id)->runner.stop();
    nodes.at(id)->session->close();
    loop.run_ready();
    nodes.erase(id);
    loop.run_ready();
  }
  void kill(int32_t id) {
    const int64_t session = nodes.at(id)->session->session_id();
    nodes.erase(id);
    zookeeper.expire(session);
    loop.run_ready();
  }

  void create_topic(const std::string& name, const std::vector<std::vector<int32_t>>& partitions, bool with_id = true) {
    znodes::Topic topic;
    if (with_id) topic.id = TopicId{random.next() | 1, random.next()};
    for (size_t i = 0; i < partitions.size(); ++i)
      for (int32_t id : partitions[i]) topic.partitions[PartitionIndex(static_cast<int32_t>(i))].push_back(BrokerId(id));
    zookeeper.put(znodes::config_path(znodes::ConfigType::topics, name), "{\"version\":1,\"config\":{}}");
    zookeeper.put(znodes::topic_path(name), znodes::encode(topic));
    loop.run_ready();
  }
  znodes::PartitionState state(const std::string& topic, int32_t partition) const {
    const TopicPartition tp{topic, PartitionIndex(partition)};
    const ZnodeData data = zookeeper.data(znodes::partition_state_path(topic, tp.partition));
    auto parsed = znodes::parse_partition_state(tp, data ? *data : std::string());
    EXPECT_TRUE(parsed.ok()) << tp;
    return parsed ? *parsed : znodes::PartitionState();
  }
  int32_t state_version(const std::string& topic, int32_t partition) const {
    return zookeeper.stat(znodes::partition_state_path(topic, PartitionIndex(partition))).version;
  }
  BrokerEpoch epoch(int32_t id) const { return BrokerEpoch(zookeeper.stat(znodes::broker_path(BrokerId(id))).czxid); }
  // 0: there is none.
  int32_t controller() const {
    int32_t found = 0;
    for (const auto& [id, node] : nodes)
      if (node->runner.is_active()) {
        EXPECT_EQ(found, 0) << "two controllers";
        found = id;
      }
    return found;
  }

  // The bytes of the answer, empty for none.
  std::string receive(BrokerId from, BrokerId to, const ControlRequest& request);

 private:
  std::string receive_metadata(Node& node, Bytes bytes, int16_t version, std::ostream& line);
  std::string receive_leader_and_isr(Node& node, Bytes bytes, int16_t version, std::ostream& line);
  std::string receive_stop_replica(Node& node, Bytes bytes, int16_t version, std::ostream& line);
};

inline void FakePeers::set_brokers(const std::vector<PeerAddress>& brokers) {
  known.clear();
  for (const PeerAddress& broker : brokers) known[broker.id] = broker.epoch;
}

inline void FakePeers::send(BrokerId to, ControlRequest request, Answered answered) {
  if (!known.contains(to)) return;
  loop_.post([this, to, epoch = known[to], request = std::move(request), answered = std::move(answered)]() mutable {
    auto live = known.find(to);
    if (live == known.end() || live->second != epoch) return;
    BrokerId from;
    for (const auto& [id, node] : cluster_.nodes)
      if (&node->peers == this) from = node->id_;
    const std::string answer = cluster_.receive(from, to, request);
    if (!answer.empty()) answered(bytes_of(answer));
  });
}

template <class M>
std::string answer_bytes(const M& message, int16_t version) {
  auto made = encode(message, version);
  EXPECT_TRUE(made.ok());
  std::string text;
  for (const auto& chunk : made->chunks()) text += text_of(chunk.bytes);
  return text;
}

// A lower controller epoch than one seen before is refused (H31).
inline bool is_stale(RunnerCluster::Node& node, ControllerEpoch epoch) {
  if (epoch < node.controller_epoch) return true;
  node.controller_epoch = epoch;
  return false;
}

inline std::string RunnerCluster::receive(BrokerId from, BrokerId to, const ControlRequest& request) {
  auto found = nodes.find(to.value);
  if (found == nodes.end() || !found->second->answers) return "";
  Node& node = *found->second;
  const std::string bytes = request.head + (request.tail ? *request.tail : std::string());
  std::ostringstream line;
  line << from << "->" << to << " ";
  std::string answer;
  if (request.api_key == kUpdateMetadataKey)
    answer = receive_metadata(node, bytes_of(bytes), request.version, line);
  else if (request.api_key == kLeaderAndIsrKey)
    answer = receive_leader_and_isr(node, bytes_of(bytes), request.version, line);
  else
    answer = receive_stop_replica(node, bytes_of(bytes), request.version, line);
  sent.push_back(line.str());
  return answer;
}

inline std::string RunnerCluster::receive_metadata(Node& node, Bytes bytes, int16_t version, std::ostream& line) {
  Arena arena = Arena::for_frame(bytes.size());
  auto message = decode<UpdateMetadataRequest>(bytes, version, arena);
  EXPECT_TRUE(message.ok());
  line << "metadata";
  ClusterUpdate update{message->controller_id, message->controller_epoch, {}, {}};
  for (const auto& broker : message->live_brokers) update.brokers.push_back({broker.id, {}, std::nullopt});
  for (const auto& topic : message->topic_states) {
    TopicView view{std::string(topic.topic_name), topic.topic_id, {}};
    for (const auto& partition : topic.partition_states) {
      PartitionView each;
      each.index = partition.partition_index;
      each.leader = partition.leader;
      each.leader_epoch = partition.leader_epoch;
      each.partition_epoch = PartitionEpoch(partition.zk_version);
      view.partitions.push_back(each);
      line << " " << topic.topic_name << "-" << partition.partition_index << "=" << partition.leader;
    }
    update.topics.push_back(std::move(view));
  }
  UpdateMetadataResponse response;
  if (is_stale(node, message->controller_epoch))
    response.error_code = ErrorCode::STALE_CONTROLLER_EPOCH;
  else if (message->broker_epoch < epoch(node.id_.value))
    response.error_code = ErrorCode::STALE_BROKER_EPOCH;
  else
    node.view.apply(update);
  node.runner.view_changed();
  return answer_bytes(response, version);
}

inline std::string RunnerCluster::receive_leader_and_isr(Node& node, Bytes bytes, int16_t version, std::ostream& line) {
  Arena arena = Arena::for_frame(bytes.size());
  auto message = decode<LeaderAndIsrRequest>(bytes, version, arena);
  EXPECT_TRUE(message.ok());
  line << "leader-and-isr";
  std::vector<std::vector<LeaderAndIsrResponse::LeaderAndIsrPartitionError>> errors(message->topic_states.size());
  std::vector<LeaderAndIsrResponse::LeaderAndIsrTopicError> topics(message->topic_states.size());
  for (size_t i = 0; i < topics.size(); ++i) {
    const auto& topic = message->topic_states[i];
    for (const auto& partition : topic.partition_states) {
      line << " " << topic.topic_name << "-" << partition.partition_index << "=" << partition.leader << (partition.is_new ? "!" : "");
      const bool lost = lost_replicas.contains({node.id_, {std::string(topic.topic_name), partition.partition_index}});
      errors[i].push_back({{}, partition.partition_index, lost ? ErrorCode::KAFKA_STORAGE_ERROR : ErrorCode::NONE});
      bool addressed = partition.leader.value < 0;
      for (const auto& leader : message->live_leaders) addressed |= leader.broker_id == partition.leader;
      EXPECT_TRUE(addressed) << "the leader's address is missing";
    }
    topics[i].topic_id = topic.topic_id;
    topics[i].partition_errors = errors[i];
  }
  LeaderAndIsrResponse response;
  if (is_stale(node, message->controller_epoch)) response.error_code = ErrorCode::STALE_CONTROLLER_EPOCH;
  response.topics = topics;
  return answer_bytes(response, version);
}

inline std::string RunnerCluster::receive_stop_replica(Node& node, Bytes bytes, int16_t version, std::ostream& line) {
  Arena arena = Arena::for_frame(bytes.size());
  auto message = decode<StopReplicaRequest>(bytes, version, arena);
  EXPECT_TRUE(message.ok());
  line << "stop-replica";
  std::vector<StopReplicaResponse::StopReplicaPartitionError> errors;
  for (const auto& topic : message->topic_states)
    for (const auto& partition : topic.partition_states) {
      line << " " << topic.topic_name << "-" << partition.partition_index << (partition.delete_partition ? " remove" : "");
      errors.push_back({topic.topic_name, partition.partition_index, ErrorCode::NONE});
    }
  StopReplicaResponse response;
  if (is_stale(node, message->controller_epoch)) response.error_code = ErrorCode::STALE_CONTROLLER_EPOCH;
  response.partition_errors = errors;
  return answer_bytes(response, version);
}

}  // namespace quokka
