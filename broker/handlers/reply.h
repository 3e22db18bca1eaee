// From bytes to a request and from a response to bytes: the two ends of every handler.
#pragma once

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

// nullopt: the bytes are no such request, and the connection is closed (as Kafka does).
template <class M>
std::optional<Decoded<M>> decode_call(CallPtr& call) {
  Arena arena = Arena::for_frame(call->body().size());
  Result<M> request = decode<M>(call->body(), call->version(), arena);
  if (!request) {
    call->close(request.error().message);
    call.reset();
    return std::nullopt;
  }
  return Decoded<M>{std::move(arena), *std::move(request)};
}

}  // namespace quokka
