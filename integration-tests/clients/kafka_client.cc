#include "integration-tests/clients/kafka_client.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>

#include <chrono>
#include <stdexcept>

#include "integration-tests/cluster/local_cluster.h"

namespace quokka {
namespace {

using Clock = std::chrono::steady_clock;

std::unique_ptr<RdKafka::Conf> configuration(const std::string& bootstrap, const ClientKeys& keys) {
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  // A test's cluster comes and goes: look again soon, and do not print what is expected.
  ClientKeys all = {{"bootstrap.servers", bootstrap}, {"reconnect.backoff.ms", "20"}, {"reconnect.backoff.max.ms", "200"},
                    {"retry.backoff.ms", "50"},       {"log_level", "2"},             {"topic.metadata.refresh.fast.interval.ms", "50"}};
  for (const auto& [key, value] : keys) all[key] = value;
  std::string error;
  for (const auto& [key, value] : all)
    if (conf->set(key, value, error) != RdKafka::Conf::CONF_OK) throw std::runtime_error(error);
  return conf;
}

void require(RdKafka::ErrorCode error, const std::string& what) {
  if (error != RdKafka::ERR_NO_ERROR) throw std::runtime_error(what + ": " + RdKafka::err2str(error));
}

KafkaRecord record_of(RdKafka::Message& message) {
  KafkaRecord record;
  record.partition = message.partition();
  record.offset = message.offset();
  record.timestamp_ms = message.timestamp().timestamp;
  if (message.key_pointer()) record.key.emplace(static_cast<const char*>(message.key_pointer()), message.key_len());
  if (message.payload()) record.value.emplace(static_cast<const char*>(message.payload()), message.len());
  if (RdKafka::Headers* headers = message.headers()) {
    for (const RdKafka::Headers::Header& header : headers->get_all()) {
      std::optional<std::string> value;
      if (header.value()) value.emplace(static_cast<const char*>(header.value()), header.value_size());
      record.headers.emplace_back(header.key(), std::move(value));
    }
  }
  return record;
}

// One answer of the administration API, freed with everything in it.
class AdminCall {
 public:
  AdminCall(RdKafka::Handle& handle, rd_kafka_admin_op_t operation) : handle_(handle.c_ptr()) {
    queue_ = rd_kafka_queue_new(handle_);
    options_ = rd_kafka_AdminOptions_new(handle_, operation);
    char error[256];
    rd_kafka_AdminOptions_set_request_timeout(options_, client_timeout_ms, error, sizeof error);
    if (operation != RD_KAFKA_ADMIN_OP_ANY) rd_kafka_AdminOptions_set_operation_timeout(options_, client_timeout_ms / 2, error, sizeof error);
  }
  ~AdminCall() {
    if (event_) rd_kafka_event_destroy(event_);
    rd_kafka_AdminOptions_destroy(options_);
    rd_kafka_queue_destroy(queue_);
  }
  AdminCall(const AdminCall&) = delete;
  AdminCall& operator=(const AdminCall&) = delete;

  rd_kafka_t* handle() const { return handle_; }
  rd_kafka_queue_t* queue() const { return queue_; }
  const rd_kafka_AdminOptions_t* options() const { return options_; }
  rd_kafka_event_t* wait() {
    event_ = rd_kafka_queue_poll(queue_, client_timeout_ms + 5000);
    if (!event_) throw std::runtime_error("no answer to an administration request");
    return event_;
  }

 private:
  rd_kafka_t* handle_;
  rd_kafka_queue_t* queue_;
  rd_kafka_AdminOptions_t* options_;
  rd_kafka_event_t* event_ = nullptr;
};

RdKafka::ErrorCode error_of(const rd_kafka_topic_result_t** topics, size_t count, rd_kafka_event_t* event) {
  // The same numbers in C and C++.
  if (const rd_kafka_resp_err_t error = rd_kafka_event_error(event)) return static_cast<RdKafka::ErrorCode>(error);
  return count == 1 ? static_cast<RdKafka::ErrorCode>(rd_kafka_topic_result_error(topics[0])) : RdKafka::ERR__BAD_MSG;
}

// The offset of a partition at a time as ListOffsets means it, from its leader. Not query_watermark_offsets(), which waits for ever for a broker that was
// killed while it was asked.
constexpr int64_t earliest = -2, latest = -1;
RdKafka::ErrorCode query_offset(RdKafka::Handle& handle, const std::string& topic, int32_t partition, int64_t time, int timeout_ms, int64_t& offset) {
  const std::unique_ptr<RdKafka::TopicPartition> asked(RdKafka::TopicPartition::create(topic, partition, time));
  std::vector<RdKafka::TopicPartition*> partitions{asked.get()};
  const RdKafka::ErrorCode error = handle.offsetsForTimes(partitions, timeout_ms);
  offset = asked->offset();
  return error == RdKafka::ERR_NO_ERROR ? asked->err() : error;
}

// The ends of partitions as their leaders know them. A leader that was just elected does not know yet what is committed and says so, in an error. After
// an error a new client asks: librdkafka remembers for minutes who led, and goes on asking that broker.
std::vector<int64_t> end_offsets(const std::string& bootstrap, const std::string& topic, int32_t partitions, int timeout_ms) {
  auto admin = std::make_unique<KafkaAdmin>(bootstrap);
  std::vector<int64_t> ends;
  for (int32_t partition = 0; partition < partitions; ++partition) {
    int64_t end = -1;
    RdKafka::ErrorCode error = RdKafka::ERR_NO_ERROR;
    eventually(timeout_ms, [&] {
      error = query_offset(admin->handle(), topic, partition, latest, timeout_ms, end);
      if (error != RdKafka::ERR_NO_ERROR) admin = std::make_unique<KafkaAdmin>(bootstrap);
      return error == RdKafka::ERR_NO_ERROR;
    });
    require(error, "the end of " + topic);
    ends.push_back(end);
  }
  return ends;
}

}  // namespace

std::unique_ptr<RdKafka::Producer> make_producer(const std::string& bootstrap, const ClientKeys& keys, RdKafka::DeliveryReportCb& on_delivery) {
  std::string error;
  std::unique_ptr<RdKafka::Conf> conf = configuration(bootstrap, keys);
  if (conf->set("dr_cb", &on_delivery, error) != RdKafka::Conf::CONF_OK) throw std::runtime_error(error);
  std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(conf.get(), error));
  if (!producer) throw std::runtime_error(error);
  return producer;
}

KafkaProducer::KafkaProducer(const std::string& bootstrap, const ClientKeys& keys) : producer_(make_producer(bootstrap, keys, *this)) {}

void KafkaProducer::dr_cb(RdKafka::Message& message) { deliveries_.push_back({message.partition(), message.offset(), message.err()}); }

void KafkaProducer::send(const std::string& topic, const KafkaRecord& record) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(client_timeout_ms);
  for (;;) {
    RdKafka::Headers* headers = nullptr;
    if (!record.headers.empty()) {
      headers = RdKafka::Headers::create();
      for (const auto& [key, value] : record.headers) headers->add(key, value ? value->data() : nullptr, value ? value->size() : 0);
    }
    const RdKafka::ErrorCode error = producer_->produce(
        topic, record.partition, RdKafka::Producer::RK_MSG_COPY, record.value ? const_cast<char*>(record.value->data()) : nullptr,
        record.value ? record.value->size() : 0, record.key ? record.key->data() : nullptr, record.key ? record.key->size() : 0,
        record.timestamp_ms, headers, nullptr);
    if (error != RdKafka::ERR_NO_ERROR) delete headers;
    if (error == RdKafka::ERR__QUEUE_FULL && Clock::now() < deadline) {
      producer_->poll(50);
      continue;
    }
    require(error, "sending to " + topic);
    ++sent_;
    if (sent_ % 1000 == 0) producer_->poll(0);
    return;
  }
}

void KafkaProducer::send(const std::string& topic, int32_t partition, std::string value) {
  KafkaRecord record;
  record.partition = partition;
  record.value = std::move(value);
  send(topic, record);
}

const std::vector<Delivery>& KafkaProducer::flush(int timeout_ms) {
  require(producer_->flush(timeout_ms), "waiting for records to be acknowledged");
  if (deliveries_.size() != sent_)
    throw std::runtime_error(std::to_string(sent_) + " records sent, " + std::to_string(deliveries_.size()) + " decided");
  return deliveries_;
}

void KafkaProducer::flush_all_delivered(int timeout_ms) {
  for (const Delivery& delivery : flush(timeout_ms)) require(delivery.error, "a record for partition " + std::to_string(delivery.partition));
}

namespace {

// Partitions [0, partitions) of a topic, fetched into one queue.
class TopicReader {
 public:
  TopicReader(const std::string& bootstrap, const std::string& topic, int32_t partitions, int64_t start, const ClientKeys& keys, int timeout_ms)
      : partitions_(partitions) {
    std::string error;
    std::unique_ptr<RdKafka::Conf> conf = configuration(bootstrap, keys);
    consumer_.reset(RdKafka::Consumer::create(conf.get(), error));
    if (!consumer_) throw std::runtime_error(error);
    topic_.reset(RdKafka::Topic::create(consumer_.get(), topic, nullptr, error));
    // Asked for, the leaders are known at once; else librdkafka looks for them once a second.
    RdKafka::Metadata* leaders = nullptr;
    require(consumer_->metadata(false, topic_.get(), &leaders, timeout_ms), "reading " + topic);
    delete leaders;
    queue_.reset(RdKafka::Queue::create(consumer_.get()));
    for (int32_t partition = 0; partition < partitions_; ++partition)
      require(consumer_->start(topic_.get(), partition, start, queue_.get()), "reading " + topic);
  }
  ~TopicReader() {
    for (int32_t partition = 0; partition < partitions_; ++partition) consumer_->stop(topic_.get(), partition);
  }
  TopicReader(const TopicReader&) = delete;
  TopicReader& operator=(const TopicReader&) = delete;

  std::unique_ptr<RdKafka::Message> next() { return std::unique_ptr<RdKafka::Message>(consumer_->consume(queue_.get(), 100)); }

 private:
  const int32_t partitions_;
  std::unique_ptr<RdKafka::Consumer> consumer_;
  std::unique_ptr<RdKafka::Topic> topic_;
  std::unique_ptr<RdKafka::Queue> queue_;
};

}  // namespace

void read_topic(const std::string& bootstrap, const std::string& topic, int32_t partitions, int64_t start,
                const std::function<void(RdKafka::Message&)>& on_record, const ClientKeys& keys, int timeout_ms) {
  ClientKeys all = {{"enable.partition.eof", "true"}, {"fetch.wait.max.ms", "20"}};  // an end is noticed by a fetch that waited in vain
  all.insert(keys.begin(), keys.end());
  TopicReader reader(bootstrap, topic, partitions, start, all, timeout_ms);
  // A consumer that has read all that is known to be committed is told "end", which a new leader may say too early.
  const std::vector<int64_t> ends = end_offsets(bootstrap, topic, partitions, timeout_ms);
  std::vector<bool> at_end(static_cast<size_t>(partitions), false);
  int32_t ended = 0;
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (ended < partitions && Clock::now() < deadline) {
    std::unique_ptr<RdKafka::Message> message = reader.next();
    if (message->err() == RdKafka::ERR__PARTITION_EOF) {
      const size_t partition = static_cast<size_t>(message->partition());
      if (message->offset() < ends[partition]) continue;
      auto end = at_end[partition];
      if (!end) ++ended;
      end = true;
    } else if (message->err() == RdKafka::ERR_NO_ERROR) {
      on_record(*message);
    } else if (message->err() != RdKafka::ERR__TIMED_OUT) {
      throw std::runtime_error("reading " + topic + ": " + message->errstr());
    }
  }
  if (ended < partitions)
    throw std::runtime_error("reading " + topic + ": only " + std::to_string(ended) + " of " + std::to_string(partitions) + " partitions to their ends in " +
                             std::to_string(timeout_ms) + " ms");
}

void follow_topic(const std::string& bootstrap, const std::string& topic, int32_t partitions, const ClientKeys& keys, const std::atomic<bool>& enough,
                  const std::function<void(RdKafka::Message&)>& on_record) {
  ClientKeys all = {{"auto.offset.reset", "earliest"}};  // so that going back shows in what is read
  all.insert(keys.begin(), keys.end());
  TopicReader reader(bootstrap, topic, partitions, RdKafka::Topic::OFFSET_BEGINNING, all, client_timeout_ms);
  while (!enough) {
    std::unique_ptr<RdKafka::Message> message = reader.next();
    if (message->err() == RdKafka::ERR_NO_ERROR) on_record(*message);
  }
}

std::vector<KafkaRecord> records_of(const std::string& bootstrap, const std::string& topic, int32_t partitions, int64_t start, const ClientKeys& keys) {
  std::vector<KafkaRecord> records;
  read_topic(bootstrap, topic, partitions, start, [&](RdKafka::Message& message) { records.push_back(record_of(message)); }, keys);
  return records;
}

KafkaAdmin::KafkaAdmin(const std::string& bootstrap, const ClientKeys& keys) {
  std::string error;
  handle_.reset(RdKafka::Producer::create(configuration(bootstrap, keys).get(), error));
  if (!handle_) throw std::runtime_error(error);
}

std::unique_ptr<RdKafka::Metadata> KafkaAdmin::metadata(int timeout_ms) {
  RdKafka::Metadata* answer = nullptr;
  require(handle_->metadata(true, nullptr, &answer, timeout_ms), "metadata");
  return std::unique_ptr<RdKafka::Metadata>(answer);
}

std::pair<int64_t, int64_t> KafkaAdmin::watermarks(const std::string& topic, int32_t partition) {
  std::pair<int64_t, int64_t> offsets;
  require(query_offset(*handle_, topic, partition, earliest, client_timeout_ms, offsets.first), "the begin of " + topic);
  require(query_offset(*handle_, topic, partition, latest, client_timeout_ms, offsets.second), "the end of " + topic);
  return offsets;
}

int64_t KafkaAdmin::offset_at(const std::string& topic, int32_t partition, int64_t timestamp_ms) {
  std::unique_ptr<RdKafka::TopicPartition> asked(RdKafka::TopicPartition::create(topic, partition, timestamp_ms));
  std::vector<RdKafka::TopicPartition*> all = {asked.get()};
  require(handle_->offsetsForTimes(all, client_timeout_ms), "offsets of " + topic + " by time");
  require(asked->err(), "offset of " + topic + " by time");
  return asked->offset();
}

namespace {
// Waits for what is asked of one topic.
template <class Outcome>
RdKafka::ErrorCode finish(AdminCall& call, const Outcome* (*outcome_of)(rd_kafka_event_t*), const rd_kafka_topic_result_t** (*topics_of)(const Outcome*, size_t*)) {
  rd_kafka_event_t* event = call.wait();
  size_t count = 0;
  const rd_kafka_topic_result_t** topics = topics_of(outcome_of(event), &count);
  return error_of(topics, count, event);
}
}  // namespace

RdKafka::ErrorCode KafkaAdmin::create_topic(const std::string& topic, int partitions, int replication_factor, const ClientKeys& configs) {
  char text[256] = "";
  rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic.c_str(), partitions, replication_factor, text, sizeof text);
  if (!wanted) throw std::runtime_error(text);
  for (const auto& [key, value] : configs) rd_kafka_NewTopic_set_config(wanted, key.c_str(), value.c_str());
  AdminCall call(*handle_, RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_CreateTopics(call.handle(), &wanted, 1, call.options(), call.queue());
  rd_kafka_NewTopic_destroy(wanted);
  return finish(call, rd_kafka_event_CreateTopics_result, rd_kafka_CreateTopics_result_topics);
}

RdKafka::ErrorCode KafkaAdmin::delete_topic(const std::string& topic) {
  rd_kafka_DeleteTopic_t* unwanted = rd_kafka_DeleteTopic_new(topic.c_str());
  AdminCall call(*handle_, RD_KAFKA_ADMIN_OP_DELETETOPICS);
  rd_kafka_DeleteTopics(call.handle(), &unwanted, 1, call.options(), call.queue());
  rd_kafka_DeleteTopic_destroy(unwanted);
  return finish(call, rd_kafka_event_DeleteTopics_result, rd_kafka_DeleteTopics_result_topics);
}

RdKafka::ErrorCode KafkaAdmin::add_partitions(const std::string& topic, size_t partitions) {
  char text[256] = "";
  rd_kafka_NewPartitions_t* wanted = rd_kafka_NewPartitions_new(topic.c_str(), partitions, text, sizeof text);
  if (!wanted) throw std::runtime_error(text);
  AdminCall call(*handle_, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS);
  rd_kafka_CreatePartitions(call.handle(), &wanted, 1, call.options(), call.queue());
  rd_kafka_NewPartitions_destroy(wanted);
  return finish(call, rd_kafka_event_CreatePartitions_result, rd_kafka_CreatePartitions_result_topics);
}

void KafkaAdmin::create_topic_and_wait(const std::string& topic, int partitions, int replication_factor, const ClientKeys& configs) {
  require(create_topic(topic, partitions, replication_factor, configs), "creating " + topic);
  const auto complete = [&] {
    const std::unique_ptr<RdKafka::Metadata> answer = metadata();
    for (const RdKafka::TopicMetadata* seen : *answer->topics()) {
      if (seen->topic() != topic || seen->partitions()->size() != static_cast<size_t>(partitions)) continue;
      for (const RdKafka::PartitionMetadata* partition : *seen->partitions())
        if (partition->leader() < 0 || partition->isrs()->size() != static_cast<size_t>(replication_factor)) return false;
      return true;
    }
    return false;
  };
  if (!eventually(client_timeout_ms, complete)) throw std::runtime_error(topic + " was created but is not complete in the metadata");
}

int64_t KafkaAdmin::delete_records(const std::string& topic, int32_t partition, int64_t before) {
  rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(offsets, topic.c_str(), partition)->offset = before;
  rd_kafka_DeleteRecords_t* unwanted = rd_kafka_DeleteRecords_new(offsets);
  rd_kafka_topic_partition_list_destroy(offsets);
  AdminCall call(*handle_, RD_KAFKA_ADMIN_OP_DELETERECORDS);
  rd_kafka_DeleteRecords(call.handle(), &unwanted, 1, call.options(), call.queue());
  rd_kafka_DeleteRecords_destroy(unwanted);
  rd_kafka_event_t* event = call.wait();
  if (rd_kafka_event_error(event)) throw std::runtime_error(std::string("deleting records: ") + rd_kafka_event_error_string(event));
  const rd_kafka_topic_partition_list_t* answered = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
  if (answered->elems[0].err) throw std::runtime_error(std::string("deleting records: ") + rd_kafka_err2str(answered->elems[0].err));
  return answered->elems[0].offset;
}

std::string kcat(const std::string& words) {
  FILE* pipe = ::popen(("kcat " + words + " 2>&1").c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot run kcat");
  std::string output;
  char buffer[4096];
  for (size_t got = 0; (got = ::fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, got);
  if (::pclose(pipe) != 0) throw std::runtime_error("kcat " + words + " failed: " + output);
  return output;
}

}  // namespace quokka
