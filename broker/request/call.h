// What a connection hands to a handler and what it gets back: the vocabulary that net and handlers share without knowing each other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/disk/file_slice.h"
#include "protocol/base/bytes.h"
#include "protocol/base/function.h"
#include "protocol/base/loop.h"
#include "protocol/wire/encoded.h"

namespace quokka {

// The other end of a connection. Constant once the connection is authenticated.
struct Peer {
  std::string address;    // "127.0.0.1", the form Kafka shows as "/127.0.0.1"
  uint16_t port = 0;
  std::string listener;   // name of the listener it came in by, as in `listeners`
  std::string principal;  // "User:ANONYMOUS" without authentication
  bool inter_broker = false;  // the listener is the one brokers talk on
  std::string software_name;     // from ApiVersions v3+, empty before
  std::string software_version;  // the same
};

// The body of a response (no header), with the files that fill its holes, one slice a hole in order.
struct Response {
  Encoded body;
  std::vector<FileSlice> slices;
};

// How a peer goes while its request waits: it has closed its side and may still read, or the connection is gone and with it who could be answered.
enum class Departure { half_closed, closed };

// One request from the arrival of its frame until it is answered. Exactly one of answer, answer_nothing, close is called, once, on any
// thread; a Call destroyed without that closes its connection. The bytes of the frame live as long as the Call, and the connection keeps
// them until the response, which may borrow from them, is sent.
class Call {
 public:
  virtual ~Call() = default;

  virtual int16_t api_key() const = 0;
  virtual int16_t version() const = 0;
  virtual std::string_view client_id() const = 0;  // "" for null
  // The bytes after the request header. Mutable: a produce patches base offsets in place.
  virtual MutableBytes body() = 0;
  virtual Peer& peer() = 0;  // the connection's own loop only
  // The connection's loop, on which the handler was called.
  virtual Loop& loop() = 0;
  virtual MonoTime arrived() const = 0;

  virtual void answer(Response response) = 0;
  // A produce with acks=0: the request is done and nothing is sent.
  virtual void answer_nothing() = 0;
  // Closes the connection after the answers before this one; `why` is logged with the peer's address.
  virtual void close(std::string_view why) = 0;

  // A produce that must wait before it appends (verification of a transaction) holds what is behind it on its connection: hold_next within
  // on_call, allow_next on any thread once it has appended. Its answer allows as well.
  virtual void hold_next() {}
  virtual void allow_next() {}
  // Who parks a call learns that nobody waits for it any more: `told` runs for each departure that comes before the answer, never inline. The
  // connection's own loop only, once a call.
  virtual void on_departure(Function<void(Departure)> /*told*/) {}
  // What the request holds in memory beyond its frame is `bytes` now, and counts with it against queued.max.request.bytes. False: there is no room
  // for so much, and nothing has changed. The connection's own loop only.
  virtual bool reserve_memory(size_t /*bytes*/) { return true; }
  // A fetch that turns out to be a follower's is measured as such. The connection's own loop only.
  virtual void measure_as_follower() {}
};

using CallPtr = std::unique_ptr<Call>;

// Where connections deliver calls: on the connection's loop, in the order of arrival. Only Produce overlaps Produce on one connection; any
// other request is delivered when those before it are answered.
class CallHandler {
 public:
  virtual ~CallHandler() = default;
  virtual void on_call(CallPtr call) = 0;
};

}  // namespace quokka
