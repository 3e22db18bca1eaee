#include "integration-tests/simulation/broker_server.h"

#include <array>
#include <deque>
#include <optional>

#include "broker/handlers/dispatch.h"
#include "broker/net/request_head.h"
#include "broker/net/request_order.h"
#include "protocol/base/log.h"

namespace quokka::simulation {

namespace {

constexpr Duration kStopDeadline = Duration::seconds(10);

ServedKeys keys_of_table() {
  ServedKeys keys;
  for (const HandledApi& api : handled_apis()) keys.insert(static_cast<int16_t>(api.key));
  return keys;
}

}  // namespace

struct BrokerServer::Exchange {
  std::weak_ptr<Connection> connection;
  Loop* loop = nullptr;
  Peer peer;
  std::vector<uint8_t> frame;
  RequestHead head;
  RequestOrder::Place place = 0;
  MonoTime arrived{};
};

class BrokerServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Outcome {
    enum class Kind { answer, nothing, close };
    Kind kind = Kind::answer;
    Response response;
  };

  Connection(BrokerServer& server, uint64_t id, Loop& loop, std::unique_ptr<Stream> stream, std::string peer)
      : server_(server), id_(id), loop_(loop), stream_(std::move(stream)), peer_(std::move(peer)) {}

  void read_more() {
    stream_->read_some(buffer_, [weak = weak_from_this()](Result<size_t> got) {
      const auto self = weak.lock();
      if (!self || !self->stream_) return;
      if (!got || *got == 0) return self->close();
      self->frame_.insert(self->frame_.end(), self->buffer_.begin(), self->buffer_.begin() + static_cast<std::ptrdiff_t>(*got));
      self->cut_frames();
      if (self->stream_ && !self->closing_) self->read_more();
    });
  }
  // Takes no more requests, answers those it has, closes.
  void drain() {
    closing_ = true;
    order_.drop_waiting();
    slots_.resize(order_.size());
    pump();
  }
  void close() {
    if (!stream_) return;
    stream_.reset();
    const auto keep = shared_from_this();
    server_.forget(id_);
  }

  void on_outcome(const std::shared_ptr<Exchange>& exchange, Outcome outcome) {
    if (!stream_) return;
    slots_[exchange->place - order_.first()].outcome = std::move(outcome);
    slots_[exchange->place - order_.first()].exchange = exchange;
    order_.on_finished(exchange->place);
    pump();
  }
  void on_hold(const Exchange& exchange) {
    if (stream_ && exchange.place >= order_.first()) order_.on_hold(exchange.place);
  }
  void on_allow(const Exchange& exchange) {
    if (!stream_) return;
    order_.on_allow(exchange.place);
    pump();
  }

 private:
  struct Slot {
    std::shared_ptr<Exchange> exchange;
    std::optional<Outcome> outcome;
  };

  void cut_frames();
  void pump();
  void deliver();
  void depart();
  bool append_answer(const Exchange& exchange, const Response& response);
  void write_more();

  BrokerServer& server_;
  const uint64_t id_;
  Loop& loop_;
  std::unique_ptr<Stream> stream_;  // none once closed
  const std::string peer_;
  std::vector<uint8_t> buffer_ = std::vector<uint8_t>(16 << 10);
  std::vector<uint8_t> frame_;
  RequestOrder order_;
  std::deque<Slot> slots_;
  std::vector<uint8_t> to_write_, being_written_;
  bool writing_ = false;
  bool pumping_ = false;
  bool closing_ = false;
};

class BrokerServer::ServedCall final : public Call {
 public:
  explicit ServedCall(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~ServedCall() override {
    if (!settled_) settle({Connection::Outcome::Kind::close, {}});
  }
  int16_t api_key() const override { return exchange_->head.api_key; }
  int16_t version() const override { return exchange_->head.version; }
  std::string_view client_id() const override { return exchange_->head.client_id; }
  MutableBytes body() override { return MutableBytes(exchange_->frame).subspan(exchange_->head.body_at); }
  Peer& peer() override { return exchange_->peer; }
  Loop& loop() override { return *exchange_->loop; }
  MonoTime arrived() const override { return exchange_->arrived; }
  void answer(Response response) override { settle({Connection::Outcome::Kind::answer, std::move(response)}); }
  void answer_nothing() override { settle({Connection::Outcome::Kind::nothing, {}}); }
  void close(std::string_view why) override {
    log_warn("a call of {} ends its connection: {}", exchange_->head.client_id, why);
    settle({Connection::Outcome::Kind::close, {}});
  }
  void hold_next() override {
    if (const auto connection = exchange_->connection.lock()) connection->on_hold(*exchange_);
  }
  void allow_next() override {
    exchange_->loop->post([exchange = exchange_] {
      if (const auto connection = exchange->connection.lock()) connection->on_allow(*exchange);
    });
  }

 private:
  void settle(Connection::Outcome outcome) {
    QUOKKA_CHECK(!settled_, "a call was answered twice");
    settled_ = true;
    exchange_->loop->post([exchange = exchange_, settled = std::move(outcome)]() mutable {
      if (const auto connection = exchange->connection.lock()) connection->on_outcome(exchange, std::move(settled));
    });
  }

  const std::shared_ptr<Exchange> exchange_;
  bool settled_ = false;
};

void BrokerServer::Connection::cut_frames() {
  size_t at = 0;
  while (stream_ && !closing_ && frame_.size() - at >= 4) {
    const auto length = static_cast<size_t>(load_be<int32_t>(frame_.data() + at));
    if (frame_.size() - at < 4 + length) break;
    auto exchange = std::make_shared<Exchange>();
    const auto begin = frame_.begin() + static_cast<std::ptrdiff_t>(at + 4);
    exchange->frame.assign(begin, begin + static_cast<std::ptrdiff_t>(length));
    at += 4 + length;
    const Result<RequestHead> head = parse_request_head(exchange->frame, server_.served_);
    QUOKKA_CHECK(head.ok(), head.ok() ? std::string() : head.error().message);
    exchange->head = *head;
    exchange->connection = weak_from_this();
    exchange->loop = &loop_;
    exchange->arrived = loop_.now();
    exchange->peer.address = peer_;
    exchange->peer.listener = server_.inter_broker_;
    exchange->peer.principal = "User:ANONYMOUS";
    exchange->peer.inter_broker = true;
    exchange->place = order_.on_arrived(head->api_key == kProduceKey);
    slots_.push_back({std::move(exchange), std::nullopt});
  }
  frame_.erase(frame_.begin(), frame_.begin() + static_cast<std::ptrdiff_t>(at));
  pump();
}

void BrokerServer::Connection::pump() {
  if (pumping_) return;
  const auto keep = shared_from_this();
  pumping_ = true;
  deliver();
  depart();
  pumping_ = false;
  if (stream_ && closing_ && order_.size() == 0 && !writing_ && to_write_.empty()) close();
}

void BrokerServer::Connection::deliver() {
  while (stream_) {
    const auto place = order_.next_delivery();
    if (!place) return;
    auto exchange = std::move(slots_[*place - order_.first()].exchange);
    server_.handler_->on_call(std::make_unique<ServedCall>(std::move(exchange)));
  }
}

void BrokerServer::Connection::depart() {
  while (stream_ && order_.next_departure()) {
    const Slot slot = std::move(slots_.front());
    slots_.pop_front();
    if (slot.outcome->kind == Outcome::Kind::close) return close();
    if (slot.outcome->kind == Outcome::Kind::answer && !append_answer(*slot.exchange, slot.outcome->response)) return close();
  }
  write_more();
  if (stream_) deliver();
}

// Slices are read when they are sent, as sendfile does: a log that was truncated meanwhile ends the connection.
bool BrokerServer::Connection::append_answer(const Exchange& exchange, const Response& response) {
  std::array<uint8_t, 9> header{};
  const size_t header_size = exchange.head.flexible_answer ? 9 : 8;
  store_be(header.data(), static_cast<int32_t>(header_size - 4 + response.body.size()));
  store_be(header.data() + 4, exchange.head.correlation_id);
  to_write_.insert(to_write_.end(), header.begin(), header.begin() + static_cast<std::ptrdiff_t>(header_size));
  auto slice = response.slices.begin();
  for (const Encoded::Chunk& chunk : response.body.chunks()) {
    if (chunk.hole_bytes == 0) {
      to_write_.insert(to_write_.end(), chunk.bytes.begin(), chunk.bytes.end());
      continue;
    }
    QUOKKA_CHECK(slice != response.slices.end() && static_cast<size_t>(slice->length) == chunk.hole_bytes, "a hole without its slice");
    const size_t from = to_write_.size();
    to_write_.resize(from + chunk.hole_bytes);
    const Result<size_t> got = slice->file->read_at(MutableBytes(to_write_).subspan(from), slice->position);
    if (!got || *got < chunk.hole_bytes) return false;
    ++slice;
  }
  return true;
}

void BrokerServer::Connection::write_more() {
  if (!stream_ || writing_ || to_write_.empty()) return;
  writing_ = true;
  being_written_ = std::move(to_write_);
  to_write_.clear();
  const Bytes piece(being_written_);
  stream_->write({&piece, 1}, [weak = weak_from_this()](Status status) {
    const auto self = weak.lock();
    if (!self || !self->stream_) return;
    self->writing_ = false;
    if (!status) return self->close();
    self->write_more();
    self->pump();
  });
}

BrokerServer::BrokerServer(Network& network, std::string host, std::vector<Loop*> loops)
    : network_(network), host_(std::move(host)), loops_(std::move(loops)), served_(keys_of_table()) {}

BrokerServer::~BrokerServer() = default;

Result<std::vector<ListenerEndpoint>> BrokerServer::listen(const Listeners& listeners, CallHandler& handler, Registry&) {
  handler_ = &handler;
  inter_broker_ = listeners.inter_broker;
  std::vector<ListenerEndpoint> told = listeners.advertised;
  for (ListenerEndpoint& each : told) {
    each.host = host_;
    each.port = kPort;
  }
  return told;
}

void BrokerServer::start() {
  network_.open_door(host_, {[this]() -> Loop& { return *loops_[next_loop_++ % loops_.size()]; },
                             [this](Loop& loop, std::unique_ptr<Stream> stream, const std::string& peer) { accept(loop, std::move(stream), peer); }});
}

void BrokerServer::accept(Loop& loop, std::unique_ptr<Stream> stream, const std::string& peer) {
  if (stopped_) return;
  const uint64_t id = next_connection_++;
  const auto connection = std::make_shared<Connection>(*this, id, loop, std::move(stream), peer);
  connections_.emplace(id, connection);
  connection->read_more();
}

void BrokerServer::forget(uint64_t id) {
  connections_.erase(id);
  if (connections_.empty() && stopped_ && *stopped_) std::exchange(*stopped_, nullptr)();
}

void BrokerServer::stop(Task done) {
  network_.close_door(host_);
  stopped_ = std::make_shared<Task>(std::move(done));
  if (connections_.empty()) return std::exchange(*stopped_, nullptr)();
  const auto all = connections_;
  for (const auto& [id, connection] : all) connection->drain();
  loops_.front()->post([this, weak = std::weak_ptr(stopped_)] {
    loops_.front()->call_after(kStopDeadline, [this, weak] {
      if (weak.expired()) return;
      const auto left = connections_;
      for (const auto& [id, connection] : left) connection->close();
    });
  });
}

}  // namespace quokka::simulation
