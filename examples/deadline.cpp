// Answers as well as the time allows, and gives up a long call when it is told to:
//
//   deadline runs/sst2 20 "a wonderful film" "it is not a dull story"       20 milliseconds for all sentences

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <sharcs/classifier.hpp>
#include <sharcs/error.hpp>
#include <thread>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: deadline MODEL MILLISECONDS SENTENCE...\n";
    return 1;
  }
  try {
    const auto classifier = sharcs::Classifier::load(argv[1]);
    const std::vector<std::string> sentences(argv + 3, argv + argc);

    // Once, when the program starts: how long calls take under each policy. The most accurate policy comes first.
    std::vector<sharcs::Policy> policies;
    for (const sharcs::Width& width : classifier.engine().widths())
      policies.insert(policies.begin(), sharcs::Policy::fixed(width.fraction()));
    const auto times = sharcs::measure_policies(classifier, policies, sentences);
    for (const auto& row : times.rows())
      std::cout << row.policy.name() << ": " << row.of(16) * 1e3 << " ms for 16 tokens\n";

    // The first policy that is expected to be in time.
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(std::atoi(argv[2]));
    for (const sharcs::Prediction& prediction : classifier.classify(sentences, {.deadline = until, .times = &times}))
      std::cout << "answered by " << prediction.answer << '\n';

    // A call that is told to stop throws Cancelled before its next layer.
    const std::vector<std::string> many(100'000, sentences.front());
    std::stop_source source;
    std::jthread user([&source] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      source.request_stop();
    });
    try {
      classifier.classify(many, {.stop = source.get_token()});
      std::cout << "finished\n";
    } catch (const sharcs::Cancelled&) {
      std::cout << "cancelled\n";
    }
  } catch (const sharcs::Error& error) {
    std::cerr << "deadline: " << error.what() << '\n';
    return 2;
  }
}
