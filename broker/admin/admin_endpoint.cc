#include "broker/admin/admin_endpoint.h"

#include <pthread.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <thread>

#include "protocol/base/log.h"

namespace quokka {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr size_t kRequestBytesMax = 16 << 10;

// One request and its answer, then the end: probes and scrapes come seldom.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(tcp::socket socket, Duration limit, std::shared_ptr<size_t> open, const std::map<std::string, AdminEndpoint::Page>& pages)
      : stream_(std::move(socket)), open_(std::move(open)), pages_(pages) {
    ++*open_;
    stream_.expires_after(std::chrono::microseconds(limit.us));
    parser_.header_limit(kRequestBytesMax);
    parser_.body_limit(kRequestBytesMax);
  }
  ~Exchange() { --*open_; }

  void begin() {
    http::async_read(stream_, buffer_, parser_, [self = shared_from_this()](const beast::error_code& error, size_t) {
      if (!error) self->answer();
    });
  }

 private:
  void answer() {
    const auto& request = parser_.get();
    std::string target(request.target());
    size_t query = target.find('?');
    std::string path = target.substr(0, query);
    AdminAnswer made;
    auto page = pages_.find(path);
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      made = {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
    } else if (page != pages_.end()) {
      made = page->second(query == std::string::npos ? std::string() : target.substr(query + 1));
    } else {
      made.status = path == "/" ? 200 : 404;
      made.body = made.status == 200 ? "pages:\n" : "no such page; there are:\n";
      for (const auto& [known, unused] : pages_) made.body += known + "\n";
    }
    response_.result(static_cast<unsigned>(made.status));
    response_.version(request.version());
    response_.set(http::field::content_type, made.content_type);
    response_.keep_alive(false);
    size_t length = made.body.size();
    if (request.method() != http::verb::head) response_.body() = std::move(made.body);
    response_.content_length(length);
    http::async_write(stream_, response_, [self = shared_from_this()](const beast::error_code&, size_t) {
      beast::error_code ignored;
      self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    });
  }

  beast::tcp_stream stream_;
  const std::shared_ptr<size_t> open_;
  const std::map<std::string, AdminEndpoint::Page>& pages_;
  beast::flat_buffer buffer_{kRequestBytesMax * 2};
  http::request_parser<http::string_body> parser_;
  http::response<http::string_body> response_;
};

}  // namespace

struct AdminEndpoint::Core {
  Core(AdminSettings given, std::map<std::string, Page> all) : settings(std::move(given)), pages(std::move(all)) {}

  void accept() {
    acceptor.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {
        // Out of descriptors, most likely: others need a moment to end.
        retry.expires_after(std::chrono::milliseconds(100));
        retry.async_wait([this](const boost::system::error_code& stopped) {
          if (!stopped) accept();
        });
        return;
      }
      // One too many is closed at once.
      if (*open < settings.connections_max) std::make_shared<Exchange>(std::move(socket), settings.request_timeout, open, pages)->begin();
      accept();
    });
  }

  const AdminSettings settings;
  const std::map<std::string, Page> pages;
  std::shared_ptr<size_t> open = std::make_shared<size_t>(0);
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer retry{io};
  std::thread thread;
};

AdminEndpoint::AdminEndpoint(AdminSettings settings, std::map<std::string, Page> pages)
    : core_(std::make_unique<Core>(std::move(settings), std::move(pages))) {}

AdminEndpoint::~AdminEndpoint() { stop(); }

Result<uint16_t> AdminEndpoint::start() {
  auto failed = [this](const boost::system::error_code& error) {
    return Error{ErrorCode::INVALID_CONFIG, "the admin endpoint cannot listen on " + core_->settings.host + ":" + std::to_string(core_->settings.port) + ": " +
                                                error.message() + "; give it another port or address"};
  };
  boost::system::error_code error;
  tcp::endpoint at(asio::ip::make_address(core_->settings.host, error), core_->settings.port);
  if (error) return failed(error);
  tcp::acceptor& acceptor = core_->acceptor;
  acceptor.open(at.protocol(), error);
  if (error) return failed(error);
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (error) return failed(error);
  acceptor.bind(at, error);
  if (error) return failed(error);
  acceptor.listen(64, error);
  if (error) return failed(error);
  uint16_t port = acceptor.local_endpoint(error).port();
  core_->accept();
  core_->thread = std::thread([core = core_.get()] {
    pthread_setname_np(pthread_self(), "admin");
    core->io.run();
  });
  return port;
}

void AdminEndpoint::stop() {
  core_->io.stop();
  if (core_->thread.joinable()) core_->thread.join();
}

}  // namespace quokka
