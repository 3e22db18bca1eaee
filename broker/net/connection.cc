#include "broker/net/connection.h"

#include <algorithm>
#include <cstring>

#include "broker/net/connection_call.h"
#include "broker/net/foreign_protocol.h"
#include "protocol/base/log.h"

namespace quokka {
namespace {

constexpr size_t kReadTurnBytes = 1 << 20;       // read from one connection before others have their turn
constexpr size_t kTightReadBytes = 16 << 10;     // read at once while the request budget is exhausted
constexpr Duration kLingerMax = Duration::seconds(2);
constexpr Duration kLogInterval = Duration::seconds(60);

}  // namespace

Connection::Connection(Lane& lane, Accepted accepted)
    : lane_(lane),
      transport_(std::move(accepted.transport)),
      peer_(std::move(accepted.peer)),
      place_(std::move(accepted.place)),
      local_port_(accepted.local_port),
      writer_(*transport_),
      last_active_(lane.loop.now()) {}

Connection::~Connection() = default;

std::string Connection::name() const { return peer_->address + ":" + std::to_string(peer_->port) + " on " + peer_->listener; }

void Connection::start() { wait_for_bytes(); }

void Connection::close(const std::string& why) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  log_debug("connection from {} closed: {}", name(), why);
  auto self = shared_from_this();
  transport_->close();
  tell_parked(Departure::closed);
  slots_.clear();
  frame_ = FrameBuffer();
  lease_ = RequestBudget::Lease();
  left_over_ = {};
  lane_.remove(*this);
}

void Connection::drain() {
  no_more_reading_ = true;
  pump();
}

void Connection::check_deadlines(MonoTime now) {
  const ServerSettings& settings = lane_.server.settings;
  if (state_ == State::lingering) {
    if (now - last_active_ > kLingerMax) close("a peer of another protocol did not hang up");
    return;
  }
  if (in_frame_ || size_filled_ > 0) {
    // While it is us who do not read, the peer's time stands still.
    if (!may_read() || waits_for_budget_) {
      frame_begun_ = last_read_ = now;
    } else {
      auto filled = static_cast<int64_t>(frame_.filled());
      Duration allowed = settings.frame_timeout + Duration::micros(filled * 1000000 / settings.frame_bytes_per_second_min);
      // Neither too slow as a whole nor silent in the middle of it.
      if (now - frame_begun_ > allowed || now - last_read_ > settings.frame_timeout) {
        log_warn_every_for(peer_->address, kLogInterval, "connection from {} closed: {} of {} bytes of a request came in {} s", name(),
                           frame_.filled(), in_frame_ ? frame_.size() : 4, (now - frame_begun_).to_millis() / 1000);
        return close("a request came too slowly");
      }
    }
  }
  if (peer_closed_ && order_.size() > 0 && now - peer_closed_at_ > settings.half_closed_max) return close("the peer closed and its requests are not answered yet");
  bool waits_for_us = order_.size() > 0 && writer_.empty();
  const bool may_idle_for_ever = settings.connections_max_idle < Duration();
  if (!waits_for_us && !may_idle_for_ever && now - last_active_ > settings.connections_max_idle)
    close(writer_.empty() ? "idle" : "the peer does not read its answers");
}

// Reading.

bool Connection::may_read() const {
  if (state_ != State::open || no_more_reading_ || peer_closed_ || close_when_sent_) return false;
  if (order_.size() >= lane_.server.settings.requests_in_flight_max) return false;
  return order_.size() == 0 || memory_bytes() < lane_.server.settings.connection_bytes_max;
}

void Connection::wait_for_bytes() {
  bool wanted = state_ == State::lingering || (may_read() && left_over_.empty() && !waits_for_budget_);
  if (reading_ || !wanted) return;
  reading_ = true;
  transport_->wait_readable([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->on_readable();
  });
}

void Connection::on_readable() {
  reading_ = false;
  if (state_ == State::closed) return;
  if (state_ == State::lingering) return discard_readable();
  size_t budget = kReadTurnBytes;
  while (left_over_.empty() && may_read() && read_once(budget)) {
  }
  pump();
}

// How much may be read beyond the frame that is arriving; 0 while the broker holds as many bytes of requests as it may.
size_t Connection::scratch_allowed() {
  if (!lane_.server.budget->exhausted()) return Lane::kScratchBytes;
  if (in_frame_ || order_.size() > 0) return 0;
  return kTightReadBytes;
}

// Produces and other requests have shares of their own; which one this is, its first two bytes say (`next`: those about to be put).
void Connection::take_lease(Bytes next) {
  if (lease_) return;
  Bytes first = frame_.filled() > 0 ? Bytes(frame_.bytes()) : next;
  bool is_produce = first.size() < 2 || load_be<int16_t>(first.data()) == kProduceKey;
  lease_ = RequestBudget::Lease(lane_.server.budget, is_produce);
}

bool Connection::grow_frame() {
  size_t by = frame_.growth();
  take_lease({});
  auto wake = [weak = weak_from_this(), loop = &lane_.loop] {
    loop->post([weak] {
      if (auto self = weak.lock()) self->on_budget();
    });
  };
  if (!lane_.server.budget->take(lease_, static_cast<int64_t>(by), wake)) {
    waits_for_budget_ = true;
    return false;
  }
  if (frame_.grow(by)) return true;
  close("out of memory");
  return false;
}

void Connection::wait_for_budget() {
  waits_for_budget_ = lane_.server.budget->wait([weak = weak_from_this(), loop = &lane_.loop] {
    loop->post([weak] {
      if (auto self = weak.lock()) self->on_budget();
    });
  });
}

void Connection::on_budget() {
  waits_for_budget_ = false;
  if (state_ == State::open) on_readable();
}

// True if there may be more to read at once.
bool Connection::read_once(size_t& budget) {
  size_t scratch = scratch_allowed();
  if (in_frame_ && frame_.room().empty() && !grow_frame()) return false;
  MutableBytes room = in_frame_ ? frame_.room() : MutableBytes();
  if (room.empty() && scratch == 0) {
    wait_for_budget();
    return !waits_for_budget_;
  }
  iovec parts[2] = {{room.data(), room.size()}, {lane_.scratch.get(), scratch}};
  std::span<const iovec> into(parts, 2);
  if (room.empty()) into = into.subspan(1);
  if (scratch == 0) into = into.first(1);
  IoResult got = transport_->read(into);
  switch (got.kind) {
    case IoResult::Kind::would_block: return false;
    case IoResult::Kind::failed: close(strerror(got.error)); return false;
    case IoResult::Kind::ended:
      peer_closed_ = true;
      peer_closed_at_ = lane_.loop.now();
      tell_parked(Departure::half_closed);
      if (in_frame_ || size_filled_ > 0) close("the peer closed in the middle of a request");
      return false;
    case IoResult::Kind::moved: break;
  }
  last_active_ = last_read_ = lane_.loop.now();
  size_t in_room = std::min(got.bytes, room.size());
  if (in_room > 0) {
    frame_.add(in_room);
    if (frame_.complete()) finish_frame();
  }
  if (got.bytes > in_room) consume({lane_.scratch.get(), got.bytes - in_room});
  budget -= std::min(budget, got.bytes);
  return budget > 0 && got.bytes == room.size() + scratch;
}

bool Connection::consume_left_over() {
  if (left_over_.empty() || !may_read()) return false;
  std::vector<uint8_t> bytes = std::move(left_over_);
  left_over_.clear();
  consume(bytes);
  return true;
}

void Connection::consume(Bytes bytes) {
  while (!bytes.empty() && state_ == State::open) {
    if (!may_read()) {
      if (!no_more_reading_) left_over_.assign(bytes.begin(), bytes.end());
      return;
    }
    if (!in_frame_) {
      if (size_filled_ == 0) frame_begun_ = last_active_;
      size_t part = std::min(bytes.size(), size_bytes_.size() - size_filled_);
      std::memcpy(size_bytes_.data() + size_filled_, bytes.data(), part);
      size_filled_ += part;
      bytes = bytes.subspan(part);
      if (size_filled_ == size_bytes_.size()) begin_frame();
      continue;
    }
    size_t part = std::min(bytes.size(), frame_.size() - frame_.filled());
    if (frame_.room().size() < part) {
      size_t by = frame_.growth(part);
      take_lease(bytes);
      lane_.server.budget->force(lease_, static_cast<int64_t>(by));
      if (!frame_.grow(by)) return close("out of memory");
    }
    std::memcpy(frame_.room().data(), bytes.data(), part);
    frame_.add(part);
    bytes = bytes.subspan(part);
    if (frame_.complete()) finish_frame();
  }
}

void Connection::begin_frame() {
  auto size = load_be<int32_t>(size_bytes_.data());
  if (is_first_frame_) {
    if (auto foreign = recognise_foreign(size_bytes_, local_port_)) return answer_foreign(foreign->name, foreign->answer);
  }
  if (size <= 0) return refuse("a request of " + std::to_string(size) + " bytes was announced");
  if (size > lane_.server.settings.socket_request_max_bytes)
    return refuse("a request of " + std::to_string(size) + " bytes was announced; socket.request.max.bytes is " +
                  std::to_string(lane_.server.settings.socket_request_max_bytes));
  in_frame_ = true;
  frame_.begin(static_cast<size_t>(size));
  lease_ = RequestBudget::Lease();
}

void Connection::finish_frame() {
  is_first_frame_ = false;
  in_frame_ = false;
  size_filled_ = 0;
  auto exchange = std::make_shared<Exchange>();
  exchange->frame = std::move(frame_);
  exchange->lease = std::move(lease_);
  exchange->times.arrived = last_active_;
  Result<RequestHead> head = parse_request_head(exchange->frame.bytes(), lane_.server.served);
  if (!head) return refuse(head.error().message);
  exchange->head = *head;
  exchange->connection = weak_from_this();
  exchange->loop = &lane_.loop;
  exchange->peer = peer_;
  on_arrived(std::move(exchange), head->api_key == kProduceKey);
}

void Connection::on_arrived(std::shared_ptr<Exchange> exchange, bool overlaps) {
  request_bytes_ += exchange->frame.capacity();
  exchange->place = order_.on_arrived(overlaps);
  slots_.push_back({std::move(exchange), {}, std::nullopt});
}

// What comes before is answered first.
void Connection::refuse(std::string why) {
  no_more_reading_ = true;
  in_frame_ = false;
  size_filled_ = 0;
  log_warn_every_for(peer_->address, kLogInterval, "connection from {} will be closed: {}", name(), why);
  auto exchange = std::make_shared<Exchange>();
  exchange->refused = std::move(why);
  on_arrived(std::move(exchange), false);
}

void Connection::answer_foreign(const std::string& protocol, const std::string& answer) {
  log_warn_every_for(peer_->address, kLogInterval, "client {} speaks {}, but listener {} is {}: answered in kind and closed", name(), protocol,
                     peer_->listener, "PLAINTEXT");
  if (!answer.empty()) {
    iovec part{const_cast<char*>(answer.data()), answer.size()};
    (void)transport_->write({&part, 1}, false);
  }
  // Closing with bytes unread would reset the connection, and the answer would be lost with it.
  transport_->end_writing();
  state_ = State::lingering;
  in_frame_ = false;
  size_filled_ = 0;
}

void Connection::discard_readable() {
  constexpr int kReadsMax = 4;
  for (int i = 0; i < kReadsMax; ++i) {
    iovec part{lane_.scratch.get(), Lane::kScratchBytes};
    IoResult got = transport_->read({&part, 1});
    if (got.kind == IoResult::Kind::would_block) return wait_for_bytes();
    if (got.kind != IoResult::Kind::moved) return close("a peer of another protocol hung up");
  }
  close("a peer of another protocol goes on sending");
}

// Requests and answers.

void Connection::pump() {
  if (pumping_ || state_ != State::open) {
    if (state_ == State::lingering) wait_for_bytes();
    return;
  }
  auto self = shared_from_this();
  pumping_ = true;
  bool more = true;
  while (more) {
    bool held_back = deliver();
    depart();
    send();
    more = consume_left_over() || (held_back && state_ == State::open && has_room());
  }
  pumping_ = false;
  wait_for_bytes();
}

void Connection::pump_later() {
  if (pumping_ || pump_posted_) return;
  pump_posted_ = true;
  lane_.loop.post([weak = weak_from_this()] {
    if (auto self = weak.lock()) {
      self->pump_posted_ = false;
      self->pump();
    }
  });
}

// True if requests are held back because their answers would find no room.
bool Connection::deliver() {
  while (state_ == State::open && !close_when_sent_) {
    if (!has_room()) return true;
    std::optional<RequestOrder::Place> place = order_.next_delivery();
    if (!place) return false;
    Slot& slot = slots_[*place - order_.first()];
    slot.handed_over = slot.exchange;
    hand_over(std::move(slot.exchange));
    depart();
  }
  return false;
}

void Connection::hand_over(std::shared_ptr<Exchange> exchange) {
  exchange->times.delivered = lane_.loop.now();
  if (!exchange->refused.empty()) {
    std::string why = exchange->refused;
    return finish(std::move(exchange), {Outcome::Kind::close, {}, std::move(why)});
  }
  if (is_transactional(exchange->head, exchange->body()) && (peer_closed_ || transport_->peer_has_closed()))
    return finish(std::move(exchange), {Outcome::Kind::close, {}, "the peer left before its transactional request was begun"});
  lane_.server.handler.on_call(std::make_unique<ConnectionCall>(exchange));
  exchange->times.handled = lane_.loop.now();
}

void Connection::on_hold(const Exchange& exchange) {
  if (state_ == State::open && exchange.place >= order_.first()) order_.on_hold(exchange.place);
}

void Connection::on_allow(const Exchange& exchange) {
  if (state_ != State::open) return;
  order_.on_allow(exchange.place);
  pump_later();
}

void Exchange::tell(std::shared_ptr<Exchange> exchange, Departure departure) {
  EventLoop& loop = *exchange->loop;
  loop.post([told = std::move(exchange), departure] {
    if (told->on_departure) told->on_departure(departure);
  });
}

void Connection::on_parked(const std::shared_ptr<Exchange>& exchange) {
  if (state_ == State::closed) return Exchange::tell(exchange, Departure::closed);
  if (peer_closed_) Exchange::tell(exchange, Departure::half_closed);
}

void Connection::tell_parked(Departure departure) {
  for (const Slot& slot : slots_) {
    auto exchange = slot.outcome ? nullptr : slot.handed_over.lock();
    if (exchange && exchange->on_departure) Exchange::tell(std::move(exchange), departure);
  }
}

void Connection::on_outcome(std::shared_ptr<Exchange> exchange, Outcome outcome) {
  if (state_ != State::open) return;
  finish(std::move(exchange), std::move(outcome));
  // Not inline: who answers may be in the middle of another connection's request, and answers that come together leave together.
  pump_later();
}

void Connection::finish(std::shared_ptr<Exchange> exchange, Outcome outcome) {
  RequestOrder::Place place = exchange->place;
  exchange->times.answered = lane_.loop.now();
  Slot& slot = slots_[place - order_.first()];
  slot.exchange = std::move(exchange);
  slot.outcome = std::move(outcome);
  order_.on_finished(place);
}

void Connection::depart() {
  while (state_ == State::open && !close_when_sent_ && order_.next_departure()) {
    Slot slot = std::move(slots_.front());
    slots_.pop_front();
    Exchange& exchange = *slot.exchange;
    switch (slot.outcome->kind) {
      case Outcome::Kind::close:
        close_when_sent_ = no_more_reading_ = true;
        close_reason_ = std::move(slot.outcome->why);
        break;
      case Outcome::Kind::nothing: forget(exchange); break;
      case Outcome::Kind::answer: {
        std::array<uint8_t, 9> header{};
        size_t header_size = exchange.head.flexible_answer ? 9 : 8;  // an empty tag section is one zero byte
        size_t length = header_size - 4 + slot.outcome->response.body.size();
        if (length > INT32_MAX) return close("an answer of more than 2 GiB");
        store_be(header.data(), static_cast<int32_t>(length));
        store_be(header.data() + 4, exchange.head.correlation_id);
        bool matches = writer_.push(Bytes(header).first(header_size), std::move(slot.outcome->response), slot.exchange);
        QUOKKA_CHECK(matches, "the holes of a response and its file slices differ");
        break;
      }
    }
  }
}

void Connection::send() {
  if (writing_ || state_ != State::open) return;
  uint64_t before = writer_.sent_bytes();
  ResponseWriter::Turn turn = writer_.send_turn();
  if (writer_.sent_bytes() != before) last_active_ = lane_.loop.now();
  on_sent();
  auto again = [weak = weak_from_this()] {
    if (auto self = weak.lock()) {
      self->writing_ = false;
      self->pump();
    }
  };
  switch (turn) {
    case ResponseWriter::Turn::idle: on_all_sent(); break;
    case ResponseWriter::Turn::blocked:
      writing_ = true;
      transport_->wait_writable(std::move(again));
      break;
    case ResponseWriter::Turn::yield:
      writing_ = true;
      lane_.loop.post(std::move(again));
      break;
    case ResponseWriter::Turn::cold: begin_cold_read(); break;
    case ResponseWriter::Turn::failed: close(writer_.error()); break;
  }
}

void Connection::begin_cold_read() {
  writing_ = true;
  lane_.server.pool.run([cold = writer_.cold_read(), loop = &lane_.loop, weak = weak_from_this()] {
    cold->fill();
    loop->post([cold, weak] {
      auto self = weak.lock();
      if (!self || self->state_ != State::open) return;
      self->writer_.on_cold_read();
      self->last_active_ = self->lane_.loop.now();
      self->writing_ = false;
      self->pump();
    });
  });
}

void Connection::on_sent() {
  if (!writer_.has_sent()) return;
  for (auto& held : writer_.take_sent()) forget(*std::static_pointer_cast<Exchange>(held));
}

void Connection::on_all_sent() {
  if (close_when_sent_) {
    close(close_reason_);
  } else if (order_.size() == 0 && left_over_.empty() && (peer_closed_ || no_more_reading_)) {
    close(peer_closed_ ? "the peer closed" : "the broker stops");
  }
}

// All of a request is done.
void Connection::forget(const Exchange& exchange) {
  request_bytes_ -= exchange.frame.capacity();
  RequestTimes times = exchange.times;
  times.sent = last_active_ < times.answered ? times.answered : last_active_;
  lane_.meters.on_sent(exchange.head.api_key, exchange.follower, times, exchange.frame.size() + 4);
}

}  // namespace quokka
