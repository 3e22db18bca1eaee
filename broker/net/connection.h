// One accepted connection: bytes to frames to Calls in order, answers to bytes in order, within the limits of its settings. It stays on its loop.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/net/connection_limits.h"
#include "broker/net/frame_buffer.h"
#include "broker/net/lane.h"
#include "broker/net/request_head.h"
#include "broker/net/request_order.h"
#include "broker/net/response_writer.h"
#include "broker/net/transport.h"

namespace quokka {

// A request between its arrival and the last byte of its answer. The Call and the connection share it.
struct Exchange {
  FrameBuffer frame;
  RequestBudget::Lease lease;
  RequestHead head;
  RequestOrder::Place place = 0;
  RequestTimes times;
  bool follower = false;
  Function<void(Departure)> on_departure;  // of a call that is parked
  std::string refused;  // not to be handed over: why the connection closes when its turn comes

  std::weak_ptr<Connection> connection;  // locked on its loop only
  EventLoop* loop = nullptr;
  std::shared_ptr<Peer> peer;

  MutableBytes body() { return frame.bytes().subspan(head.body_at); }
  // Later, on its loop.
  static void tell(std::shared_ptr<Exchange> exchange, Departure departure);
};

// What a handler made of a request.
struct Outcome {
  enum class Kind { answer, nothing, close };
  Kind kind = Kind::nothing;
  Response response;
  std::string why;  // close
};

// Its loop's own thread only.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Accepted {
    std::unique_ptr<Transport> transport;
    std::shared_ptr<Peer> peer;
    ConnectionLimits::Place place;
    uint16_t local_port = 0;
  };

  Connection(Lane& lane, Accepted accepted);
  ~Connection();

  void start();
  // Finishes what has arrived, then closes.
  void drain();
  void close(const std::string& why);
  // Closes what has waited too long.
  void check_deadlines(MonoTime now);

  // From Calls.
  void on_outcome(std::shared_ptr<Exchange> exchange, Outcome outcome);
  void on_hold(const Exchange& exchange);
  void on_allow(const Exchange& exchange);
  void on_parked(const std::shared_ptr<Exchange>& exchange);

  size_t requests_waiting() const { return order_.waiting(); }
  size_t responses_waiting() const { return writer_.responses(); }

  size_t lane_index = 0;  // Lane's own

 private:
  enum class State { open, lingering, closed };
  struct Slot {
    std::shared_ptr<Exchange> exchange;  // until it is handed over, and from its outcome on
    std::weak_ptr<Exchange> handed_over;
    std::optional<Outcome> outcome;
  };

  // Reading.
  bool may_read() const;
  void wait_for_bytes();
  void on_readable();
  bool read_once(size_t& budget);
  size_t scratch_allowed();
  void take_lease(Bytes next);
  bool grow_frame();
  void wait_for_budget();
  void on_budget();
  bool consume_left_over();
  void consume(Bytes bytes);
  void begin_frame();
  void finish_frame();
  void on_arrived(std::shared_ptr<Exchange> exchange, bool overlaps);
  void refuse(std::string why);
  void answer_foreign(const std::string& protocol, const std::string& answer);
  void discard_readable();

  // Requests and answers.
  void pump();
  void pump_later();
  bool deliver();
  void hand_over(std::shared_ptr<Exchange> exchange);
  void tell_parked(Departure departure);
  void finish(std::shared_ptr<Exchange> exchange, Outcome outcome);
  void depart();
  void send();
  void begin_cold_read();
  void on_sent();
  void on_all_sent();
  void forget(const Exchange& exchange);
  size_t memory_bytes() const { return request_bytes_ + writer_.memory_bytes(); }
  bool has_room() const { return writer_.memory_bytes() < lane_.server.settings.connection_bytes_max; }
  std::string name() const;

  Lane& lane_;
  const std::unique_ptr<Transport> transport_;
  const std::shared_ptr<Peer> peer_;
  const ConnectionLimits::Place place_;
  const uint16_t local_port_;

  State state_ = State::open;
  bool reading_ = false;       // a wait for readability is under way
  bool writing_ = false;       // a wait for writability, a cold read or another turn is under way
  bool waits_for_budget_ = false;
  bool no_more_reading_ = false;
  bool peer_closed_ = false;   // the peer sends no more
  MonoTime peer_closed_at_{};
  bool pumping_ = false;
  bool pump_posted_ = false;
  bool close_when_sent_ = false;
  std::string close_reason_;

  // The frame that arrives.
  std::array<uint8_t, 4> size_bytes_{};
  size_t size_filled_ = 0;
  bool in_frame_ = false;
  FrameBuffer frame_;
  RequestBudget::Lease lease_;
  MonoTime frame_begun_{};
  MonoTime last_read_{};  // within the frame that is arriving
  bool is_first_frame_ = true;
  std::vector<uint8_t> left_over_;  // read, not yet taken because as many requests are in flight as may be

  RequestOrder order_;
  std::deque<Slot> slots_;     // by place - order_.first()
  size_t request_bytes_ = 0;   // capacity of frames that are held
  ResponseWriter writer_;
  MonoTime last_active_{};
};

}  // namespace quokka
