#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <future>
#include <iostream>
#include <nlohmann/json.hpp>
#include <semaphore>
#include <thread>

#include "cli/command.hpp"
#include "cli/policy_argument.hpp"
#include "cli/program_tables.hpp"
#include "core/quote.hpp"
#include "serve/http_server.hpp"
#include "serve/server_metrics.hpp"
#include "serve/service.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

struct ServeArguments : CommonArguments {
  std::vector<std::string> models;
  std::string policy, precision;
  std::size_t max_length = 0;
  HttpServerOptions http;
  std::size_t max_inputs = RequestLimits().max_inputs, max_queue = ServedModelOptions().max_queue;
  double timeout = 10, idle = 60, drain = 10;  // seconds

  ServeArguments() { http.port = 8080; }
};

/// "NAME=FOLDER", or a folder, whose last part is the name.
ModelSource source_of(const std::string& word) {
  const std::size_t sign = word.find('=');
  if (sign != std::string::npos && !std::filesystem::exists(word)) {
    if (sign == 0) usage_error("--model " + word + ": no name before =; expected NAME=FOLDER");
    return {.name = word.substr(0, sign), .folder = word.substr(sign + 1)};
  }
  std::filesystem::path folder = std::filesystem::absolute(word).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  return {.name = folder.filename().string(), .folder = word};
}

/// SIGINT and SIGTERM end the server gracefully, a second one at once; SIGHUP reads the models again. All of them wait
/// for a thread of ours, so that no code runs inside a handler. To be made before any other thread.
class ServerSignals {
 public:
  ServerSignals() {
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGHUP);
    for (const int signal : {SIGINT, SIGTERM}) {
      struct sigaction before = {};
      ::sigaction(signal, nullptr, &before);
      if (before.sa_handler != SIG_IGN) ::sigaddset(&set_, signal);  // a background job has chosen already
    }
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  ~ServerSignals() {
    if (!watcher_.joinable()) return;
    ending_ = true;
    ended_.release();
    ::pthread_kill(watcher_.native_handle(), SIGHUP);  // stays blocked all the time
    watcher_.join();
  }
  ServerSignals(const ServerSignals&) = delete;
  ServerSignals& operator=(const ServerSignals&) = delete;

  void watch(HttpServer& server, Service& service) {
    watcher_ = std::thread([&] {
      std::future<void> reload;
      for (int signal = 0; signal != SIGINT && signal != SIGTERM;) {
        ::sigwait(&set_, &signal);
        if (ending_) return;
        if (signal == SIGHUP)
          reload = std::async(std::launch::async, [&service] {
            for (const std::string& line : service.reload()) std::cerr << "sharcs: " + one_line(line) + "\n";
          });
      }
      server.stop();
      notes() << "sharcs: ends when the requests that run have their answers; a second signal ends it at once"
              << std::endl;
      ::sigset_t at_once = set_;
      ::sigdelset(&at_once, SIGHUP);
      ::pthread_sigmask(SIG_UNBLOCK, &at_once, nullptr);
      ended_.acquire();
    });
  }

 private:
  ::sigset_t set_;
  std::atomic<bool> ending_ = false;
  std::binary_semaphore ended_{0};
  std::thread watcher_;
};

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

void tell_start(const ServeArguments& arguments, const HttpServer& server, const Service& service) {
  if (arguments.json) {
    nlohmann::ordered_json json = {{"url", server.url()}, {"port", server.port()}};
    for (const auto& model : service.models()) json["models"].push_back(model->name());
    std::cout << json.dump() << std::endl;
    return;
  }
  std::string names;
  for (const auto& model : service.models()) names += (names.empty() ? "" : ", ") + one_line(model->name());
  std::cout << "serving " << names << " at " << server.url() << std::endl;
}

void serve(const ServeArguments& arguments) {
  if (arguments.models.empty()) usage_error("--model is required");
  if (arguments.max_inputs > arguments.max_queue)
    usage_error("--max-inputs " + std::to_string(arguments.max_inputs) + " is more than --max-queue " +
                std::to_string(arguments.max_queue) + "; expected at most as many");
  std::vector<ModelSource> sources;
  for (const std::string& word : arguments.models) sources.push_back(source_of(word));
  ServerSignals signals;
  ServerMetrics metrics;
  HttpServerOptions http = arguments.http;
  http.timeout = milliseconds(arguments.timeout);
  http.idle = milliseconds(arguments.idle);
  http.drain = milliseconds(arguments.drain);
  HttpServer server(http, metrics);  // before the models are read: a port that is taken is told at once
  Service service(sources,
                  {.model = {.engine = {.threads = arguments.threads_or_default(),
                                        .precision = precision_argument(arguments.precision),
                                        .max_length = arguments.max_length},
                             .policy = arguments.policy,
                             .max_queue = arguments.max_queue},
                   .limits = {.max_inputs = arguments.max_inputs},
                   .timeout = http.timeout},
                  metrics);
  signals.watch(server, service);
  tell_start(arguments, server, service);
  server.run([&service](HttpRequest request, std::stop_token stop, const Reply& reply) {
    service.answer(std::move(request), std::move(stop), reply);
  });
}

void add_serve(CLI::App& program) {
  const auto arguments = std::make_shared<ServeArguments>();
  CLI::App* command = add_command(
      program, "serve",
      "Answers requests over HTTP: POST /v1/classify and /v1/embed with JSON, GET /health, /metrics (Prometheus), "
      "/v1/models, /openapi.json, and a page to try sentences at /. Requests that come together run as one batch. Ends "
      "on SIGTERM when the requests that run have their answers; reads the models again on SIGHUP.",
      "nothing, serving draws none", *arguments);
  command->add_option("--model,model", arguments->models,
                      "Model directories, each as FOLDER or NAME=FOLDER (required); requests that name no model get "
                      "the first");
  command
      ->add_option("--host", arguments->http.host,
                   "Address to listen on; 0.0.0.0: every one of this machine. There is no password: put a proxy "
                   "before it that has one")
      ->capture_default_str();
  command->add_option("--port", arguments->http.port, "Port to listen on; 0: one that is free, which is printed")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  add_policy_option(*command, arguments->policy);
  add_precision_option(*command, arguments->precision);
  command
      ->add_option("--max-length", arguments->max_length,
                   "Tokens of an input at most, longer ones are cut; 0: as in training, or what the model reads")
      ->check(not_negative)
      ->capture_default_str();
  const auto limit = [&](const std::string& name, std::size_t& value, const std::string& meaning, std::size_t most) {
    command->add_option(name, value, meaning)->check(CLI::Range(std::size_t{1}, most))->capture_default_str();
  };
  limit("--max-body", arguments->http.max_body, "Bytes of a request's body at most; more gets 413", 1u << 30);
  limit("--max-inputs", arguments->max_inputs, "Inputs of a request at most; more gets 413", 1u << 20);
  limit("--max-queue", arguments->max_queue, "Inputs that may wait, for each model; more gets 429", 1u << 24);
  limit("--max-connections", arguments->http.max_connections, "Connections at most; more gets 503", 1u << 20);
  const auto seconds = [&](const std::string& name, double& value, const std::string& meaning) {
    command->add_option(name, value, meaning)->check(CLI::Range(0.001, 86400.0))->capture_default_str();
  };
  seconds("--timeout", arguments->timeout,
          "Seconds: for a client to send its request, for the request to wait for its turn, and for the client to take "
          "the response");
  seconds("--idle-seconds", arguments->idle, "Seconds that a connection may stay open between two requests");
  seconds("--drain-seconds", arguments->drain, "Seconds that requests have to be finished in after SIGTERM");
  command->footer(examples(
      {R"(sharcs serve runs/sst2 --port 8080)",
       R"(sharcs serve small=runs/sst2 large=runs/sst2-large --port 0 --max-queue 256)",
       R"(curl -d '{"inputs": ["a gem"]}' -H 'Content-Type: application/json' http://127.0.0.1:8080/v1/classify)"}));
  on_call(command, arguments, serve);
}

}  // namespace

namespace commands {
std::vector<Command> serve() { return {{.place = 55, .add = add_serve}}; }
}  // namespace commands

}  // namespace sharcs::internal
