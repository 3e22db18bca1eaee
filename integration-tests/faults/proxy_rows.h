// Faults of connections, by proxies before the brokers' ports: everybody, clients and brokers, connects to them.
#pragma once

#include <map>
#include <memory>

#include "integration-tests/faults/fault_row.h"
#include "integration-tests/faults/proxy.h"
#include "protocol/messages/api_table.h"

namespace quokka {

class ProxyFault : public Fault {
 public:
  void prepare(SceneOptions& options) override;

 protected:
  Proxy& proxy(int broker) { return *proxies_.at(broker); }
  void behave(const Proxy::Manners& manners) {
    for (auto& [broker, each] : proxies_) each->behave(manners);
  }
  int64_t sum(std::atomic<int64_t> Proxy::Counts::*count) const {
    int64_t all = 0;
    for (const auto& [broker, each] : proxies_) all += each->counts().*count;
    return all;
  }

 private:
  std::map<int, std::unique_ptr<Proxy>> proxies_;
  std::map<int, int> ports_;
};

class SlowNetwork final : public ProxyFault {  // F12
 public:
  enum class What { delays, broken_answers, swizzle };
  explicit SlowNetwork(What what) : what_(what) {}
  void run(Scene& scene) override;

 private:
  void swizzle(Scene& scene);

  const What what_;
};

// F13: a request of a transaction reaches the broker when its client has given it up and is in the next transaction of the same epoch. What holds is said in
// ARCHITECTURE.md, "A transaction is decided once".
class HeldRequest final : public ProxyFault {
 public:
  // `and_close`: the broker can see that the client has gone.
  HeldRequest(ApiKey held, bool and_close) : held_(held), and_close_(and_close) {}
  void run(Scene& scene) override;

 private:
  void hold_end(Scene& scene);
  void hold_produce(Scene& scene);

  const ApiKey held_;
  const bool and_close_;
};

}  // namespace quokka
