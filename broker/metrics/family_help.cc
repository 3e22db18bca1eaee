#include "broker/metrics/family_help.h"

#include <algorithm>
#include <iterator>

namespace quokka {
namespace {

struct FamilyHelp {
  std::string_view family;
  std::string_view help;
};

constexpr FamilyHelp kHelp[] = {
    {"kafka_controller_ControllerStats", "What this broker did as the controller: changes of the set of live brokers in ms, unclean leader elections"},
    {"kafka_controller_KafkaController", "The cluster as its controller knows it; 0 on all other brokers"},
    {"kafka_coordinator_group_Group", "One consumer group that this broker coordinates"},
    {"kafka_coordinator_group_GroupMetadataManager", "The consumer groups that this broker coordinates"},
    {"kafka_log_LogCleaner", "The last cleaning of compacted logs"},
    {"kafka_log_LogCleanerManager", "Logs that wait for compaction, and those that cannot be compacted"},
    {"kafka_log_LogManager", "Log directories that failed"},
    {"kafka_network_RequestChannel", "Requests and responses under way"},
    {"kafka_network_RequestMetrics", "Requests by API, their times in ms and sizes in bytes"},
    {"kafka_network_SocketServer", "Memory held by requests in bytes, and the idle share of the network threads"},
    {"kafka_server_BrokerTopicMetrics", "Records, bytes and requests, of all topics and by topic"},
    {"kafka_server_DelayedOperationPurgatory", "Requests that wait at a partition, once for each partition"},
    {"kafka_server_FollowerReplication", "Throttled bytes a second that this broker copies from leaders"},
    {"kafka_server_KafkaRequestHandlerPool", "Share of the time, 0 to 1, that the event loops are idle"},
    {"kafka_server_LeaderReplication", "Throttled bytes a second that this broker sends to followers"},
    {"kafka_server_ReplicaFetcherManager", "Records by which this broker's followers are behind their leaders"},
    {"kafka_server_ReplicaManager", "Replicas on this broker, and changes of the in-sync sets that it leads"},
    {"kafka_server_socket_server_metrics", "Connections of clients and brokers"},
};
static_assert(std::ranges::is_sorted(kHelp, {}, &FamilyHelp::family));

}  // namespace

std::string_view help_of_family(std::string_view family) {
  const auto* found = std::ranges::lower_bound(kHelp, family, {}, &FamilyHelp::family);
  return found != std::end(kHelp) && found->family == family ? found->help : std::string_view();
}

}  // namespace quokka
