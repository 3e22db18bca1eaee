// librdkafka's transactional producer as these tests use it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "integration-tests/clients/kafka_client.h"

namespace quokka {

// Every call waits for its answer, within client_timeout_ms. What fails throws, unless the result says what became of it.
class TransactionalClient {
 public:
  // `id`: the transactional id. Fences whoever had it before.
  TransactionalClient(const std::string& bootstrap, const std::string& id, const ClientKeys& keys = {});

  void begin();
  void send(const std::string& topic, int32_t partition, const std::string& value);
  // Waits until all that was sent is acknowledged.
  void flush();
  void send_offsets(RdKafka::KafkaConsumer& consumer);
  void commit();
  void abort();
  // The error of the commit: ERR_NO_ERROR, ERR__FENCED, ... An abortable one is left to the caller.
  RdKafka::ErrorCode try_commit();

 private:
  struct Ignored final : RdKafka::DeliveryReportCb {
    void dr_cb(RdKafka::Message&) override {}
  };
  Ignored deliveries_;
  std::unique_ptr<RdKafka::Producer> producer_;
};

// A member of a group that reads committed records only and commits its offsets by transactions.
std::unique_ptr<RdKafka::KafkaConsumer> make_committed_consumer(const std::string& bootstrap, const std::string& group, const std::string& topic,
                                                                const ClientKeys& more = {});

// The values of a topic, in the order of partitions and offsets.
std::vector<std::string> committed_values(const std::string& bootstrap, const std::string& topic, int32_t partitions = 1);
std::vector<std::string> all_values(const std::string& bootstrap, const std::string& topic, int32_t partitions = 1);

}  // namespace quokka
