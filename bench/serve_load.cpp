// Loads a running `sharcs serve` and tells how long answers take:
//
//   serve_load PORT SENTENCES [--clients N] [--rate R] [--seconds S] [--policy P | --budget B]
//
// SENTENCES: a file with a sentence a line; each request has one. Without --rate, each of N clients asks again as soon
// as it has its answer. With it, requests are due at R a second whatever the server does, and a time counts from when
// the request was due: a server that falls behind cannot hide it. One thread, so that it takes little of the machine.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Client {
  int socket = -1;
  bool busy = false;
  Clock::time_point due = {};
  std::string read;
};

int connect_to(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in place = {};
  place.sin_family = AF_INET;
  place.sin_port = htons(static_cast<std::uint16_t>(port));
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0)
    throw std::runtime_error("cannot connect to 127.0.0.1:" + std::to_string(port));
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

std::vector<std::string> requests_of(const std::string& file, const std::string& policy, double budget) {
  std::ifstream in(file);
  std::vector<std::string> requests;
  for (std::string line; std::getline(in, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    nlohmann::json json = {{"inputs", {line}}};
    if (!policy.empty()) json["policy"] = policy;
    if (budget > 0) json["budget"] = budget;
    const std::string body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    requests.push_back(
        "POST /v1/classify HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  if (requests.empty()) throw std::runtime_error(file + ": no sentence");
  return requests;
}

struct Response {
  int status;
  double cost;  // of the sentence, as a share of full width's multiply-adds
};

/// Reads what has come. Returns the response once it is whole; throws when the server has closed.
std::optional<Response> read_response(Client& client) {
  char bytes[8192];
  const auto count = ::recv(client.socket, bytes, sizeof bytes, 0);
  if (count <= 0) throw std::runtime_error("the server has closed a connection");
  client.read.append(bytes, static_cast<std::size_t>(count));
  const std::size_t head = client.read.find("\r\n\r\n"), length = client.read.find("Content-Length: ");
  if (head == std::string::npos || length == std::string::npos) return std::nullopt;
  if (client.read.size() < head + 4 + std::stoul(client.read.substr(length + 16))) return std::nullopt;
  const std::size_t cost = client.read.find("\"cost\":", head);
  const Response response = {.status = std::stoi(client.read.substr(9, 3)),
                             .cost = cost == std::string::npos ? 0 : std::stod(client.read.substr(cost + 7))};
  client.read.clear();
  return response;
}

double percentile(const std::vector<double>& ascending, double share) {
  return ascending[static_cast<std::size_t>(share * static_cast<double>(ascending.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App program("Loads a running `sharcs serve`", "serve_load");
  int port = 0;
  std::string file, policy;
  std::size_t client_count = 32;
  double rate = 0, seconds = 5, budget = 0, cost = 0;
  program.add_option("port", port)->required();
  program.add_option("sentences", file)->required();
  program.add_option("--clients", client_count)->check(CLI::Range(1, 10000));
  program.add_option("--rate", rate)->check(CLI::NonNegativeNumber);
  program.add_option("--seconds", seconds)->check(CLI::Range(0.1, 86400.0));
  CLI::Option* const with_policy = program.add_option("--policy", policy);
  program.add_option("--budget", budget)->check(CLI::Range(0.0, 1.0))->excludes(with_policy);
  CLI11_PARSE(program, argc, argv);

  const std::vector<std::string> requests = requests_of(file, policy, budget);
  std::vector<Client> clients(client_count);
  for (Client& client : clients) client.socket = connect_to(port);
  std::vector<pollfd> polled(client_count);
  std::vector<double> times;
  std::size_t sent = 0, others = 0;
  const auto begin = Clock::now();
  const auto after = [&](double s) {
    return begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  };
  const auto end = after(seconds);
  for (;;) {
    const auto now = Clock::now();
    bool any_busy = false;
    Clock::time_point next = now + std::chrono::milliseconds(100);
    for (Client& client : clients) {
      const auto due = rate > 0 ? after(static_cast<double>(sent) / rate) : now;
      if (!client.busy && now < end && due <= now) {
        const std::string& request = requests[sent++ % requests.size()];
        if (::send(client.socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
          throw std::runtime_error("cannot send");
        client.due = due;
        client.busy = true;
      } else if (!client.busy && now < end) {
        next = std::min(next, due);
      }
      any_busy = any_busy || client.busy;
    }
    if (now >= end && !any_busy) break;
    for (std::size_t i = 0; i < client_count; ++i)
      polled[i] = {.fd = clients[i].busy ? clients[i].socket : -1, .events = POLLIN, .revents = 0};
    const auto wait = std::chrono::duration_cast<std::chrono::nanoseconds>(next - now).count();
    const timespec most = {.tv_sec = 0, .tv_nsec = std::max<long>(wait, 0)};
    ::ppoll(polled.data(), polled.size(), &most, nullptr);
    for (std::size_t i = 0; i < client_count; ++i) {
      if (polled[i].revents == 0) continue;
      const auto response = read_response(clients[i]);
      if (!response) continue;
      clients[i].busy = false;
      if (response->status != 200) {
        ++others;
        continue;
      }
      times.push_back(std::chrono::duration<double>(Clock::now() - clients[i].due).count());
      cost += response->cost;
    }
  }
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  for (const Client& client : clients) ::close(client.socket);
  if (times.empty()) throw std::runtime_error("no answer but " + std::to_string(others) + " refusals");
  std::ranges::sort(times);
  std::cout << nlohmann::ordered_json({{"clients", client_count},
                                       {"rate_asked", rate},
                                       {"rate", static_cast<double>(times.size()) / took},
                                       {"p50_ms", percentile(times, 0.5) * 1000},
                                       {"p99_ms", percentile(times, 0.99) * 1000},
                                       {"cost", cost / static_cast<double>(times.size())},
                                       {"answers", times.size()},
                                       {"refused", others}})
                   .dump()
            << '\n';
  return 0;
} catch (const std::exception& error) {
  std::cerr << "serve_load: " << error.what() << '\n';
  return 1;
}
