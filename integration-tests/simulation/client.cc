#include "integration-tests/simulation/client.h"

#include <fmt/core.h>

#include <algorithm>

#include "integration-tests/simulation/broker_server.h"
#include "protocol/messages/alter_partition_reassignments.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/elect_leaders.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"
#include "protocol/records/batch_builder.h"

namespace quokka::simulation {

Client::Client(Agenda& agenda, Network& network, const ClusterShape& shape, int id)
    : agenda_(agenda), shape_(shape), machine_(agenda, "c" + std::to_string(id), 1000 + id), loop_(machine_), streams_(network.streams(machine_.host, loop_)) {}

Client::~Client() { loop_.stop(); }

ClientConnection& Client::connection(int broker) {
  auto& slot = connections_[broker];
  if (!slot) {
    ClientSettings settings;
    settings.host = "b" + std::to_string(broker);
    settings.port = BrokerServer::kPort;
    settings.client_id = machine_.host;
    settings.connect_timeout = Duration::seconds(3);
    settings.request_timeout = kRequestTimeout;
    slot = std::make_unique<ClientConnection>(loop_, *streams_, settings);
  }
  return *slot;
}

int Client::leader_of(int partition) {
  const auto known = leaders_.find(partition);
  if (known != leaders_.end() && known->second >= 1) return known->second;
  refresh();
  return 0;
}

void Client::refresh() {
  if (refreshing_) return;
  refreshing_ = true;
  MetadataRequest request;
  std::vector<MetadataRequest::MetadataRequestTopic> topics(1);
  topics[0].name = shape_.topic;
  request.topics = topics;
  request.allow_auto_topic_creation = false;
  send<MetadataResponse>(connection(any_broker()), request, 12, [this](Result<Answer<MetadataResponse>> answer) {
    loop_.call_after(draw().span(Duration::millis(50), Duration::millis(300)), [this] { refreshing_ = false; });
    if (!answer) return;
    for (const auto& topic : answer->message.topics) {
      for (const auto& partition : topic.partitions) {
        const int index = partition.partition_index.value;
        // An older view than ours is not believed (KIP-320).
        if (leader_epochs_.contains(index) && partition.leader_epoch.value < leader_epochs_[index]) continue;
        leader_epochs_[index] = partition.leader_epoch.value;
        leaders_[index] = partition.leader_id.value;
      }
    }
  });
}

void Client::fetch_from(int broker, int partition, Offset offset, int32_t bytes_max, bool committed_only,
                        Function<void(Result<Answer<FetchResponse>>)> on_answer) {
  FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.isolation_level = committed_only ? 1 : 0;
  std::vector<FetchRequest::FetchTopic::FetchPartition> partitions(1);
  partitions[0].partition = PartitionIndex(partition);
  partitions[0].current_leader_epoch = leader_epoch_of(partition);
  partitions[0].fetch_offset = offset;
  partitions[0].partition_max_bytes = bytes_max;
  std::vector<FetchRequest::FetchTopic> topics(1);
  topics[0].topic = shape_.topic;
  topics[0].partitions = partitions;
  request.topics = topics;
  send<FetchResponse>(connection(broker), request, 11, std::move(on_answer));
}

// --- TopicMaker

void TopicMaker::start(std::map<std::string, std::string> configs, Task done) {
  configs_ = std::move(configs);
  done_ = std::move(done);
  loop_.post([this] { attempt(); });
}

void TopicMaker::attempt() {
  CreateTopicsRequest request;
  std::vector<CreateTopicsRequest::CreatableTopic::CreatableTopicConfig> configs;
  for (const auto& [key, value] : configs_) configs.push_back({key, value});
  std::vector<CreateTopicsRequest::CreatableTopic> topics(1);
  topics[0].name = shape_.topic;
  topics[0].num_partitions = shape_.partitions;
  topics[0].replication_factor = 3;
  topics[0].configs = configs;
  request.topics = topics;
  request.timeout_ms = 5000;
  send<CreateTopicsResponse>(connection(any_broker()), request, 7, [this](Result<Answer<CreateTopicsResponse>> answer) {
    const ErrorCode error = answer ? answer->message.topics[0].error_code : answer.code();
    if (error == ErrorCode::NONE || error == ErrorCode::TOPIC_ALREADY_EXISTS) return std::exchange(done_, nullptr)();
    loop_.call_after(Duration::millis(500), [this] { attempt(); });
  });
}

// --- Operator

void Operator::reassign() {
  loop_.post([this] {
    std::vector<BrokerId> brokers;
    for (int id = 1; id <= shape_.brokers; ++id) brokers.emplace_back(id);
    for (size_t i = brokers.size() - 1; i > 0; --i) std::swap(brokers[i], brokers[static_cast<size_t>(draw().between(0, static_cast<int64_t>(i)))]);
    brokers.resize(3);
    using Topic = AlterPartitionReassignmentsRequest::ReassignableTopic;
    std::vector<Topic::ReassignablePartition> partitions(1);
    partitions[0].partition_index = PartitionIndex(static_cast<int32_t>(draw().between(0, shape_.partitions - 1)));
    partitions[0].replicas = brokers;
    std::vector<Topic> topics(1);
    topics[0].name = shape_.topic;
    topics[0].partitions = partitions;
    AlterPartitionReassignmentsRequest request;
    request.topics = topics;
    send<AlterPartitionReassignmentsResponse>(connection(any_broker()), request, 0, [](auto) {});
  });
}

void Operator::elect_preferred() {
  loop_.post([this] {
    ElectLeadersRequest request;
    request.topic_partitions = std::nullopt;
    request.timeout_ms = 5000;
    send<ElectLeadersResponse>(connection(any_broker()), request, 2, [](auto) {});
  });
}

void Operator::change_topics() {
  loop_.post([this] {
    const std::string topic = draw().one_in(2) ? "one" : "another";
    if (draw().one_in(2)) return create(topic);
    remove(topic);
  });
}

void Operator::create(const std::string& topic) {
  CreateTopicsRequest request;
  std::vector<CreateTopicsRequest::CreatableTopic> topics(1);
  topics[0].name = topic;
  topics[0].num_partitions = static_cast<int32_t>(draw().between(1, 3));
  topics[0].replication_factor = static_cast<int16_t>(draw().between(1, 3));
  request.topics = topics;
  request.timeout_ms = 5000;
  send<CreateTopicsResponse>(connection(any_broker()), request, 7, [](auto) {});
}

void Operator::remove(const std::string& topic) {
  const std::vector<std::string_view> names{topic};
  DeleteTopicsRequest request;
  request.topic_names = names;
  request.timeout_ms = 5000;
  send<DeleteTopicsResponse>(connection(any_broker()), request, 5, [](auto) {});
}

// --- Producer

Producer::Producer(Agenda& agenda, Network& network, const ClusterShape& shape, int id, Settings settings, History& history)
    : Client(agenda, network, shape, id), settings_(settings), number_(static_cast<uint32_t>(id)), history_(history) {}

Producer::~Producer() { loop_.stop(); }

bool Producer::is_done() const {
  return finishing_ && std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane.second.batches.empty(); });
}

void Producer::start() {
  loop_.post([this] {
    if (settings_.idempotent) return obtain_id();
    produce_later();
  });
}

void Producer::obtain_id() {
  InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  send<InitProducerIdResponse>(connection(any_broker()), request, 4, [this](Result<Answer<InitProducerIdResponse>> answer) {
    if (!answer || answer->message.error_code != ErrorCode::NONE) {
      loop_.call_after(Duration::millis(200), [this] { obtain_id(); });
      return;
    }
    producer_id_ = answer->message.producer_id;
    producer_epoch_ = answer->message.producer_epoch;
    if (!std::exchange(producing_, true)) produce_later();
  });
}

void Producer::produce_later() {
  loop_.call_after(draw().span(Duration::millis(1), settings_.pause_max), [this] {
    if (finishing_) return;
    const int partition = static_cast<int>(draw().between(0, shape_.partitions - 1));
    if (lanes_[partition].batches.size() < 20 && (producer_id_.value >= 0 || !settings_.idempotent)) make_batch(partition);
    send_more(partition);
    produce_later();
  });
}

void Producer::make_batch(int partition) {
  Lane& lane = lanes_[partition];
  auto batch = std::make_shared<Batch>();
  BatchFields fields;
  if (settings_.idempotent) {
    batch->sequence = lane.next_sequence;
    fields.producer_id = producer_id_;
    fields.producer_epoch = producer_epoch_;
    fields.base_sequence = batch->sequence;
  }
  BatchBuilder builder(fields);
  const int64_t count = draw().between(1, 3);
  for (int64_t i = 0; i < count; ++i) {
    const RecordId id{number_, lane.next_number++};
    batch->ids.push_back(id);
    const size_t padding = static_cast<size_t>(draw().one_in(30) ? draw().between(500, 3000) : draw().between(0, 60));
    const std::vector<uint8_t> value = encode_value(id, padding);
    builder.add(loop_.wall_now().ms, std::nullopt, Bytes(value));
  }
  lane.next_sequence += static_cast<int32_t>(count);
  batch->bytes = builder.build();
  lane.batches.push_back(std::move(batch));
}

void Producer::send_more(int partition) {
  Lane& lane = lanes_[partition];
  if (lane.pausing || (lane.recovering && lane.in_flight > 0) || lane.batches.empty()) return;
  const int leader = leader_of(partition);
  if (leader == 0) return send_after_pause(partition);
  // What is in flight at one broker is answered before another one is asked: else the second could be given a later batch first.
  if (lane.in_flight > 0 && leader != lane.leader) return;
  lane.leader = leader;
  lane.recovering = false;
  for (const BatchPtr& batch : lane.batches) {
    if (lane.in_flight >= settings_.in_flight_max) return;
    if (!batch->in_flight) send_batch(partition, batch);
  }
}

void Producer::send_batch(int partition, const BatchPtr& batch) {
  if (batch->sends++ == 0) {
    for (const RecordId id : batch->ids) history_.on_first_send(name_of(partition), id, settings_.idempotent);
  } else {
    ++resent_;
  }
  batch->in_flight = true;
  batch->sent_in = settings_.leads(name_of(partition), lanes_[partition].leader);
  ++lanes_[partition].in_flight;
  using Topic = ProduceRequest::TopicProduceData;
  ProduceRequest request;
  request.acks = settings_.idempotent ? int16_t{-1} : int16_t{1};
  request.timeout_ms = 5000;
  std::vector<Topic::PartitionProduceData> partitions(1);
  partitions[0].index = PartitionIndex(partition);
  partitions[0].records.bytes = Bytes(batch->bytes);
  std::vector<Topic> topics(1);
  topics[0].name = shape_.topic;
  topics[0].partition_data = partitions;
  request.topic_data = topics;
  send<ProduceResponse>(connection(lanes_[partition].leader), request, 9, [this, partition, batch](Result<Answer<ProduceResponse>> answer) {
    if (!answer) return on_answer(partition, batch, answer.code(), {});
    const auto& told = answer->message.responses[0].partition_responses[0];
    on_answer(partition, batch, told.error_code, told.base_offset);
  });
}

void Producer::on_answer(int partition, const BatchPtr& batch, ErrorCode error, Offset base) {
  Lane& lane = lanes_[partition];
  batch->in_flight = false;
  --lane.in_flight;
  if (std::find(lane.batches.begin(), lane.batches.end(), batch) == lane.batches.end()) {  // of an id that was given up
    if (lane.in_flight == 0) send_after_pause(partition);
    return;
  }
  switch (error) {
    case ErrorCode::NONE:
    case ErrorCode::DUPLICATE_SEQUENCE_NUMBER: acknowledge(partition, batch, error == ErrorCode::NONE ? base : Offset()); break;
    case ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER:
    case ErrorCode::UNKNOWN_PRODUCER_ID:
      // Who was deposed and does not know it yet does not know the last batches either.
      if (lane.batches.front() != batch || batch->sent_in.value < 0 || settings_.leads(name_of(partition), lane.leader) != batch->sent_in) {
        lane.recovering = true;
        refresh();
        break;
      }
      return on_sequence_refused(partition, batch, error);
    case ErrorCode::INVALID_PRODUCER_EPOCH:
    case ErrorCode::CORRUPT_MESSAGE:
    case ErrorCode::INVALID_RECORD:
    case ErrorCode::UNKNOWN_SERVER_ERROR:
      history_.violated(fmt::format("{}: {} was refused with {}", name_of(partition).str(), batch->ids.front().str(), name(error)));
      break;
    default:
      lane.recovering = true;
      refresh();
      break;
  }
  if (!lane.recovering) return send_more(partition);
  if (lane.in_flight == 0) send_after_pause(partition);
}

// All before it are acknowledged. If it was sent before, with others behind it, it may have been appended: a broker that has loaded its state from a
// snapshot remembers only the last batch of a producer (the file has room for one), as Kafka's does, and takes an older one for a gap. A client begins
// anew then; what became of its unanswered batches it cannot know.
void Producer::on_sequence_refused(int partition, const BatchPtr& batch, ErrorCode error) {
  if (batch->sends == 1 || settings_.in_flight_max == 1)
    return history_.violated(fmt::format("{}: {} was refused with {}, although all before it are acknowledged", name_of(partition).str(),
                                         batch->ids.front().str(), name(error)));
  ++ids_given_up_;
  for (auto& [index, lane] : lanes_) {
    lane.batches.clear();
    lane.next_sequence = 0;
  }
  producer_id_ = {};
  obtain_id();
}

void Producer::send_after_pause(int partition) {
  if (std::exchange(lanes_[partition].pausing, true)) return;
  loop_.call_after(draw().span(Duration::millis(20), Duration::millis(400)), [this, partition] {
    lanes_[partition].pausing = false;
    send_more(partition);
  });
}

void Producer::acknowledge(int partition, const BatchPtr& batch, Offset base) {
  for (size_t i = 0; i < batch->ids.size(); ++i)
    history_.on_acknowledged(name_of(partition), batch->ids[i], base.value < 0 ? base : base + static_cast<int64_t>(i), settings_.idempotent);
  std::erase(lanes_[partition].batches, batch);
}

// --- Reader

Reader::Reader(Agenda& agenda, Network& network, const ClusterShape& shape, int id, History& history) : Client(agenda, network, shape, id), history_(history) {
  for (int i = 0; i < shape.partitions; ++i) positions_[i] = Offset(0);
}

Reader::~Reader() { loop_.stop(); }

void Reader::start() {
  loop_.post([this] {
    for (const auto& [partition, position] : positions_) fetch(partition);
  });
}

void Reader::fetch_later(int partition, Duration pause) {
  loop_.call_after(pause, [this, partition] { fetch(partition); });
}

void Reader::fetch(int partition) {
  const int leader = leader_of(partition);
  if (leader == 0) return fetch_later(partition, Duration::millis(200));
  fetch_from(leader, partition, positions_[partition], 1 << 16, false, [this, partition, leader](Result<Answer<FetchResponse>> answer) {
    const ErrorCode error = !answer ? answer.code() : answer->message.responses.empty() ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                                                                                       : answer->message.responses[0].partitions[0].error_code;
    if (error == ErrorCode::OFFSET_OUT_OF_RANGE)
      history_.violated(fmt::format("{}: a consumer at offset {} is out of range at broker {}", name_of(partition).str(), positions_[partition].value, leader));
    if (error != ErrorCode::NONE) {
      refresh();
      return fetch_later(partition, draw().span(Duration::millis(50), Duration::millis(500)));
    }
    on_records(partition, answer->message.responses[0].partitions[0].records.bytes.value_or(Bytes()));
    fetch_later(partition, draw().span(Duration::millis(1), Duration::millis(200)));
  });
}

void Reader::on_records(int partition, Bytes records) {
  BatchCursor cursor(records);
  while (const auto batch = cursor.next()) {
    if (batch->next_offset() <= positions_[partition]) continue;
    history_.on_committed_batch(name_of(partition), batch->bytes(), host());
    positions_[partition] = batch->next_offset();
  }
}

}  // namespace quokka::simulation
