#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/matrix_view.hpp"

namespace sharcs::internal {

/// How a parameter starts where no checkpoint gives it.
enum class Initial {
  normal,  ///< N(0, initializer_range²)
  zeros,
  ones,
  constant,  ///< ParameterSpec::constant
};

/// The part of a network that a parameter belongs to, by the losses that reach it.
enum class Component {
  encoder,  ///< with the head: every answer's loss
  router,   ///< the router's loss alone
  exit,     ///< the loss of one exit
};

/// Name, shape and role of one parameter.
struct ParameterSpec {
  std::string name;
  std::vector<Index> shape;
  Initial initial = Initial::normal;
  double constant = 0;
  /// The width that alone uses it (private LayerNorms, reduction weights); −1: every width.
  int width = -1;
  Component component = Component::encoder;
  /// The weight of a linear layer: kept packed by the engine.
  bool packed = false;
  /// The parameter of a plain encoder whose leading entries a private LayerNorm starts from; empty for others.
  std::string starts_from = {};

  Index size() const;
  /// AdamW leaves biases (a relative attention bias, too) and LayerNorms undecayed, as the authors do.
  bool decays() const;
};

/// Where each parameter stands in a buffer: consecutive, each on a 64-byte boundary.
class ParameterLayout {
 public:
  explicit ParameterLayout(std::vector<ParameterSpec> specs);

  std::span<const ParameterSpec> specs() const { return specs_; }
  Index offset(std::size_t i) const { return offsets_[i]; }
  /// Index of the parameter of this name, or −1.
  int find(const std::string& name) const;
  /// Index of the table of word embeddings, of which a batch reads the rows of its words only.
  std::size_t word_embeddings() const { return word_embeddings_; }
  /// Elements of a buffer that holds all, gaps included.
  Index buffer_size() const { return buffer_size_; }
  /// Elements of all parameters, gaps left out.
  Index parameter_count() const { return parameter_count_; }

 private:
  std::vector<ParameterSpec> specs_;
  std::vector<Index> offsets_;
  std::unordered_map<std::string, int> by_name_;
  Index buffer_size_ = 0;
  Index parameter_count_ = 0;
  std::size_t word_embeddings_ = 0;
};

/// One number for each element of a layout: values, gradients, or moments. The gaps stay zero.
template <class T>
class ParameterStore {
 public:
  /// All zero. `layout` must outlive the store.
  explicit ParameterStore(const ParameterLayout& layout)
      : layout_(&layout), buffer_(static_cast<std::size_t>(layout.buffer_size()), T(0)) {}

  const ParameterLayout& layout() const { return *layout_; }
  std::span<T> buffer() { return buffer_.span(); }
  std::span<const T> buffer() const { return buffer_.span(); }
  std::span<T> values(std::size_t i) { return buffer_.span().subspan(at(i), count(i)); }
  std::span<const T> values(std::size_t i) const { return buffer_.span().subspan(at(i), count(i)); }
  /// The parameter of this name, which must exist.
  std::span<T> values(const std::string& name) { return values(static_cast<std::size_t>(layout_->find(name))); }
  std::span<const T> values(const std::string& name) const {
    return values(static_cast<std::size_t>(layout_->find(name)));
  }
  void set_zero() { std::fill_n(buffer_.data(), buffer_.size(), T(0)); }

 private:
  std::size_t at(std::size_t i) const { return static_cast<std::size_t>(layout_->offset(i)); }
  std::size_t count(std::size_t i) const { return static_cast<std::size_t>(layout_->specs()[i].size()); }

  const ParameterLayout* layout_;
  AlignedBuffer<T> buffer_;
};

}  // namespace sharcs::internal
