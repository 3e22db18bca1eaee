// Sessions to a real server for one test, below a chroot of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include "broker/net/event_loop.h"
#include "coord/session/session_file.h"
#include "coord/session/zookeeper_client.h"
#include "integration-tests/coord/zookeeper_server.h"
#include "protocol/base/check.h"
#include "protocol/client/waiting_loop.h"

namespace quokka {

class RealSessions {
 public:
  RealSessions() {
    static int tests = 0;
    chroot_ = "/test" + std::to_string(++tests);
    directory_ = server().directory() + chroot_;
    std::filesystem::create_directories(directory_);
    ZookeeperClient& plain = connect(settings_for(server().address()));
    bool done = false;
    plain.create(chroot_, std::nullopt, CreateMode::persistent, [&](ZkOutcome outcome, std::string) {
      QUOKKA_CHECK_EQ(outcome, ZkOutcome::ok);
      done = true;
    });
    QUOKKA_CHECK(run_until([&] { return done; }), "no chroot");
  }
  ~RealSessions() {
    for (auto& client : clients_) {
      if (client) close(*client);
    }
    clients_.clear();
    pool.stop();
  }

  ZookeeperServer& server() { return ZookeeperServer::shared(); }
  std::string connect_string() { return server().address() + chroot_; }
  // With a session file of its own.
  ZookeeperSettings settings_for(const std::string& servers) {
    ZookeeperSettings settings;
    settings.servers = servers;
    settings.session_timeout_ms = 6000;
    settings.session_file = directory_ + "/session" + std::to_string(++files_);
    return settings;
  }
  ZookeeperSettings settings() { return settings_for(connect_string()); }

  ZookeeperClient& start(const ZookeeperSettings& settings) {
    clients_.push_back(std::make_unique<ZookeeperClient>(loop, pool, settings));
    files_of_.push_back(settings.session_file);
    return *clients_.back();
  }
  ZookeeperClient& connect(const ZookeeperSettings& settings) {
    ZookeeperClient& client = start(settings);
    QUOKKA_CHECK(run_until([&] { return client.session_id() != 0; }), "no session");
    return client;
  }
  // What a SessionContract wants.
  ZookeeperSession& open() { return connect(settings()); }
  bool run_until(const std::function<bool()>& condition) { return loop.run_until(condition, Duration::seconds(30)); }
  // As the server would do it after the timeout: another connection takes the session and closes it. The client fights for its session, so this
  // may need more than one go.
  void expire(ZookeeperSession& session) {
    const int64_t id = session.session_id();
    std::optional<SessionKey> key;
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (clients_[i].get() != &session) continue;
      const auto is_stored = [&] {
        key = read_session_file(files_of_[i]);
        return key && key->id == id;
      };
      QUOKKA_CHECK(run_until(is_stored), "the session file was not written");
    }
    for (int attempt = 0; attempt < 100 && session.session_id() == id; ++attempt) {
      take_and_close(*key);
      loop.run_until([&] { return session.session_id() != id; }, Duration::seconds(1));
    }
    QUOKKA_CHECK(session.session_id() != id, "the session does not expire");
  }
  void close(ZookeeperClient& client) {
    bool closed = false;
    client.close([&] { closed = true; });
    QUOKKA_CHECK(run_until([&] { return closed; }), "the client does not close");
    for (auto& each : clients_) {
      if (each.get() == &client) each.reset();
    }
  }

  WaitingLoop loop;
  ThreadPool pool{4};

 private:
  void take_and_close(const SessionKey& key) {
    struct Taker final : ZookeeperHandle::Owner {
      void on_state(ZookeeperHandle::State state, const SessionKey&, int32_t) override { decided = state != ZookeeperHandle::State::connecting; }
      void on_watch_event(WatchEvent, const std::string&) override {}
      void on_answer(uint64_t, ZkAnswer) override {}
      bool decided = false;
    } taker;
    ZookeeperHandle handle(loop, pool, taker);
    handle.open(server().address(), 6000, key);
    QUOKKA_CHECK(run_until([&] { return taker.decided; }), "the session cannot be taken");
    bool closed = false;
    handle.close([&] { closed = true; });
    QUOKKA_CHECK(run_until([&] { return closed; }), "the session does not close");
  }

  std::string chroot_;
  std::string directory_;
  int files_ = 0;
  std::vector<std::unique_ptr<ZookeeperClient>> clients_;
  std::vector<std::string> files_of_;
};

}  // namespace quokka
