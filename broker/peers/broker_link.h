// A connection to another broker by its id, on the listener that brokers use among themselves. Follows the broker when its address changes.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "coord/view/cluster_view.h"
#include "protocol/client/client_connection.h"

namespace quokka {

// What all links of a broker share.
struct LinkSettings {
  std::string listener;   // inter.broker.listener.name
  std::string client_id;  // "broker-<id>-..."
  Duration connect_timeout = Duration::seconds(10);
  Duration request_timeout = Duration::seconds(30);
};

// The loop's own thread only.
class BrokerLink {
 public:
  BrokerLink(Loop& loop, Streams& streams, const ViewHolder& view, LinkSettings settings)
      : loop_(loop), streams_(streams), view_(view), settings_(std::move(settings)) {}

  // nullptr while the broker is not known to live or has no such listener. Another id or address drops the connection before.
  ClientConnection* to(BrokerId id);
  // What is unanswered fails with NETWORK_EXCEPTION: who waits for an answer must not wait for ever.
  void drop();

 private:
  Loop& loop_;
  Streams& streams_;
  const ViewHolder& view_;
  const LinkSettings settings_;
  std::unique_ptr<ClientConnection> connection_;
  BrokerId id_;
};

// A link to each broker that is asked for. The loop's own thread only.
class BrokerLinks {
 public:
  BrokerLinks(Loop& loop, Streams& streams, const ViewHolder& view, LinkSettings settings)
      : loop_(loop), streams_(streams), view_(view), settings_(std::move(settings)) {}

  ClientConnection* to(BrokerId id) { return links_.try_emplace(id, loop_, streams_, view_, settings_).first->second.to(id); }

 private:
  Loop& loop_;
  Streams& streams_;
  const ViewHolder& view_;
  const LinkSettings settings_;
  std::map<BrokerId, BrokerLink> links_;
};

}  // namespace quokka
