// Trains a small width-adaptive BERT on a task of GLUE, from random parameters:
//
//   train_glue sst-2 path/to/SST-2 runs/sst2 [epochs]
//
// The folder has train.tsv and dev.tsv. Afterwards the output folder is a model directory for examples/classify.cpp.

#include <cstdlib>
#include <iostream>
#include <sharcs/error.hpp>
#include <sharcs/model.hpp>
#include <sharcs/task.hpp>
#include <sharcs/tokenizer.hpp>
#include <sharcs/trainer.hpp>

void print_epoch(const sharcs::EpochRecord& epoch) {
  const sharcs::Evaluation& on_dev = epoch.evaluations.front();
  std::cout << "epoch " << epoch.epoch << ": loss " << epoch.loss_task;
  for (const auto& [metric, value] : on_dev.routed)
    std::cout << ", " << metric << ' ' << value << " (full width " << on_dev.full.at(metric) << ')';
  std::cout << ", cost " << on_dev.cost_fraction << std::endl;
}

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: train_glue TASK DATA OUTPUT [EPOCHS]\n";
    return 1;
  }
  try {
    const auto task = sharcs::Task::named(argv[1]);
    const sharcs::Dataset train = task.read(argv[2], sharcs::Split::train);
    const sharcs::Dataset dev = task.read(argv[2], sharcs::Split::dev);

    std::vector<std::string> texts;
    for (const sharcs::Sample& sample : train.samples) {
      texts.push_back(sample.text);
      if (sample.pair) texts.push_back(*sample.pair);
    }
    const auto tokenizer = sharcs::Tokenizer::train_wordpiece(texts, {.vocab_size = 8000});

    sharcs::ModelConfig config;
    config.vocab_size = static_cast<int>(tokenizer.vocab_size());
    config.pad_token_id = tokenizer.pad_id();
    config.hidden_size = 128;
    config.num_hidden_layers = 4;
    config.num_attention_heads = 4;
    config.intermediate_size = 512;
    config.max_position_embeddings = 128;
    // The router stands after the first layer and chooses a quarter of the other three, or all of them.
    config.sharcs =
        sharcs::SharcsConfig{.width_mult_list = {0.25, 1.0}, .adaptive_layer_idx = 1, .hidden_size_router = 128};
    task.store_in(config);  // its labels, and which task it is
    auto model = sharcs::Model::create(config);

    sharcs::TrainingOptions options;
    options.epochs = argc > 4 ? std::atoi(argv[4]) : 10;
    options.learning_rate = 5e-4;
    options.max_length = 64;
    options.window = 2;  // epochs at full width, before samples are told to be easy or hard
    sharcs::Trainer trainer(model, options);
    trainer.train({.task = task, .tokenizer = tokenizer, .train = train, .dev = dev, .output = argv[3]},
                  {.on_epoch = print_epoch});
  } catch (const sharcs::Error& error) {
    std::cerr << "train_glue: " << error.what() << '\n';
    return 2;
  }
}
