// Functions of float vectors. Included by files that are compiled once per SIMD target (hwy/foreach_target.h), hence
// the guard that opens again for each of them.
#if defined(SHARCS_KERNELS_VECTOR_MATH_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef SHARCS_KERNELS_VECTOR_MATH_INL_
#undef SHARCS_KERNELS_VECTOR_MATH_INL_
#else
#define SHARCS_KERNELS_VECTOR_MATH_INL_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sharcs::internal::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// exp(x) for x ≤ 0, relative error below 1.2e-7. Results below the least normal number are 0; exp(−inf) = 0; NaN stays
/// NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_nonpositive(D d, V x) {
  // x = n ln 2 + r with |r| ≤ ln 2 / 2. Adding 1.5 · 2^23 rounds to an integer and leaves it in the low bits of the
  // sum; 127 more make it the exponent field of 2^n.
  const auto magic = hn::Set(d, 0x1.8p23f + 127.0f);
  const auto shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), magic);
  const auto n = hn::Sub(shifted, magic);
  // ln 2 in two parts, the first so short that n times it is exact without FMA, too.
  auto r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  // 1 + r + r² · q(r), of least relative error on that interval (3.1e-9 before rounding).
  auto p = hn::Set(d, 1.381454058e-03f);
  p = hn::MulAdd(p, r, hn::Set(d, 8.368745446e-03f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.166838899e-02f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.666652113e-01f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.999999404e-01f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  const hn::RebindToUnsigned<D> du;
  const auto power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, shifted)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.33654f)), hn::Mul(p, power));
}

/// Φ(−a) · exp(a² / 2) for a ≥ 0, where Φ is the normal distribution function: that is erfc(a / √2) / 2 without the
/// factor that falls so steeply.
///
/// A polynomial in 1 / (1 + 0.34 a), as in Hastings' approximations of erfc (Abramowitz and Stegun, 7.1.26); error
/// below 2e-8 times exp(a² / 2) / max(1, a) and below 1e-5 of the value. Built on it, GELU is as exact for large
/// negative numbers as for others; through 1 + erf(x) it would be a difference of near equals there.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V scaled_normal_tail(D d, V a) {
  const auto one = hn::Set(d, 1.0f);
  const auto t = hn::Div(one, hn::MulAdd(a, hn::Set(d, 0.34f), one));
  auto p = hn::Set(d, 4.378751293e-02f);
  p = hn::MulAdd(p, t, hn::Set(d, -1.961032152e-01f));
  p = hn::MulAdd(p, t, hn::Set(d, 2.564472556e-01f));
  p = hn::MulAdd(p, t, hn::Set(d, -2.394702099e-02f));
  p = hn::MulAdd(p, t, hn::Set(d, 1.533406377e-01f));
  p = hn::MulAdd(p, t, hn::Set(d, 1.305216849e-01f));
  p = hn::MulAdd(p, t, hn::Set(d, 1.359531432e-01f));
  return hn::Mul(p, t);
}

/// |x|, cut where exp(−x² / 2) has long been 0, so that infinity times it is 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_size(D d, V x) {
  return hn::Min(hn::Abs(x), hn::Set(d, 32.0f));
}

/// GELU, the exact one (Hendrycks and Gimpel 2016): x · Φ(x), error below 1.5e-7 · max(1, |gelu(x)|). gelu(inf) = inf,
/// gelu(−inf) = 0; NaN stays NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu(D d, V x) {
  // x Φ(x) = max(x, 0) − |x| Φ(−|x|)
  const auto a = gelu_size(d, x);
  const auto bell = exp_nonpositive(d, hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5f)));
  return hn::NegMulAdd(hn::Mul(a, bell), scaled_normal_tail(d, a), hn::Max(hn::Zero(d), x));
}

/// Its derivative, Φ(x) + x · φ(x), absolute error below 3e-7. NaN stays NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_derivative(D d, V x) {
  // gelu'(−a) = Φ(−a) − a φ(a), and gelu'(a) = 1 − gelu'(−a).
  const auto a = gelu_size(d, x);
  const auto bell = exp_nonpositive(d, hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5f)));
  const auto left = hn::Mul(bell, hn::NegMulAdd(a, hn::Set(d, 0.398942280f), scaled_normal_tail(d, a)));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), left, hn::Sub(hn::Set(d, 1.0f), left));
}

/// A logistic function s at −|x| and |x|. Activations of the form x · s(x), and their derivatives, are made of both.
template <class V>
struct Gates {
  V left, right;
};

/// The gates of GELU's approximation by tanh: s(x) = 1 / (1 + exp(−2u)) with u = √(2/π) · (x + 0.044715 x³).
template <class D, class V = hn::Vec<D>>
HWY_INLINE Gates<V> gelu_tanh_gates(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  const auto slope = hn::MulAdd(hn::Mul(x, x), hn::Set(d, 0.044715f), one);
  // −2 √(2/π) · |x| · …; NaN stays NaN.
  const auto bell = exp_nonpositive(d, hn::Mul(hn::Mul(hn::Abs(x), hn::Set(d, -1.59576912f)), slope));
  const auto right = hn::Div(one, hn::Add(one, bell));
  return {hn::Mul(bell, right), right};
}

/// The approximation of GELU by tanh (Hendrycks and Gimpel 2016; "gelu_new"), error below 3e-7 · max(1, |gelu(x)|).
/// Infinities and NaN as in gelu().
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_tanh(D d, V x) {
  // x s(x) = max(x, 0) − |x| s(−|x|)
  return hn::NegMulAdd(gelu_size(d, x), gelu_tanh_gates(d, x).left, hn::Max(hn::Zero(d), x));
}

/// Its derivative, s(x) + x · s(x) · s(−x) · 2u'(x), absolute error below 5e-7. NaN stays NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_tanh_derivative(D d, V x) {
  // As with the exact one, the derivatives at x and −x add up to 1.
  const auto a = gelu_size(d, x);
  const auto gates = gelu_tanh_gates(d, x);
  // |x| · 2u'(x)
  const auto steep = hn::Mul(hn::Mul(a, hn::Set(d, 1.59576912f)),
                             hn::MulAdd(hn::Mul(a, a), hn::Set(d, 3 * 0.044715f), hn::Set(d, 1.0f)));
  const auto left = hn::Mul(gates.left, hn::NegMulAdd(steep, gates.right, hn::Set(d, 1.0f)));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), left, hn::Sub(hn::Set(d, 1.0f), left));
}

/// The gates of SiLU and its kind: s(x) = 1 / (1 + exp(−k x)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE Gates<V> logistic_gates(D d, V x, float k) {
  const auto one = hn::Set(d, 1.0f);
  const auto bell = exp_nonpositive(d, hn::Mul(hn::Abs(x), hn::Set(d, -k)));
  const auto right = hn::Div(one, hn::Add(one, bell));
  return {hn::Mul(bell, right), right};
}

/// |x|, cut where exp(−|x|) has long been 0, so that infinity times it is 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gated_size(D d, V x) {
  return hn::Min(hn::Abs(x), hn::Set(d, 128.0f));
}

/// x · s(x), for k of 1 (SiLU) or more, error below 3e-7 · max(1, |x|). Infinities and NaN as in gelu().
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gated(D d, V x, float k) {
  // x s(x) = max(x, 0) − |x| s(−|x|)
  return hn::NegMulAdd(gated_size(d, x), logistic_gates(d, x, k).left, hn::Max(hn::Zero(d), x));
}

/// Its derivative, s(x) + k x · s(x) · s(−x), absolute error below 5e-7. NaN stays NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gated_derivative(D d, V x, float k) {
  // As with GELU, the derivatives at x and −x add up to 1.
  const auto gates = logistic_gates(d, x, k);
  const auto steep = hn::Mul(gated_size(d, x), hn::Set(d, k));
  const auto left = hn::Mul(gates.left, hn::NegMulAdd(steep, gates.right, hn::Set(d, 1.0f)));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), left, hn::Sub(hn::Set(d, 1.0f), left));
}

/// tanh(x), relative error below 2e-7. tanh(±inf) = ±1; NaN stays NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  // From there on (1 − e) / (1 + e) with e = exp(−2|x|); nearer to 0, where that is a difference of near equals,
  // x + x³ · p(x²) with the coefficients of Cephes' tanhf.
  const auto a = hn::Abs(x);
  const auto e = exp_nonpositive(d, hn::Mul(a, hn::Set(d, -2.0f)));
  const auto far = hn::CopySign(hn::Div(hn::Sub(one, e), hn::Add(one, e)), x);
  const auto square = hn::Mul(x, x);
  auto p = hn::Set(d, -5.70498872745e-3f);
  p = hn::MulAdd(p, square, hn::Set(d, 2.06390887954e-2f));
  p = hn::MulAdd(p, square, hn::Set(d, -5.37397155531e-2f));
  p = hn::MulAdd(p, square, hn::Set(d, 1.33314422036e-1f));
  p = hn::MulAdd(p, square, hn::Set(d, -3.33332819422e-1f));
  const auto near = hn::MulAdd(hn::Mul(p, square), x, x);
  return hn::IfThenElse(hn::Lt(a, hn::Set(d, 0.625f)), near, far);
}

}  // namespace sharcs::internal::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // SHARCS_KERNELS_VECTOR_MATH_INL_
