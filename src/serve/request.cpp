#include "serve/request.hpp"

#include "core/enum_names.hpp"
#include "io/json_cursor.hpp"

namespace sharcs::internal {

template <>
struct EnumNames<Pooling> {
  static constexpr const char* what = "the pooling";
  static constexpr EnumName<Pooling> all[] = {{Pooling::mean, "mean"}, {Pooling::cls, "cls"}};
};

namespace {

RequestInput read_input(const JsonCursor& input) {
  if (input.is_text()) return {.text = input.get<std::string>(), .pair = {}};
  if (!input.is_object()) input.fail("a string, or an object with \"text\" and maybe \"pair\"");
  RequestInput read = {.text = input["text"].get<std::string>(), .pair = {}};
  if (const JsonCursor pair = input["pair"]; pair.exists()) read.pair = pair.get<std::string>();
  input.refuse_unread("is not a field of an input; expected text or pair");
  return read;
}

std::vector<std::string> read_words(const JsonCursor& words) {
  if (words.size() == 0) words.fail("a list of at least one word");
  return words.get<std::vector<std::string>>();
}

TextPair read_question(const JsonCursor& input) {
  if (!input.is_object()) input.fail("an object with \"question\" and \"context\"");
  TextPair question = {input["question"].get<std::string>(), input["context"].get<std::string>()};
  input.refuse_unread("is not a field of an input; expected question or context");
  return question;
}

/// read(input) of each input.
template <class Read>
auto read_inputs(const JsonCursor& inputs, const RequestLimits& limits, const Read& read) {
  if (inputs.size() == 0) inputs.fail("a list of at least one input");
  if (inputs.size() > limits.max_inputs)
    throw RequestError(413, "body: \"inputs\" has " + std::to_string(inputs.size()) + " inputs; expected at most " +
                                std::to_string(limits.max_inputs));
  return inputs.each(read);
}

std::string read_model(const JsonCursor& model) {
  if (!model.exists()) return {};
  const auto name = model.get<std::string>();
  if (name.empty()) model.fail("a model's name");
  return name;
}

RequestChoice read_choice(const JsonCursor& json) {
  RequestChoice choice = {.model = read_model(json["model"])};
  const JsonCursor policy = json["policy"], budget = json["budget"];
  if (policy.exists()) choice.policy = policy.get<std::string>();
  if (budget.exists()) choice.budget = budget.get<double>({.least = 0, .greatest = 1});
  if (policy.exists() && budget.exists()) budget.refuse("stands beside \"policy\"; expected one of the two");
  return choice;
}

/// Calls read(whole body), whose errors of configuration become those of a request.
template <class Read>
auto read_body(std::string_view body, const Read& read) {
  try {
    return read(JsonCursor::parse(body, "body", JsonKind::config));
  } catch (const ConfigError& error) {
    throw RequestError(400, error.what());
  }
}

}  // namespace

ClassifyRequest read_classify_request(std::string_view body, const RequestLimits& limits) {
  return read_body(body, [&](const JsonCursor& json) {
    ClassifyRequest request = {.choice = read_choice(json), .inputs = read_inputs(json["inputs"], limits, read_input)};
    json.refuse_unread("is not a field of this request; expected model, inputs, policy or budget");
    return request;
  });
}

TagRequest read_tag_request(std::string_view body, const RequestLimits& limits) {
  return read_body(body, [&](const JsonCursor& json) {
    TagRequest request = {.choice = read_choice(json), .inputs = read_inputs(json["inputs"], limits, read_words)};
    json.refuse_unread("is not a field of this request; expected model, inputs, policy or budget");
    return request;
  });
}

AnswerRequest read_answer_request(std::string_view body, const RequestLimits& limits) {
  return read_body(body, [&](const JsonCursor& json) {
    AnswerRequest request = {.choice = read_choice(json), .inputs = read_inputs(json["inputs"], limits, read_question)};
    if (const JsonCursor above = json["no_answer_above"]; above.exists()) request.no_answer_above = above.get<double>();
    json.refuse_unread("is not a field of this request; expected model, inputs, policy, budget or no_answer_above");
    return request;
  });
}

FillRequest read_fill_request(std::string_view body, const RequestLimits& limits) {
  return read_body(body, [&](const JsonCursor& json) {
    const auto read_text = [](const JsonCursor& input) { return input.get<std::string>(); };
    FillRequest request = {.choice = read_choice(json), .inputs = read_inputs(json["inputs"], limits, read_text)};
    if (const JsonCursor top = json["top"]; top.exists())
      request.top = top.get<int>({.least = 1, .greatest = FillRequest::greatest_top});
    json.refuse_unread("is not a field of this request; expected model, inputs, policy, budget or top");
    return request;
  });
}

EmbedRequest read_embed_request(std::string_view body, const RequestLimits& limits) {
  return read_body(body, [&](const JsonCursor& json) {
    EmbedRequest request = {
        .model = read_model(json["model"]), .inputs = read_inputs(json["inputs"], limits, read_input), .options = {}};
    if (const JsonCursor layer = json["layer"]; layer.exists()) request.options.layer = layer.get<int>({.least = 0});
    if (const JsonCursor pooling = json["pooling"]; pooling.exists()) request.options.pooling = pooling.get<Pooling>();
    if (const JsonCursor normalize = json["normalize"]; normalize.exists())
      request.options.normalize = normalize.get<bool>();
    json.refuse_unread("is not a field of this request; expected model, inputs, layer, pooling or normalize");
    return request;
  });
}

}  // namespace sharcs::internal
