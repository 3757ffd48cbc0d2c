#pragma once

#include "core/enum_names.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal {

template <>
struct EnumNames<Split> {
  static constexpr const char* what = "the split";
  static constexpr EnumName<Split> all[] = {{Split::train, "train"}, {Split::dev, "dev"}, {Split::test, "test"}};
};

template <>
struct EnumNames<InvalidText> {
  static constexpr const char* what = "the treatment of invalid text";
  static constexpr EnumName<InvalidText> all[] = {{InvalidText::refuse, "refuse"}, {InvalidText::replace, "replace"}};
};

template <>
struct EnumNames<OnError> {
  static constexpr const char* what = "what to do with bad lines";
  static constexpr EnumName<OnError> all[] = {{OnError::stop, "stop"}, {OnError::skip, "skip"}};
};

template <>
struct EnumNames<TaskKind> {
  static constexpr const char* what = "the kind of task";
  static constexpr EnumName<TaskKind> all[] = {{TaskKind::classification, "classification"},
                                               {TaskKind::regression, "regression"},
                                               {TaskKind::multi_label, "multi_label"},
                                               {TaskKind::token_classification, "token_classification"},
                                               {TaskKind::question_answering, "question_answering"},
                                               {TaskKind::masked_lm, "masked_lm"}};
};

template <>
struct EnumNames<TableFormat> {
  static constexpr const char* what = "the format";
  static constexpr EnumName<TableFormat> all[] = {
      {TableFormat::by_extension, "by_extension"}, {TableFormat::tsv, "tsv"},           {TableFormat::csv, "csv"},
      {TableFormat::json_lines, "jsonl"},          {TableFormat::fasttext, "fasttext"}, {TableFormat::conll, "conll"}};
};

template <>
struct EnumNames<Quoting> {
  static constexpr const char* what = "the quoting";
  static constexpr EnumName<Quoting> all[] = {
      {Quoting::automatic, "automatic"}, {Quoting::none, "none"}, {Quoting::rfc4180, "rfc4180"}};
};

template <>
struct EnumNames<Header> {
  static constexpr const char* what = "the header";
  static constexpr EnumName<Header> all[] = {
      {Header::automatic, "automatic"}, {Header::yes, "yes"}, {Header::no, "no"}};
};

}  // namespace sharcs::internal
