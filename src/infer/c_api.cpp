#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "infer/precision_names.hpp"
#include "io/utf8.hpp"
#include "routing/policy_kind.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"
#include "sharcs/sharcs.h"

struct sharcs_classifier {
  sharcs::Classifier classifier;
};

struct sharcs_results {
  std::vector<sharcs::Prediction> predictions;
};

namespace sharcs::internal {
namespace {

// Of a fixed size, so that the message of an exhausted memory needs no memory.
thread_local char last_error[1024] = "";

sharcs_status fail(sharcs_status status, const char* message) noexcept {
  std::size_t length = std::min(std::strlen(message), sizeof last_error - 1);
  // Not in the middle of a character.
  while (message[length] != 0 && length > 0 && (static_cast<unsigned char>(message[length]) & 0xC0) == 0x80) --length;
  std::memmove(last_error, message, length);
  last_error[length] = 0;
  return status;
}

/// An argument of the caller's is wrong.
class ArgumentError : public Error {
 public:
  using Error::Error;
};

/// Runs the body of a function and turns what it throws into a status.
template <class Body>
sharcs_status guarded(const Body& body) noexcept {
  try {
    body();
    return SHARCS_OK;
  } catch (const IoError& error) {
    return fail(SHARCS_IO_ERROR, error.what());
  } catch (const CheckpointError& error) {
    return fail(SHARCS_INVALID_MODEL, error.what());
  } catch (const TokenizerError& error) {
    return fail(SHARCS_INVALID_MODEL, error.what());
  } catch (const Error& error) {
    return fail(SHARCS_INVALID_ARGUMENT, error.what());
  } catch (const std::bad_alloc&) {
    return fail(SHARCS_OUT_OF_MEMORY, "there is not enough memory");
  } catch (const std::exception& error) {
    return fail(SHARCS_INTERNAL_ERROR, error.what());
  } catch (...) {
    return fail(SHARCS_INTERNAL_ERROR, "an unknown exception");
  }
}

template <class Pointer>
void require(Pointer pointer, const char* what) {
  if (pointer == nullptr) throw ArgumentError(std::string(what) + " is NULL");
}

/// `options` as the library knows them, from a caller's that may be older or newer. NULL: `defaults`.
template <class Options>
Options known(const Options* options, Options defaults, const char* what) {
  if (options == nullptr) return defaults;
  if (options->size < sizeof options->size)
    throw ArgumentError(std::string(what) + " has size " + std::to_string(options->size) + "; expected sizeof(" + what +
                        ")");
  std::memcpy(&defaults, options, std::min(options->size, sizeof(Options)));
  return defaults;
}

std::string checked_text(const char* text, const char* what, std::size_t index) {
  const std::string place = std::string(what) + " " + std::to_string(index);
  if (text == nullptr) throw ArgumentError(place + " is NULL");
  if (const std::size_t byte = find_invalid_utf8(text); byte != std::string::npos)
    throw ArgumentError(place + ": byte " + std::to_string(byte + 1) + " is not UTF-8 text");
  return text;
}

/// Calls use(list) with the texts or the pairs.
template <class Use>
auto with_texts(const char* const* texts, const char* const* pairs, std::size_t count, const Use& use) {
  if (count > 0) require(texts, "texts");
  std::vector<std::string> list;
  std::vector<TextPair> pair_list;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = checked_text(texts[i], "text", i);
    if (pairs == nullptr)
      list.push_back(std::move(text));
    else
      pair_list.push_back({std::move(text), checked_text(pairs[i], "pair", i)});
  }
  return pairs == nullptr ? use(std::span<const std::string>(list)) : use(std::span<const TextPair>(pair_list));
}

}  // namespace
}  // namespace sharcs::internal

using namespace sharcs;
using namespace sharcs::internal;

int sharcs_abi_version(void) { return SHARCS_ABI_VERSION; }

const char* sharcs_version(void) { return version(); }

const char* sharcs_last_error(void) { return last_error; }

sharcs_status sharcs_load(const char* directory, const sharcs_options* options, sharcs_classifier** classifier) {
  return guarded([&] {
    require(directory, "directory");
    require(classifier, "classifier");
    const sharcs_options asked = known<sharcs_options>(options, SHARCS_OPTIONS_INIT, "sharcs_options");
    EngineOptions of_engine = {.threads = asked.threads, .max_length = asked.max_length};
    if (asked.precision != nullptr) of_engine.precision = named<Precision>(asked.precision);
    if (asked.policy != nullptr)
      of_engine.policy =
          policy_named(asked.policy, ModelConfig::load(std::filesystem::path(directory) / "config.json"));
    *classifier = new sharcs_classifier{Classifier::load(directory, of_engine)};
  });
}

void sharcs_free(sharcs_classifier* classifier) { delete classifier; }

size_t sharcs_label_count(const sharcs_classifier* classifier) {
  return classifier == nullptr ? 0 : classifier->classifier.engine().config().labels.size();
}

const char* sharcs_label_name(const sharcs_classifier* classifier, int label) {
  const char* name = nullptr;
  guarded([&] {
    require(classifier, "classifier");
    name = classifier->classifier.label_name(label).c_str();
  });
  return name;
}

sharcs_status sharcs_classify(const sharcs_classifier* classifier, const char* const* texts, const char* const* pairs,
                              size_t count, const char* policy, sharcs_results** results) {
  return guarded([&] {
    require(classifier, "classifier");
    require(results, "results");
    const Classifier& model = classifier->classifier;
    CallOptions options;
    if (policy != nullptr) options.policy = policy_named(policy, model.engine().config());
    *results = new sharcs_results{
        with_texts(texts, pairs, count, [&](const auto list) { return model.classify(list, options); })};
  });
}

sharcs_status sharcs_result(const sharcs_results* results, size_t index, sharcs_prediction* prediction) {
  return guarded([&] {
    require(results, "results");
    require(prediction, "prediction");
    if (index >= results->predictions.size())
      throw ArgumentError("result " + std::to_string(index) + "; there are " +
                          std::to_string(results->predictions.size()));
    if (prediction->size < sizeof prediction->size)
      throw ArgumentError("sharcs_prediction has size " + std::to_string(prediction->size) +
                          "; expected sizeof(sharcs_prediction)");
    const Prediction& of_text = results->predictions[index];
    const sharcs_prediction whole = {
        .size = prediction->size,
        .label = of_text.label,
        .asked = of_text.asked,
        .truncated = of_text.truncated ? 1 : 0,
        .width = of_text.width,
        .multiply_adds = of_text.multiply_adds,
        .answer = of_text.answer.c_str(),
        .logit_count = of_text.logits.size(),
        .logits = of_text.logits.data(),
        .probabilities = of_text.probabilities.empty() ? nullptr : of_text.probabilities.data(),
        .label_count = of_text.labels.size(),
        .labels = of_text.labels.data()};
    std::memcpy(prediction, &whole, std::min(prediction->size, sizeof whole));
  });
}

void sharcs_results_free(sharcs_results* results) { delete results; }

size_t sharcs_embedding_size(const sharcs_classifier* classifier) {
  return classifier == nullptr ? 0 : static_cast<size_t>(classifier->classifier.engine().config().hidden_size);
}

sharcs_status sharcs_embed(const sharcs_classifier* classifier, const char* const* texts, const char* const* pairs,
                           size_t count, const sharcs_embed_options* options, float* vectors, size_t capacity) {
  return guarded([&] {
    require(classifier, "classifier");
    const sharcs_embed_options asked =
        known<sharcs_embed_options>(options, SHARCS_EMBED_OPTIONS_INIT, "sharcs_embed_options");
    const int pooling = asked.pooling;
    if (pooling != SHARCS_MEAN && pooling != SHARCS_CLS)
      throw ArgumentError("pooling is " + std::to_string(pooling) + "; expected SHARCS_MEAN or SHARCS_CLS");
    const size_t size = sharcs_embedding_size(classifier);
    if (count > 0) require(vectors, "vectors");
    if (count > capacity / size)
      throw ArgumentError("vectors have room for " + std::to_string(capacity) + " numbers; expected " +
                          std::to_string(count) + " times " + std::to_string(size));
    EmbedOptions of_engine = {.pooling = pooling == SHARCS_CLS ? Pooling::cls : Pooling::mean,
                              .normalize = asked.normalize != 0};
    if (asked.layer != -1) of_engine.layer = asked.layer;
    const auto found =
        with_texts(texts, pairs, count, [&](const auto list) { return classifier->classifier.embed(list, of_engine); });
    for (const std::vector<float>& vector : found) vectors = std::ranges::copy(vector, vectors).out;
  });
}
