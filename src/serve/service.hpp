#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "serve/http_message.hpp"
#include "serve/request.hpp"
#include "serve/served_model.hpp"

namespace sharcs::internal {

class ServerMetrics;

// The files of src/serve/page/ and docs/openapi.json, put into the program by cmake/embed.cmake.
extern const char* const try_it_html;
extern const char* const openapi_json;

struct ServiceOptions {
  ServedModelOptions model = {};
  RequestLimits limits = {};
  std::chrono::milliseconds timeout{10'000};  ///< that a request may wait for its turn
};

/// What the server does with requests: its endpoints, without any network. docs/openapi.json describes them.
class Service {
 public:
  /// Reads the models; the first is the one of requests that name none. Throws as ServedModel, and ConfigError when two
  /// have one name or there is none.
  Service(const std::vector<ModelSource>& sources, const ServiceOptions& options, ServerMetrics& metrics);
  /// Returns when all requests have their replies.
  ~Service();

  /// An HttpHandler. Never throws what a request has caused: the reply says it.
  void answer(HttpRequest request, std::stop_token stop, const Reply& reply);

  /// Reads all models again. Returns a line for each one, which says what came of it.
  std::vector<std::string> reload();

  const std::vector<std::unique_ptr<ServedModel>>& models() const { return models_; }

 private:
  struct Call;
  void classify(const std::shared_ptr<Call>& call, const std::string& body);
  void tag(const std::shared_ptr<Call>& call, const std::string& body);
  void find_answers(const std::shared_ptr<Call>& call, const std::string& body);
  void fill(const std::shared_ptr<Call>& call, const std::string& body);
  template <class Request, class Submit, class JsonOf>
  void run(const std::shared_ptr<Call>& call, Request request, const Submit& submit, const JsonOf& json_of);
  void embed(const std::shared_ptr<Call>& call, const std::string& body);
  HttpResponse health() const;
  HttpResponse metrics() const;
  HttpResponse list_models() const;
  ServedModel& find(const std::string& name);

  ServiceOptions options_;
  ServerMetrics& metrics_;
  std::vector<std::unique_ptr<ServedModel>> models_;
  WorkerThread reader_;  // of large bodies; last, since its jobs use the models
};

}  // namespace sharcs::internal
