// From bytes to a request and from a response to bytes: the two ends of every handler.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "broker/request/call.h"
#include "protocol/base/log.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {

// Encodes and answers. A response that its version cannot carry is a programmer's error: logged, and the connection is closed.
template <class M>
void reply(CallPtr call, const M& response, std::vector<FileSlice> slices = {}) {
  Result<Encoded> encoded = encode(response, call->version());
  if (!encoded) {
    log_error("{}", encoded.error().message);
    return call->close(encoded.error().message);
  }
  call->answer({*std::move(encoded), std::move(slices)});
}

// A decoded request with the memory of its arrays; strings and records borrow the call's frame, so it must not outlive the call.
template <class M>
struct Decoded {
  Arena arena;
  M request;
};

inline constexpr size_t kArenaFirstMax = 64 << 10;     // nearly every request decodes within
inline constexpr size_t kArenaUncountedMax = 16 << 10;  // small beside what a connection takes

// nullopt: the bytes are no such request, and the connection is closed (as Kafka does); or what they say takes more memory than requests may. A large
// message is decoded again with more room, all of which is reserved before it is used: bytes on the wire can stand for many times as many in memory.
template <class M>
std::optional<Decoded<M>> decode_call(CallPtr& call) {
  const size_t most = call->body().size() * Arena::kExpansionMax;
  size_t allowed = std::min(most, kArenaFirstMax);
  std::string why;
  while (true) {
    Arena arena(allowed);
    Result<M> request = decode<M>(call->body(), call->version(), arena);
    if (request) {
      if (arena.bytes_used() > kArenaUncountedMax) (void)call->reserve_memory(arena.bytes_used());
      return Decoded<M>{std::move(arena), *std::move(request)};
    }
    why = request.error().message;
    if (allowed == most) break;
    allowed = std::min(most, allowed * 8);
    if (call->reserve_memory(allowed)) continue;
    why = "a request of " + std::to_string(call->body().size()) + " bytes takes more than " + std::to_string(arena.bytes_used()) +
          " in memory, and there is no room for that within queued.max.request.bytes";
    break;
  }
  call->close(why);
  call.reset();
  return std::nullopt;
}

}  // namespace quokka
