#pragma once

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the empty std::optional of a default argument for uninitialised.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "cli/program.hpp"
#include "serve/http_server.hpp"
#include "serve/server_metrics.hpp"
#include "serve/service.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::testing {

/// A response as a client reads it.
struct ReadResponse {
  int status = 0;  ///< 0: the connection was closed before a whole response had come
  std::string head, body;

  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  std::string message() const { return json().at("error").at("message"); }
};

/// A connection to 127.0.0.1 that sends what it is told to, as good or bad as that is.
class TestClient {
 public:
  explicit TestClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval most = {.tv_sec = 60, .tv_usec = 0};  // a test that would hang fails
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    sockaddr_in place = {};
    place.sin_family = AF_INET;
    place.sin_port = htons(static_cast<std::uint16_t>(port));
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0;
  }
  ~TestClient() { ::close(socket_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool connected() const { return connected_; }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server has closed: what it said before is still to be read
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void end_sending() const { ::shutdown(socket_, SHUT_WR); }

  /// The next response; `has_body`: false after HEAD.
  ReadResponse read(bool has_body = true) {
    ReadResponse response;
    const std::size_t end = await("\r\n\r\n");
    if (end == std::string::npos) return response;
    response.head = read_.substr(0, end + 2);
    read_.erase(0, end + 4);
    const std::size_t at = response.head.find("Content-Length: ");
    const std::size_t size = at == std::string::npos ? 0 : std::stoul(response.head.substr(at + 16));
    while (has_body && read_.size() < size && more()) {
    }
    response.body = has_body ? read_.substr(0, size) : "";
    read_.erase(0, response.body.size());
    response.status = std::stoi(response.head.substr(9, 3));
    return response;
  }
  /// Whether the server closes the connection without another byte.
  bool is_closed() { return read_.empty() && !more(); }

 private:
  std::size_t await(const std::string& text) {
    std::size_t at;
    while ((at = read_.find(text)) == std::string::npos)
      if (!more()) return std::string::npos;
    return at;
  }
  bool more() {
    char bytes[4096];
    const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count > 0) read_.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }

  int socket_;
  bool connected_ = false;
  std::string read_;
};

inline std::string post(const std::string& path, const std::string& body,
                        const std::string& fields = "Content-Type: application/json\r\n") {
  return "POST " + path + " HTTP/1.1\r\nHost: test\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}
inline std::string get(const std::string& path, const std::string& method = "GET") {
  return method + " " + path + " HTTP/1.1\r\nHost: test\r\n\r\n";
}

/// A server of a tiny model, "tiny", in this process. change: as in save_tiny_model.
class TestServer {
 public:
  explicit TestServer(HttpServerOptions http = {}, ServiceOptions options = {},
                      void (*change)(ModelConfig&) = nullptr) {
    save_tiny_model(folder(), change);
    server_ = std::make_unique<HttpServer>(http, metrics_);
    service_ = std::make_unique<Service>(std::vector<ModelSource>{{"tiny", folder()}}, options, metrics_);
    thread_ = std::thread([this] {
      server_->run([this](HttpRequest request, std::stop_token stop, const Reply& reply) {
        service_->answer(std::move(request), std::move(stop), reply);
      });
    });
  }
  ~TestServer() { end(); }

  std::filesystem::path folder() const { return folder_ / "tiny"; }
  int port() const { return server_->port(); }
  HttpServer& server() const { return *server_; }
  Service& service() const { return *service_; }

  /// On a connection of its own.
  ReadResponse ask(const std::string& request, bool has_body = true) const {
    TestClient client(port());
    client.send(request);
    return client.read(has_body);
  }
  /// Stops the server and waits for its end.
  void end() {
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
  }

 private:
  TemporaryFolder folder_;
  ServerMetrics metrics_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<Service> service_;
  std::thread thread_;
};

}  // namespace sharcs::internal::testing
