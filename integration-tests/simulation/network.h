// The network between machines: ordered byte streams whose packets take time, that can be cut one way, reset, and that end as real ones do.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "integration-tests/simulation/machine.h"
#include "protocol/client/stream.h"

namespace quokka::simulation {

class Network {
 public:
  // Who listens on a machine: picks the loop of a new connection, then gets it there.
  struct Door {
    std::function<Loop&()> pick_loop;
    std::function<void(Loop&, std::unique_ptr<Stream>, const std::string& peer)> accept;
  };

  explicit Network(Agenda& agenda) : agenda_(agenda) {}
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // One loop's streams. The network outlives them.
  std::unique_ptr<Streams> streams(const std::string& host, Loop& loop);
  void open_door(const std::string& host, Door door) { doors_[host] = std::move(door); }
  void close_door(const std::string& host) { doors_.erase(host); }

  // Packets from one to the other wait until the way is mended.
  void cut(const std::string& from, const std::string& to) { cuts_.emplace(from, to); }
  bool is_cut(const std::string& from, const std::string& to) const { return cuts_.contains({from, to}); }
  void mend(const std::string& from, const std::string& to);
  void mend_all();
  bool has_cuts() const { return !cuts_.empty(); }
  // One of the connections between the two, if there is one. With `late` only the side that connected sees it end; what that side had sent still arrives,
  // so that the other does what the first believes lost.
  bool reset_one(const std::string& a, const std::string& b, bool late);
  // The machine loses its power: nobody is told; whoever sends to it after it is back learns that the connection is gone.
  void vanish(const std::string& host);
  void come_back(const std::string& host) { gone_.erase(host); }

  size_t connections() const { return links_.size(); }
  uint64_t bytes_delivered() const { return bytes_delivered_; }

 private:
  struct Link;
  struct End;
  class EndStream;
  class HostStreams;
  using LinkPtr = std::shared_ptr<Link>;
  using Connected = Function<void(Result<std::unique_ptr<Stream>>)>;

  void knock(std::shared_ptr<Connected> done, std::string from, Loop& loop, std::string to, MonoTime deadline, std::shared_ptr<bool> alive);
  void send(const LinkPtr& link, int from, std::vector<uint8_t> bytes, bool fin);
  void arrive(const LinkPtr& link, int from);
  void break_end(const LinkPtr& link, int end, const std::string& why);
  void serve_reader(const LinkPtr& link, int end);
  void on_end_closed(const LinkPtr& link, int end);
  Duration latency();

  Agenda& agenda_;
  std::map<std::string, Door> doors_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::set<std::string> gone_;
  std::map<uint64_t, LinkPtr> links_;  // by number, so that nothing depends on addresses
  uint64_t next_link_ = 1;
  uint64_t bytes_delivered_ = 0;
};

}  // namespace quokka::simulation
