// /brokers/ids/<id>: the broker's ephemeral znode, kept there as long as the broker runs. After an expired session it is written again under the
// new one. Its creation is one life of the broker; the transaction that created it is the broker epoch (KIP-380).
//
// An id that another session holds: if that session was ours, the znode is deleted and written anew (KAFKA-7165). If not, another broker runs
// under this id, or has just died: at the start it is waited for as long as a dead one's session may last, then the start fails; later it is
// tried for ever, since stopping would take replicas offline.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coord/session/zookeeper_session.h"
#include "coord/znodes/broker.h"
#include "protocol/base/ids.h"
#include "protocol/base/loop.h"
#include "protocol/base/result.h"

namespace quokka {

struct RegistrationTiming {
  Duration server_tick = Duration::millis(2000);   // tickTime of the ensemble: a session may outlive its timeout by two
  Duration retry_delay = Duration::millis(1000);
};

// Used on the session's loop.
class BrokerRegistration final : public ZookeeperListener {
 public:
  // `broker` without its timestamp, which is that of each registration. The session outlives this.
  BrokerRegistration(ZookeeperSession& session, Loop& loop, BrokerId id, znodes::Broker broker, RegistrationTiming timing = {});
  ~BrokerRegistration();
  BrokerRegistration(const BrokerRegistration&) = delete;
  BrokerRegistration& operator=(const BrokerRegistration&) = delete;

  // Refuses endpoints that another live broker advertises, then registers. Once. After success, registrations after an expiry follow by
  // themselves.
  void start(Function<void(Result<BrokerEpoch>)> done);
  // Called after every registration, the first included, before `done`: what was learnt under the old session is to be learnt anew.
  void on_registered(Function<void(BrokerEpoch)> callback) { registered_ = std::move(callback); }

  // Advertised listeners changed at run time: rewritten in place, the epoch stays. While not registered it is what will be registered.
  void rewrite(znodes::Broker broker, Function<void(Status)> done);

  BrokerId id() const { return id_; }
  // -1 while not registered under the present session.
  BrokerEpoch epoch() const { return epoch_; }

  void on_session(SessionEvent event) override;
  void on_watch(WatchEvent event, const std::string& path) override;

 private:
  void check_endpoints(size_t next, std::vector<std::string> brokers);
  void on_other_broker(BrokerId other, const std::string& json);
  void create();
  void look();
  void on_owner(const ZnodeStat& stat);
  void on_foreign_owner(const ZnodeStat& stat);
  void take_over(const ZnodeStat& stat);
  void become_registered(BrokerEpoch epoch);
  void retry_later(const std::string& why);
  void fail(Error error);
  void cancel_timer();
  std::string encoded();
  // Drops what comes after the destruction or belongs to an attempt that is over.
  template <class F>
  auto guarded(F f);

  ZookeeperSession& session_;
  Loop& loop_;
  const BrokerId id_;
  const std::string path_;
  const RegistrationTiming timing_;
  znodes::Broker broker_;
  Function<void(Result<BrokerEpoch>)> done_;  // set during the start
  Function<void(BrokerEpoch)> registered_;
  BrokerEpoch epoch_;
  bool started_ = false;
  bool endpoints_checked_ = false;
  bool watching_ = false;                // waits for a foreign owner to go
  std::optional<MonoTime> give_up_at_;   // during the start
  Loop::TimerId timer_ = 0;
  std::shared_ptr<uint64_t> attempt_ = std::make_shared<uint64_t>(0);
};

}  // namespace quokka
