#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "roof.cpp"
#include "roof.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "core/aligned_buffer.hpp"
#include "core/matrix_view.hpp"
#include "core/threads.hpp"
#include "kernels/bf16_pair-inl.hpp"
#include "kernels/bf16_pairs.hpp"
#include "kernels/int8_gemm.hpp"
#include "kernels/int8_tile-inl.hpp"
#include "stopwatch.hpp"

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr Index rounds = 4096, chains = 12;  // 12 sums fit into 16 registers and outlast the latency of two units

double operations() { return 2.0 * rounds * chains * static_cast<double>(hn::Lanes(hn::ScalableTag<float>())); }

float multiply_adds() {
  const hn::ScalableTag<float> d;
  const auto a = hn::Set(d, 0.999f), b = hn::Set(d, 0.001f);
  // Each starts elsewhere: the compiler would compute equal chains once.
  const auto start = [d](float value) HWY_ATTR { return hn::Set(d, value); };
  auto s0 = start(0.1f), s1 = start(0.2f), s2 = start(0.3f), s3 = start(0.4f), s4 = start(0.5f), s5 = start(0.6f);
  auto s6 = start(0.7f), s7 = start(0.8f), s8 = start(0.9f), s9 = start(1.1f), s10 = start(1.2f), s11 = start(1.3f);
  for (Index i = 0; i < rounds; ++i) {
    s0 = hn::MulAdd(s0, a, b), s1 = hn::MulAdd(s1, a, b), s2 = hn::MulAdd(s2, a, b), s3 = hn::MulAdd(s3, a, b);
    s4 = hn::MulAdd(s4, a, b), s5 = hn::MulAdd(s5, a, b), s6 = hn::MulAdd(s6, a, b), s7 = hn::MulAdd(s7, a, b);
    s8 = hn::MulAdd(s8, a, b), s9 = hn::MulAdd(s9, a, b), s10 = hn::MulAdd(s10, a, b), s11 = hn::MulAdd(s11, a, b);
  }
  const auto left = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(s4, s5));
  const auto right = hn::Add(hn::Add(hn::Add(s6, s7), hn::Add(s8, s9)), hn::Add(s10, s11));
  return hn::GetLane(hn::Add(left, right));
}

double bf16_operations() { return 2 * operations(); }

float bf16_dots() {
#ifdef SHARCS_BF16_DOT
  using kernels::HWY_NAMESPACE::Bf16Dots;
  const kernels::HWY_NAMESPACE::TileTag d;
  const auto a = hn::BitCast(d, hn::Set(hn::RebindToUnsigned<decltype(d)>(), 0x3A833F80u));  // 0.001 and 1
  const auto b = hn::BitCast(d, hn::Set(hn::RebindToUnsigned<decltype(d)>(), 0x3F803A83u));
  const auto start = [d](float value) HWY_ATTR { return hn::Set(d, value); };
  auto s0 = start(0.1f), s1 = start(0.2f), s2 = start(0.3f), s3 = start(0.4f), s4 = start(0.5f), s5 = start(0.6f);
  auto s6 = start(0.7f), s7 = start(0.8f), s8 = start(0.9f), s9 = start(1.1f), s10 = start(1.2f), s11 = start(1.3f);
  for (Index i = 0; i < rounds; ++i) {
    Bf16Dots::add(a, b, s0), Bf16Dots::add(a, b, s1), Bf16Dots::add(a, b, s2), Bf16Dots::add(a, b, s3);
    Bf16Dots::add(a, b, s4), Bf16Dots::add(a, b, s5), Bf16Dots::add(a, b, s6), Bf16Dots::add(a, b, s7);
    Bf16Dots::add(a, b, s8), Bf16Dots::add(a, b, s9), Bf16Dots::add(a, b, s10), Bf16Dots::add(a, b, s11);
  }
  const auto left = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(s4, s5));
  const auto right = hn::Add(hn::Add(hn::Add(s6, s7), hn::Add(s8, s9)), hn::Add(s10, s11));
  return hn::GetLane(hn::Add(left, right));
#else
  return 0;  // never called: there is no instruction
#endif
}

double int8_operations() { return 4 * operations(); }

template <kernels::HWY_NAMESPACE::Dot how>
std::int32_t int8_dots() {
  using namespace kernels::HWY_NAMESPACE;
  const IntTag d;
  const auto a = hn::Set(d, 0x01020304), b = hn::Set(d, 0x04030201);
  // Products of what the compiler knows to be equal would be computed once.
  const auto unknown = [](auto value) HWY_ATTR {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
    asm volatile("" : "+x"(value.raw));
#endif
    return value;
  };
  const auto add = [&](IntVector& sum) HWY_ATTR {
#if SHARCS_INT8_PAIRS
    if constexpr (how == Dot::emulated) {
      const auto pairs = hn::BitCast(PairTag(), a), others = hn::BitCast(PairTag(), b);
      sum = add_pair(unknown(pairs), others, add_pair(unknown(pairs), others, sum));
      return;
    }
#endif
    add_dot<how>(unknown(a), b, sum);
  };
  const auto start = [d](std::int32_t value) HWY_ATTR { return hn::Set(d, value); };
  auto s0 = start(0), s1 = start(1), s2 = start(2), s3 = start(3), s4 = start(4), s5 = start(5);
  auto s6 = start(6), s7 = start(7), s8 = start(8), s9 = start(9), s10 = start(10), s11 = start(11);
  for (Index i = 0; i < rounds; ++i) {
    add(s0), add(s1), add(s2), add(s3), add(s4), add(s5), add(s6), add(s7), add(s8), add(s9), add(s10), add(s11);
  }
  const auto left = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(s4, s5));
  const auto right = hn::Add(hn::Add(hn::Add(s6, s7), hn::Add(s8, s9)), hn::Add(s10, s11));
  return hn::GetLane(hn::Add(left, right));
}
float run_dots(bool by_instruction) {
  using kernels::HWY_NAMESPACE::Dot;
  return static_cast<float>(by_instruction ? int8_dots<Dot::instruction>() : int8_dots<Dot::emulated>());
}

float read(const float* data, Index count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  for (Index i = 0; i + 4 * lanes <= count; i += 4 * lanes) {
    s0 = hn::Max(s0, hn::LoadU(d, data + i)), s1 = hn::Max(s1, hn::LoadU(d, data + i + lanes));
    s2 = hn::Max(s2, hn::LoadU(d, data + i + 2 * lanes)), s3 = hn::Max(s3, hn::LoadU(d, data + i + 3 * lanes));
  }
  return hn::GetLane(hn::Max(hn::Max(s0, s1), hn::Max(s2, s3)));
}

const char* name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace sharcs::internal::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sharcs::internal::bench {
HWY_EXPORT(operations);
HWY_EXPORT(multiply_adds);
HWY_EXPORT(bf16_operations);
HWY_EXPORT(bf16_dots);
HWY_EXPORT(int8_operations);
HWY_EXPORT(run_dots);
HWY_EXPORT(read);
HWY_EXPORT(name);

namespace {

/// Keeps the compiler from dropping what leads to `value`.
void keep(float value) {
  volatile float sink = value;
  static_cast<void>(sink);
}

template <class Body>
void on_each_thread(int threads, const Body& body) {
  const ThreadScope scope(threads);
  parallel_for(threads, body);
}

}  // namespace

std::string instruction_set() { return HWY_DYNAMIC_DISPATCH(name)(); }

double multiply_add_operations(int threads) { return threads * HWY_DYNAMIC_DISPATCH(operations)(); }

void run_multiply_adds(int threads) {
  on_each_thread(threads, [](Index) { keep(HWY_DYNAMIC_DISPATCH(multiply_adds)()); });
}

double bf16_dot_operations(int threads) {
  if (!kernels::uses_bf16_instruction()) return multiply_add_operations(threads);
  return threads * HWY_DYNAMIC_DISPATCH(bf16_operations)();
}

void run_bf16_dots(int threads) {
  if (!kernels::uses_bf16_instruction()) return run_multiply_adds(threads);
  on_each_thread(threads, [](Index) { keep(HWY_DYNAMIC_DISPATCH(bf16_dots)()); });
}

double int8_dot_operations(int threads) { return threads * HWY_DYNAMIC_DISPATCH(int8_operations)(); }

void run_int8_dots(int threads) {
  on_each_thread(threads, [by_instruction = kernels::uses_dot_instruction()](Index) {
    keep(HWY_DYNAMIC_DISPATCH(run_dots)(by_instruction));
  });
}

void read_all(std::span<const float> data, int threads) {
  on_each_thread(threads, [&](Index thread) {
    const WorkShare share = work_share(static_cast<Index>(data.size()), static_cast<int>(thread), threads);
    keep(HWY_DYNAMIC_DISPATCH(read)(data.data() + share.begin, share.end - share.begin));
  });
}

void run_roof(const Options& options, Report& report) {
  constexpr std::size_t megabyte = std::size_t{1} << 20;
  for (const int threads : options.threads) {
    const std::vector<Contender> peak = {{"multiply-adds", [=] { run_multiply_adds(threads); }}};
    const double gflops = multiply_add_operations(threads) / race(peak, options)[0].best / 1e9;
    report.line(
        format("roof, %s, %s: %.1f GFLOP/s", count_of_threads(threads).c_str(), instruction_set().c_str(), gflops));
    nlohmann::json record = {{"part", "roof"}, {"threads", threads}, {"target", instruction_set()}, {"gflops", gflops}};
    for (const std::size_t bytes : {megabyte / 2, 8 * megabyte, 256 * megabyte}) {
      const AlignedBuffer<float> data(bytes / sizeof(float), 1.0f);
      const std::vector<Contender> reading = {{"read", [&] { read_all(data.span(), threads); }}};
      const double gigabytes = static_cast<double>(bytes) / race(reading, options)[0].best / 1e9;
      report.line(format("  reading %5.1f MB again and again: %.1f GB/s",
                         static_cast<double>(bytes) / static_cast<double>(megabyte), gigabytes));
      record["read"].push_back({{"bytes", bytes}, {"gigabytes_per_second", gigabytes}});
    }
    report.record(record);
  }
}

}  // namespace sharcs::internal::bench
#endif
