#include "cli/answer_format.hpp"

#include <nlohmann/json.hpp>

#include "core/number.hpp"
#include "core/quote.hpp"

namespace sharcs::internal {

std::string AnswerFormat::begin() const {
  if (kind_ == Kind::squad) return "{";
  return kind_ == Kind::tsv && has_header_ ? "text\tprobability\tanswer\n" : "";
}

std::string AnswerFormat::entry(const Sample& question, const FoundAnswer& found) {
  const std::string id = question.id.empty() ? std::to_string(count_) : question.id;
  const bool is_first = count_++ == 0;
  if (kind_ == Kind::squad)
    return (is_first ? "\n  " : ",\n  ") + nlohmann::json(id).dump() + ": " + nlohmann::json(found.text).dump();
  if (kind_ == Kind::tsv)
    return tsv_cell(found.text) + "\t" + decimal(found.probability, 4) + "\t" + found.prediction.answer + "\n";
  nlohmann::ordered_json json;
  if (!question.id.empty()) json["id"] = question.id;
  json["text"] = found.text;
  if (!found.range.empty()) json["bytes"] = {found.range.begin, found.range.end};
  json["probability"] = found.probability;
  json["score"] = found.score;
  json["no_answer_score"] = found.none;
  json["answer"] = found.prediction.answer;
  json["width"] = found.prediction.width;
  json["multiply_adds"] = found.prediction.multiply_adds;
  if (found.windows > 1) json["windows"] = found.windows;
  json["question"] = question.text;
  return json.dump() + "\n";
}

std::string AnswerFormat::entry(const BadLine& bad) const {
  if (kind_ == Kind::squad) return "";
  if (kind_ == Kind::tsv) return "\t\t\n";
  return nlohmann::ordered_json{{"line", bad.line}, {"error", bad.problem}}.dump(
             -1, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

std::string AnswerFormat::end() const { return kind_ != Kind::squad ? "" : count_ == 0 ? "}\n" : "\n}\n"; }

}  // namespace sharcs::internal
