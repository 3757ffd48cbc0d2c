#include "peers.hpp"

// This file alone is compiled for this machine's instructions. Under a name of its own, its Eigen is not taken for the
// one in the library, which is compiled for every machine.
#define Eigen EigenForThisMachine
#include <omp.h>

#include <Eigen/Core>
#ifdef SHARCS_BENCH_OPENBLAS
#include <cblas.h>
#endif
#ifdef SHARCS_BENCH_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace sharcs::internal::bench {
namespace {

template <class T>
auto map(MatrixView<T> m) {
  using Plain = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Matrix = std::conditional_t<std::is_const_v<T>, const Plain, Plain>;
  return Eigen::Map<Matrix, 0, Eigen::OuterStride<>>(m.data, m.rows, m.cols, Eigen::OuterStride<>(m.stride));
}

void multiply_with_eigen(const PlainProduct& p) {
  auto c = map(p.c);
  const auto write = [&](const auto& product) { p.add ? c.noalias() += product : c.noalias() = product; };
  if (p.transpose_a) {
    write(map(p.a).transpose() * map(p.b));
  } else if (p.transpose_b) {
    write(map(p.a) * map(p.b).transpose());
  } else {
    write(map(p.a) * map(p.b));
  }
}

#ifdef SHARCS_BENCH_OPENBLAS
void multiply_with_openblas(const PlainProduct& p) {
  const Index inner = p.transpose_a ? p.a.rows : p.a.cols;
  cblas_sgemm(CblasRowMajor, p.transpose_a ? CblasTrans : CblasNoTrans, p.transpose_b ? CblasTrans : CblasNoTrans,
              static_cast<blasint>(p.c.rows), static_cast<blasint>(p.c.cols), static_cast<blasint>(inner), 1.0f,
              p.a.data, static_cast<blasint>(p.a.stride), p.b.data, static_cast<blasint>(p.b.stride),
              p.add ? 1.0f : 0.0f, p.c.data, static_cast<blasint>(p.c.stride));
}
#endif

#ifdef SHARCS_BENCH_ONEDNN
void multiply_with_onednn(const PlainProduct& p) {
  const Index inner = p.transpose_a ? p.a.rows : p.a.cols;
  dnnl_sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.c.rows, p.c.cols, inner, 1.0f, p.a.data,
             p.a.stride, p.b.data, p.b.stride, p.add ? 1.0f : 0.0f, p.c.data, p.c.stride);
}
#endif

}  // namespace

const std::vector<Peer>& peers() {
  static const std::vector<Peer> all = {
      {"Eigen", multiply_with_eigen, [](int count) { Eigen::setNbThreads(count); }, 0},
#ifdef SHARCS_BENCH_OPENBLAS
      {"OpenBLAS", multiply_with_openblas, [](int count) { openblas_set_num_threads(count); }, 0.1},
#endif
#ifdef SHARCS_BENCH_ONEDNN
      {"oneDNN", multiply_with_onednn, [](int count) { omp_set_num_threads(count); }, 0},
#endif
  };
  return all;
}

}  // namespace sharcs::internal::bench
