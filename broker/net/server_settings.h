// What listeners and connections are told: the keys of server.properties that concern them, and the APIs served.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "protocol/base/time.h"

namespace quokka {

struct ListenerSettings {
  std::string name = "PLAINTEXT";  // as in `listeners`
  std::string host;                // "" or "0.0.0.0" or "::": all interfaces
  uint16_t port = 9092;            // 0: the kernel picks one
  std::string security_protocol = "PLAINTEXT";
  bool inter_broker = false;       // inter.broker.listener.name
  std::string advertised_host;     // what clients are told; "" if nothing is
  uint16_t advertised_port = 0;
};

// Keys of Kafka's server.properties, unless said otherwise.
struct ServerSettings {
  int socket_listen_backlog_size = 4096;
  int socket_send_buffer_bytes = -1;     // -1: the kernel tunes it, which is faster than any fixed size
  int socket_receive_buffer_bytes = -1;
  int32_t socket_request_max_bytes = 104857600;
  int64_t queued_max_request_bytes = -1;  // -1: an eighth of the machine's memory (Kafka: no limit)
  Duration connections_max_idle = Duration::millis(600000);  // negative: for ever
  int32_t max_connections = INT32_MAX;
  int32_t max_connections_per_ip = INT32_MAX;
  std::map<std::string, int32_t> max_connections_per_ip_overrides;  // by address
  // Ours.
  int64_t open_files_max = -1;                   // of the process; -1: RLIMIT_NOFILE. Connections leave a quarter of it to the logs
  size_t requests_in_flight_max = 256;           // on one connection; then reading stops
  size_t connection_bytes_max = 128u << 20;      // requests and answers of one connection in memory; then reading stops
  // A frame begun is complete by then, plus its bytes at the rate below, and no longer silent than this in the middle of it.
  Duration frame_timeout = Duration::seconds(30);
  int64_t frame_bytes_per_second_min = 16384;
  Duration half_closed_max = Duration::seconds(30);  // a peer that sends no more and still reads has its answers by then
};

// Keys of the APIs that are served, in all versions of api_table: anything else closes the connection. ApiVersions is delivered in every version,
// so that it can be answered.
using ServedKeys = std::set<int16_t>;

}  // namespace quokka
