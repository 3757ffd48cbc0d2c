#include "serve/http_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>
#include <ctime>
#include <optional>
#include <unordered_map>

#include "core/ascii.hpp"
#include "core/number.hpp"
#include "core/quote.hpp"
#include "serve/server_metrics.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string date_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  ::gmtime_r(&now, &parts);
  std::array<char, 40> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

/// "application/json" of "Application/JSON; charset=utf-8".
std::string media_type(std::string text) {
  text = text.substr(0, text.find(';'));
  text.erase(text.find_last_not_of(" \t") + 1);
  return lower_case(text);
}

/// Connections above the limit that are told so at the same time; more are closed without a word.
constexpr std::size_t most_refused = 64;

}  // namespace

/// All but `port` and stop() is of the thread in run().
struct HttpServer::State {
  HttpServerOptions options;
  ServerMetrics& metrics;
  HttpHandler handler = {};
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  Tcp::acceptor acceptor{io};
  asio::steady_timer pause{io}, drain{io};
  std::unordered_map<Connection*, std::shared_ptr<Connection>> open = {};
  bool stopping = false;

  State(const HttpServerOptions& given, ServerMetrics& counted) : options(given), metrics(counted) {}

  void listen();
  void accept();
  void take(Tcp::socket socket);
  void begin_stop();
  void close_all();
  void end_if_empty();
};

/// A client. It is kept alive by State::open until close(), and afterwards by the operations that are still to end.
///
///     wait_for_request → read_request → begin_answer → write → wait_for_request → …
class HttpServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Tcp::socket socket, State& state) : state_(state), socket_(std::move(socket)), timer_(state.io) {}

  /// A completion handler that keeps the connection alive, and closes it where something is thrown, such as for want of
  /// memory: other connections go on.
  template <class Body>
  auto guarded(Body body) {
    return [self = shared_from_this(), body = std::move(body)](const ErrorCode& error, std::size_t = 0) {
      if (self->closed_) return;
      try {
        body(error);
      } catch (const std::exception&) {
        self->close();
      }
    };
  }

  void wait_for_request() {
    if (state_.stopping && !has_come()) return close();
    if (buffer_.size() > 0) return read_request();  // has come with the request before
    idle_ = true;
    arm(state_.options.idle, &Connection::close);
    socket_.async_wait(Tcp::socket::wait_read, guarded([this](const ErrorCode& error) {
                         if (error) return close();
                         read_request();
                       }));
  }

  /// Answers what is not a request that can be handled, and closes.
  void refuse(int status, const std::string& message) {
    state_.metrics.add_request("none", status, seconds_since_begin());
    keep_alive_ = false;
    lingers_ = true;
    write(error_response(status, message));
  }

  /// Whether it is between two requests, and nothing of the next one has come.
  bool idle() const { return idle_ && !has_come(); }

  void close() {
    if (closed_) return;
    closed_ = true;
    disarm();
    ErrorCode ignored;
    socket_.close(ignored);
    stop_.request_stop();
    state_.open.erase(this);
    state_.metrics.set_connections(state_.open.size());
    state_.end_if_empty();
  }

 private:
  /// Whether something of the next request has come.
  bool has_come() const {
    ErrorCode ignored;
    return buffer_.size() > 0 || socket_.available(ignored) > 0;
  }

  /// Calls the function after the time, unless arm() or disarm() come before.
  void arm(std::chrono::milliseconds time, void (Connection::*then)()) {
    const std::uint64_t number = ++alarm_;
    timer_.expires_after(time);
    timer_.async_wait(guarded([this, number, then](const ErrorCode&) {
      if (number == alarm_) (this->*then)();
    }));
  }
  void disarm() {
    ++alarm_;
    timer_.cancel();
  }

  void read_request() {
    idle_ = false;
    timed_out_ = false;
    begin_ = std::chrono::steady_clock::now();
    parser_.emplace();
    parser_->body_limit(state_.options.max_body);
    parser_->header_limit(static_cast<std::uint32_t>(state_.options.max_header));
    arm(state_.options.timeout, &Connection::end_reading);
    http::async_read_header(socket_, buffer_, *parser_, guarded([this](const ErrorCode& error) {
                              if (error) return cannot_read(error);
                              const auto& fields = parser_->get();
                              if (!beast::iequals(fields[http::field::expect], "100-continue") || parser_->is_done())
                                return read_body();
                              static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
                              asio::async_write(socket_, asio::buffer(go_on.data(), go_on.size()),
                                                guarded([this](const ErrorCode& unwritten) {
                                                  if (unwritten) return close();
                                                  read_body();
                                                }));
                            }));
  }

  void read_body() {
    if (parser_->is_done()) return begin_answer();
    http::async_read(socket_, buffer_, *parser_, guarded([this](const ErrorCode& error) {
                       if (error) return cannot_read(error);
                       begin_answer();
                     }));
  }

  void end_reading() {
    timed_out_ = true;
    ErrorCode ignored;
    socket_.cancel(ignored);
  }

  void cannot_read(const ErrorCode& error) {
    const HttpServerOptions& limits = state_.options;
    is_head_ = parser_->get().method() == http::verb::head;  // not that of the request before
    if (timed_out_)
      return refuse(408, "the request did not come whole within " +
                             seconds_text(std::chrono::duration<double>(limits.timeout).count()));
    if (error == http::error::body_limit)
      return refuse(413, "the body has more than " + std::to_string(limits.max_body) + " bytes");
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
      return refuse(431,
                    "the request line and the fields have more than " + std::to_string(limits.max_header) + " bytes");
    const bool went_away = error == http::error::end_of_stream || error == http::error::partial_message;
    if (went_away || error.category() != make_error_code(http::error::bad_method).category()) return close();
    refuse(400, "not a request of HTTP/1.1: " + error.message());
  }

  void begin_answer() {
    disarm();
    auto& message = parser_->get();
    keep_alive_ = message.keep_alive();
    is_head_ = message.method() == http::verb::head;
    if (message.version() >= 11 && message.find(http::field::host) == message.end())
      return refuse(400, "a request of HTTP/1.1 without the field Host");
    const std::string target(message.target());
    HttpRequest request = {.method = std::string(message.method_string()),
                           .path = target.substr(0, target.find('?')),
                           .content_type = media_type(std::string(message[http::field::content_type])),
                           .body = std::move(message.body())};
    parser_.reset();
    stop_ = std::stop_source();
    const std::uint64_t number = ++request_;
    answering_ = true;
    if (buffer_.size() == 0) watch_for_goodbye(number);
    const Reply reply = [weak = weak_from_this(), &io = state_.io, number](HttpResponse response) {
      asio::post(io, [weak, number, response = std::move(response)]() mutable {
        if (const auto self = weak.lock()) self->take_response(number, std::move(response));
      });
    };
    try {
      state_.handler(std::move(request), stop_.get_token(), reply);
    } catch (const std::exception& error) {
      reply(error_response(500, error.what()));
    }
  }

  /// A client that goes away while it waits takes its request along. Like most servers we take a client that has closed
  /// its side for gone.
  void watch_for_goodbye(std::uint64_t number) {
    socket_.async_wait(Tcp::socket::wait_read, guarded([this, number](const ErrorCode& error) {
                         if (error || !answering_ || number != request_) return;
                         char byte;
                         const auto read = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
                         if (read == 0 || (read < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) close();
                       }));
  }

  void take_response(std::uint64_t number, HttpResponse response) {
    if (closed_ || !answering_ || number != request_) return;
    answering_ = false;
    ErrorCode ignored;
    socket_.cancel(ignored);  // the watch
    try {
      write(std::move(response));
    } catch (const std::exception&) {
      close();
    }
  }

  void write(HttpResponse response) {
    response_ = {};
    response_.version(11);
    response_.result(static_cast<unsigned>(response.status));
    response_.set(http::field::server, "sharcs");
    response_.set(http::field::date, date_text());
    response_.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) response_.set(name, value);
    response_.body() = std::move(response.body);
    response_.content_length(response_.body().size());
    keep_alive_ = keep_alive_ && !state_.stopping;
    response_.keep_alive(keep_alive_);
    serializer_.emplace(response_);
    arm(state_.options.timeout, &Connection::close);
    auto written = guarded([this](const ErrorCode& error) {
      if (error) return close();
      if (keep_alive_) return wait_for_request();
      if (lingers_) return linger();
      close();
    });
    if (is_head_)
      http::async_write_header(socket_, *serializer_, std::move(written));
    else
      http::async_write(socket_, *serializer_, std::move(written));
  }

  /// Reads on for a while: the system tells a client that still sends that the connection is broken, and the client
  /// would then not see the response.
  void linger() {
    ErrorCode ignored;
    socket_.shutdown(Tcp::socket::shutdown_send, ignored);
    buffer_.clear();
    arm(std::min(state_.options.timeout, std::chrono::milliseconds(2000)), &Connection::close);
    swallow();
  }
  void swallow() {
    socket_.async_read_some(buffer_.prepare(std::size_t{1} << 14), guarded([this](const ErrorCode& error) {
                              if (error) return close();
                              swallow();
                            }));
  }

  double seconds_since_begin() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

  State& state_;
  Tcp::socket socket_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_{std::size_t{1} << 16};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  std::stop_source stop_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::uint64_t alarm_ = 0, request_ = 0;  // of the timer, and of the connection's requests: what is older is ignored
  bool idle_ = false, answering_ = false, closed_ = false;
  bool timed_out_ = false, keep_alive_ = false, lingers_ = false, is_head_ = false;
};

void HttpServer::State::listen() {
  ErrorCode error;
  const auto address = asio::ip::make_address(options.host, error);
  if (error) throw ConfigError("the host is " + quote(options.host) + "; expected an address, such as 127.0.0.1");
  const Tcp::endpoint place(address, static_cast<unsigned short>(options.port));
  acceptor.open(place.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(place, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    throw IoError(options.host + ":" + std::to_string(options.port) + ": cannot listen there: " + error.message());
}

void HttpServer::State::accept() {
  acceptor.async_accept([this](const ErrorCode& error, Tcp::socket socket) {
    if (stopping) return;
    if (error) {  // too many files are open, say: the clients wait
      pause.expires_after(std::chrono::milliseconds(50));
      pause.async_wait([this](const ErrorCode& cancelled) {
        if (!cancelled && !stopping) accept();
      });
      return;
    }
    take(std::move(socket));
    accept();
  });
}

void HttpServer::State::take(Tcp::socket socket) try {
  if (stopping || open.size() >= options.max_connections + most_refused) return;
  ErrorCode ignored;
  socket.set_option(Tcp::no_delay(true), ignored);
  const auto connection = std::make_shared<Connection>(std::move(socket), *this);
  open.emplace(connection.get(), connection);
  metrics.set_connections(open.size());
  if (open.size() <= options.max_connections) return connection->wait_for_request();
  connection->refuse(503, "there are " + std::to_string(options.max_connections) +
                              " connections already; expected fewer, or a greater --max-connections");
} catch (const std::exception&) {  // no memory for one more
}

void HttpServer::State::begin_stop() {
  if (stopping) return;
  stopping = true;
  ErrorCode ignored;
  acceptor.close(ignored);
  pause.cancel();
  std::vector<std::shared_ptr<Connection>> idle;
  for (const auto& [connection, owner] : open)
    if (connection->idle()) idle.push_back(owner);
  for (const auto& connection : idle) connection->close();
  drain.expires_after(options.drain);
  drain.async_wait([this](const ErrorCode& cancelled) {
    if (!cancelled) close_all();
  });
  end_if_empty();
}

void HttpServer::State::close_all() {
  while (!open.empty()) {
    const std::shared_ptr<Connection> connection = open.begin()->second;
    connection->close();
  }
}

void HttpServer::State::end_if_empty() {
  if (!stopping || !open.empty()) return;
  drain.cancel();
  work.reset();
}

HttpServer::HttpServer(const HttpServerOptions& options, ServerMetrics& metrics)
    : state_(std::make_unique<State>(options, metrics)) {
  state_->listen();
}

HttpServer::~HttpServer() = default;

int HttpServer::port() const { return state_->acceptor.local_endpoint().port(); }

std::string HttpServer::url() const {
  const bool is_v6 = state_->acceptor.local_endpoint().address().is_v6();
  const std::string& host = state_->options.host;
  return "http://" + (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port());
}

void HttpServer::run(HttpHandler handler) {
  state_->handler = std::move(handler);
  state_->accept();
  state_->io.run();
}

void HttpServer::adopt(int socket) {
  asio::post(state_->io, [state = state_.get(), socket] {
    Tcp::socket client(state->io);
    ErrorCode error;
    client.assign(Tcp::v4(), socket, error);
    if (!error) return state->take(std::move(client));
    ::close(socket);
  });
}

void HttpServer::stop() {
  asio::post(state_->io, [state = state_.get()] { state->begin_stop(); });
}

}  // namespace sharcs::internal
