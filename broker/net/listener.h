// One listening socket: accepts connections, within the limits, and gives them to the lanes in turn.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/net/connection_limits.h"
#include "broker/net/lane.h"
#include "broker/net/server_settings.h"

namespace quokka {

// Its own loop's thread only, but for the constructor, bind and the destructor.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  // Accepts on the loop of `home`, one of `lanes`. `gated`: waits while there are max.connections, and refuses what would take the descriptors that
  // logs need (the brokers' own listener does not wait, if clients have another, and may take half of those).
  Listener(ListenerSettings settings, const ServerSettings& server, std::vector<Lane*> lanes, size_t home, std::shared_ptr<ConnectionLimits> limits);
  ~Listener();

  // Returns the port.
  Result<uint16_t> bind();
  void set_gated(bool gated) { gated_ = gated; }
  void start();
  void stop();
  // What the advertised name resolves to: clients that come in by another address are warned of.
  void set_advertised(std::vector<std::string> addresses) { advertised_ = std::move(addresses); }

  const ListenerSettings& settings() const { return settings_; }
  uint16_t port() const { return port_; }
  Loop& loop() { return home_.loop; }

 private:
  struct Socket;
  struct Arrived;
  void wait();
  void accept_some();
  bool accept_one();
  bool is_beyond_share(int fd) const;
  void warn_of_redirect(int fd, const std::string& client);
  void try_again_later();

  const ListenerSettings settings_;
  const ServerSettings& server_;
  const std::vector<Lane*> lanes_;
  Lane& home_;
  const std::shared_ptr<ConnectionLimits> limits_;
  bool gated_ = true;
  std::unique_ptr<Socket> socket_;
  uint16_t port_ = 0;
  size_t next_lane_ = 0;
  bool stopped_ = false;
  std::vector<std::string> advertised_;
};

}  // namespace quokka
