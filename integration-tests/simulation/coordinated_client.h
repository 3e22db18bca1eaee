// A client of a coordinator: of a group, or of transactions. Asks for one thing at a time; what comes after it has turned to something else is dropped.
#pragma once

#include <cstdint>
#include <string>

#include "integration-tests/simulation/client.h"

namespace quokka::simulation {

class CoordinatedClient : public Client {
 protected:
  enum class Kind : int8_t { GROUP = 0, TRANSACTION = 1 };
  // `key`: the group's or the transactional id.
  CoordinatedClient(Agenda& agenda, Network& network, const ClusterShape& shape, int id, std::string key, Kind kind)
      : Client(agenda, network, shape, id), key_(std::move(key)), kind_(kind) {}

  const std::string& key() const { return key_; }
  // The broker as last told; 0, and asks, while it is not known.
  int coordinator();
  void forget_coordinator() { coordinator_ = 0; }

  // Turns to a new step: what is answered later to an earlier one is dropped.
  template <class Response, class Request>
  void ask(int broker, const Request& request, int16_t version, Function<void(Result<Answer<Response>>)> on_answer, Duration timeout = kRequestTimeout) {
    send<Response>(connection(broker), request, version, timeout, [this, step = ++step_, on_answer = std::move(on_answer)](auto answer) mutable {
      if (step == step_) on_answer(std::move(answer));
    });
  }
  // After a pause, if nothing else comes before.
  void later(Task then) { after(draw().span(Duration::millis(20), Duration::millis(400)), std::move(then)); }
  void after(Duration pause, Task then);
  // What is asked again, perhaps of another broker.
  static bool is_temporary(ErrorCode error);

 private:
  const std::string key_;
  const Kind kind_;
  uint64_t step_ = 0;
  int coordinator_ = 0;
};

}  // namespace quokka::simulation
