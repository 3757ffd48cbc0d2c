#pragma once

#include <span>
#include <stop_token>

#include "model/encoder.hpp"
#include "sharcs/engine.hpp"

namespace sharcs::internal {

/// A vector for each sample from the token vectors after layer `layer` of the full-width path (0: the embeddings).
/// vectors: [samples, hidden]. Layers behind that one do not run. Throws Cancelled before the next layer when `stop` is
/// requested.
template <class T>
void embed_samples(const Encoder<T>& encoder, const RaggedBatch& batch, int layer, Pooling pooling,
                   Workspace& workspace, MatrixView<T> vectors, const std::stop_token& stop);

}  // namespace sharcs::internal
