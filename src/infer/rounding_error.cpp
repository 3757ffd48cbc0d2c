#include "infer/rounding_error.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "core/half.hpp"
#include "kernels/int8_gemm.hpp"
#include "model/low_precision.hpp"

namespace sharcs::internal {
namespace {

/// The names of the linear layers' weights, in the shape of the encoder.
struct NameBinder {
  std::string linear(const LinearPart& layer) { return layer.weight(); }
  LayerNormView<const float> norm(const NormPart&) { return {}; }
  MatrixView<const float> table(const std::string&, Index, Index) { return {}; }
  std::span<const float> constants(const std::string&, Index, double, int) { return {}; }
};

/// Runs the encoder in fp32 and every layer beside it in the other precision.
class Meter {
 public:
  Meter(const Network<float>& network, Precision precision, const RaggedBatch& batch,
        std::span<const std::string> keep_fp32, std::vector<RoundingError>& errors)
      : network_(network),
        encoder_(network.encoder()),
        precision_(precision),
        batch_(batch),
        keep_fp32_(keep_fp32),
        errors_(errors) {
    auto names = build_encoder_tree<std::string, const float>(encoder_.config, encoder_.widths, NameBinder());
    std::vector<std::string> in_order;
    for_each_linear(names, [&](const std::string& name) { in_order.push_back(name); });
    auto next = in_order.begin();
    for_each_linear(encoder_.weights, [&](const Linear<float>& linear) { names_.emplace(&linear, *next++); });
  }

  void run() {
    measure_words();
    const MatrixView<float> normal = encoder_.embed(batch_, {}, workspace_).normal;
    MatrixView<const float> x = normal;
    if (const auto& projection = encoder_.weights.embedding_projection) {
      measure(*projection, normal);
      const MatrixView<float> projected = workspace_.matrix<float>(normal.rows, encoder_.config.hidden_size);
      projection->forward(normal, projected);
      x = projected;
    }
    const Width& full = encoder_.widths.full();
    const auto stem = static_cast<int>(encoder_.stem_layers());
    for (int i = 0; i < stem; ++i) x = run_layer(i, encoder_.stem_layer(i, batch_.offsets, batch_.offsets), x);
    if (encoder_.weights.router) {
      if (!encoder_.is_plain(full))
        x = reduction_forward<float>(*encoder_.weights.router, full.index(), full.hidden(), encoder_.eps(), x,
                                     workspace_)
                .output;
      for (const int i : full.layers())
        x = run_layer(i, encoder_.adaptive_layer(i, full, batch_.offsets, batch_.offsets), x);
    }
    if (!encoder_.weights.head_dense) return;
    // Where masks are filled, a token of each text stands for them.
    const HeadRows rows = HeadRows::of_samples(batch_.offsets);
    measure(*encoder_.weights.head_dense,
            encoder_.head().forward(encoder_.finished(x, full, {}, workspace_), rows, {}, workspace_).inputs);
  }

 private:
  MatrixView<const float> run_layer(int index, const LayerPass<float>& pass, MatrixView<const float> x) {
    const auto cache = pass.forward_training(x, {}, static_cast<std::uint64_t>(index), workspace_);
    for (const auto* linear : {&pass.layer.query, &pass.layer.key, &pass.layer.value})
      measure(*linear, cache.attention_input);
    measure(pass.layer.attention_output, cache.context);
    measure(pass.layer.intermediate, cache.feed_forward_input);
    if (pass.layer.gate) measure(*pass.layer.gate, cache.feed_forward_input);
    measure(pass.layer.output, pass.layer.gate ? cache.gated : cache.activation);
    for (const auto& exit : encoder_.weights.exits) {
      if (exit.layer != index + 1 || !exit.dense) continue;
      const MatrixView<float> pooled = workspace_.matrix<float>(batch_.samples(), cache.output.cols);
      const std::span<const Index> offsets(batch_.offsets);
      encoder_.pool_for_exit(cache.output, offsets.first(offsets.size() - 1), offsets.subspan(1), pooled);
      std::vector<Index> one_each(static_cast<std::size_t>(batch_.samples()));
      std::iota(one_each.begin(), one_each.end(), Index{0});
      measure(*exit.dense, encoder_.head(exit).forward(pooled, {one_each}, {}, workspace_).inputs);
    }
    return cache.output;
  }

  RoundingError* error_of(const std::string& weight) {
    const int at = network_.layout().find(weight);
    const BecomesLow becomes = precision_ == Precision::int8 ? becomes_int8 : becomes_bf16;
    if (!becomes(encoder_.config, network_.layout().specs()[static_cast<std::size_t>(at)], keep_fp32_)) return nullptr;
    const auto found = std::ranges::find(errors_, weight, &RoundingError::weight);
    return found == errors_.end() ? &errors_.emplace_back(RoundingError{.weight = weight}) : &*found;
  }

  void measure(const Linear<float>& linear, MatrixView<const float> x) {
    RoundingError* error = error_of(names_.at(&linear));
    if (error == nullptr) return;
    const Workspace::Mark mark = workspace_.mark();
    const kernels::Slice slice = {linear.outputs(), x.cols};
    const MatrixView<float> expected = workspace_.matrix<float>(x.rows, slice.outputs);
    const MatrixView<float> found = workspace_.matrix<float>(x.rows, slice.outputs);
    kernels::multiply<float>({.x = x, .weight = &linear.packed, .slice = slice, .y = expected});
    if (precision_ == Precision::int8) {
      const kernels::Int8Matrix weight(linear.weight);
      const auto rows = kernels::Int8Rows::make(x.rows, x.cols, workspace_);
      kernels::quantize(x, rows);
      kernels::multiply(kernels::Int8Product{.x = rows, .weight = &weight, .slice = slice, .y = found});
    } else {
      kernels::PackedMatrix<float> weight;
      weight.pack(linear.weight, kernels::Numbers::bf16);
      kernels::multiply<float>({.x = x, .weight = &weight, .slice = slice, .y = found});
    }
    for (Index r = 0; r < x.rows; ++r)
      for (Index o = 0; o < slice.outputs; ++o) add(*error, expected(r, o), found(r, o));
    workspace_.release(mark);
  }

  void measure_words() {
    const MatrixView<const float>& table = encoder_.weights.word_embeddings;
    const auto spec = std::ranges::find_if(network_.layout().specs(), [](const ParameterSpec& each) {
      return each.name.ends_with(".word_embeddings.weight");
    });
    RoundingError* error = error_of(spec->name);
    if (error == nullptr) return;
    std::vector<std::int8_t> values(static_cast<std::size_t>(table.cols));
    for (const std::int32_t id : batch_.ids) {
      if (precision_ == Precision::bf16) {
        for (Index c = 0; c < table.cols; ++c) add(*error, table(id, c), float_of_bf16(bf16_of_float(table(id, c))));
        continue;
      }
      float scale = 0;
      kernels::quantize_weight(table.row_range(id, 1), MatrixView<std::int8_t>(values.data(), 1, table.cols),
                               std::span(&scale, 1));
      for (Index c = 0; c < table.cols; ++c)
        add(*error, table(id, c), scale * static_cast<float>(values[static_cast<std::size_t>(c)]));
    }
  }

  static void add(RoundingError& error, float expected, float found) {
    const auto difference = static_cast<double>(found) - static_cast<double>(expected);
    error.squares += difference * difference;
    error.reference += static_cast<double>(expected) * static_cast<double>(expected);
  }

  const Network<float>& network_;
  const Encoder<float>& encoder_;
  Precision precision_;
  const RaggedBatch& batch_;
  std::span<const std::string> keep_fp32_;
  std::vector<RoundingError>& errors_;
  std::unordered_map<const Linear<float>*, std::string> names_;
  Workspace workspace_;
};

}  // namespace

double RoundingError::relative() const { return reference > 0 ? std::sqrt(squares / reference) : 0; }

void add_rounding_errors(const Network<float>& network, Precision precision, const RaggedBatch& batch,
                         std::span<const std::string> keep_fp32, std::vector<RoundingError>& errors) {
  Meter(network, precision, batch, keep_fp32, errors).run();
}

}  // namespace sharcs::internal
