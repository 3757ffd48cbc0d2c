#pragma once

#include <cstdint>
#include <span>

#include "kernels/attention.hpp"
#include "kernels/dropout.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/embedding.hpp"
#include "kernels/gemm.hpp"
#include "kernels/layer_norm.hpp"

/// The float kernels in SIMD code, compiled for every instruction set of the architecture and chosen at run time
/// (Highway). See the public header of each kernel for what it computes.
namespace sharcs::internal::kernels::simd {

/// Outputs of a panel of PackedMatrix<float>.
Index panel_width();
/// Packs `weight` as documented at PackedMatrix. panels: ceil(rows / panel_width()) · panel_width() · cols elements.
void pack_panels(MatrixView<const float> weight, float* panels);
void pack_panels_of_transpose(MatrixView<const float> transpose, float* panels);

void multiply(std::span<const Product<float>> products);
void multiply_nn(std::span<const Term<float>> terms, MatrixView<float> y, Write write);
void multiply_tn(std::span<const TransposedProduct<float>> products, Write write);

void attention(const Attention<float>& problem, MatrixView<float> context);
void attention_forward(const Attention<float>& problem, const Dropout& dropout, MatrixView<float> context,
                       std::span<float> probabilities);
void attention_backward(const Attention<float>& problem, const Dropout& dropout, std::span<const float> probabilities,
                        MatrixView<const float> d_context, MatrixView<float> d_query, MatrixView<float> d_key,
                        MatrixView<float> d_value);

void layer_norm(MatrixView<const float> x, const float* weight, const float* bias, float eps, MatrixView<float> y,
                std::span<RowStatistics<float>> statistics);
void layer_norm_backward(MatrixView<const float> dy, MatrixView<const float> x,
                         std::span<const RowStatistics<float>> statistics, const float* weight, MatrixView<float> dx,
                         float* d_weight, float* d_bias);

void embedding_sum(std::span<const EmbeddingLookup<float>> lookups, MatrixView<float> y);
void embedding_backward(MatrixView<const float> dy, std::span<const std::int32_t> ids, MatrixView<float> gradient);

void dropout(MatrixView<float> x, const Dropout& dropout);

void gelu_backward(MatrixView<const float> dy, MatrixView<const float> x, MatrixView<float> dx);
void gelu_tanh_backward(MatrixView<const float> dy, MatrixView<const float> x, MatrixView<float> dx);
void add_column_sums(MatrixView<const float> x, float* sums);
void add(MatrixView<const float> x, MatrixView<float> y);
double squared_sum(std::span<const float> x);
void adamw(std::span<float> weight, std::span<float> first_moment, std::span<float> second_moment,
           std::span<const float> gradient, const AdamwStep& step);
void adamw_idle(std::span<float> weight, std::span<float> first_moment, std::span<float> second_moment,
                std::span<const AdamwStep> steps);

}  // namespace sharcs::internal::kernels::simd
