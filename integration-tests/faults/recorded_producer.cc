#include "integration-tests/faults/recorded_producer.h"

#include <limits>

#include "integration-tests/faults/workload.h"

namespace quokka {

RecordedProducer::RecordedProducer(Options options, std::function<void(const Send&)> on_acknowledged)
    : options_(std::move(options)), on_acknowledged_(std::move(on_acknowledged)) {
  open();
}

void RecordedProducer::open() {
  if (producer_) producer_->flush(1000);
  producer_.reset();
  producer_ = make_producer(options_.bootstrap, with_debug(options_.keys), *this);
}

void RecordedProducer::poll(int timeout_ms) {
  producer_->poll(timeout_ms);
  std::string words;
  if (producer_->fatal_error(words) != RdKafka::ERR_NO_ERROR) open();
}

void RecordedProducer::finish(int timeout_ms) {
  producer_->flush(timeout_ms);
  producer_.reset();
}

bool RecordedProducer::send(const Outgoing& record) {
  Send send;
  send.id = {options_.number, static_cast<int64_t>(sends_.size())};
  send.partition = record.partition;
  send.invoked_ns = monotonic_ns();
  send.completed_ns = std::numeric_limits<int64_t>::max();
  std::string payload = encode_payload({options_.run, send.id, send.partition}, record.is_tombstone ? Payload::bytes_min : options_.record_bytes);
  RdKafka::Headers* headers = nullptr;
  if (record.is_tombstone) {
    headers = RdKafka::Headers::create();
    headers->add(payload_header, payload.data(), payload.size());
  }
  const RdKafka::ErrorCode error = producer_->produce(
      record.topic, record.partition, RdKafka::Producer::RK_MSG_COPY, record.is_tombstone ? nullptr : payload.data(), record.is_tombstone ? 0 : payload.size(),
      record.key ? record.key->data() : nullptr, record.key ? record.key->size() : 0, 0, headers, reinterpret_cast<void*>(static_cast<intptr_t>(send.id.sequence)));
  if (error != RdKafka::ERR_NO_ERROR) {
    delete headers;
    return false;
  }
  sends_.push_back(send);
  return true;
}

void RecordedProducer::dr_cb(RdKafka::Message& message) {
  Send& send = sends_[static_cast<size_t>(reinterpret_cast<intptr_t>(message.msg_opaque()))];
  send.completed_ns = monotonic_ns();
  if (message.err() == RdKafka::ERR_NO_ERROR) {
    send.outcome = Outcome::acknowledged;
    send.offset = message.offset();
    on_acknowledged_(send);
  } else if (message.status() == RdKafka::Message::MSG_STATUS_NOT_PERSISTED) {
    send.outcome = Outcome::failed;
  }
}

}  // namespace quokka
