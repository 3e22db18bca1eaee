#include "integration-tests/simulation/network.h"

#include <algorithm>
#include <deque>
#include <optional>

namespace quokka::simulation {

struct Network::End {
  std::string host;
  Loop* loop = nullptr;
  bool closed = false;    // by its owner
  bool vanished = false;  // with its machine: deaf and mute
  std::optional<Error> broken;
  std::deque<uint8_t> arrived;
  bool fin_arrived = false;
  // The owner's calls under way.
  MutableBytes into;
  Function<void(Result<size_t>)> on_read;
  bool read_posted = false;
  Function<void(Status)> on_written;
};

struct Network::Link {
  struct Packet {
    std::vector<uint8_t> bytes;
    bool fin = false;
  };
  uint64_t id = 0;
  End ends[2];  // 0 connected, 1 accepted
  std::deque<Packet> under_way[2];  // from 0, from 1
  MonoTime last_arrival[2]{};
  MonoTime held_until[2]{};
};

class Network::EndStream final : public Stream {
 public:
  EndStream(Network& network, LinkPtr link, int end) : network_(network), link_(std::move(link)), end_(end) {}
  ~EndStream() override { network_.on_end_closed(link_, end_); }

  void read_some(MutableBytes into, Function<void(Result<size_t>)> done) override {
    End& self = link_->ends[end_];
    self.into = into;
    self.on_read = std::move(done);
    network_.serve_reader(link_, end_);
  }

  void write(std::span<const Bytes> pieces, Function<void(Status)> done) override {
    End& self = link_->ends[end_];
    if (!self.broken) {
      std::vector<uint8_t> all;
      for (const Bytes& piece : pieces) all.insert(all.end(), piece.begin(), piece.end());
      network_.send(link_, end_, std::move(all), false);
    }
    self.on_written = std::move(done);
    self.loop->post([link = link_, end = end_] {
      End& of = link->ends[end];
      if (of.closed || !of.on_written) return;
      auto written = std::move(of.on_written);
      written(of.broken ? Status(*of.broken) : Status());
    });
  }

 private:
  Network& network_;
  const LinkPtr link_;
  const int end_;
};

class Network::HostStreams final : public Streams {
 public:
  HostStreams(Network& network, std::string host, Loop& loop) : network_(network), host_(std::move(host)), loop_(loop) {}
  ~HostStreams() override { *alive_ = false; }
  void connect(const std::string& host, uint16_t, Duration timeout, Connected done) override {
    network_.knock(std::make_shared<Connected>(std::move(done)), host_, loop_, host, loop_.now() + timeout, alive_);
  }

 private:
  Network& network_;
  const std::string host_;
  Loop& loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Network::~Network() = default;

std::unique_ptr<Streams> Network::streams(const std::string& host, Loop& loop) { return std::make_unique<HostStreams>(*this, host, loop); }

Duration Network::latency() {
  if (agenda_.draw.one_in(500)) return agenda_.draw.span(Duration::millis(10), Duration::millis(900));
  if (agenda_.draw.one_in(20)) return agenda_.draw.span(Duration::millis(1), Duration::millis(30));
  return agenda_.draw.span(Duration::micros(80), Duration::micros(900));
}

// As a kernel does: knocks again until somebody answers or the time is up.
void Network::knock(std::shared_ptr<Connected> done, std::string from, Loop& loop, std::string to, MonoTime deadline, std::shared_ptr<bool> alive) {
  agenda_.after(latency() + latency(), [this, done, from, &loop, to, deadline, alive] {
    if (!*alive) return;
    const auto answer = [&](Result<std::unique_ptr<Stream>> result) {
      loop.post([done, alive, r = std::move(result)]() mutable {
        if (*alive) (*done)(std::move(r));
      });
    };
    if (is_cut(from, to) || is_cut(to, from) || gone_.contains(to)) {
      if (agenda_.now() >= deadline) return answer(Error{ErrorCode::NETWORK_EXCEPTION, to + ": timed out"});
      return agenda_.after(Duration::millis(300), [this, done, from, &loop, to, deadline, alive] { knock(done, from, loop, to, deadline, alive); });
    }
    const auto door = doors_.find(to);
    if (door == doors_.end()) return answer(Error{ErrorCode::NETWORK_EXCEPTION, to + ": connection refused"});
    auto link = std::make_shared<Link>();
    link->id = next_link_++;
    link->ends[0].host = from;
    link->ends[0].loop = &loop;
    link->ends[1].host = to;
    Loop& theirs = door->second.pick_loop();
    link->ends[1].loop = &theirs;
    links_.emplace(link->id, link);
    theirs.post([accept = door->second.accept, &theirs, from, stream = std::unique_ptr<Stream>(new EndStream(*this, link, 1))]() mutable {
      accept(theirs, std::move(stream), from);
    });
    answer(std::unique_ptr<Stream>(new EndStream(*this, link, 0)));
  });
}

void Network::send(const LinkPtr& link, int from, std::vector<uint8_t> bytes, bool fin) {
  if (link->ends[from].vanished) return;
  link->under_way[from].push_back({std::move(bytes), fin});
  MonoTime& last = link->last_arrival[from];
  last = std::max(last, agenda_.now() + latency());
  agenda_.at(last, [this, link, from] { arrive(link, from); });
}

// Takes the oldest packet on its way; each packet has one such event, and one more when a way is mended.
void Network::arrive(const LinkPtr& link, int from) {
  if (link->under_way[from].empty()) return;
  End& sender = link->ends[from];
  End& receiver = link->ends[1 - from];
  if (is_cut(sender.host, receiver.host) || agenda_.now() < link->held_until[from]) return;
  Link::Packet packet = std::move(link->under_way[from].front());
  link->under_way[from].pop_front();
  if (receiver.vanished) {
    // Its machine answers with a reset once it runs again; till then nothing comes back.
    if (!gone_.contains(receiver.host)) break_end(link, from, "connection reset by peer");
    return;
  }
  if (receiver.closed) {
    if (!packet.fin) break_end(link, from, "connection reset by peer");
    return;
  }
  if (receiver.broken) return;
  agenda_.note(link->id * 1000003 + packet.bytes.size());
  bytes_delivered_ += packet.bytes.size();
  receiver.arrived.insert(receiver.arrived.end(), packet.bytes.begin(), packet.bytes.end());
  receiver.fin_arrived = receiver.fin_arrived || packet.fin;
  serve_reader(link, 1 - from);
}

void Network::serve_reader(const LinkPtr& link, int end) {
  End& self = link->ends[end];
  if (self.closed || self.read_posted || !self.on_read || (self.arrived.empty() && !self.fin_arrived && !self.broken)) return;
  self.read_posted = true;
  self.loop->post([this, link, end] {
    End& of = link->ends[end];
    of.read_posted = false;
    if (of.closed || !of.on_read) return;
    auto done = std::move(of.on_read);
    // What arrived before a reset may be lost with it.
    if (of.broken) return done(*of.broken);
    size_t count = std::min(of.into.size(), of.arrived.size());
    if (count > 1 && agenda_.draw.one_in(50)) count = static_cast<size_t>(agenda_.draw.between(1, static_cast<int64_t>(count)));
    const auto until = of.arrived.begin() + static_cast<std::ptrdiff_t>(count);
    std::copy(of.arrived.begin(), until, of.into.begin());
    of.arrived.erase(of.arrived.begin(), until);
    done(count);
  });
}

void Network::break_end(const LinkPtr& link, int end, const std::string& why) {
  End& self = link->ends[end];
  if (self.closed || self.vanished || self.broken) return;
  self.broken = Error{ErrorCode::NETWORK_EXCEPTION, link->ends[1 - end].host + ": " + why};
  serve_reader(link, end);
}

void Network::on_end_closed(const LinkPtr& link, int end) {
  End& self = link->ends[end];
  self.closed = true;
  self.on_read = nullptr;
  self.on_written = nullptr;
  if (!self.broken) send(link, end, {}, true);
  if (link->ends[1 - end].closed) links_.erase(link->id);
}

void Network::mend(const std::string& from, const std::string& to) {
  if (cuts_.erase({from, to}) == 0) return;
  for (const auto& [id, link] : links_) {
    for (int end : {0, 1}) {
      if (link->ends[end].host != from || link->ends[1 - end].host != to) continue;
      // One event for each packet that was stopped; too many do no harm.
      for (size_t i = link->under_way[end].size(); i > 0; --i) {
        MonoTime& last = link->last_arrival[end];
        last = std::max(last, agenda_.now() + latency());
        agenda_.at(last, [this, link = link, end] { arrive(link, end); });
      }
    }
  }
}

void Network::mend_all() {
  const auto cuts = cuts_;
  for (const auto& [from, to] : cuts) mend(from, to);
}

bool Network::reset_one(const std::string& a, const std::string& b, bool late) {
  std::vector<LinkPtr> between;
  for (const auto& [id, link] : links_) {
    const bool same = (link->ends[0].host == a && link->ends[1].host == b) || (link->ends[0].host == b && link->ends[1].host == a);
    if (same && !link->ends[0].closed && !link->ends[0].broken) between.push_back(link);
  }
  if (between.empty()) return false;
  const LinkPtr link = agenda_.draw.one_of(between);
  break_end(link, 0, "connection reset");
  if (late) {
    // What was sent arrives up to seconds later, then the end of the stream.
    MonoTime& last = link->last_arrival[0];
    last = std::max(last, agenda_.now()) + agenda_.draw.span(Duration::millis(1), Duration::seconds(8));
    link->held_until[0] = last;
    for (size_t i = link->under_way[0].size(); i > 0; --i) agenda_.at(last, [this, link] { arrive(link, 0); });
    send(link, 0, {}, true);
  } else {
    link->under_way[0].clear();
    link->under_way[1].clear();
    break_end(link, 1, "connection reset");
  }
  return true;
}

void Network::vanish(const std::string& host) {
  gone_.insert(host);
  doors_.erase(host);
  for (const auto& [id, link] : links_) {
    for (End& end : link->ends) {
      if (end.host == host && !end.closed) end.vanished = true;
    }
  }
}

}  // namespace quokka::simulation
