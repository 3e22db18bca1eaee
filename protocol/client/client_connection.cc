#include "protocol/client/client_connection.h"

#include <algorithm>
#include <array>
#include <optional>

#include "protocol/base/bytes.h"
#include "protocol/messages/api_table.h"
#include "protocol/messages/headers.h"

namespace quokka {
namespace {

constexpr size_t kReadAhead = 16 << 10;

const ApiEntry& request_api(const ClientRequest& request) {
  const ApiEntry* api = api_entry(request.api_key);
  QUOKKA_CHECK(api != nullptr, "a request of an unknown API");
  return *api;
}

std::vector<uint8_t> encode_header(const ClientRequest& request, int32_t correlation, const std::string& client_id) {
  std::vector<uint8_t> header = encode_request_header({request.api_key, request.version, correlation, client_id},
                                                      request_api(request).request_header_version(request.version));
  std::array<uint8_t, 4> size;
  store_be(size.data(), static_cast<int32_t>(header.size() + request.body.size()));
  header.insert(header.begin(), size.begin(), size.end());
  return header;
}

}  // namespace

struct ClientConnection::Session : std::enable_shared_from_this<Session> {
  struct Pending {
    ClientRequest request;
    OnAnswer on_answer;
    MonoTime deadline;
    int32_t correlation = 0;
    std::vector<uint8_t> header;
    bool written = false;
  };
  enum class State { idle, backing_off, connecting, connected };

  Session(Loop& l, Streams& s, ClientSettings given) : loop(l), streams(s), settings(std::move(given)) {}

  void send(ClientRequest request, Duration timeout, OnAnswer on_answer) {
    if (waiting.size() >= settings.requests_waiting_max) {
      later(std::move(on_answer), Error{ErrorCode::NETWORK_EXCEPTION, name() + ": too many requests wait for this broker"});
      return;
    }
    for ([[maybe_unused]] const Encoded::Chunk& chunk : request.body.chunks()) QUOKKA_CHECK_EQ(chunk.hole_bytes, 0u);
    waiting.push_back({std::move(request), std::move(on_answer), loop.now() + timeout, 0, {}, false});
    arm(waiting.back().deadline);
    if (state == State::idle) connect();
    write_more();
  }

  std::string name() const { return settings.host + ":" + std::to_string(settings.port); }

  // A callback never runs inside the call that causes it.
  void later(OnAnswer on_answer, Error error) {
    loop.post([called = std::move(on_answer), e = std::move(error)]() mutable { called(std::move(e)); });
  }

  void connect() {
    state = State::connecting;
    uint64_t attempt = ++epoch;
    streams.connect(settings.host, settings.port, settings.connect_timeout,
                    [weak = weak_from_this(), attempt](Result<std::unique_ptr<Stream>> result) {
                      auto self = weak.lock();
                      if (!self || self->epoch != attempt) return;
                      if (!result) return self->on_connect_failed(result.error());
                      self->on_connected(std::move(*result));
                    });
  }

  void on_connect_failed(const Error& error) {
    backoff = backoff.us == 0 ? settings.reconnect_backoff_min : std::min(Duration{backoff.us * 2}, settings.reconnect_backoff_max);
    fail_all(error);
    // Requests that come meanwhile wait for the next attempt.
    state = State::backing_off;
    uint64_t attempt = ++epoch;
    loop.call_after(backoff, [weak = weak_from_this(), attempt] {
      auto self = weak.lock();
      if (!self || self->epoch != attempt) return;
      self->state = State::idle;
      if (!self->waiting.empty()) self->connect();
    });
  }

  void on_connected(std::unique_ptr<Stream> connected) {
    stream = std::move(connected);
    state = State::connected;
    backoff = {};
    frame.clear();
    filled = 0;
    write_more();
    read_more();
  }

  // Writing: one write at a time takes what waits, as far as the window allows.

  void write_more() {
    if (state != State::connected || writing) return;
    std::vector<Bytes> pieces;
    size_t first = in_flight.size();
    while (!waiting.empty() && in_flight.size() < settings.requests_in_flight_max) {
      in_flight.push_back(std::move(waiting.front()));
      waiting.pop_front();
      Pending& pending = in_flight.back();
      pending.correlation = next_correlation++;
      if (next_correlation < 0) next_correlation = 0;
      pending.header = encode_header(pending.request, pending.correlation, settings.client_id);
      pieces.push_back(pending.header);
      for (const Encoded::Chunk& chunk : pending.request.body.chunks())
        if (!chunk.bytes.empty()) pieces.push_back(chunk.bytes);
    }
    if (in_flight.size() == first) return;
    writing = true;
    uint64_t attempt = epoch;
    stream->write(pieces, [weak = weak_from_this(), attempt](Status status) {
      auto self = weak.lock();
      if (!self || self->epoch != attempt) return;
      self->writing = false;
      if (!status) return self->lose(status.error());
      self->on_written();
    });
  }

  // Those that expect no answer are done, once all before them are.
  void on_written() {
    for (Pending& pending : in_flight) pending.written = true;
    auto alive = shared_from_this();
    uint64_t attempt = epoch;
    finish_answerless();
    if (epoch == attempt) write_more();
  }

  void finish_answerless() {
    uint64_t attempt = epoch;
    while (epoch == attempt && !in_flight.empty() && in_flight.front().written && !in_flight.front().request.expects_answer) {
      Pending done = std::move(in_flight.front());
      in_flight.pop_front();
      done.on_answer(ClientResponse{});
    }
  }

  // Reading: a little ahead for the size and small answers, then straight into the frame.

  void read_more() {
    if (frame.size() - filled < kReadAhead / 4) frame.resize(std::max(filled + kReadAhead, wanted()));
    uint64_t attempt = epoch;
    stream->read_some(MutableBytes(frame).subspan(filled), [weak = weak_from_this(), attempt](Result<size_t> got) {
      auto self = weak.lock();
      if (!self || self->epoch != attempt) return;
      if (!got) return self->lose(got.error());
      if (*got == 0) return self->lose({ErrorCode::NETWORK_EXCEPTION, self->name() + ": the broker closed the connection"});
      self->on_read(*got);
    });
  }

  // Bytes of the frame that arrives with its size, 0 if the size is not known. A long one grows as it arrives.
  size_t wanted() const {
    if (filled < 4) return 0;
    size_t whole = 4 + static_cast<size_t>(load_be<int32_t>(frame.data()));
    return std::min(whole, std::max<size_t>(filled * 2, 1 << 20));
  }

  void on_read(size_t count) {
    filled += count;
    auto alive = shared_from_this();
    uint64_t attempt = epoch;
    while (epoch == attempt && filled >= 4) {
      auto length = load_be<int32_t>(frame.data());
      if (length < 4 || static_cast<size_t>(length) > settings.response_bytes_max)
        return lose({ErrorCode::NETWORK_EXCEPTION, name() + ": an answer of " + std::to_string(length) + " bytes was announced; is this the port of a broker's plaintext listener?"});
      size_t whole = 4 + static_cast<size_t>(length);
      if (filled < whole) break;
      std::vector<uint8_t> answer;
      if (filled == whole) {
        answer = std::move(frame);
        answer.resize(whole);
        frame = {};
      } else if (whole > filled - whole) {
        // The longer part is not copied.
        std::vector<uint8_t> rest(frame.begin() + static_cast<std::ptrdiff_t>(whole), frame.begin() + static_cast<std::ptrdiff_t>(filled));
        answer = std::move(frame);
        answer.resize(whole);
        frame = std::move(rest);
      } else {
        answer.assign(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(whole));
        frame.erase(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(whole));
      }
      filled -= whole;
      on_answer(std::move(answer));
    }
    if (epoch != attempt) return;
    read_more();
    write_more();
  }

  void on_answer(std::vector<uint8_t> answer) {
    auto correlation = load_be<int32_t>(answer.data() + 4);
    // Brokers answer in order.
    if (in_flight.empty() || in_flight.front().correlation != correlation)
      return lose({ErrorCode::NETWORK_EXCEPTION, name() + ": an answer to request " + std::to_string(correlation) + ", which is not the oldest one open"});
    Pending done = std::move(in_flight.front());
    in_flight.pop_front();
    size_t header_bytes = 0;
    Result<ResponseHeader> header =
        decode_response_header(Bytes(answer).subspan(4), request_api(done.request).response_header_version(done.request.version), header_bytes);
    if (header) {
      done.on_answer(ClientResponse{std::move(answer), 4 + header_bytes});
    } else {
      done.on_answer(Error{ErrorCode::NETWORK_EXCEPTION, name() + ": " + header.error().message});
    }
    finish_answerless();
  }

  // Ends.

  void lose(const Error& error) {
    drop_stream();
    state = State::idle;
    fail_all(error);
    if (state == State::idle && !waiting.empty()) connect();
  }

  void drop_stream() {
    ++epoch;
    stream.reset();
    writing = false;
    frame = {};
    filled = 0;
  }

  // Everything unanswered, in order; what callbacks send meanwhile is not touched.
  void fail_all(const Error& error) {
    std::deque<Pending> failed = std::move(in_flight);
    in_flight.clear();
    for (Pending& pending : waiting) failed.push_back(std::move(pending));
    waiting.clear();
    auto alive = shared_from_this();
    for (Pending& pending : failed) later(std::move(pending.on_answer), error);
  }

  void arm(MonoTime deadline) {
    if (timer != 0 && timer_for <= deadline) return;
    if (timer != 0) loop.cancel(timer);
    timer_for = deadline;
    timer = loop.call_at(deadline, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self) return;
      self->timer = 0;
      self->on_timer();
    });
  }

  void on_timer() {
    MonoTime now = loop.now();
    bool timed_out = std::any_of(in_flight.begin(), in_flight.end(), [now](const Pending& p) { return p.deadline <= now; });
    if (timed_out) {
      // The answers behind the late one cannot come before it.
      lose({ErrorCode::REQUEST_TIMED_OUT, name() + ": no answer within the time allowed"});
    }
    for (auto at = waiting.begin(); at != waiting.end();) {
      if (at->deadline > now) {
        ++at;
        continue;
      }
      later(std::move(at->on_answer), Error{ErrorCode::REQUEST_TIMED_OUT, name() + ": not sent within the time allowed"});
      at = waiting.erase(at);
    }
    std::optional<MonoTime> next;
    auto look = [&next](const std::deque<Pending>& all) {
      for (const Pending& pending : all)
        if (!next || pending.deadline < *next) next = pending.deadline;
    };
    look(in_flight);
    look(waiting);
    if (next) arm(*next);
  }

  ~Session() {
    if (timer != 0) loop.cancel(timer);
  }

  Loop& loop;
  Streams& streams;
  const ClientSettings settings;
  State state = State::idle;
  uint64_t epoch = 0;  // raised with every connection: callbacks of an old one do nothing
  Duration backoff{};
  std::unique_ptr<Stream> stream;
  bool writing = false;
  int32_t next_correlation = 0;
  std::deque<Pending> waiting;
  std::deque<Pending> in_flight;
  std::vector<uint8_t> frame;  // what has been read and not been cut into answers: `filled` bytes
  size_t filled = 0;
  Loop::TimerId timer = 0;
  MonoTime timer_for{};
};

ClientConnection::ClientConnection(Loop& loop, Streams& streams, ClientSettings settings)
    : session_(std::make_shared<Session>(loop, streams, std::move(settings))) {}

ClientConnection::~ClientConnection() {
  // One of its own callbacks may be what destroys it: the session is then still on the stack.
  session_->drop_stream();
  session_->in_flight.clear();
  session_->waiting.clear();
}

void ClientConnection::send(ClientRequest request, OnAnswer on_answer) { send(std::move(request), settings().request_timeout, std::move(on_answer)); }

void ClientConnection::send(ClientRequest request, Duration timeout, OnAnswer on_answer) {
  session_->send(std::move(request), timeout, std::move(on_answer));
}

void ClientConnection::disconnect(const std::string& why) {
  session_->backoff = {};
  session_->drop_stream();
  session_->state = Session::State::idle;
  session_->fail_all({ErrorCode::NETWORK_EXCEPTION, session_->name() + ": " + why});
}

bool ClientConnection::connected() const { return session_->state == Session::State::connected; }

size_t ClientConnection::unanswered() const { return session_->waiting.size() + session_->in_flight.size(); }

const ClientSettings& ClientConnection::settings() const { return session_->settings; }

}  // namespace quokka
