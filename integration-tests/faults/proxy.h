// What stands between a broker's port and everybody who connects to it, clients and other brokers: passes bytes on, late, in part, or not at all.
// Loopback addresses only.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace quokka {

class Proxy {
 public:
  struct Manners {
    int delay_ms_min = 0, delay_ms_max = 0;  // of each piece, drawn anew; order stays
    int reset_percent = 0;                   // of answers: half of the piece is passed on, then both ends are reset
    int silence_percent = 0;                 // of answers: from there on nothing is passed on, and nothing closed
    bool clogged = false;                    // nothing is passed on; it is when this ends
  };
  struct Counts {
    std::atomic<int64_t> delayed{0}, reset{0}, silenced{0}, clogged{0};
  };

  Proxy(int port, int broker_port, uint32_t seed);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  void behave(const Manners& manners);
  const Counts& counts() const { return counts_; }

  // The next request of this key that has these bytes in it is held back, and what comes behind it on its connection; also when the client closes.
  void hold_next(int16_t api_key, std::string mark);
  bool holds() const { return holds_; }
  // Passes it on. `and_close`: the end of the connection comes with it, as from a client that gave up long ago; else the connection stays.
  void release(bool and_close);

 private:
  struct Piece {
    int64_t due_ns = 0;
    std::vector<uint8_t> bytes;
    size_t passed = 0;
  };
  struct Link {
    int client = -1, broker = -1;
    std::vector<uint8_t> unframed;  // of the client, less than a request
    std::deque<Piece> up, down;
    std::vector<Piece> held;
    bool is_held = false, silent = false, stays = false;
    bool client_ended = false, broker_ended = false, end_passed = false, is_done = false;
  };

  void run();
  void accept_one();
  void read_client(Link& link);
  void read_broker(Link& link);
  void take_requests(Link& link);
  bool is_wanted(const Piece& request) const;
  void let_go(Link& link, bool and_close);
  void pass_on(int to, std::deque<Piece>& pieces, bool& ended);
  void end(Link& link, bool reset);
  int64_t due(const std::deque<Piece>& behind);
  bool by_chance(int percent);

  const int broker_port_;
  int listener_ = -1;
  Counts counts_;
  std::atomic<bool> enough_{false}, holds_{false};
  std::mutex mutex_;
  Manners manners_;                 // under the mutex, as are the next
  std::optional<std::pair<int16_t, std::string>> to_hold_;
  std::optional<bool> to_release_;  // and close
  std::list<Link> links_;           // of the thread
  uint32_t random_;
  std::thread thread_;
};

}  // namespace quokka
