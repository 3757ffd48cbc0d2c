#include "serve/service.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/enum_names.hpp"
#include "core/number.hpp"
#include "core/quote.hpp"
#include "infer/masks_json.hpp"
#include "infer/word_labels.hpp"
#include "routing/policy_kind.hpp"
#include "serve/server_metrics.hpp"
#include "sharcs/error.hpp"
#include "text/unicode.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;
using SteadyClock = std::chrono::steady_clock;

/// Bodies up to here are read at once: to hand them to another thread would take longer.
constexpr std::size_t small_body = std::size_t{16} << 10;

/// An endpoint, and the one method that it has. A page's method is GET; HEAD is GET without the body.
struct Endpoint {
  const char* path;
  const char* method;
};
constexpr Endpoint endpoints[] = {
    {"/v1/classify", "POST"}, {"/v1/tag", "POST"},   {"/v1/answer", "POST"}, {"/v1/fill", "POST"},
    {"/v1/embed", "POST"},    {"/v1/models", "GET"}, {"/health", "GET"},     {"/metrics", "GET"},
    {"/openapi.json", "GET"}, {"/", "GET"}};

/// The endpoint that a model answers at.
const char* endpoint_of(const ModelConfig& config) {
  if (config.fills_masks) return "/v1/fill";
  return config.finds_answers ? "/v1/answer" : config.per_token ? "/v1/tag" : "/v1/classify";
}

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

/// What the response says of an exception that a request ended in.
HttpResponse response_to(const std::exception_ptr& problem) {
  try {
    std::rethrow_exception(problem);
  } catch (const RequestError& error) {
    return error_response(error.status, error.what());
  } catch (const QueueFull& error) {
    HttpResponse response = error_response(429, error.what());
    response.headers.emplace_back("Retry-After", "1");
    return response;
  } catch (const DeadlineExceeded&) {
    HttpResponse response = error_response(503, "the request waited too long for its turn");
    response.headers.emplace_back("Retry-After", "1");
    return response;
  } catch (const Cancelled& error) {
    return error_response(503, error.what());
  } catch (const std::bad_alloc&) {
    return error_response(500, "not enough memory");
  } catch (const std::exception& error) {
    return error_response(500, one_line(error.what()));
  }
}

double cost_of(const Prediction& prediction) {
  return static_cast<double>(prediction.multiply_adds) /
         static_cast<double>(std::max<std::int64_t>(prediction.full_multiply_adds, 1));
}

/// What every result says of its way through the model.
void add_way(Json& json, const Prediction& prediction) {
  json["answer"] = prediction.answer;
  json["width"] = prediction.width;
  json["asked"] = prediction.asked;
  json["cost"] = cost_of(prediction);
  json["truncated"] = prediction.truncated;
}

Json json_of(const Prediction& prediction, const Classifier& classifier) {
  Json json;
  if (classifier.engine().config().multi_output) {
    json["scores"] = prediction.logits;
  } else if (prediction.probabilities.empty()) {
    json["score"] = prediction.logits[0];
  } else {
    if (classifier.engine().config().multi_label) {
      json["labels"] = Json::array();
      for (const int label : prediction.labels) json["labels"].push_back(classifier.label_name(label));
    } else {
      json["label"] = classifier.label_name(prediction.label);
      json["label_id"] = prediction.label;
      json["probability"] = prediction.probabilities[static_cast<std::size_t>(prediction.label)];
    }
    // A list: names of labels need not differ, and an ordered object looks at all members for each new one.
    json["probabilities"] = prediction.probabilities;
  }
  add_way(json, prediction);
  return json;
}

Json json_of(const Prediction& prediction, const Classifier& classifier, const std::vector<std::string>& words) {
  const WordLabels labels(classifier.engine().config(), words, prediction);
  Json json = {{"labels", labels.labels_json()}, {"probabilities", labels.probabilities_json()}};
  if (Json entities = labels.entities_json(); !entities.is_null()) json["entities"] = std::move(entities);
  add_way(json, prediction);
  return json;
}

/// Places in the context count its characters, as strings of JSON do.
Json json_of(const FoundAnswer& found, const std::string& context) {
  Json json = {{"text", found.text}};
  if (!found.text.empty()) {
    const std::string_view before = std::string_view(context).substr(0, found.range.begin);
    const std::size_t start = count_characters(before);
    json["start"] = start;
    json["end"] = start + count_characters(found.text);
  }
  json["probability"] = found.probability;
  json["score"] = found.score;
  json["no_answer_score"] = found.none;
  json["windows"] = found.windows;
  add_way(json, found.prediction);
  return json;
}

Json json_of(const FilledText& filled) {
  Json json = {{"masks", masks_json(filled)}};
  add_way(json, filled.prediction);
  return json;
}

const Prediction& prediction_in(const Prediction& result) { return result; }
const Prediction& prediction_in(const FoundAnswer& result) { return result.prediction; }
const Prediction& prediction_in(const FilledText& result) { return result.prediction; }

/// What the probabilities or the scores are of.
void add_names(Json& json, const ModelConfig& config) {
  if (config.finds_answers || config.fills_masks) return;
  if (config.multi_output)
    json["outputs"] = config.labels;
  else if (!config.is_regression())
    json["classes"] = config.labels;
}

std::string place(std::size_t input) { return "body: \"inputs[" + std::to_string(input) + "]\""; }

}  // namespace

/// A token that stops when the client goes away, or when we give up.
class Cancellation {
 public:
  explicit Cancellation(std::stop_token client) : forward_(std::move(client), [this] { source_.request_stop(); }) {}
  std::stop_token token() const { return source_.get_token(); }
  void stop() { source_.request_stop(); }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> forward_;
};

/// A request on its way, and where its response goes.
struct Service::Call {
  std::string endpoint;
  Reply reply;
  Cancellation cancellation;
  ServerMetrics& metrics;
  SteadyClock::time_point begin = SteadyClock::now();

  Call(std::string path, Reply to, std::stop_token stop, ServerMetrics& counted)
      : endpoint(std::move(path)), reply(std::move(to)), cancellation(std::move(stop)), metrics(counted) {}

  void end(HttpResponse response) const {
    metrics.add_request(endpoint, response.status, seconds_since(begin));
    reply(std::move(response));
  }
  /// Ends with what `make` returns, or with what it throws.
  template <class Make>
  void end_with(const Make& make) const {
    HttpResponse response;
    try {
      response = make();
    } catch (...) {
      response = response_to(std::current_exception());
    }
    end(std::move(response));
  }
};

Service::Service(const std::vector<ModelSource>& sources, const ServiceOptions& options, ServerMetrics& metrics)
    : options_(options), metrics_(metrics) {
  if (sources.empty()) throw ConfigError("a server without a model; expected at least one");
  for (const ModelSource& source : sources) {
    const auto same = [&](const auto& model) { return model->name() == source.name; };
    if (std::ranges::any_of(models_, same))
      throw ConfigError("two models are called " + quote(source.name) + "; expected NAME=FOLDER with another name");
    models_.push_back(std::make_unique<ServedModel>(source, options.model));
  }
}

Service::~Service() = default;

ServedModel& Service::find(const std::string& name) {
  if (name.empty()) return *models_.front();
  for (const auto& model : models_)
    if (model->name() == name) return *model;
  std::vector<std::string> names;
  for (const auto& model : models_) names.push_back(model->name());
  throw RequestError(404, "body: \"model\" is " + quote(name) + "; expected " + one_of(names));
}

void Service::answer(HttpRequest request, std::stop_token stop, const Reply& reply) {
  const auto endpoint =
      std::ranges::find_if(endpoints, [&](const Endpoint& each) { return request.path == each.path; });
  const bool known = endpoint != std::end(endpoints);
  const auto call = std::make_shared<Call>(known ? endpoint->path : "none", reply, std::move(stop), metrics_);
  if (!known)
    return call->end(
        error_response(404, "there is no " + quote(request.path) + "; GET /openapi.json tells what there is"));
  const std::string method = endpoint->method;
  if (request.method != method && !(method == "GET" && request.method == "HEAD")) {
    HttpResponse response = error_response(405, "the method is " + quote(request.method) + "; expected " + method);
    response.headers.emplace_back("Allow", method == "GET" ? "GET, HEAD" : method);
    return call->end(std::move(response));
  }
  if (method == "POST") {
    if (request.content_type != "application/json")
      return call->end(
          error_response(415, "the content type is " + quote(request.content_type) + "; expected application/json"));
    auto body = std::make_shared<const std::string>(std::move(request.body));
    auto work = [this, call, body] {
      try {
        if (call->endpoint == "/v1/embed")
          embed(call, *body);
        else if (call->endpoint == "/v1/tag")
          tag(call, *body);
        else if (call->endpoint == "/v1/answer")
          find_answers(call, *body);
        else if (call->endpoint == "/v1/fill")
          fill(call, *body);
        else
          classify(call, *body);
      } catch (...) {
        call->end(response_to(std::current_exception()));
      }
    };
    return body->size() <= small_body ? work() : reader_.post(std::move(work));
  }
  call->end_with([&]() -> HttpResponse {
    if (request.path == "/health") return health();
    if (request.path == "/metrics") return this->metrics();
    if (request.path == "/v1/models") return list_models();
    if (request.path == "/openapi.json") return {.body = openapi_json};
    return {
        .body = try_it_html,
        .content_type = "text/html; charset=utf-8",
        .headers = {{"Content-Security-Policy",
                     "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"},
                    {"X-Content-Type-Options", "nosniff"}}};
  });
}

void Service::classify(const std::shared_ptr<Call>& call, const std::string& body) {
  run(
      call, read_classify_request(body, options_.limits),
      [](BatchQueue& queue, const RequestInput& input, const RequestOptions& options) {
        return input.pair ? queue.submit(TextPair{input.text, *input.pair}, options)
                          : queue.submit(input.text, options);
      },
      [](const Prediction& prediction, const Classifier& classifier, const RequestInput&) {
        return json_of(prediction, classifier);
      });
}

void Service::tag(const std::shared_ptr<Call>& call, const std::string& body) {
  run(
      call, read_tag_request(body, options_.limits),
      [](BatchQueue& queue, const std::vector<std::string>& words, const RequestOptions& options) {
        return queue.submit_words(words, options);
      },
      [](const Prediction& prediction, const Classifier& classifier, const std::vector<std::string>& words) {
        return json_of(prediction, classifier, words);
      });
}

void Service::find_answers(const std::shared_ptr<Call>& call, const std::string& body) {
  AnswerRequest request = read_answer_request(body, options_.limits);
  const std::optional<double> no_answer_above = request.no_answer_above;
  run(
      call, std::move(request),
      [no_answer_above](BatchQueue& queue, const TextPair& question, const RequestOptions& options) {
        return queue.submit_question(question, options, no_answer_above);
      },
      [](const FoundAnswer& found, const Classifier&, const TextPair& question) {
        return json_of(found, question.pair);
      });
}

void Service::fill(const std::shared_ptr<Call>& call, const std::string& body) {
  FillRequest request = read_fill_request(body, options_.limits);
  const auto top = static_cast<std::size_t>(request.top);
  run(
      call, std::move(request),
      [top](BatchQueue& queue, const std::string& text, const RequestOptions& options) {
        return queue.submit_masks(text, top, options);
      },
      [](const FilledText& filled, const Classifier&, const std::string&) { return json_of(filled); });
}

/// submit(queue, input, options): the future of an input's result; json_of(result, classifier, input): what the
/// response says of it.
template <class Request, class Submit, class JsonOf>
void Service::run(const std::shared_ptr<Call>& call, Request request, const Submit& submit, const JsonOf& json_of) {
  const RequestChoice& choice = request.choice;
  ServedModel& model = find(choice.model);
  const std::shared_ptr<LoadedModel> loaded = model.current();
  const ModelConfig& config = loaded->classifier->engine().config();
  if (const std::string expected = endpoint_of(config); call->endpoint != expected)
    throw RequestError(
        400, "the model " + quote(model.name()) + " is asked at " + expected + ", and not at " + call->endpoint);

  RequestOptions options = {
      .policy = {}, .deadline = call->begin + options_.timeout, .stop = call->cancellation.token()};
  try {
    if (choice.policy) options.policy = policy_named(*choice.policy, config);
    if (choice.budget) options.policy = loaded->budgets.find(*choice.budget, "body: \"budget\"").policy;
  } catch (const ConfigError& error) {
    throw RequestError(400, choice.budget ? error.what() : std::string("body: \"policy\": ") + error.what());
  }
  const std::size_t count = request.inputs.size();
  if (loaded->queue.counts().waiting + count > model.max_queue())
    throw QueueFull("the queue has no room for " + counted(count, "input") + " more");
  using Future = decltype(submit(loaded->queue, request.inputs.front(), options));
  auto futures = std::make_shared<std::vector<Future>>();
  for (std::size_t i = 0; i < count; ++i) {
    try {
      futures->push_back(submit(loaded->queue, request.inputs[i], options));
    } catch (...) {
      call->cancellation.stop();  // of those that are in the queue already
      try {
        throw;
      } catch (const DataError& error) {
        throw RequestError(400, place(i) + ": " + error.what());
      } catch (const ConfigError& error) {
        throw RequestError(400, "body: \"policy\": " + std::string(error.what()));
      }
    }
  }
  const std::string policy = options.policy ? options.policy->name() : loaded->classifier->engine().policy().name();
  auto inputs = std::make_shared<decltype(request.inputs)>(std::move(request.inputs));
  model.waiter().post([this, call, loaded, futures, inputs, policy, json_of, name = model.name()] {
    call->end_with([&] {
      Json json = {{"model", name}, {"policy", policy}};
      add_names(json, loaded->classifier->engine().config());
      std::vector<CountedAnswer> answers;
      Json results = Json::array();
      std::exception_ptr problem;
      for (std::size_t i = 0; i < futures->size(); ++i) {
        try {
          const auto result = (*futures)[i].get();
          const Prediction& prediction = prediction_in(result);
          answers.push_back({prediction.answer, cost_of(prediction), prediction.truncated});
          results.push_back(json_of(result, *loaded->classifier, (*inputs)[i]));
        } catch (...) {
          if (!problem) problem = std::current_exception();
          call->cancellation.stop();
        }
      }
      metrics_.add_answers(name, answers);
      if (problem) std::rethrow_exception(problem);
      json["predictions"] = std::move(results);
      json["milliseconds"] = seconds_since(call->begin) * 1000;
      return json_response(json);
    });
  });
}

void Service::embed(const std::shared_ptr<Call>& call, const std::string& body) {
  EmbedRequest request = read_embed_request(body, options_.limits);
  ServedModel& model = find(request.model);
  const std::size_t count = request.inputs.size();
  if (model.waiting_embeddings().fetch_add(count) + count > model.max_queue()) {
    model.waiting_embeddings() -= count;
    throw QueueFull("the queue has no room for " + counted(count, "input") + " more");
  }
  request.options.stop = call->cancellation.token();
  model.embedder().post([this, call, &model, count, request = std::move(request), loaded = model.current()] {
    call->end_with([&] {
      if (call->begin + options_.timeout < SteadyClock::now()) throw DeadlineExceeded("");
      // Pairs and single texts are different calls.
      std::vector<std::string> texts;
      std::vector<TextPair> pairs;
      for (const RequestInput& input : request.inputs)
        input.pair ? pairs.push_back({input.text, *input.pair}) : texts.push_back(input.text);
      std::vector<std::vector<float>> of_texts, of_pairs;
      try {
        if (!texts.empty()) of_texts = loaded->classifier->embed(texts, request.options);
        if (!pairs.empty()) of_pairs = loaded->classifier->embed(pairs, request.options);
      } catch (const DataError& error) {
        throw RequestError(400, std::string("body: \"inputs\": ") + error.what());
      } catch (const ConfigError& error) {
        throw RequestError(400, std::string("body: \"layer\": ") + error.what());
      }
      Json embeddings = Json::array();
      auto text = of_texts.begin(), pair = of_pairs.begin();
      for (const RequestInput& input : request.inputs) embeddings.push_back(input.pair ? *pair++ : *text++);
      metrics_.add_embeddings(model.name(), count);
      return json_response({{"model", model.name()},
                            {"embeddings", std::move(embeddings)},
                            {"milliseconds", seconds_since(call->begin) * 1000}});
    });
    model.waiting_embeddings() -= count;
  });
}

HttpResponse Service::health() const { return json_response({{"status", "ok"}, {"version", version()}}); }

HttpResponse Service::metrics() const {
  std::vector<Gauge> gauges;
  const auto add = [&](const std::string& name, const std::string& meaning, bool only_grows, const auto& value) {
    for (const auto& model : models_)
      gauges.push_back({name, meaning, model->name(), static_cast<double>(value(*model)), only_grows});
  };
  add("sharcs_queue_waiting", "Inputs that wait in the queue.", false,
      [](const ServedModel& model) { return model.current()->queue.counts().waiting; });
  add("sharcs_queue_running", "Inputs in the batch that runs.", false,
      [](const ServedModel& model) { return model.current()->queue.counts().running; });
  add("sharcs_queue_limit", "Inputs that may wait.", false, [](const ServedModel& model) { return model.max_queue(); });
  return {.body = metrics_.text(gauges), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

HttpResponse Service::list_models() const {
  Json list = Json::array();
  for (const auto& model : models_) {
    const std::shared_ptr<LoadedModel> loaded = model->current();
    const Engine& engine = loaded->classifier->engine();
    Json answers = Json::array(), budgets = Json::array();
    for (const Answer& answer : answers_of(engine.config())) answers.push_back(answer.name);
    for (const BudgetTable::Row& row : loaded->budgets.rows()) budgets.push_back(row.budget);
    Json entry = {{"name", model->name()},
                  {"architecture", engine.config().model_type},
                  {"endpoint", endpoint_of(engine.config())}};
    add_names(entry, engine.config());
    entry["answers"] = std::move(answers);
    entry["policy"] = engine.policy().name();
    entry["budgets"] = std::move(budgets);
    entry["max_tokens"] = loaded->classifier->max_tokens();
    list.push_back(std::move(entry));
  }
  return json_response({{"models", std::move(list)}});
}

std::vector<std::string> Service::reload() {
  std::vector<std::string> lines;
  for (const auto& model : models_) {
    bool worked = true;
    try {
      model->reload();
      lines.push_back("model " + model->name() + ": read again");
    } catch (const std::exception& error) {
      worked = false;
      lines.push_back("model " + model->name() + ": the old one stays: " + error.what());
    }
    metrics_.add_reload(model->name(), worked);
  }
  return lines;
}

}  // namespace sharcs::internal
