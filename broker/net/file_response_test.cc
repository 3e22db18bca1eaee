// Responses whose bytes come from files: sendfile, small runs, cold ranges, truncation (decisions 4 and H68).
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "broker/net/response_writer.h"
#include "broker/net/test_peer.h"

namespace quokka {
namespace {

using namespace test;

// A real, unlinked file whose cache the test declares warm or cold.
class TestFile final : public File {
 public:
  explicit TestFile(std::string bytes, bool has_descriptor = true) : bytes_(std::move(bytes)), has_descriptor_(has_descriptor) {
    char name[] = "/tmp/quokka-net-XXXXXX";
    fd_ = ::mkstemp(name);
    ::unlink(name);
    size_t put = 0;
    while (put < bytes_.size()) put += static_cast<size_t>(::pwrite(fd_, bytes_.data() + put, bytes_.size() - put, static_cast<off_t>(put)));
  }
  ~TestFile() override { ::close(fd_); }

  const std::string& path() const override { return path_; }
  int fd() const override { return has_descriptor_ ? fd_ : -1; }
  Result<int64_t> size() const override { return static_cast<int64_t>(bytes_.size()); }
  Result<size_t> read_at(MutableBytes into, int64_t position) const override {
    ++reads;
    if (broken) return Error{ErrorCode::KAFKA_STORAGE_ERROR, "the device is gone"};
    if (cold && reader_loop && reader_loop->in_loop()) read_on_loop_while_cold = true;
    ssize_t got = ::pread(fd_, into.data(), into.size(), position);
    return static_cast<size_t>(std::max<ssize_t>(got, 0));
  }
  bool is_cached(int64_t, int64_t) const override { return !cold; }
  Status write_at(Bytes, int64_t) override { return {}; }
  Status truncate(int64_t size) override {
    (void)!::ftruncate(fd_, size);
    return {};
  }
  void preallocate(int64_t, int64_t) override {}
  void read_ahead(int64_t, int64_t) const override {}
  void forget_cached(int64_t, int64_t) const override {}
  void start_writeback(int64_t, int64_t) const override {}
  Status set_modified(WallTime) override { return {}; }
  Status sync() override { return {}; }

  mutable std::atomic<int> reads{0};
  mutable std::atomic<bool> read_on_loop_while_cold{false};
  std::atomic<bool> cold{false};
  std::atomic<bool> broken{false};
  const Loop* reader_loop = nullptr;

 private:
  const std::string bytes_;
  const bool has_descriptor_;
  const std::string path_ = "log/t-0/00000000000000000000.log";
  int fd_ = -1;
};

std::string random_text(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

void append_text(Encoded& body, const std::string& text) {
  std::unique_ptr<uint8_t[]> block(new uint8_t[text.size()]);
  std::copy(text.begin(), text.end(), block.get());
  body.append_owned(std::move(block), text.size());
}

// head, then for each (position, length): a hole and a separator.
Response with_holes(const std::shared_ptr<TestFile>& file, const std::vector<std::pair<int64_t, int64_t>>& ranges) {
  Response response;
  append_text(response.body, "head");
  for (auto [position, length] : ranges) {
    response.body.append_hole(static_cast<size_t>(length));
    response.slices.push_back({file, position, length});
    append_text(response.body, "|");
  }
  return response;
}

std::string expected(const std::string& content, const std::vector<std::pair<int64_t, int64_t>>& ranges) {
  std::string text = "head";
  for (auto [position, length] : ranges) text += content.substr(static_cast<size_t>(position), static_cast<size_t>(length)) + "|";
  return text;
}

class FileResponse : public ::testing::Test {
 protected:
  // Every Fetch is answered with `ranges` of `file`, whatever it asks.
  void serve(int requests) {
    server = std::make_unique<TestServer>(ServerSettings{}, [this](CallPtr call) {
      file->reader_loop = &call->loop();
      call->answer(with_holes(file, ranges));
    });
    client = std::make_unique<RawClient>(server->port);
    std::string all;
    for (int i = 0; i < requests; ++i) all += request(1, 4, i, "");
    client->send(all);
  }
  void expect_answers(int count) {
    for (int i = 0; i < count; ++i) {
      auto frame = client->receive_frame();
      ASSERT_TRUE(frame.has_value());
      ASSERT_EQ(correlation_of(*frame), i);
      ASSERT_TRUE(frame->substr(4) == expected(content, ranges)) << "answer " << i;
    }
  }

  std::string content = random_text(9 << 20, 1);
  std::shared_ptr<TestFile> file = std::make_shared<TestFile>(content);
  std::vector<std::pair<int64_t, int64_t>> ranges;
  std::unique_ptr<TestServer> server;
  std::unique_ptr<RawClient> client;
};

TEST_F(FileResponse, CachedRunsGoBySendfileWithoutBeingRead) {
  ranges = {{5, 16 << 10}, {1 << 20, 5 << 20}, {100, 200000}};
  serve(3);
  expect_answers(3);
  EXPECT_EQ(file->reads, 0);
}

TEST_F(FileResponse, SmallRunsAreReadAndSentWithTheRest) {
  ranges = {{5, 1}, {77, 16383}, {4000, 100}, {9, 9}};
  serve(3);
  expect_answers(3);
  EXPECT_EQ(file->reads, 12);
}

TEST_F(FileResponse, ManyRunsOfAllSizes) {
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) ranges.push_back({static_cast<int64_t>(random() % 1000000), static_cast<int64_t>(1 + random() % 40000)});
  serve(2);
  expect_answers(2);
}

TEST_F(FileResponse, ColdRangesAreReadOnThePool) {
  file->cold = true;
  ranges = {{5, 3 << 20}, {100, 20}, {4000, 100000}, {0, 1 << 20}};
  serve(2);
  expect_answers(2);
  EXPECT_FALSE(file->read_on_loop_while_cold);
  for (int64_t length : {20, 100000, 3 << 20}) {
    file->reads = 0;
    ranges = {{5, length}};
    serve(1);
    expect_answers(1);
    EXPECT_GT(file->reads, 0) << length << " bytes were sent from a cold file without being read ahead";
  }
}

TEST_F(FileResponse, FilesWithoutADescriptorAreRead) {
  file = std::make_shared<TestFile>(content, false);
  for (bool cold : {false, true}) {
    file->cold = cold;
    ranges = {{5, 3 << 20}, {100, 20}};
    serve(2);
    expect_answers(2);
    EXPECT_FALSE(file->read_on_loop_while_cold);
  }
}

TEST_F(FileResponse, H68ATruncatedLogClosesTheConnection) {
  for (auto [cold, length] : std::vector<std::pair<bool, int64_t>>{{false, 100000}, {false, 1000}, {true, 100000}, {true, 1000}}) {
    file->cold = cold;
    ranges = {{static_cast<int64_t>(content.size()) - 500, length}};
    serve(1);
    EXPECT_FALSE(client->receive_frame().has_value()) << cold << " " << length;
    EXPECT_TRUE(eventually([&] { return server->server.connections() == 0; }));
  }
}

TEST_F(FileResponse, ADeviceThatFailsClosesTheConnection) {
  file->cold = file->broken = true;
  ranges = {{0, 100000}};
  serve(1);
  EXPECT_FALSE(client->receive_frame().has_value());
}

TEST_F(FileResponse, APeerThatLeavesDuringAColdReadIsForgotten) {
  file->cold = true;
  ranges = {{0, 8 << 20}};
  for (int i = 0; i < 10; ++i) {
    serve(1);
    client->receive(1000);
    client->reset();
    EXPECT_TRUE(eventually([&] { return server->server.connections() == 0; }));
    server.reset();
  }
  EXPECT_EQ(file.use_count(), 1) << "nobody keeps the file open";
}

// A transport that takes what the test lets it take.
class FakeTransport final : public Transport {
 public:
  IoResult read(std::span<const iovec>) override { return {IoResult::Kind::would_block}; }
  IoResult write(std::span<const iovec> from, bool) override {
    size_t taken = 0;
    ++writes;
    for (const iovec& part : from) {
      size_t count = std::min(part.iov_len, room - taken);
      sent.append(static_cast<const char*>(part.iov_base), count);
      taken += count;
    }
    room -= taken;
    if (taken == 0) return {IoResult::Kind::would_block};
    return {IoResult::Kind::moved, taken};
  }
  IoResult send_file(int fd, int64_t position, size_t length) override {
    std::string part(std::min(length, room), '\0');
    if (part.empty()) return {IoResult::Kind::would_block};
    ssize_t got = ::pread(fd, part.data(), part.size(), position);
    if (got <= 0) return {IoResult::Kind::ended};
    sent.append(part, 0, static_cast<size_t>(got));
    room -= static_cast<size_t>(got);
    return {IoResult::Kind::moved, static_cast<size_t>(got)};
  }
  bool can_send_file() const override { return true; }
  void wait_readable(Task) override {}
  void wait_writable(Task) override {}
  bool peer_has_closed() const override { return false; }
  void end_writing() override {}
  void close() override {}
  std::string local_address() const override { return ""; }

  std::string sent;
  size_t room = SIZE_MAX;
  int writes = 0;
};

TEST(ResponseWriter, SendsTheSameBytesHoweverTheSocketTakesThem) {
  std::string content = random_text(300000, 2);
  auto file = std::make_shared<TestFile>(content);
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    FakeTransport transport;
    ResponseWriter writer(transport);
    std::string all;
    auto held = std::make_shared<int>(0);
    int responses = 1 + static_cast<int>(random() % 4);
    for (int r = 0; r < responses; ++r) {
      std::vector<std::pair<int64_t, int64_t>> ranges;
      for (size_t i = random() % 4; i > 0; --i) ranges.push_back({random() % 100000, 1 + random() % 60000});
      std::string header = "header" + std::to_string(r);
      ASSERT_TRUE(writer.push(bytes_of(header), with_holes(file, ranges), held));
      all += header + expected(content, ranges);
    }
    for (int turn = 0; turn < 10000 && !writer.empty(); ++turn) {
      transport.room = random() % 20000;
      file->cold = random() % 3 == 0;
      ResponseWriter::Turn result = writer.send_turn();
      ASSERT_NE(result, ResponseWriter::Turn::failed) << writer.error();
      if (result != ResponseWriter::Turn::cold) continue;
      writer.cold_read()->fill();
      writer.on_cold_read();
    }
    ASSERT_TRUE(transport.sent == all) << "seed " << seed;
    EXPECT_EQ(writer.memory_bytes(), 0u);
    EXPECT_EQ(writer.take_sent().size(), static_cast<size_t>(responses));
  }
}

TEST(ResponseWriter, ATurnIsAtMostAMebibyte) {
  auto file = std::make_shared<TestFile>(std::string(5 << 20, 'x'));
  FakeTransport transport;
  ResponseWriter writer(transport);
  ASSERT_TRUE(writer.push(bytes_of("h"), with_holes(file, {{0, 5 << 20}}), nullptr));
  EXPECT_EQ(writer.send_turn(), ResponseWriter::Turn::yield);
  EXPECT_EQ(transport.sent.size(), ResponseWriter::kTurnBytes);
}

TEST(ResponseWriter, SmallResponsesLeaveTogether) {
  FakeTransport transport;
  ResponseWriter writer(transport);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(writer.push(bytes_of("header"), text_response("x"), nullptr));
  EXPECT_EQ(writer.send_turn(), ResponseWriter::Turn::idle);
  EXPECT_EQ(transport.writes, 1);
}

TEST(ResponseWriter, HolesAndSlicesMustMatch) {
  auto file = std::make_shared<TestFile>("abc");
  FakeTransport transport;
  ResponseWriter writer(transport);
  Response missing = with_holes(file, {{0, 1}, {1, 1}});
  missing.slices.pop_back();
  EXPECT_FALSE(writer.push(bytes_of("h"), std::move(missing), nullptr));
  Response longer = with_holes(file, {{0, 1}});
  longer.slices[0].length = 2;
  EXPECT_FALSE(writer.push(bytes_of("h"), std::move(longer), nullptr));
  Response extra = with_holes(file, {{0, 1}});
  extra.slices.push_back(extra.slices[0]);
  EXPECT_FALSE(writer.push(bytes_of("h"), std::move(extra), nullptr));
  EXPECT_TRUE(writer.empty());
}

}  // namespace
}  // namespace quokka
