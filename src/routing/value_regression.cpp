#include "routing/value_regression.hpp"

#include <Eigen/Dense>
#include <cmath>

namespace sharcs::internal {
namespace {

// Penalties on the sum of the samples' losses: inverse variances of normal priors.
constexpr double offset_penalty = 1e-3;  // keeps the offsets finite where a width is always right
constexpr double slope_penalty = 1;
constexpr double difference_penalty = 4;

struct Scale {
  double mean;
  double deviation;  // 1 for what is constant
};

Scale scale_of(const std::vector<std::vector<double>>& rows, std::size_t column) {
  double sum = 0, squares = 0;
  for (const auto& row : rows) sum += row[column];
  const double mean = sum / static_cast<double>(rows.size());
  for (const auto& row : rows) squares += (row[column] - mean) * (row[column] - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(rows.size()));
  return {mean, deviation > 0 ? deviation : 1};
}

/// A convex loss of the parameters in one vector: offsets [widths], shared slopes [features], and, for slopes of their
/// own, differences [widths][features].
class Problem {
 public:
  /// x: [samples, features]; y: [samples, widths].
  Problem(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, const ValueRegressionOptions& options)
      : logistic_(options.logistic), y_(y.reshaped()) {
    const Eigen::Index samples = x.rows(), features = x.cols(), widths = y.cols();
    const Eigen::Index parameters = widths + features + (options.own_slopes ? widths * features : 0);
    rows_ = Eigen::MatrixXd::Zero(samples * widths, parameters);
    for (Eigen::Index w = 0; w < widths; ++w) {
      auto of_width = rows_.middleRows(w * samples, samples);
      of_width.col(w).setOnes();
      of_width.middleCols(widths, features) = x;
      if (options.own_slopes) of_width.middleCols(widths + features * (1 + w), features) = x;
    }
    penalties_ = Eigen::VectorXd::Constant(parameters, difference_penalty);
    penalties_.head(widths).setConstant(offset_penalty);
    penalties_.segment(widths, features).setConstant(slope_penalty);
  }

  /// By Newton's method; a step that overshoots is halved.
  Eigen::VectorXd minimum() const {
    Eigen::VectorXd parameters = Eigen::VectorXd::Zero(rows_.cols());
    double at = loss(parameters);
    for (int iteration = 0; iteration < 100; ++iteration) {
      Eigen::VectorXd step = newton_step(parameters);
      double next = loss(parameters - step);
      for (int halving = 0; halving < 40 && next > at; ++halving) next = loss(parameters - (step *= 0.5));
      if (!(next < at)) break;
      parameters -= step;
      const bool settled = at - next < 1e-12 * (1 + std::abs(at));
      at = next;
      if (settled) break;
    }
    return parameters;
  }

 private:
  // Logistic: the cross-entropy of σ(η) against y. Else half the squared error.
  double loss(const Eigen::VectorXd& parameters) const {
    const Eigen::ArrayXd eta = rows_ * parameters;
    const double penalty = 0.5 * penalties_.dot(parameters.cwiseAbs2());
    if (!logistic_) return penalty + 0.5 * (eta - y_.array()).square().sum();
    return penalty + (eta.max(0.0) - y_.array() * eta + (-eta.abs()).exp().log1p()).sum();
  }

  Eigen::VectorXd newton_step(const Eigen::VectorXd& parameters) const {
    Eigen::ArrayXd predicted = rows_ * parameters, curvature = Eigen::ArrayXd::Ones(rows_.rows());
    if (logistic_) {
      predicted = 1 / (1 + (-predicted).exp());
      curvature = predicted * (1 - predicted);
    }
    const Eigen::VectorXd gradient =
        rows_.transpose() * (predicted - y_.array()).matrix() + penalties_.cwiseProduct(parameters);
    // Only the lower half is filled in, and read. Unlike a general product this one does not wake Eigen's own threads.
    const Eigen::MatrixXd weighted = curvature.sqrt().matrix().asDiagonal() * rows_;
    Eigen::MatrixXd hessian = penalties_.asDiagonal();
    hessian.selfadjointView<Eigen::Lower>().rankUpdate(weighted.transpose());
    return hessian.selfadjointView<Eigen::Lower>().ldlt().solve(gradient);
  }

  bool logistic_;
  Eigen::MatrixXd rows_;  // what each prediction is made of: [widths · samples, parameters]
  Eigen::VectorXd y_;     // [widths · samples]
  Eigen::VectorXd penalties_;
};

}  // namespace

ValueRegression fit_values(const std::vector<std::vector<double>>& features,
                           const std::vector<std::vector<double>>& targets, const ValueRegressionOptions& options) {
  const std::size_t samples = features.size(), columns = features.front().size(), widths = targets.front().size();
  std::vector<Scale> scales;
  for (std::size_t f = 0; f < columns; ++f) scales.push_back(scale_of(features, f));
  Eigen::MatrixXd x(samples, columns), y(samples, widths);
  // One unit for all widths, so that the penalties weigh alike.
  Scale unit = {0, 1};
  if (!options.logistic) {
    double squares = 0;
    for (std::size_t w = 0; w < widths; ++w) squares += std::pow(scale_of(targets, w).deviation, 2);
    unit.deviation = std::sqrt(squares / static_cast<double>(widths));
  }
  for (std::size_t i = 0; i < samples; ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    for (std::size_t f = 0; f < columns; ++f)
      x(row, static_cast<Eigen::Index>(f)) = (features[i][f] - scales[f].mean) / scales[f].deviation;
    for (std::size_t w = 0; w < widths; ++w) y(row, static_cast<Eigen::Index>(w)) = targets[i][w] / unit.deviation;
  }

  const Eigen::VectorXd found = Problem(x, y, options).minimum() * unit.deviation;
  ValueRegression regression;
  for (std::size_t w = 0; w < widths; ++w) {
    double offset = found[static_cast<Eigen::Index>(w)];
    auto& weights = regression.weights.emplace_back();
    for (std::size_t f = 0; f < columns; ++f) {
      double slope = found[static_cast<Eigen::Index>(widths + f)];
      if (options.own_slopes) slope += found[static_cast<Eigen::Index>(widths + columns * (1 + w) + f)];
      weights.push_back(slope / scales[f].deviation);
      offset -= weights.back() * scales[f].mean;
    }
    regression.offsets.push_back(offset);
  }
  return regression;
}

}  // namespace sharcs::internal
