#include "integration-tests/clients/group_member.h"

#include <librdkafka/rdkafka.h>

#include <cstring>
#include <stdexcept>

namespace quokka {

std::unique_ptr<RdKafka::KafkaConsumer> make_group_consumer(const std::string& bootstrap, const std::string& group, const ClientKeys& keys,
                                                            RdKafka::RebalanceCb* rebalances, RdKafka::SocketCb* sockets) {
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  ClientKeys all = {{"bootstrap.servers", bootstrap},    {"group.id", group},           {"enable.auto.commit", "false"},
                    {"auto.offset.reset", "earliest"},   {"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "500"},
                    {"reconnect.backoff.ms", "20"},      {"reconnect.backoff.max.ms", "200"}, {"retry.backoff.ms", "50"},
                    {"log_level", "2"},                  {"topic.metadata.refresh.fast.interval.ms", "50"}};
  for (const auto& [key, value] : keys) all[key] = value;
  std::string error;
  for (const auto& [key, value] : all)
    if (conf->set(key, value, error) != RdKafka::Conf::CONF_OK) throw std::runtime_error(error);
  if (rebalances != nullptr && conf->set("rebalance_cb", rebalances, error) != RdKafka::Conf::CONF_OK) throw std::runtime_error(error);
  if (sockets != nullptr && conf->set("socket_cb", sockets, error) != RdKafka::Conf::CONF_OK) throw std::runtime_error(error);
  std::unique_ptr<RdKafka::KafkaConsumer> consumer(RdKafka::KafkaConsumer::create(conf.get(), error));
  if (!consumer) throw std::runtime_error(error);
  return consumer;
}

// librdkafka tells the generation only to those who pass it on: group_metadata := "CGMDv2:" generation:int32 (the machine's order) ...
int32_t generation_of(RdKafka::KafkaConsumer& consumer) {
  constexpr std::string_view kMagic = "CGMDv2:";
  int32_t generation = -1;
  void* bytes = nullptr;
  size_t size = 0;
  rd_kafka_consumer_group_metadata_t* metadata = rd_kafka_consumer_group_metadata(consumer.c_ptr());
  rd_kafka_error_t* error = rd_kafka_consumer_group_metadata_write(metadata, &bytes, &size);
  if (error == nullptr && size >= kMagic.size() + sizeof generation && std::memcmp(bytes, kMagic.data(), kMagic.size()) == 0)
    std::memcpy(&generation, static_cast<const char*>(bytes) + kMagic.size(), sizeof generation);
  rd_kafka_mem_free(consumer.c_ptr(), bytes);
  rd_kafka_error_destroy(error);
  rd_kafka_consumer_group_metadata_destroy(metadata);
  return generation;
}

GroupMember::GroupMember(const std::string& bootstrap, const std::string& group, const std::string& topic, const ClientKeys& keys)
    : consumer_(make_group_consumer(bootstrap, group, keys, this)) {
  if (const RdKafka::ErrorCode error = consumer_->subscribe({topic}); error != RdKafka::ERR_NO_ERROR) throw std::runtime_error(RdKafka::err2str(error));
  thread_ = std::thread([this] { run(); });
}

GroupMember::~GroupMember() { leave(); }

void GroupMember::leave() {
  stopping_.store(true);
  if (thread_.joinable()) thread_.join();
  consumer_.reset();
}

void GroupMember::run() {
  while (!stopping_.load()) {
    const std::unique_ptr<RdKafka::Message> message(consumer_->consume(50));
    if (message->err() != RdKafka::ERR_NO_ERROR) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (message->err() != RdKafka::ERR__TIMED_OUT) errors_.insert(message->err());
      continue;
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      values_[message->partition()].emplace_back(static_cast<const char*>(message->payload()), message->len());
    }
    const RdKafka::ErrorCode error = consumer_->commitSync(message.get());
    const std::lock_guard<std::mutex> lock(mutex_);
    if (error == RdKafka::ERR_NO_ERROR) committed_[message->partition()] = message->offset() + 1;
    else errors_.insert(error);
  }
  consumer_->close();
}

void GroupMember::rebalance_cb(RdKafka::KafkaConsumer* consumer, RdKafka::ErrorCode error, std::vector<RdKafka::TopicPartition*>& partitions) {
  const bool cooperative = consumer->rebalance_protocol() == "COOPERATIVE";
  const bool given = error == RdKafka::ERR__ASSIGN_PARTITIONS;
  ++rebalances_;
  const int32_t generation = given ? generation_of(*consumer) : -1;
  if (cooperative) {
    std::unique_ptr<RdKafka::Error> failed(given ? consumer->incremental_assign(partitions) : consumer->incremental_unassign(partitions));
  } else if (given) {
    consumer->assign(partitions);
  } else {
    consumer->unassign();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!cooperative) assignment_.clear();
  for (const RdKafka::TopicPartition* partition : partitions) {
    if (given) assignment_.insert(partition->partition());
    else assignment_.erase(partition->partition());
  }
  if (given) tenures_.push_back({generation, assignment_});
}

std::set<int32_t> GroupMember::assignment() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return assignment_;
}
std::vector<Tenure> GroupMember::tenures() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return tenures_;
}
std::set<RdKafka::ErrorCode> GroupMember::errors() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return errors_;
}
std::map<int32_t, std::vector<std::string>> GroupMember::values() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return values_;
}
std::map<int32_t, int64_t> GroupMember::committed() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return committed_;
}

std::map<int32_t, int64_t> committed_offsets(const std::string& bootstrap, const std::string& group, const std::string& topic, int32_t partitions) {
  const auto consumer = make_group_consumer(bootstrap, group, {});
  std::vector<std::unique_ptr<RdKafka::TopicPartition>> owned;
  std::vector<RdKafka::TopicPartition*> asked;
  for (int32_t partition = 0; partition < partitions; ++partition) {
    owned.emplace_back(RdKafka::TopicPartition::create(topic, partition));
    asked.push_back(owned.back().get());
  }
  if (const RdKafka::ErrorCode error = consumer->committed(asked, client_timeout_ms); error != RdKafka::ERR_NO_ERROR)
    throw std::runtime_error("committed offsets of " + group + ": " + RdKafka::err2str(error));
  std::map<int32_t, int64_t> offsets;
  for (const auto& each : owned) offsets[each->partition()] = each->offset();
  consumer->close();
  return offsets;
}

}  // namespace quokka
