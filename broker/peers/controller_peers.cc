#include "broker/peers/controller_peers.h"

#include "protocol/base/log.h"
#include "protocol/messages/api_table.h"

namespace quokka {

struct ControllerPeers::Queue {
  struct Entry {
    ControlRequest request;
    Answered answered;
  };
  PeerAddress address;
  std::deque<Entry> entries;
  std::unique_ptr<ClientConnection> connection;
  bool in_flight = false;
};

ControllerPeers::ControllerPeers(Loop& loop, Streams& streams, Settings settings)
    : loop_(loop), streams_(streams), settings_(std::move(settings)) {}

ControllerPeers::~ControllerPeers() = default;

void ControllerPeers::set_brokers(const std::vector<PeerAddress>& brokers) {
  std::map<BrokerId, QueuePtr> kept;
  for (const PeerAddress& address : brokers) {
    const auto found = queues_.find(address.id);
    if (found != queues_.end() && found->second->address.epoch == address.epoch) {
      found->second->address = address;
      kept[address.id] = found->second;
    } else {
      auto queue = std::make_shared<Queue>();
      queue->address = address;
      kept[address.id] = std::move(queue);
    }
  }
  queues_.swap(kept);
}

void ControllerPeers::send(BrokerId to, ControlRequest request, Answered answered) {
  const auto found = queues_.find(to);
  if (found == queues_.end()) return;
  found->second->entries.push_back({std::move(request), std::move(answered)});
  // Nothing is called inline, and a failing connection must not be asked within its own call.
  loop_.post([this, queue = std::weak_ptr(found->second)] {
    if (const QueuePtr alive = queue.lock()) advance(alive);
  });
}

void ControllerPeers::advance(const QueuePtr& queue) {
  if (queue->in_flight || queue->entries.empty()) return;
  const PeerAddress& address = queue->address;
  if (queue->connection && (queue->connection->settings().host != address.host || queue->connection->settings().port != address.port))
    queue->connection.reset();
  if (!queue->connection) {
    ClientSettings settings;
    settings.host = address.host;
    settings.port = static_cast<uint16_t>(address.port);
    settings.client_id = settings_.client_id;
    settings.connect_timeout = settings_.request_timeout;
    settings.request_timeout = settings_.request_timeout;
    queue->connection = std::make_unique<ClientConnection>(loop_, streams_, std::move(settings));
  }
  const ControlRequest& request = queue->entries.front().request;
  ClientRequest out;
  out.api_key = request.api_key;
  out.version = request.version;
  // The entry stays in front, and with it the bytes, until the answer is here.
  out.body.append_borrowed(bytes_of(request.head));
  if (request.tail) out.body.append_borrowed(bytes_of(*request.tail));
  queue->in_flight = true;
  queue->connection->send(std::move(out), [this, weak = std::weak_ptr(queue)](Result<ClientResponse> in) {
    const QueuePtr alive = weak.lock();
    if (!alive) return;
    alive->in_flight = false;
    if (!in) {
      const std::string& host = alive->address.host;
      log_warn_every(Duration::seconds(5), "{} to broker {} at {}:{} failed and is sent again: {}",
                     name(static_cast<ApiKey>(alive->entries.front().request.api_key)), alive->address.id, host, alive->address.port, in.error().message);
      loop_.call_after(settings_.retry_pause, [this, weak] {
        if (const QueuePtr again = weak.lock()) advance(again);
      });
      return;
    }
    Queue::Entry done = std::move(alive->entries.front());
    alive->entries.pop_front();
    done.answered(in->body());
    advance(alive);
  });
}

}  // namespace quokka
