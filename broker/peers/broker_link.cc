#include "broker/peers/broker_link.h"

namespace quokka {

ClientConnection* BrokerLink::to(BrokerId id) {
  const ClusterViewPtr view = view_.get();
  const Endpoint* endpoint = view->endpoint(id, settings_.listener);
  if (endpoint == nullptr) {
    drop();
    return nullptr;
  }
  const bool same = connection_ && id_ == id && connection_->settings().host == endpoint->host && connection_->settings().port == endpoint->port;
  if (!same) {
    drop();
    ClientSettings settings;
    settings.host = endpoint->host;
    settings.port = static_cast<uint16_t>(endpoint->port);
    settings.client_id = settings_.client_id;
    settings.connect_timeout = settings_.connect_timeout;
    settings.request_timeout = settings_.request_timeout;
    connection_ = std::make_unique<ClientConnection>(loop_, streams_, std::move(settings));
    id_ = id;
  }
  return connection_.get();
}

void BrokerLink::drop() {
  if (!connection_) return;
  connection_->disconnect("the broker is not where it was any more");
  connection_.reset();
}

}  // namespace quokka
