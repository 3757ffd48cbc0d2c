#include "cli/policy_argument.hpp"

#include "cli/command.hpp"
#include "routing/policy_kind.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {

void add_policy_option(CLI::App& command, std::string& policy) {
  policy = "model";
  std::string meaning = "Which answers samples are asked for";
  for (const PolicyKind& kind : policy_kinds())
    meaning += (kind.place == policy_kinds().front().place ? ": " : "; ") + kind.form + " (" + kind.meaning + ")";
  command.add_option("--policy", policy, meaning)->capture_default_str();
}

Policy policy_argument(const std::string& text, const std::filesystem::path& model) {
  const std::string kind = text.substr(0, text.find(':'));
  if (find_policy_kind(kind) == nullptr) usage_error("--policy " + text + ": expected one of " + policy_forms());
  return policy_argument(text, ModelConfig::load(model / "config.json"));
}

Policy policy_argument(const std::string& text, const ModelConfig& config) {
  try {
    return policy_named(text, config);
  } catch (const ConfigError& error) {
    usage_error(std::string("--policy: ") + error.what());
  }
}

void add_precision_option(CLI::App& command, std::string& precision) {
  command
      .add_option("--precision", precision,
                  "Weights of the large products: fp32; bf16, half of the size, and twice the speed on processors that "
                  "multiply bf16; or int8, a quarter of the size and faster still")
      ->check(CLI::IsMember(names_of<Precision>()))
      ->default_str("as the weights are stored: int8 or bf16 where sharcs quantize wrote the model, else fp32");
}

std::optional<Precision> precision_argument(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(named<Precision>(text));
}

}  // namespace sharcs::internal
