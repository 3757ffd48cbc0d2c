#include "sharcs/engine.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <numeric>
#include <unordered_map>

#include "core/available_cores.hpp"
#include "core/half.hpp"
#include "core/threads.hpp"
#include "formats/checkpoint.hpp"
#include "formats/model_access.hpp"
#include "infer/batch_predictor.hpp"
#include "infer/encoded_text.hpp"
#include "infer/engine_access.hpp"
#include "infer/thread_budget.hpp"
#include "infer/workspace_pool.hpp"
#include "kernels/int8_rows.hpp"
#include "model/answers.hpp"
#include "model/embedding_pass.hpp"
#include "model/low_precision.hpp"
#include "model/micro_batches.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"

namespace sharcs {
using namespace internal;

namespace internal {
/// Word embeddings that are not fp32.
struct LowPrecisionWords {
  AlignedBuffer<std::int8_t> values;
  std::vector<float> scales;
  std::vector<std::uint16_t> bf16;

  std::size_t bytes() const {
    return values.size() + scales.size() * sizeof(float) + bf16.size() * sizeof(std::uint16_t);
  }
  /// Hands them to an encoder, which only looks at them.
  void lend(Encoder<float>& encoder) const {
    const Index cols = encoder.config.word_embedding_size();
    if (!scales.empty()) encoder.int8_words = {{values.data(), std::ssize(scales), cols}, scales.data()};
    if (!bf16.empty()) encoder.bf16_words = {bf16.data(), std::ssize(bf16) / cols, cols};
  }
};
}  // namespace internal

namespace {

/// An int8 weight as it is until the next one is asked for.
struct Int8Weight {
  MatrixView<const std::int8_t> values;
  std::span<const float> scales;
};

/// Where an engine's weights come from.
struct WeightSource {
  /// A linear layer's weight, as it is until the next call.
  std::function<MatrixView<const float>(const ParameterSpec&)> matrix;
  /// Any other parameter's values.
  std::function<void(const ParameterSpec&, std::span<float>)> read;
  /// A weight as int8: as it is stored, or quantized.
  std::function<Int8Weight(const ParameterSpec&)> int8;
};

/// Memory for one int8 weight after the other.
struct Int8Scratch {
  AlignedBuffer<std::int8_t> values;
  AlignedBuffer<float> scales;

  /// For the weight of this shape, uninitialised.
  std::span<float> scales_of(const ParameterSpec& spec) {
    const auto rows = static_cast<std::size_t>(spec.shape[0]);
    if (scales.size() < rows) scales = AlignedBuffer<float>(rows);
    return scales.span().first(rows);
  }
  Int8Weight quantized(const ParameterSpec& spec, MatrixView<const float> weight) {
    const auto size = static_cast<std::size_t>(spec.size());
    if (values.size() < size) values = AlignedBuffer<std::int8_t>(size);
    const MatrixView<std::int8_t> to(values.data(), spec.shape[0], spec.shape[1]);
    const std::span<float> to_scales = scales_of(spec);
    kernels::quantize_weight(weight, to, to_scales);
    return {to, to_scales};
  }
};

/// In which precision an engine holds a parameter.
using PrecisionOf = std::function<Precision(const ParameterSpec&)>;

/// The parameters of `specs` that are neither packed nor of less precision than fp32.
std::vector<ParameterSpec> plain_ones(const std::vector<ParameterSpec>& specs, const PrecisionOf& precision_of) {
  std::vector<ParameterSpec> plain;
  std::ranges::copy_if(specs, std::back_inserter(plain), [&](const ParameterSpec& spec) {
    return !spec.packed && precision_of(spec) == Precision::fp32;
  });
  return plain;
}

/// Packs linear weights as build_encoder_tree comes to them; everything else becomes a view of `plain`.
struct EngineBinder {
  const WeightSource& source;
  const std::unordered_map<std::string, const ParameterSpec*>& specs;
  const PrecisionOf& precision_of;
  ParameterStore<float>& plain;
  LowPrecisionWords& words;
  /// The weight of several linear layers that was read last, for the rest of them.
  const ParameterSpec* shared = nullptr;
  MatrixView<const float> shared_floats = {};
  Int8Weight shared_int8 = {};

  std::span<float> filled(const std::string& name) {
    const std::span<float> values = plain.values(name);
    source.read(*specs.at(name), values);
    return values;
  }
  Linear<float> linear(const LinearPart& layer) {
    Linear<float> linear;
    const ParameterSpec& spec = *specs.at(layer.weight());
    const bool known = layer.first_row > 0 && shared == &spec;
    shared = &spec;
    if (const Precision precision = precision_of(spec); precision == Precision::int8) {
      if (!known) shared_int8 = source.int8(spec);
      const auto first = static_cast<std::size_t>(layer.first_row);
      linear.int8 = kernels::Int8Matrix(shared_int8.values.row_range(layer.first_row, layer.outputs),
                                        shared_int8.scales.subspan(first, static_cast<std::size_t>(layer.outputs)));
    } else {
      if (!known) shared_floats = source.matrix(spec);
      linear.packed.pack(shared_floats.row_range(layer.first_row, layer.outputs),
                         precision == Precision::bf16 ? kernels::Numbers::bf16 : kernels::Numbers::whole);
    }
    if (!layer.has_bias) return linear;
    const std::string bias = layer.name + ".bias";
    linear.bias = (layer.first_row > 0 ? plain.values(bias) : filled(bias)).data() + layer.first_row;
    return linear;
  }
  LayerNormView<const float> norm(const NormPart& norm) {
    return {filled(norm.name + ".weight").data(), norm.has_bias ? filled(norm.name + ".bias").data() : nullptr};
  }
  MatrixView<const float> table(const std::string& name, Index rows, Index cols) {
    const ParameterSpec& spec = *specs.at(name);
    const Precision precision = precision_of(spec);
    if (precision == Precision::fp32) return {filled(name).data(), rows, cols};
    if (precision == Precision::bf16) {
      const MatrixView<const float> table = source.matrix(spec);
      words.bf16.resize(static_cast<std::size_t>(spec.size()));
      std::transform(table.data, table.data + spec.size(), words.bf16.begin(),
                     [](float x) { return bf16_of_float(x); });
      return {};
    }
    const Int8Weight weight = source.int8(spec);
    words.values = AlignedBuffer<std::int8_t>(static_cast<std::size_t>(spec.size()));
    std::copy_n(weight.values.data, spec.size(), words.values.data());
    words.scales.assign(weight.scales.begin(), weight.scales.end());
    return {};
  }
  std::span<const float> constants(const std::string& name, Index, double, int) { return filled(name); }
};

RaggedBatch batch_of(std::span<const TokenSequence> inputs, bool per_token) {
  RaggedBatch batch;
  std::vector<std::int32_t> all;
  for (const TokenSequence& input : inputs) {
    std::span<const std::int32_t> labelled = input.labelled;
    if (per_token && labelled.empty()) {
      all.resize(input.ids.size());
      std::iota(all.begin(), all.end(), 0);
      labelled = all;
    }
    batch.add(input.ids, input.token_types, labelled);
  }
  return batch;
}

/// The configuration, with the threshold of its labels that the options ask for.
ModelConfig with_threshold(ModelConfig config, const EngineOptions& options) {
  if (!options.label_threshold) return config;
  if (!config.multi_label)
    throw ConfigError("a label threshold is for models that give several labels; this one is of another kind");
  config.label_threshold = *options.label_threshold;
  config.check();
  return config;
}

}  // namespace

struct Engine::State {
  EngineOptions options;
  Policy policy;
  Encoder<float> encoder;
  std::vector<ParameterSpec> specs;
  Precision precision;
  PrecisionOf precision_of;  ///< only until the weights are there
  ParameterLayout plain_layout;
  ParameterStore<float> plain;
  LowPrecisionWords words;
  std::size_t weight_bytes = 0;
  ThreadBudget threads;
  WorkspacePool workspaces;

  /// stored_as: of a folder, in which precision it has a weight; else null.
  State(const ModelConfig& config, const EngineOptions& engine_options, const PrecisionOf& stored_as)
      : options(engine_options),
        policy(options.policy.value_or(Policy::of_model(config))),
        encoder(with_threshold(config, options)),
        specs(parameter_specs(config, encoder.widths)),
        precision(options.precision.value_or(lowest(stored_as))),
        precision_of([&]() -> PrecisionOf {
          // What sharcs quantize was told to keep stays fp32.
          if (stored_as && precision == lowest(stored_as)) return stored_as;
          return [this](const ParameterSpec& spec) {
            const bool low = precision == Precision::int8   ? becomes_int8(encoder.config, spec)
                             : precision == Precision::bf16 ? becomes_bf16(encoder.config, spec)
                                                            : false;
            return low ? precision : Precision::fp32;
          };
        }()),
        plain_layout(plain_ones(specs, precision_of)),
        plain(plain_layout),
        threads(std::min(options.threads > 0 ? options.threads : thread_count(), available_cores())) {
    if (options.threads < 0)
      throw ConfigError("threads is " + std::to_string(options.threads) + "; expected 0 (all) or more");
    if (options.micro_batch_tokens < 1)
      throw ConfigError("micro_batch_tokens is " + std::to_string(options.micro_batch_tokens) + "; expected 1 or more");
  }

  /// The precision of a folder: the lowest of its weights.
  Precision lowest(const PrecisionOf& stored_as) const {
    Precision found = Precision::fp32;
    for (const ParameterSpec& spec : specs)
      if (stored_as) found = std::max(found, stored_as(spec));  // the enumeration goes from high to low
    return found;
  }

  void fill(const WeightSource& source) {
    std::unordered_map<std::string, const ParameterSpec*> by_name;
    for (const ParameterSpec& spec : specs) by_name.emplace(spec.name, &spec);
    const ThreadScope scope(threads.total());
    encoder.weights = build_encoder_tree<Linear<float>, const float>(
        encoder.config, encoder.widths, EngineBinder{source, by_name, precision_of, plain, words});
    words.lend(encoder);
    precision_of = nullptr;
    encoder.project_positions();
    weight_bytes = encoder.known_position_bytes() + plain.buffer().size_bytes() + words.bytes();
    for_each_linear(encoder.weights, [&](const Linear<float>& linear) {
      weight_bytes += linear.packed.bytes() + (linear.int8 ? linear.int8.bytes() : 0);
    });
  }

  /// Throws ShapeError when the model cannot read an input.
  void check(std::span<const TokenSequence> inputs) const;
};

void Engine::State::check(std::span<const TokenSequence> inputs) const {
  const ModelConfig& config = encoder.config;
  const auto longest = static_cast<std::size_t>(encoder.backbone->max_tokens(config));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto fail = [i](const std::string& problem) {
      throw ShapeError("input " + std::to_string(i) + " " + problem);
    };
    const TokenSequence& input = inputs[i];
    if (input.ids.empty()) fail("has no tokens; expected at least one");
    if (input.ids.size() > longest)
      fail("has " + std::to_string(input.ids.size()) + " tokens; expected at most " + std::to_string(longest));
    if (!input.token_types.empty() && input.token_types.size() != input.ids.size())
      fail("has " + std::to_string(input.token_types.size()) + " token types for " + std::to_string(input.ids.size()) +
           " tokens");
    if (!input.labelled.empty() && !config.per_token) fail("has tokens to be labelled; the model labels texts");
    for (std::size_t t = 0; t < input.labelled.size(); ++t)
      if (input.labelled[t] < (t == 0 ? 0 : input.labelled[t - 1] + 1) ||
          static_cast<std::size_t>(input.labelled[t]) >= input.ids.size())
        fail("has token " + std::to_string(input.labelled[t]) +
             " to be labelled; expected ascending places from 0 to " + std::to_string(input.ids.size() - 1));
    const std::string problem = encoder.backbone->beyond_embeddings(config, input.ids, input.token_types);
    if (!problem.empty()) fail(problem);
  }
}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Engine Engine::load(const std::filesystem::path& directory, const EngineOptions& options) {
  const std::filesystem::path file = directory / "config.json";
  const ModelConfig config = ModelConfig::load(file);
  config.check(file.string());
  CheckpointReader reader(directory, config, {});
  if (reader.holds_int8() && options.precision.value_or(Precision::int8) != Precision::int8) {
    const std::string wanted = options.precision == Precision::bf16 ? "bf16" : "fp32";
    throw CheckpointError(reader.path().string() + ": holds int8 weights; expected fp32 ones for precision " + wanted);
  }
  reader.complete_specs(config, file);
  const auto stored_as = [&](const ParameterSpec& spec) {
    if (reader.is_int8(spec)) return Precision::int8;
    return reader.is_bf16(spec) && becomes_bf16(config, spec) ? Precision::bf16 : Precision::fp32;
  };
  auto state = std::make_unique<State>(config, options, stored_as);

  AlignedBuffer<float> scratch;
  Int8Scratch int8_scratch;
  const auto matrix = [&](const ParameterSpec& spec) {
    const auto size = static_cast<std::size_t>(spec.size());
    if (scratch.size() < size) scratch = AlignedBuffer<float>(size);
    reader.read(spec, scratch.span().first(size));
    return MatrixView<const float>(scratch.data(), spec.shape[0], spec.shape[1]);
  };
  state->fill({.matrix = matrix,
               .read = [&](const ParameterSpec& spec, std::span<float> values) { reader.read(spec, values); },
               .int8 =
                   [&](const ParameterSpec& spec) {
                     if (!reader.is_int8(spec)) return int8_scratch.quantized(spec, matrix(spec));
                     const std::span<float> scales = int8_scratch.scales_of(spec);
                     return Int8Weight{reader.read_int8(spec, scales), scales};
                   }});
  return Engine(std::move(state));
}

Engine::Engine(const Model& model, const EngineOptions& options)
    : state_(std::make_unique<State>(model.config(), options, PrecisionOf())) {
  const ParameterStore<float>& values = network_of(model).values();
  const auto matrix = [&](const ParameterSpec& spec) {
    return MatrixView<const float>(values.values(spec.name).data(), spec.shape[0], spec.shape[1]);
  };
  Int8Scratch int8_scratch;
  state_->fill(
      {.matrix = matrix,
       .read = [&](const ParameterSpec& spec,
                   std::span<float> destination) { std::ranges::copy(values.values(spec.name), destination.begin()); },
       .int8 = [&](const ParameterSpec& spec) { return int8_scratch.quantized(spec, matrix(spec)); }});
}

namespace {

/// The policies of a call: one for all inputs, or one for each.
std::span<const Policy> policies_of_call(const CallOptions& options, std::span<const TokenSequence> inputs,
                                         const Policy& of_engine) {
  if (options.policy && !options.policies.empty())
    throw ConfigError("a call has a policy for all inputs and one for each; expected one of the two");
  if (options.deadline) {
    if (options.policy || !options.policies.empty())
      throw ConfigError("a call has a deadline and a policy; expected one of the two");
    if (options.times == nullptr) throw ConfigError("a call has a deadline but no times to choose a policy by");
    std::size_t tokens = 0;
    for (const TokenSequence& input : inputs) tokens += input.ids.size();
    const std::chrono::duration<double> left = *options.deadline - std::chrono::steady_clock::now();
    return {&options.times->choose(tokens, left.count()).policy, 1};
  }
  if (options.policies.empty()) return {options.policy ? &*options.policy : &of_engine, 1};
  require_policy_for_each(options, inputs.size());
  return options.policies;
}

}  // namespace

std::vector<Prediction> Engine::run(std::span<const TokenSequence> inputs) const { return run(inputs, CallOptions()); }

std::vector<Prediction> Engine::run(std::span<const TokenSequence> inputs, const Policy& policy) const {
  return run(inputs, CallOptions{.policy = policy});
}

std::vector<Prediction> Engine::run(std::span<const TokenSequence> inputs, const CallOptions& options) const {
  State& state = *state_;
  const Encoder<float>& encoder = state.encoder;
  state.check(inputs);
  const std::span<const Policy> policies = policies_of_call(options, inputs, state.policy);
  const RaggedBatch batch = batch_of(inputs, encoder.config.per_token);

  std::vector<Prediction> predictions(inputs.size());
  const ThreadBudget::Lease lease = state.threads.take();
  const ThreadScope scope(lease.count());
  const SideBySide pieces(batch, state.options.micro_batch_tokens, lease.count());
  read_side_by_side(batch, pieces,
                    [&] { return BatchPredictor(encoder, policies, options.stop, state.workspaces, predictions); });
  return predictions;
}

namespace {

/// Embeds the micro-batches of a call that one thread takes, one after the other.
class BatchEmbedder {
 public:
  /// `vectors`: one for each sample of the call. All arguments must outlive it.
  BatchEmbedder(const Encoder<float>& encoder, int layer, const EmbedOptions& options, WorkspacePool& workspaces,
                std::span<std::vector<float>> vectors)
      : encoder_(encoder), layer_(layer), options_(options), workspace_(workspaces.take()), vectors_(vectors) {}

  /// Fills the vectors of the samples from `first` on. Throws Cancelled.
  void operator()(const RaggedBatch& piece, Index first) {
    const Workspace::Mark mark = (*workspace_).mark();
    const auto of_piece = (*workspace_).matrix<float>(piece.samples(), encoder_.config.hidden_size);
    embed_samples<float>(encoder_, piece, layer_, options_.pooling, *workspace_, of_piece, options_.stop);
    for (Index s = 0; s < piece.samples(); ++s) {
      std::vector<float>& vector = vectors_[static_cast<std::size_t>(first + s)];
      vector.assign(of_piece.row(s), of_piece.row(s) + of_piece.cols);
      if (options_.normalize) scale_to_length_one(vector);
    }
    (*workspace_).release(mark);
  }

 private:
  const Encoder<float>& encoder_;
  int layer_;
  const EmbedOptions& options_;
  WorkspacePool::Loan workspace_;
  std::span<std::vector<float>> vectors_;
};

}  // namespace

std::vector<std::vector<float>> Engine::embed(std::span<const TokenSequence> inputs,
                                              const EmbedOptions& options) const {
  State& state = *state_;
  const Encoder<float>& encoder = state.encoder;
  const int layers = encoder.config.num_hidden_layers, layer = options.layer.value_or(layers);
  if (layer < 0 || layer > layers)
    throw ConfigError("layer " + std::to_string(layer) + "; expected 0 (the embeddings) to " + std::to_string(layers));
  if (layer > encoder.stem_layers() && !ends_at_full_width(encoder.config))
    throw ConfigError("layer " + std::to_string(layer) +
                      "; the model has no full width behind its router, expected 0 to " +
                      std::to_string(encoder.stem_layers()));
  state.check(inputs);
  const RaggedBatch batch = batch_of(inputs, encoder.config.per_token);

  std::vector<std::vector<float>> vectors(inputs.size());
  const ThreadBudget::Lease lease = state.threads.take();
  const ThreadScope scope(lease.count());
  const SideBySide pieces(batch, state.options.micro_batch_tokens, lease.count());
  read_side_by_side(batch, pieces, [&] { return BatchEmbedder(encoder, layer, options, state.workspaces, vectors); });
  return vectors;
}

const ModelConfig& Engine::config() const { return state_->encoder.config; }
const WidthSet& Engine::widths() const { return state_->encoder.widths; }
const EngineOptions& Engine::options() const { return state_->options; }
Precision Engine::precision() const { return state_->precision; }
const Policy& Engine::policy() const { return state_->policy; }
std::size_t Engine::max_tokens() const {
  return static_cast<std::size_t>(state_->encoder.backbone->max_tokens(config()));
}
std::size_t Engine::weight_bytes() const { return state_->weight_bytes; }
std::size_t Engine::workspace_bytes() const { return state_->workspaces.bytes(); }

const Encoder<float>& internal::EngineAccess::encoder(const Engine& engine) { return engine.state_->encoder; }

}  // namespace sharcs
