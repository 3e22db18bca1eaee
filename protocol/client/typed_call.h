// Requests and responses as messages, over a ClientConnection's bytes.
//
//   send<ListOffsetsResponse>(connection, request, 7, [](Result<Answer<ListOffsetsResponse>> answer) { ... answer->message.topics ... });
#pragma once

#include <memory>
#include <utility>

#include "protocol/client/client_connection.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace quokka {

// A message with the bytes and the arena that it borrows from. Move-only; moving it moves no bytes, so views stay valid.
template <class M>
struct Answer {
  ClientResponse response;
  Arena arena;
  M message;

  M* operator->() { return &message; }
  const M* operator->() const { return &message; }
};

// Errors: UNKNOWN_SERVER_ERROR naming the field.
template <class M>
Result<Answer<M>> decode_response(ClientResponse response, int16_t version) {
  Arena arena = Arena::for_frame(response.frame.size());
  Result<M> message = decode<M>(response.body(), version, arena);
  if (!message) return Error{ErrorCode::UNKNOWN_SERVER_ERROR, message.error().message};
  return Answer<M>{std::move(response), std::move(arena), std::move(*message)};
}

// Errors: INVALID_REQUEST and its like, naming the field that the version has no room for.
template <class Request>
Result<ClientRequest> encode_request(const Request& request, int16_t version) {
  Result<Encoded> body = encode(request, version);
  if (!body) return body.error();
  ClientRequest bytes;
  bytes.api_key = static_cast<int16_t>(Request::kApiKey);
  bytes.version = version;
  bytes.body = std::move(*body);
  return bytes;
}

// The connection's loop only; so is the callback, which never runs inline. Records that the request borrows live until then.
template <class Response, class Request>
void send(ClientConnection& connection, const Request& request, int16_t version, Duration timeout, Function<void(Result<Answer<Response>>)> on_answer) {
  static_assert(Request::kApiKey == Response::kApiKey, "a response of another API");
  Result<ClientRequest> bytes = encode_request(request, version);
  QUOKKA_CHECK(bytes.ok(), bytes.ok() ? std::string() : bytes.error().message);
  connection.send(std::move(*bytes), timeout, [version, called = std::move(on_answer)](Result<ClientResponse> answer) mutable {
    if (!answer) return called(answer.error());
    called(decode_response<Response>(std::move(*answer), version));
  });
}

template <class Response, class Request>
void send(ClientConnection& connection, const Request& request, int16_t version, Function<void(Result<Answer<Response>>)> on_answer) {
  send<Response>(connection, request, version, connection.settings().request_timeout, std::move(on_answer));
}

}  // namespace quokka
