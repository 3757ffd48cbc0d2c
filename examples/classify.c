/* Classifies sentences from C, and shows how alike they are:
 *
 *   classify_c runs/sst2 "a wonderful film" "it is not a dull story"
 */
#include <sharcs/sharcs.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char* what) {
  fprintf(stderr, "classify_c: %s: %s\n", what, sharcs_last_error());
  return 2;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    printf("sharcs %s, ABI %d\nusage: classify_c MODEL SENTENCE...\n", sharcs_version(), sharcs_abi_version());
    return 1;
  }
  const char* const* texts = (const char* const*)(argv + 2);
  const size_t count = (size_t)argc - 2;

  sharcs_options options = SHARCS_OPTIONS_INIT;
  options.threads = 1;
  sharcs_classifier* classifier = NULL;
  if (sharcs_load(argv[1], &options, &classifier) != SHARCS_OK) return failed("load");

  int result = 0;
  sharcs_results* results = NULL;
  const size_t size = sharcs_embedding_size(classifier);
  float* vectors = malloc(count * size * sizeof *vectors);
  if (sharcs_classify(classifier, texts, NULL, count, NULL, &results) != SHARCS_OK) {
    result = failed("classify");
  } else {
    for (size_t i = 0; i < count; ++i) {
      sharcs_prediction prediction = SHARCS_PREDICTION_INIT;
      if (sharcs_result(results, i, &prediction) != SHARCS_OK) result = failed("result");
      if (prediction.probabilities != NULL)
        printf("%s: %s (probability %.4f), answered by %s\n", texts[i], sharcs_label_name(classifier, prediction.label),
               (double)prediction.probabilities[prediction.label], prediction.answer);
      else
        printf("%s: %.4f, answered by %s\n", texts[i], (double)prediction.logits[0], prediction.answer);
    }
  }

  /* Vectors of length 1: their product is the cosine of the angle between them. */
  sharcs_embed_options embed = SHARCS_EMBED_OPTIONS_INIT;
  embed.normalize = 1;
  if (sharcs_embed(classifier, texts, NULL, count, &embed, vectors, count * size) != SHARCS_OK) {
    result = failed("embed");
  } else {
    for (size_t i = 1; i < count; ++i) {
      double cosine = 0;
      for (size_t d = 0; d < size; ++d) cosine += (double)vectors[d] * (double)vectors[i * size + d];
      printf("like the first sentence: %.3f: %s\n", cosine, texts[i]);
    }
  }

  free(vectors);
  sharcs_results_free(results);
  sharcs_free(classifier);
  return result;
}
