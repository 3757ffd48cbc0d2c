#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "onnx/graph.hpp"
#include "onnx_file.hpp"

namespace sharcs::internal::export_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::OnnxFile;
using testing::read_onnx;

class Export : public ::testing::Test {
 protected:
  Export() {
    testing::save_tiny_model(folder_ / "model", [](ModelConfig& config) { config.sharcs->exits = {1, 2}; });
  }
  testing::ProgramRun export_to(const std::string& output, std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"export", folder_ / "model", "--onnx", "--output", folder(output)});
    return testing::run_program(arguments);
  }
  OnnxFile exported(std::vector<std::string> arguments) const {
    arguments.emplace_back("--overwrite");
    const auto run = export_to("some.onnx", arguments);
    EXPECT_EQ(run.exit_code, 0) << run.errors;
    return read_onnx(folder_ / "some.onnx");
  }
  std::string folder(const std::string& name) const { return folder_ / name; }

  TemporaryFolder folder_;
};

/// Every value is made once, before it is read, and everything that is made is read.
void expect_whole(const OnnxFile& file) {
  std::set<std::string> known, read;
  for (const auto& input : file.inputs) known.insert(input.name);
  for (const auto& tensor : file.tensors) EXPECT_TRUE(known.insert(tensor.name).second) << tensor.name;
  std::set<std::string> names;
  for (const auto& node : file.nodes) {
    EXPECT_TRUE(names.insert(node.name).second) << node.name << " is the name of two nodes";
    for (const std::string& input : node.inputs) {
      EXPECT_TRUE(known.contains(input)) << node.name << " reads " << input << ", which is not there yet";
      read.insert(input);
    }
    for (const std::string& output : node.outputs) EXPECT_TRUE(known.insert(output).second) << output;
  }
  for (const auto& output : file.outputs) {
    EXPECT_TRUE(known.contains(output.name)) << output.name;
    read.insert(output.name);
  }
  for (const std::string& name : known) EXPECT_TRUE(read.contains(name)) << "nothing reads " << name;
}

/// Unsigned weights: ONNX Runtime cannot turn signed ones into such where several products read one.
void expect_unsigned_where_shared(const OnnxFile& file) {
  std::map<std::string, int> products;
  for (const auto& node : file.nodes)
    if (node.operation == "MatMulInteger") ++products[node.inputs[1]];
  EXPECT_TRUE(std::ranges::any_of(products, [](const auto& product) { return product.second > 1; }));
  for (const auto& [read, count] : products) {
    std::string weight = read;
    for (const auto& node : file.nodes)
      if (node.outputs.front() == read) weight = node.inputs.front();  // transposed
    if (count > 1) {
      EXPECT_EQ(file.tensor(weight).type, static_cast<int>(onnx::ElementType::uint8)) << weight;
    }
  }
}

TEST_F(Export, WritesFullWidthWithOptimumsNamesAndOpset17) {
  const auto run = export_to("new");
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("model.onnx: "));
  EXPECT_THAT(run.output, HasSubstr("opset 17; takes input_ids, attention_mask, token_type_ids; gives logits\n"));
  const OnnxFile file = read_onnx(folder_ / "new/model.onnx");
  EXPECT_EQ(file.opset, 17);
  EXPECT_EQ(file.producer, "sharcs");
  expect_whole(file);
  ASSERT_EQ(file.inputs.size(), 3u);
  EXPECT_EQ(file.inputs[0].name, "input_ids");
  EXPECT_EQ(file.inputs[1].name, "attention_mask");
  EXPECT_EQ(file.inputs[2].name, "token_type_ids");
  for (const auto& input : file.inputs) {
    EXPECT_THAT(input.shape, ElementsAre("batch_size", "sequence_length"));
    EXPECT_EQ(input.type, static_cast<int>(onnx::ElementType::int64));
  }
  ASSERT_EQ(file.outputs.size(), 1u);
  EXPECT_EQ(file.outputs[0].name, "logits");
  EXPECT_THAT(file.outputs[0].shape, ElementsAre("batch_size", "2"));
  for (const char* companion : {"config.json", "tokenizer.json", "tokenizer_config.json"})
    EXPECT_EQ(read_text_file(folder_ / "new" / companion), read_text_file(folder_ / "model" / companion));
}

TEST_F(Export, NarrowWidthsAndExitsHoldOnlyWhatTheyRead) {
  const OnnxFile full = exported({}), narrow = exported({"--width", "0.25"}), exit = exported({"--exit", "1"});
  for (const OnnxFile* file : {&full, &narrow, &exit}) expect_whole(*file);
  const std::string layer = "bert.encoder.layer.2.intermediate.dense.weight";
  EXPECT_THAT(full.tensor(layer).shape, ElementsAre(16, 32));
  EXPECT_THAT(narrow.tensor(layer + "_8x4").shape, ElementsAre(4, 8));
  EXPECT_FALSE(narrow.has_tensor(layer));
  EXPECT_FALSE(exit.has_tensor(layer));
  EXPECT_TRUE(exit.has_tensor("exits.1.dense.weight"));
  EXPECT_FALSE(full.has_tensor("exits.1.dense.weight"));
}

TEST_F(Export, SharedLayersAreWrittenOnce) {
  testing::save_tiny_model(folder_ / "albert", [](ModelConfig& config) { config.model_type = "albert"; });
  const auto run = testing::run_program({"export", folder("albert"), "--onnx", "--output", folder("albert.onnx")});
  ASSERT_EQ(run.exit_code, 0) << run.errors;
  const OnnxFile file = read_onnx(folder_ / "albert.onnx");
  expect_whole(file);
  std::size_t layers = 0, weights = 0;
  for (const auto& node : file.nodes) layers += node.operation == "Softmax";
  for (const auto& tensor : file.tensors) weights += tensor.name.find("attention.query.weight") != std::string::npos;
  EXPECT_EQ(layers, 3u);
  EXPECT_EQ(weights, 1u);
}

TEST_F(Export, Int8WeightsOfSeveralProductsAreUnsigned) {
  for (void (*change)(ModelConfig&) : {+[](ModelConfig& config) { config.model_type = "albert"; },
                                       +[](ModelConfig& config) { config.model_type = "deberta-v2"; }}) {
    testing::save_tiny_model(folder_ / "model", change);
    const OnnxFile file = exported({"--precision", "int8"});
    expect_whole(file);
    expect_unsigned_where_shared(file);
  }
}

TEST_F(Export, MasksAreFilledByTheWordEmbeddingsWhichAreWrittenOnce) {
  testing::save_tiny_model(folder_ / "model", [](ModelConfig& config) {
    testing::fill_masks(config);
    config.sharcs->exits = {1, 2};
  });
  for (const char* precision : {"fp32", "int8"})
    for (const char* width : {"1", "0.25"}) {
      const OnnxFile file = exported({"--precision", precision, "--width", width});
      expect_whole(file);
      ASSERT_EQ(file.outputs.size(), 1u);
      EXPECT_EQ(file.outputs[0].name, "logits");
      const std::string words =
          std::string("bert.embeddings.word_embeddings.weight") + (precision == std::string("int8") ? ".int8" : "");
      const auto& shape = file.tensor(words).shape;
      EXPECT_THAT(file.outputs[0].shape, ElementsAre("batch_size", "sequence_length", std::to_string(shape[0])));
      for (const auto& tensor : file.tensors)
        if (tensor.name != words) {
          EXPECT_LE(tensor.shape.size() < 2 ? 1 : tensor.shape[0] * tensor.shape[1], shape[0] * shape[1])
              << tensor.name;
          EXPECT_FALSE(tensor.shape.size() == 2 && tensor.shape[1] == shape[0]) << tensor.name;
        }
    }
}

TEST_F(Export, Int8HoldsWeightsOfAByte) {
  const OnnxFile file = exported({"--precision", "int8"});
  expect_whole(file);
  std::map<std::string, int> operations;
  for (const auto& node : file.nodes) ++operations[node.operation];
  EXPECT_EQ(operations["MatMulInteger"], 3 * 6 + 1);  // six products a layer, and the head's dense one
  EXPECT_EQ(file.tensor("bert.encoder.layer.0.attention.self.query.weight.int8").type,
            static_cast<int>(onnx::ElementType::int8));
  EXPECT_EQ(file.tensor("classifier.weight").type, static_cast<int>(onnx::ElementType::float32));
  // A folder that sharcs quantize wrote gives the same file, without being asked for.
  ASSERT_EQ(testing::run_program({"quantize", folder("model"), "--output", folder("int8")}).exit_code, 0);
  ASSERT_EQ(testing::run_program({"export", folder("int8"), "--onnx", "--output", folder("stored.onnx")}).exit_code, 0);
  EXPECT_EQ(read_text_file(folder_ / "stored.onnx"), read_text_file(folder_ / "some.onnx"));
  EXPECT_THAT(error_of(testing::run_program(
                  {"export", folder("int8"), "--onnx", "--precision", "fp32", "--output", folder("fp32.onnx")})),
              HasSubstr("model.int8.safetensors: holds int8 weights; expected fp32 ones for precision fp32"));
  EXPECT_FALSE(is_there(folder_ / "fp32.onnx"));
}

TEST_F(Export, RoutedPartsOfOtherKindsNameTheirLogits) {
  const auto routing_of = [&](void (*change)(ModelConfig&), const std::string& kind) {
    testing::save_tiny_model(folder_ / "model", change);
    const auto run = export_to("routed", {"--routed", "--overwrite"});
    EXPECT_EQ(run.exit_code, 0) << run.errors;
    auto routing = nlohmann::json::parse(read_text_file(folder_ / "routed/routing.json"));
    EXPECT_EQ(routing["kind"], kind);
    for (const auto& answer : routing["answers"]) {
      const OnnxFile file = read_onnx(folder_ / "routed" / answer["file"].get<std::string>());
      expect_whole(file);
      const bool finds_answers = kind == "question_answering";
      EXPECT_EQ(answer.contains("logits"), !finds_answers);
      for (const char* name : {"logits", "start_logits", "end_logits"})
        for (const auto& output : file.outputs)
          if (answer.contains(name) && output.name == answer[name]) {
            EXPECT_EQ(output.shape.size(), finds_answers ? 2u : 3u) << output.name;
            EXPECT_EQ(output.shape[1], "sequence_length") << output.name;
          }
    }
    return routing;
  };
  const auto tags = routing_of(
      [](ModelConfig& config) {
        testing::label_words(config), config.sharcs->exits = {1, 2};
      },
      "token_classification");
  EXPECT_EQ(tags["answers"][0]["logits"], "exit_1_logits");
  EXPECT_THAT(tags["labels"], ElementsAre("B-PER", "I-PER", "O"));
  const auto answers = routing_of(
      [](ModelConfig& config) {
        testing::find_answers(config);
        config.sharcs->exits = {1, 2};
        config.task = TaskSpec{.kind = TaskKind::question_answering, .no_answer_above = 1.5};
      },
      "question_answering");
  EXPECT_EQ(answers["answers"][0]["start_logits"], "exit_1_start_logits");
  EXPECT_EQ(answers["answers"].back()["end_logits"], "end_logits");
  EXPECT_EQ(answers["no_answer_above"], 1.5);
  const auto masks = routing_of(
      [](ModelConfig& config) {
        testing::fill_masks(config), config.sharcs->exits = {1, 2};
      },
      "masked_lm");
  EXPECT_EQ(masks["answers"].back()["logits"], "logits");
}

TEST_F(Export, RoutedPartsFitTogether) {
  const auto run = export_to("routed", {"--routed", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.errors;
  const auto routing = nlohmann::json::parse(read_text_file(folder_ / "routed/routing.json"));
  std::vector<std::string> names;
  for (const auto& answer : routing["answers"]) {
    names.push_back(answer["name"]);
    const OnnxFile file = read_onnx(folder_ / "routed" / answer["file"].get<std::string>());
    expect_whole(file);
    std::vector<std::string> outputs;
    for (const auto& output : file.outputs) outputs.push_back(output.name);
    EXPECT_THAT(outputs, Contains(answer["logits"].get<std::string>()));
    // What goes on from the stem, or from an exit, takes what that gives.
    EXPECT_EQ(file.inputs[0].name, answer["file"] == "stem.onnx" ? "input_ids" : "hidden_states");
    if (answer.contains("exit")) {
      EXPECT_THAT(outputs, Contains("last_hidden_state"));
    }
  }
  EXPECT_THAT(names, ElementsAre("exit 1", "0.25", "0.5", "exit 2", "1"));
  EXPECT_EQ(run.json()["files"].size(), 5u);
  EXPECT_TRUE(routing["policy"].is_null());
  EXPECT_TRUE(is_there(folder_ / "routed/tokenizer.json"));
}

TEST_F(Export, SaysInOneLineWhatItCannotWrite) {
  EXPECT_THAT(error_of(export_to("x.onnx", {"--width", "0.3"})),
              HasSubstr("width 0.3 is not one of the model's: 0.25, 0.5, 1"));
  EXPECT_THAT(error_of(export_to("x.onnx", {"--exit", "3"})), HasSubstr("exit 3 is not one of the model's: 1, 2"));
  EXPECT_THAT(error_of(export_to("x.onnx", {"--exit", "1", "--width", "1"}), 2),
              HasSubstr("--width, --exit and --routed: expected one of them"));
  EXPECT_THAT(error_of(export_to("x.onnx", {"--routed"}), 2), HasSubstr("several files; expected a folder"));
  EXPECT_THAT(error_of(testing::run_program({"export", folder("model"), "--output", folder("x")}), 2),
              HasSubstr("--onnx is missing"));
  EXPECT_THAT(error_of(testing::run_program({"export", folder("none"), "--onnx", "--output", folder("x")})),
              HasSubstr("none: there is no such folder"));
  EXPECT_THAT(export_to("x.onnx", {"--precision", "bf16"}).errors, HasSubstr("bf16 not in {fp32,int8}"));
  EXPECT_FALSE(is_there(folder_ / "x"));
  EXPECT_FALSE(is_there(folder_ / "x.onnx"));

  testing::save_tiny_model(folder_ / "plain", [](ModelConfig& config) { config.sharcs.reset(); });
  const auto plain = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"export", folder("plain"), "--onnx", "--output", folder("x")});
    return testing::run_program(options);
  };
  EXPECT_THAT(error_of(plain({"--routed"})), HasSubstr("plain encoder has one answer only"));
  EXPECT_THAT(error_of(plain({"--exit", "1"})), HasSubstr("exit 1 is not one of the model's: it has none"));
}

TEST_F(Export, ReplacesAnExportOnlyWhenItIsTold) {
  for (const std::string output : {"some.onnx", "folder"}) {
    ASSERT_EQ(export_to(output).exit_code, 0);
    EXPECT_THAT(error_of(export_to(output), 2), HasSubstr("is there already; --overwrite replaces it"));
    EXPECT_EQ(export_to(output, {"--overwrite"}).exit_code, 0);
  }
}

TEST_F(Export, SaysThatThereIsNoTokenizer) {
  std::filesystem::remove(folder_ / "model/tokenizer.json");
  std::filesystem::remove(folder_ / "model/tokenizer_config.json");
  std::filesystem::remove(folder_ / "model/vocab.txt");
  const auto run = export_to("new");
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.errors, HasSubstr("has no tokenizer, so "));
}

}  // namespace
}  // namespace sharcs::internal::export_test
