// Many threads ask one queue, which answers them in batches; meanwhile the model is loaded again and replaced:
//
//   batch_queue runs/sst2 8 100        8 threads with 100 questions each

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <sharcs/batch_queue.hpp>
#include <sharcs/error.hpp>
#include <thread>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: batch_queue MODEL THREADS QUESTIONS\n";
    return 1;
  }
  const int threads = std::atoi(argv[2]), questions = std::atoi(argv[3]);
  try {
    sharcs::BatchQueue queue(sharcs::Classifier::load(argv[1]), {.max_queue = 64, .when_full = sharcs::WhenFull::wait});
    std::atomic<int> positive = 0, late = 0;

    const auto ask = [&](int thread) {
      for (int q = 0; q < questions; ++q) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        try {
          auto answer =
              queue.submit(q % 2 == 0 ? "a superb film" : "a dull plot " + std::to_string(thread), {.deadline = until});
          positive += answer.get().label;
        } catch (const sharcs::DeadlineExceeded&) {
          ++late;  // nobody waits for the answer any more, so it was not computed
        }
      }
    };
    std::vector<std::jthread> callers;
    for (int thread = 0; thread < threads; ++thread) callers.emplace_back(ask, thread);

    // A new version of the model: those who wait keep the old one, and nobody has to stop.
    queue.replace(std::make_shared<const sharcs::Classifier>(sharcs::Classifier::load(argv[1])));

    callers.clear();  // joins them
    queue.close();    // takes no more requests, answers those that came
    const sharcs::BatchQueueCounts counts = queue.counts();
    std::cout << counts.answered << " answers in " << counts.batches << " batches, " << positive << " positive, "
              << late << " late\n";
  } catch (const sharcs::Error& error) {
    std::cerr << "batch_queue: " << error.what() << '\n';
    return 2;
  }
}
