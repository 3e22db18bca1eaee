// DescribeCluster (key 60), versions 0-1: the live brokers as the client's listener reaches them, and the controller.
//
// Any broker answers from its view. The controller is -1 while it is not known or cannot be reached by this listener. Version 1 brought the endpoint
// type (KIP-919): only brokers (1) are here.
#include <string>
#include <vector>

#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "protocol/messages/describe_cluster.h"

namespace quokka {

namespace {

constexpr int8_t kBrokers = 1, kControllers = 2;

void refuse_endpoint_type(CallPtr call, int8_t type) {
  DescribeClusterResponse response;
  const bool controllers = type == kControllers;
  response.error_code = controllers ? ErrorCode::MISMATCHED_ENDPOINT_TYPE : ErrorCode::UNSUPPORTED_ENDPOINT_TYPE;
  const std::string text = controllers ? "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
                                       : "Unsupported endpoint type " + std::to_string(type);
  response.error_message = text;
  reply(std::move(call), response);
}

}  // namespace

void handle_describe_cluster(Services& services, CallPtr call) {
  const auto decoded = decode_call<DescribeClusterRequest>(call);
  if (!decoded) return;
  if (decoded->request.endpoint_type != kBrokers) return refuse_endpoint_type(std::move(call), decoded->request.endpoint_type);

  const ClusterViewPtr view = services.view.get();
  std::vector<DescribeClusterResponse::DescribeClusterBroker> brokers;
  DescribeClusterResponse response;
  for (const BrokerView& broker : view->brokers()) {
    const Endpoint* endpoint = broker.endpoint(call->peer().listener);
    if (endpoint == nullptr) continue;
    auto& entry = brokers.emplace_back();
    entry.broker_id = broker.id;
    entry.host = endpoint->host;
    entry.port = endpoint->port;
    if (broker.rack) entry.rack = *broker.rack;
    if (broker.id == view->controller()) response.controller_id = broker.id;
  }
  response.cluster_id = services.cluster_id;
  response.brokers = brokers;
  if (decoded->request.include_cluster_authorized_operations) response.cluster_authorized_operations = kClusterOperations;
  reply(std::move(call), response);
}

}  // namespace quokka
