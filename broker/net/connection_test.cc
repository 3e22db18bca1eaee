// Connections over real loopback sockets: what bytes a client may send and what becomes of them. Names carry the hazard's number.
#include <gtest/gtest.h>


#include <random>

#include "broker/net/test_peer.h"

namespace quokka {
namespace {

using namespace test;

std::string size_prefix(int32_t size) {
  std::string out;
  append_be(out, size);
  return out;
}

TEST(Connection, AnswersWithTheCorrelationIdAndTheHeaderVersionOfTheRequest) {
  TestServer server;
  RawClient client(server.port);
  client.send(request(3, 4, 11, "one") + request(3, 9, 12, "two") + request(18, 3, 13, "three"));
  EXPECT_EQ(*client.receive_frame(), std::string("\0\0\0\x0b", 4) + "one");
  EXPECT_EQ(*client.receive_frame(), std::string("\0\0\0\x0c\0", 5) + "two");
  EXPECT_EQ(*client.receive_frame(), std::string("\0\0\0\x0d", 4) + "three");
}

TEST(Connection, B1B2B3SizesThatCannotBeCloseTheConnection) {
  ServerSettings settings;
  settings.socket_request_max_bytes = 100;
  TestServer server(settings);
  for (int32_t size : {-1, 0, 101, INT32_MIN, INT32_MAX}) {
    RawClient client(server.port);
    client.send(size_prefix(size));
    EXPECT_TRUE(client.is_closed_by_peer()) << size;
  }
  EXPECT_EQ(server.handler.delivered, 0);
}

TEST(Connection, B2AFrameOfExactlyTheLimitIsAccepted) {
  ServerSettings settings;
  settings.socket_request_max_bytes = 100;
  TestServer server(settings);
  RawClient client(server.port);
  std::string frame = request(3, 4, 1, std::string(100 - 14, 'x'));
  ASSERT_EQ(frame.size(), 104u);
  client.send(frame);
  EXPECT_TRUE(client.receive_frame().has_value());
}

TEST(Connection, AnswersBeforeABadFrameStillLeave) {
  TestServer server;
  RawClient client(server.port);
  client.send(request(3, 4, 1, "good") + size_prefix(-5));
  EXPECT_EQ(*client.receive_frame(), std::string("\0\0\0\x01good", 8));
  EXPECT_TRUE(client.is_closed_by_peer());
}

TEST(Connection, B4AnAnnouncedFrameTakesNoMemoryBeforeItComes) {
  TestServer server;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port));
    clients.back()->send(size_prefix(100 << 20) + std::string("\0\x03", 2));
  }
  ASSERT_TRUE(eventually([&] { return server.server.queued_request_bytes() >= 20 * 4096; }));
  EXPECT_LE(server.server.queued_request_bytes(), 20 * 16384);
}

TEST(Connection, B5AFrameCutOffLeavesNothingBehind) {
  TestServer server;
  for (int i = 0; i < 50; ++i) {
    RawClient client(server.port);
    std::string whole = request(3, 4, 1, std::string(500000, 'x'));
    client.send(whole.substr(0, i % 2 ? 300000 : 3));
    if (i == 0) {
      EXPECT_TRUE(eventually([&] { return server.server.connections() == 1; }));
    }
    if (i % 3 == 0) client.reset();
  }
  EXPECT_TRUE(eventually([&] { return server.server.connections() == 0; }));
  EXPECT_TRUE(eventually([&] { return server.server.queued_request_bytes() == 0; }));
  EXPECT_EQ(server.handler.delivered, 0);
}

TEST(Connection, B6AFrameThatComesByteByByteIsCutOff) {
  ServerSettings settings;
  settings.frame_timeout = Duration::millis(100);
  settings.frame_bytes_per_second_min = 1000000;
  TestServer server(settings);
  RawClient client(server.port);
  std::string frame = request(3, 4, 1, std::string(1000000, 'x'));
  size_t sent = 0;
  // Bytes go on coming, so only the frame's own deadline can end this.
  EXPECT_TRUE(eventually([&] { return client.send_some(frame.substr(sent++, 1)) == 0; }));
  EXPECT_LT(sent, frame.size());
}

TEST(Connection, B6AFrameAtADecentRateMayTakeLongerThanTheTimeOut) {
  ServerSettings settings;
  settings.frame_timeout = Duration::millis(150);
  settings.frame_bytes_per_second_min = 1000;  // 200 KB: 200 s
  TestServer server(settings);
  RawClient client(server.port);
  std::string frame = request(3, 4, 1, std::string(200000, 'x'));
  client.send(frame.substr(0, 190000));
  size_t sent = 190000;
  auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] {
    sent += client.send_some(frame.substr(sent, 1));
    return std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(500);
  }));
  client.send(frame.substr(sent));
  EXPECT_TRUE(client.receive_frame().has_value());
}

TEST(Connection, B6AFrameThatStopsInTheMiddleIsCutOffWhateverItsRateWas) {
  ServerSettings settings;
  settings.frame_timeout = Duration::millis(100);
  settings.frame_bytes_per_second_min = 1000;
  TestServer server(settings);
  RawClient client(server.port);
  client.send(request(3, 4, 1, std::string(200000, 'x')).substr(0, 190000));
  EXPECT_TRUE(client.is_closed_by_peer());
  EXPECT_TRUE(eventually([&] { return server.server.queued_request_bytes() == 0; }));
}

TEST(Connection, ANegativeIdleTimeMeansForEver) {
  ServerSettings settings;
  settings.connections_max_idle = Duration::millis(-1);
  TestServer server(settings);
  RawClient client(server.port);
  auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(300); }));
  client.send(request(3, 4, 1, "x"));
  EXPECT_TRUE(client.receive_frame().has_value());
}

TEST(Connection, AnIdleConnectionIsClosedAndABusyOneIsNot) {
  ServerSettings settings;
  settings.connections_max_idle = Duration::millis(150);
  Mutex mutex;
  std::vector<CallPtr> parked;
  TestServer server(settings, [&](CallPtr call) {
    MutexLock lock(mutex);
    parked.push_back(std::move(call));
  });
  RawClient idle(server.port), busy(server.port);
  busy.send(request(1, 4, 1, "long poll"));
  EXPECT_TRUE(idle.is_closed_by_peer());
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 1; }));
  auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(500); }));
  EXPECT_EQ(server.server.connections(), 1u) << "its request is ours to answer";
  parked[0]->answer(text_response("done"));
  EXPECT_TRUE(busy.receive_frame().has_value());
  EXPECT_TRUE(busy.is_closed_by_peer());
}

TEST(Connection, B7ASlowReaderHoldsABoundedNumberOfBytesAndIsCutOff) {
  ServerSettings settings;
  settings.connections_max_idle = Duration::millis(300);
  settings.connection_bytes_max = 1 << 20;
  TestServer server(settings, [](CallPtr call) { call->answer(text_response(std::string(256 << 10, 'x'))); });
  RawClient client(server.port, 4096);
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += request(0, 3, i, "p");
  client.send(requests);
  ASSERT_TRUE(eventually([&] { return server.handler.delivered > 0 && server.server.connections() == 0; })) << "not cut off";
  // What the kernel holds (a few MiB) and 1 MiB of ours, one answer more.
  EXPECT_LT(server.handler.delivered, 60);
}

TEST(Connection, B8OnlyAWindowOfPipelinedRequestsIsInFlight) {
  ServerSettings settings;
  settings.requests_in_flight_max = 8;
  Mutex mutex;
  std::vector<CallPtr> parked;
  TestServer server(settings, [&](CallPtr call) {
    MutexLock lock(mutex);
    parked.push_back(std::move(call));
  });
  RawClient client(server.port);
  std::string requests;
  for (int i = 0; i < 3000; ++i) requests += request(0, 3, i, "p");
  client.send(requests);
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 8; }));
  for (int i = 0; i < 3000; ++i) {
    CallPtr call;
    ASSERT_TRUE(eventually([&] {
      MutexLock lock(mutex);
      EXPECT_LE(parked.size(), 8u);
      if (parked.empty()) return false;
      call = std::move(parked.front());
      parked.erase(parked.begin());
      return true;
    }));
    call->answer(text_response("a"));
    auto frame = client.receive_frame();
    ASSERT_TRUE(frame.has_value());
    ASSERT_EQ(correlation_of(*frame), i);
  }
  EXPECT_TRUE(eventually([&] { return server.server.queued_request_bytes() == 0; }));
}

TEST(Connection, B9UnknownKeysAndVersionsCloseTheConnection) {
  TestServer server;
  for (auto [key, version] : std::vector<std::pair<int16_t, int16_t>>{{1000, 0}, {-1, 0}, {3, 13}, {3, -1}, {55, 0}}) {
    RawClient client(server.port);
    client.send(request(key, version, 1, ""));
    EXPECT_TRUE(client.is_closed_by_peer()) << key << " " << version;
  }
}

TEST(Connection, B10ApiVersionsOfAnUnknownVersionReachesItsHandler) {
  TestServer server({}, [](CallPtr call) { call->answer(text_response(std::to_string(call->version()))); });
  RawClient client(server.port);
  client.send(request(18, 9, 5, "any body"));
  EXPECT_EQ(*client.receive_frame(), std::string("\0\0\0\x05", 4) + "9");
}

TEST(Connection, B46ATlsClientGetsAnAlertAndAnHttpClientAPage) {
  TestServer server;
  RawClient tls(server.port);
  tls.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(500, 'r'));
  EXPECT_EQ(tls.receive_to_end(), std::string("\x15\x03\x01\x00\x02\x02\x28", 7));
  RawClient http(server.port);
  http.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string page = http.receive_to_end();
  EXPECT_EQ(page.substr(0, 24), "HTTP/1.1 400 Bad Request");
  EXPECT_NE(page.find("port " + std::to_string(server.port) + " of a Quokka broker"), std::string::npos) << page;
  tls.close();
  http.close();
  EXPECT_TRUE(eventually([&] { return server.server.connections() == 0; }));
}

TEST(Connection, B46ThatPeerIsCutOffIfItNeitherReadsNorLeaves) {
  TestServer server;
  RawClient tls(server.port);
  tls.send(std::string("\x16\x03\x01\x02", 4));
  EXPECT_EQ(tls.receive(7).size(), 7u);
  EXPECT_TRUE(eventually([&] { return server.server.connections() == 0; }));
}

TEST(Connection, BytesOfAnotherProtocolLaterAreABadSize) {
  TestServer server;
  RawClient client(server.port);
  client.send(request(3, 4, 1, "first") + "GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(client.receive_frame().has_value());
  EXPECT_EQ(client.receive_to_end(), "");
}

TEST(Connection, H69AnswersLeaveInOrderHoweverTheyComplete) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    Mutex mutex;
    std::vector<CallPtr> parked;
    int others_at_once = 0;
    TestServer server({}, [&](CallPtr call) {
      MutexLock lock(mutex);
      if (call->api_key() != 0) {
        EXPECT_TRUE(parked.empty()) << "a request that does not overlap came while others were unanswered";
        others_at_once = 1;
      } else {
        EXPECT_EQ(others_at_once, 0) << "a produce overtook";
      }
      parked.push_back(std::move(call));
    });
    RawClient client(server.port);
    constexpr int kRequests = 200;
    std::string requests;
    for (int i = 0; i < kRequests; ++i) requests += random() % 5 ? request(0, 3, i, "p") : request(3, 4, i, "m");
    std::thread sender([&] { client.send(requests); });
    std::thread completer([&] {
      std::mt19937 own(seed * 7);
      for (int done = 0; done < kRequests;) {
        CallPtr call;
        {
          MutexLock lock(mutex);
          if (parked.empty()) continue;
          std::swap(parked[own() % parked.size()], parked.back());
          call = std::move(parked.back());
          parked.pop_back();
          others_at_once = 0;
        }
        std::string body = body_text(*call);
        call->answer(text_response(body));
        ++done;
      }
    });
    for (int i = 0; i < kRequests; ++i) {
      auto frame = client.receive_frame();
      ASSERT_TRUE(frame.has_value());
      EXPECT_EQ(correlation_of(*frame), i) << "seed " << seed;
    }
    sender.join();
    completer.join();
  }
}

TEST(Connection, AProduceMayHoldTheNextUntilItHasAppended) {
  Mutex mutex;
  std::vector<CallPtr> parked;
  TestServer server({}, [&](CallPtr call) {
    call->hold_next();
    MutexLock lock(mutex);
    parked.push_back(std::move(call));
  });
  RawClient client(server.port);
  client.send(request(0, 3, 1, "a") + request(0, 3, 2, "b") + request(0, 3, 3, "c"));
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 1; }));
  parked[0]->allow_next();
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 2; }));
  {
    MutexLock lock(mutex);
    parked[1]->answer(text_response("b"));
  }
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 3; }));
  MutexLock lock(mutex);
  parked[0]->answer(text_response("a"));
  parked[2]->answer_nothing();
  EXPECT_EQ(correlation_of(*client.receive_frame()), 1);
  EXPECT_EQ(correlation_of(*client.receive_frame()), 2);
}

TEST(Connection, AnAnswerlessProduceIsSilentAndAClosedOneEndsTheConnectionAfterItsElders) {
  TestServer server({}, [](CallPtr call) {
    std::string body = body_text(*call);
    if (body == "silent") return call->answer_nothing();
    if (body == "close") return call->close("the handler wants it");
    if (body == "drop") return;
    call->answer(text_response(body));
  });
  RawClient client(server.port);
  client.send(request(0, 3, 1, "silent") + request(0, 3, 2, "said") + request(0, 3, 3, "close") + request(0, 3, 4, "never"));
  EXPECT_EQ(correlation_of(*client.receive_frame()), 2);
  EXPECT_EQ(client.receive_to_end(), "");
  RawClient dropped(server.port);
  dropped.send(request(0, 3, 1, "drop"));
  EXPECT_TRUE(dropped.is_closed_by_peer()) << "a call without an answer closes its connection";
}

TEST(Connection, AHalfClosedClientStillGetsItsAnswers) {
  Mutex mutex;
  std::vector<CallPtr> parked;
  TestServer server({}, [&](CallPtr call) {
    MutexLock lock(mutex);
    parked.push_back(std::move(call));
  });
  RawClient client(server.port);
  client.send(request(3, 4, 1, "m") + request(3, 4, 2, "m"));
  client.finish_sending();
  for (int i = 1; i <= 2; ++i) {
    ASSERT_TRUE(eventually([&] { return server.handler.delivered == i; }));
    MutexLock lock(mutex);
    parked.back()->answer(text_response("late"));
  }
  EXPECT_EQ(correlation_of(*client.receive_frame()), 1);
  EXPECT_EQ(correlation_of(*client.receive_frame()), 2);
  EXPECT_TRUE(client.is_closed_by_peer());
}

TEST(Connection, AParkedCallLearnsThatItsPeerLeaves) {
  Mutex mutex;
  std::vector<CallPtr> parked;
  std::vector<Departure> told;
  TestServer server({}, [&](CallPtr call) {
    call->on_departure([&](Departure departure) {
      MutexLock lock(mutex);
      told.push_back(departure);
      if (departure == Departure::closed) parked.clear();
    });
    MutexLock lock(mutex);
    parked.push_back(std::move(call));
  });
  const auto times_told = [&] {
    MutexLock lock(mutex);
    return told.size();
  };
  RawClient half(server.port);
  half.send(request(0, 3, 1, "p"));
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 1; }));
  half.finish_sending();
  ASSERT_TRUE(eventually([&] { return times_told() == 1; }));
  EXPECT_EQ(server.server.connections(), 1u) << "it may still read";
  RawClient gone(server.port);
  gone.send(request(0, 3, 1, "p"));
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 2; }));
  gone.reset();
  ASSERT_TRUE(eventually([&] { return times_told() == 2; }));
  EXPECT_EQ(told, (std::vector<Departure>{Departure::half_closed, Departure::closed}));
  EXPECT_TRUE(eventually([&] { return server.server.queued_request_bytes() == 0; }));
}

TEST(Connection, APeerThatSendsNoMoreDoesNotKeepItsPlaceForEver) {
  ServerSettings settings;
  settings.half_closed_max = Duration::millis(100);
  settings.connections_max_idle = Duration::millis(1000);
  std::atomic<bool> closed{false};
  Mutex mutex;
  std::vector<CallPtr> parked;
  TestServer server(settings, [&](CallPtr call) {
    call->on_departure([&](Departure departure) { closed = departure == Departure::closed; });
    MutexLock lock(mutex);
    parked.push_back(std::move(call));
  });
  RawClient client(server.port);
  client.send(request(1, 4, 1, "long poll"));
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 1; }));
  client.finish_sending();
  EXPECT_TRUE(eventually([&] { return closed.load(); }));
  EXPECT_TRUE(eventually([&] { return server.server.connections() == 0; }));
  MutexLock lock(mutex);
  parked.clear();
}

TEST(Connection, WhatARequestTakesBeyondItsFrameCountsAgainstTheBudget) {
  ServerSettings settings;
  settings.queued_max_request_bytes = 16 << 20;  // half of it for requests that are no produces
  Mutex mutex;
  std::vector<CallPtr> parked;
  std::vector<bool> taken;
  std::vector<int64_t> used;
  TestServer* of_test = nullptr;
  TestServer server(settings, [&](CallPtr call) {
    MutexLock lock(mutex);
    for (const size_t bytes : {size_t{6} << 20, size_t{9} << 20, size_t{2} << 20}) {
      taken.push_back(call->reserve_memory(bytes));
      used.push_back(of_test->server.queued_request_bytes() >> 20);
    }
    parked.push_back(std::move(call));
  });
  of_test = &server;
  RawClient client(server.port);
  client.send(request(1, 4, 1, "fetch"));
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 1; }));
  EXPECT_EQ(taken, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(used, (std::vector<int64_t>{6, 6, 2}));
  MutexLock lock(mutex);
  parked.clear();
  EXPECT_TRUE(eventually([&] { return server.server.queued_request_bytes() == 0; }));
}

TEST(Connection, A10ATransactionalRequestOfAPeerThatLeftIsNotBegun) {
  Mutex mutex;
  std::vector<CallPtr> parked;
  TestServer server({}, [&](CallPtr call) {
    MutexLock lock(mutex);
    parked.push_back(std::move(call));
  });
  RawClient client(server.port);
  client.send(request(3, 4, 1, "m") + request(26, 1, 2, "EndTxn"));
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 1; }));
  client.finish_sending();
  MutexLock lock(mutex);
  // The server's kernel has the FIN before the answer below can be on its way: both are on loopback, in order.
  parked[0]->answer(text_response("a"));
  EXPECT_EQ(correlation_of(*client.receive_frame()), 1);
  EXPECT_TRUE(client.is_closed_by_peer());
  EXPECT_EQ(server.handler.delivered, 1);
}

TEST(Connection, H69AnswersAfterTheConnectionHasGoneAreDropped) {
  Mutex mutex;
  std::vector<CallPtr> parked;
  TestServer server({}, [&](CallPtr call) {
    MutexLock lock(mutex);
    parked.push_back(std::move(call));
  });
  for (int i = 0; i < 10; ++i) {
    RawClient client(server.port);
    client.send(request(0, 3, 1, "p"));
    ASSERT_TRUE(eventually([&] { return server.handler.delivered == i + 1; }));
    client.reset();
  }
  ASSERT_TRUE(eventually([&] { return server.server.connections() == 0; }));
  EXPECT_GT(server.server.queued_request_bytes(), 0) << "the calls still hold their requests";
  for (CallPtr& call : parked) call->answer(text_response("too late"));
  parked.clear();
  EXPECT_TRUE(eventually([&] { return server.server.queued_request_bytes() == 0; }));
}

TEST(Connection, TheRequestBudgetStopsProducesButLetsFetchesThrough) {
  ServerSettings settings;
  settings.queued_max_request_bytes = 1 << 20;
  Mutex mutex;
  std::vector<CallPtr> parked;
  TestServer server(settings, [&](CallPtr call) {
    if (call->api_key() != 0) return call->answer(text_response("f"));
    MutexLock lock(mutex);
    parked.push_back(std::move(call));
  });
  std::vector<std::unique_ptr<RawClient>> producers;
  std::vector<std::thread> senders;
  for (int i = 0; i < 12; ++i) producers.push_back(std::make_unique<RawClient>(server.port));
  for (auto& producer : producers)
    senders.emplace_back([&] { producer->send(request(0, 3, 1, std::string(400 << 10, 'p'))); });
  // Beyond the limit comes one frame by overdraft, and what was read before the limit was seen.
  ASSERT_TRUE(eventually([&] { return server.handler.delivered >= 1 && server.server.queued_request_bytes() >= 1 << 20; }));
  RawClient follower(server.port);
  for (int i = 0; i < 20; ++i) {
    follower.send(request(1, 4, i, std::string(60 << 10, 'f')));
    ASSERT_TRUE(follower.receive_frame().has_value());
  }
  EXPECT_LT(server.server.queued_request_bytes(), 5 << 20);
  size_t answered = 0;
  ASSERT_TRUE(eventually([&] {
    std::vector<CallPtr> now;
    {
      MutexLock lock(mutex);
      now.swap(parked);
    }
    for (CallPtr& call : now) call->answer(text_response("ok"));
    answered += now.size();
    return answered == producers.size();
  }));
  for (auto& producer : producers) EXPECT_TRUE(producer->receive_frame().has_value());
  for (auto& sender : senders) sender.join();
  EXPECT_TRUE(eventually([&] { return server.server.queued_request_bytes() == 0; }));
}

TEST(Connection, HalfReadFramesBeyondTheBudgetDoNotWaitForEachOther) {
  ServerSettings settings;
  settings.queued_max_request_bytes = 64 << 10;
  TestServer server(settings, [](CallPtr call) { call->answer(text_response("ok")); });
  std::vector<std::unique_ptr<RawClient>> producers;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) producers.push_back(std::make_unique<RawClient>(server.port));
  for (auto& producer : producers)
    threads.emplace_back([&] {
      producer->send(request(0, 3, 1, std::string(3 << 20, 'p')));
      EXPECT_TRUE(producer->receive_frame().has_value());
    });
  for (auto& thread : threads) thread.join();
}

TEST(Connection, B42LimitsByAddressAndInAll) {
  ServerSettings settings;
  settings.max_connections_per_ip_overrides = {{"127.0.0.1", 3}};
  TestServer server(settings);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port));
    clients.back()->send(request(3, 4, i, ""));
    ASSERT_TRUE(clients.back()->receive_frame().has_value());
  }
  EXPECT_TRUE(RawClient(server.port).is_closed_by_peer());
  // The count goes down whatever closed the connection.
  clients[0]->reset();
  clients[1]->send(size_prefix(-1));
  clients[2]->close();
  ASSERT_TRUE(eventually([&] { return server.server.connections() == 0; }));
  RawClient again(server.port);
  again.send(request(3, 4, 9, ""));
  EXPECT_TRUE(again.receive_frame().has_value());

  server.server.set_max_connections(1);
  RawClient waits(server.port);
  waits.send(request(3, 4, 10, ""));
  EXPECT_EQ(server.server.connections(), 1u);
  again.close();
  EXPECT_TRUE(waits.receive_frame().has_value()) << "one that waited is accepted when another leaves";
}

TEST(Connection, F41ConnectionsLeaveDescriptorsToTheLogs) {
  const int lowest_free = ::dup(0);
  ::close(lowest_free);
  ServerSettings settings;
  settings.open_files_max = lowest_free + 72;  // of which 32 are not for connections
  TestServer server(settings);
  std::vector<std::unique_ptr<RawClient>> clients;
  int refused = 0;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port));
    clients.back()->send(request(3, 4, 1, "x"));
    if (!clients.back()->receive_frame()) ++refused;
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 60);
  clients.clear();
  ASSERT_TRUE(eventually([&] { return server.server.connections() == 0; }));
  RawClient later(server.port);
  later.send(request(3, 4, 1, "again"));
  EXPECT_TRUE(later.receive_frame().has_value()) << "there is room again";
}

TEST(Connection, AGracefulStopAnswersWhatIsInFlight) {
  Mutex mutex;
  std::vector<CallPtr> parked;
  TestServer server({}, [&](CallPtr call) {
    MutexLock lock(mutex);
    parked.push_back(std::move(call));
  });
  RawClient busy(server.port), idle(server.port), stuck(server.port);
  busy.send(request(0, 3, 1, "p"));
  stuck.send(request(0, 3, 2, "p"));
  ASSERT_TRUE(eventually([&] { return server.handler.delivered == 2; }));
  ASSERT_TRUE(eventually([&] { return server.server.connections() == 3; }));
  std::promise<void> done;
  server.server.stop(Duration::millis(500), [&] { done.set_value(); });
  EXPECT_TRUE(idle.is_closed_by_peer());
  {
    MutexLock lock(mutex);
    parked[0]->answer(text_response("last"));
  }
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  std::string answered = busy.receive_to_end() + stuck.receive_to_end();
  EXPECT_EQ(answered.size(), 12u) << "one was answered, the other cut off at the deadline";
  EXPECT_FALSE(RawClient(server.port).connected) << "nothing listens";
  MutexLock lock(mutex);
  parked.clear();  // loops outlive calls
}

TEST(Connection, RandomBytesNeverHarmOthers) {
  TestServer server;
  std::mt19937 random(4711);
  for (int i = 0; i < 200; ++i) {
    RawClient client(server.port);
    std::string bytes(random() % 300, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (random() % 2) bytes = size_prefix(static_cast<int32_t>(random() % 200)) + bytes;
    client.send(bytes);
    if (random() % 2) client.finish_sending();
  }
  RawClient good(server.port);
  good.send(request(3, 4, 1, "still here"));
  EXPECT_TRUE(good.receive_frame().has_value());
  good.close();
  EXPECT_TRUE(eventually([&] { return server.server.connections() == 0; }));
}

TEST(Connection, RequestsAreCountedAndTimedByName) {
  TestServer server({}, [](CallPtr call) {
    if (call->api_key() == 1) call->measure_as_follower();
    call->answer(text_response("x"));
  });
  RawClient client(server.port);
  client.send(request(1, 4, 1, "") + request(0, 3, 2, "") + request(0, 3, 3, ""));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.receive_frame().has_value());
  client.close();
  ASSERT_TRUE(eventually([&] { return server.server.connections() == 0; }));
  std::string text = server.registry.render();
  EXPECT_NE(text.find("kafka_network_RequestMetrics_Count{name=\"RequestsPerSec\",request=\"Produce\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("kafka_network_RequestMetrics_Count{name=\"TotalTimeMs\",request=\"FetchFollower\"} 1\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace quokka
