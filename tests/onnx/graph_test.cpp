#include "onnx/graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "io/file.hpp"
#include "onnx_file.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::onnx::graph_test {
namespace {

using ::testing::ElementsAre;
using testing::OnnxFile;
using testing::read_onnx;

/// y = (x · w + small) · w: the one weight is read twice.
Graph small_graph() {
  Graph graph("small");
  const Value x = graph.input("x", ElementType::float32, {std::string("batch_size"), std::int64_t{20}});
  const Value w = graph.tensor("w", ElementType::float32, {20, 20}, std::vector<float>(400, 0.5f));
  const Value again = graph.tensor("w", ElementType::float32, {20, 20}, std::vector<float>(400, 7.0f));
  graph.begin("part");
  const Value product = graph.node("MatMul", {x, w});
  const Value sum = graph.node("Add", {product, graph.number(0.25f)});
  graph.output(graph.node("MatMul", {sum, again}), "y", {std::string("batch_size"), std::int64_t{20}});
  return graph;
}

TEST(OnnxGraph, NodesAndTensorsAreNamedOnce) {
  const TemporaryFolder folder;
  small_graph().save(folder / "small.onnx", {{"key", "value"}});
  const OnnxFile file = read_onnx(folder / "small.onnx");
  EXPECT_EQ(file.graph, "small");
  EXPECT_EQ(file.ir_version, 8);
  EXPECT_EQ(file.metadata.at("key"), "value");
  ASSERT_EQ(file.nodes.size(), 3u);
  EXPECT_EQ(file.nodes[0].name, "part/MatMul");
  EXPECT_EQ(file.nodes[2].name, "part/MatMul_2");
  EXPECT_THAT(file.nodes[2].inputs, ElementsAre("part/Add_output", "w"));
  EXPECT_THAT(file.nodes[2].outputs, ElementsAre("y"));
  ASSERT_EQ(file.tensors.size(), 2u);
  float first = 0;
  std::memcpy(&first, file.tensor("w").raw.data(), sizeof first);
  EXPECT_EQ(first, 0.5f);
  EXPECT_EQ(file.tensor("number_0.25").raw.size(), 4u);
}

TEST(OnnxGraph, WhatDoesNotFitIntoOneMessageStandsInASecondFile) {
  const TemporaryFolder folder;
  const std::uint64_t whole = small_graph().save(folder / "whole.onnx", {});
  EXPECT_FALSE(is_there(folder / "whole.onnx_data"));
  EXPECT_EQ(whole, std::filesystem::file_size(folder / "whole.onnx"));

  const std::uint64_t both = small_graph().save(folder / "parts.onnx", {}, 1000);
  EXPECT_EQ(std::filesystem::file_size(folder / "parts.onnx_data"), 1600u);
  EXPECT_EQ(both, std::filesystem::file_size(folder / "parts.onnx") + 1600);
  const OnnxFile file = read_onnx(folder / "parts.onnx");
  EXPECT_EQ(file.tensor("w").raw, "");
  EXPECT_EQ(file.tensor("w").external.at("location"), "parts.onnx_data");
  EXPECT_EQ(file.tensor("w").external.at("offset"), "0");
  EXPECT_EQ(file.tensor("w").external.at("length"), "1600");
  EXPECT_EQ(file.tensor("number_0.25").raw.size(), 4u);
}

}  // namespace
}  // namespace sharcs::internal::onnx::graph_test
