// What a client may send: bytes that reach the server's own connection through a pair of sockets, in pieces.
//
// The first byte of an input is the size of a piece; 0: all at once. The rest is sent: requests one after the other,
// good, bad or cut short. Whatever it is, what comes back is whole responses, no more than there can be requests, and
// the server closes the connection in the end.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "fuzz/harness.hpp"
#include "serve/http_server.hpp"
#include "serve/server_metrics.hpp"

namespace sharcs::internal::harnesses {
namespace {

const HttpServerOptions server_options = {.max_body = 2048,
                                          .max_header = 1024,
                                          .timeout = std::chrono::milliseconds(20'000),
                                          .idle = std::chrono::milliseconds(20'000)};

[[noreturn]] void found(const std::string& what) { throw std::runtime_error(what); }

/// Says of each request what the server has read; what could not be right ends in the status 500.
HttpResponse mirror(const HttpRequest& request) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const bool is_right = request.body.size() <= server_options.max_body && request.path.find('?') == std::string::npos &&
                        request.content_type.find(';') == std::string::npos &&
                        std::ranges::none_of(request.content_type, is_upper) && !request.method.empty();
  return json_response({{"method", request.method},
                        {"path", request.path},
                        {"content_type", request.content_type},
                        {"body", request.body}},
                       is_right ? 200 : 500);
}

/// The server, in a thread of its own as always.
class Server {
 public:
  Server() {
    thread_ = std::thread([this] {
      server_.run(
          [](const HttpRequest& request, const std::stop_token&, const Reply& reply) { reply(mirror(request)); });
    });
  }
  ~Server() {
    server_.stop();
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void adopt(int socket) { server_.adopt(socket); }

 private:
  ServerMetrics metrics_;
  HttpServer server_{server_options, metrics_};
  std::thread thread_;
};

class Client {
 public:
  explicit Client(Server& server) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) found("no pair of sockets");
    socket_ = pair[0];
    const timeval most = {.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    server.adopt(pair[1]);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Sends it and waits until the server has read it, so that a piece is what the server sees at once.
  void send(std::string_view piece) {
    while (!piece.empty()) {
      const auto sent = ::send(socket_, piece.data(), piece.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return;  // the server has closed
      piece.remove_prefix(static_cast<std::size_t>(sent));
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (int unread = 1; unread > 0;) {
      if (::ioctl(socket_, SIOCOUTQ, &unread) != 0) return;
      if (read_some(MSG_DONTWAIT) == 0) return;  // closed
      if (std::chrono::steady_clock::now() > end) found("the server stopped reading");
    }
  }
  /// Ends sending; returns all that the server has said until it closed.
  std::string end() {
    ::shutdown(socket_, SHUT_WR);
    ssize_t count;
    while ((count = read_some(0)) > 0) {
    }
    if (count < 0 && errno != ECONNRESET) found("the server did not close the connection");
    return read_;
  }

 private:
  ssize_t read_some(int flags) {
    char bytes[4096];
    ssize_t count;
    do count = ::recv(socket_, bytes, sizeof bytes, flags);
    while (count < 0 && errno == EINTR);  // by libFuzzer's alarm clock
    if (count > 0) read_.append(bytes, static_cast<std::size_t>(count));
    return count;
  }

  int socket_ = -1;
  std::string read_;
};

/// Takes a whole response from the front of what the server said. One without a body can only be that of a HEAD
/// request.
int take_response(std::string_view& said, bool may_be_of_head) {
  const std::size_t end = said.find("\r\n\r\n");
  if (end == std::string_view::npos || !said.starts_with("HTTP/1.1 ")) found("not a response: " + std::string(said));
  const std::string_view head = said.substr(0, end + 2);
  int status = 0;
  std::from_chars(head.data() + 9, head.data() + 12, status);
  static constexpr int known[] = {100, 200, 400, 408, 413, 431};
  if (std::ranges::find(known, status) == std::end(known)) found("status " + std::to_string(status));
  said.remove_prefix(end + 4);
  if (status == 100) return status;
  constexpr std::string_view length = "\r\nContent-Length: ";
  const std::size_t at = head.find(length);
  std::size_t size = 0;
  if (at == std::string_view::npos) found("a response without its length");
  std::from_chars(head.data() + at + length.size(), head.data() + head.size(), size);
  if (may_be_of_head && (said.empty() || said.starts_with("HTTP/1.1 "))) return status;
  if (size > said.size()) found("a response that is cut short");
  const nlohmann::json body = nlohmann::json::parse(said.substr(0, size), nullptr, false);
  if (body.is_discarded()) found("a body that is not JSON");
  if (status != 200 && body.at("error").at("status") != status) found("an error that says another status");
  said.remove_prefix(size);
  return status;
}

void read(std::string_view input, const Scratch&) {
  static Server server;
  if (input.empty()) return;
  const std::size_t asked = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  // At most 64 pieces: more would only be slow.
  const std::size_t size = asked == 0 ? input.size() : std::max(asked, input.size() / 64);
  Client client(server);
  for (std::string_view rest = input; !rest.empty(); rest.remove_prefix(std::min(size, rest.size())))
    client.send(rest.substr(0, size));
  const std::string all = client.end();
  const bool may_be_of_head = input.find("HEAD") != std::string_view::npos;
  std::string_view said = all;
  std::size_t responses = 0;
  while (!said.empty()) responses += take_response(said, may_be_of_head) != 100 ? 1 : 0;
  // The shortest request is "A / HTTP/1.0" with two ends of line; the last one may be anything that is refused.
  if (responses > input.size() / 16 + 1) found(std::to_string(responses) + " responses to so few bytes");
}

std::string in_pieces(int size, const std::string& bytes) { return std::string(1, static_cast<char>(size)) + bytes; }

std::vector<std::string> seeds() {
  const std::string post = "POST /v1/classify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json; charset=utf-8\r\n";
  const std::string body = R"({"inputs": ["a gem"]})";
  const std::string whole = post + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  const std::string chunked =
      post + "Transfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\n{\"inp\r\n10\r\nuts\": [\"a gem\"]}\r\n0\r\nX: y\r\n\r\n";
  const std::string get = "GET /health?a=b#c HTTP/1.1\r\nHost: a\r\n\r\n";
  return {in_pieces(0, whole + get),
          in_pieces(7, whole + chunked + get),
          in_pieces(1, chunked),
          in_pieces(0, post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"),
          in_pieces(0, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get),
          in_pieces(3, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n"),
          in_pieces(0, "GET / HTTP/1.1\r\n\r\n"),
          in_pieces(0, post + "Content-Length: 99999999999999999999\r\n\r\n"),
          in_pieces(0, post + "Content-Length: 9\r\nContent-Length: 3\r\n\r\n{}"),
          in_pieces(0, post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get),
          in_pieces(0, post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}"),
          in_pieces(0, post + "Content-Length: 4000\r\n\r\n" + std::string(4000, 'a')),
          in_pieces(9, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1500, 'x') + "\r\n\r\n"),
          in_pieces(0, "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n"),
          in_pieces(0, "\r\n\r\nGET / HTTP/1.1\nHost: a\n\n"),
          in_pieces(0, std::string("\x16\x03\x01\0\x05hello", 10))};
}

}  // namespace

std::vector<Harness> http_bytes() {
  return {{.name = "http_bytes",
           .file = "request",
           .words = {"GET ",
                     "HEAD ",
                     "POST ",
                     "CONNECT ",
                     " HTTP/1.1\r\n",
                     " HTTP/1.0\r\n",
                     "\r\n\r\n",
                     "Host: a\r\n",
                     "Content-Length: ",
                     "Content-Type: ",
                     "Transfer-Encoding: chunked\r\n",
                     "Connection: close\r\n",
                     "Connection: keep-alive\r\n",
                     "Connection: upgrade\r\n",
                     "Upgrade: h2c\r\n",
                     "Expect: 100-continue\r\n",
                     "0\r\n\r\n",
                     "ffffffffffffffff\r\n",
                     "; charset=",
                     "\r\n "},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
