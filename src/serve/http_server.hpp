#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "serve/http_message.hpp"

namespace sharcs::internal {

class ServerMetrics;

struct HttpServerOptions {
  std::string host = "127.0.0.1";                 ///< an address of this machine
  int port = 0;                                   ///< 0: one that is free
  std::size_t max_body = std::size_t{1} << 20;    ///< bytes
  std::size_t max_header = std::size_t{1} << 14;  ///< bytes of the request line and all fields
  std::size_t max_connections = 1000;
  std::chrono::milliseconds timeout{10'000};  ///< for a client to send a whole request, and to take a whole response
  std::chrono::milliseconds idle{60'000};     ///< that a connection may stay open between two requests
  std::chrono::milliseconds drain{10'000};    ///< that requests have to be finished in after stop()
};

/// An HTTP/1.1 server. One thread reads and writes for all connections, so that a slow client costs no thread; the
/// handler decides where the work is done.
///
/// What a client may do wrong ends in a response or a closed connection, and touches no other client: a request that
/// does not come in time gets 408, a body that is too long 413, fields that are too long 431, what is not HTTP 400, one
/// connection more than there may be 503.
class HttpServer {
 public:
  /// Begins to listen. Throws ConfigError when the host is no address, IoError when the port cannot be had.
  HttpServer(const HttpServerOptions& options, ServerMetrics& metrics);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The port that it listens on.
  int port() const;
  /// "http://127.0.0.1:8080"
  std::string url() const;
  /// Serves until stop(). Replies may come until the server is destroyed.
  void run(HttpHandler handler);
  /// Serves one more client. Its socket is open already, and from now on the server's: it closes it. From any thread.
  void adopt(int socket);
  /// Takes no more connections, lets the requests that have begun end in time, and closes all. From any thread.
  void stop();

 private:
  struct State;
  class Connection;
  std::unique_ptr<State> state_;
};

}  // namespace sharcs::internal
