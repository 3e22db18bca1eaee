#include "integration-tests/clients/transactional_client.h"

#include <algorithm>
#include <stdexcept>

#include "integration-tests/clients/group_member.h"

namespace quokka {

namespace {

RdKafka::ErrorCode code_of(RdKafka::Error* error) {
  const std::unique_ptr<RdKafka::Error> owned(error);
  return owned ? owned->code() : RdKafka::ERR_NO_ERROR;
}

void require(RdKafka::Error* error, const std::string& what) {
  const std::unique_ptr<RdKafka::Error> owned(error);
  if (owned) throw std::runtime_error(what + ": " + owned->str());
}

std::vector<std::string> values_of(const std::string& bootstrap, const std::string& topic, int32_t partitions, const std::string& isolation) {
  std::vector<KafkaRecord> records = records_of(bootstrap, topic, partitions, RdKafka::Topic::OFFSET_BEGINNING, {{"isolation.level", isolation}});
  std::stable_sort(records.begin(), records.end(), [](const KafkaRecord& a, const KafkaRecord& b) { return a.partition < b.partition; });
  std::vector<std::string> values;
  for (const KafkaRecord& each : records) values.push_back(each.value.value_or(""));
  return values;
}

}  // namespace

TransactionalClient::TransactionalClient(const std::string& bootstrap, const std::string& id, const ClientKeys& keys) {
  ClientKeys all = {{"transactional.id", id}, {"linger.ms", "1"}};
  for (const auto& [key, value] : keys) all[key] = value;
  producer_ = make_producer(bootstrap, all, deliveries_);
  require(producer_->init_transactions(client_timeout_ms), "init_transactions");
}

void TransactionalClient::begin() { require(producer_->begin_transaction(), "begin_transaction"); }

void TransactionalClient::send(const std::string& topic, int32_t partition, const std::string& value) {
  const RdKafka::ErrorCode error = producer_->produce(topic, partition, RdKafka::Producer::RK_MSG_COPY, const_cast<char*>(value.data()), value.size(),
                                                      nullptr, 0, 0, nullptr, nullptr);
  if (error != RdKafka::ERR_NO_ERROR) throw std::runtime_error("sending to " + topic + ": " + RdKafka::err2str(error));
}

void TransactionalClient::flush() {
  if (producer_->flush(client_timeout_ms) != RdKafka::ERR_NO_ERROR) throw std::runtime_error("records of a transaction are not acknowledged");
}

void TransactionalClient::send_offsets(RdKafka::KafkaConsumer& consumer) {
  std::vector<RdKafka::TopicPartition*> positions;
  consumer.assignment(positions);
  consumer.position(positions);
  std::erase_if(positions, [](const RdKafka::TopicPartition* each) { return each->offset() < 0; });
  const std::unique_ptr<RdKafka::ConsumerGroupMetadata> group(consumer.groupMetadata());
  RdKafka::Error* error = producer_->send_offsets_to_transaction(positions, group.get(), client_timeout_ms);
  RdKafka::TopicPartition::destroy(positions);
  require(error, "send_offsets_to_transaction");
}

void TransactionalClient::commit() { require(producer_->commit_transaction(client_timeout_ms), "commit_transaction"); }

void TransactionalClient::abort() { require(producer_->abort_transaction(client_timeout_ms), "abort_transaction"); }

RdKafka::ErrorCode TransactionalClient::try_commit() { return code_of(producer_->commit_transaction(client_timeout_ms)); }

std::unique_ptr<RdKafka::KafkaConsumer> make_committed_consumer(const std::string& bootstrap, const std::string& group, const std::string& topic,
                                                                const ClientKeys& more) {
  ClientKeys keys = {{"isolation.level", "read_committed"}};
  for (const auto& [key, value] : more) keys[key] = value;
  std::unique_ptr<RdKafka::KafkaConsumer> consumer = make_group_consumer(bootstrap, group, keys);
  if (consumer->subscribe({topic}) != RdKafka::ERR_NO_ERROR) throw std::runtime_error("subscribing to " + topic);
  return consumer;
}

std::vector<std::string> committed_values(const std::string& bootstrap, const std::string& topic, int32_t partitions) {
  return values_of(bootstrap, topic, partitions, "read_committed");
}

std::vector<std::string> all_values(const std::string& bootstrap, const std::string& topic, int32_t partitions) {
  return values_of(bootstrap, topic, partitions, "read_uncommitted");
}

}  // namespace quokka
