/* The C interface: load a model directory, classify texts, embed them.
 *
 *   sharcs_classifier* classifier;
 *   if (sharcs_load("runs/sst2", NULL, &classifier) != SHARCS_OK) { puts(sharcs_last_error()); return 1; }
 *   sharcs_results* results;
 *   const char* texts[] = {"a gem"};
 *   sharcs_classify(classifier, texts, NULL, 1, NULL, &results);
 *
 * Texts and paths are UTF-8 and end with a zero byte. Functions that can fail return a status; nothing is written to
 * their results then, and sharcs_last_error() says in one line what was wrong. No C++ exception leaves a function. A
 * classifier may be used by many threads at once.
 *
 * Structures that may grow begin with their size, which the caller sets: a program that was compiled with an older
 * header goes on working with a newer library, and gets the members that it knows. */
#ifndef SHARCS_SHARCS_H
#define SHARCS_SHARCS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SHARCS_API __attribute__((visibility("default")))
#else
#define SHARCS_API
#endif

/* Changes when programs have to be compiled again. */
#define SHARCS_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

/* NOLINTBEGIN(modernize-use-using): C has no other way. */
typedef enum sharcs_status {
  SHARCS_OK = 0,
  SHARCS_INVALID_ARGUMENT = 1, /* a null pointer, an unknown policy, an empty text, bytes that are not UTF-8, … */
  SHARCS_IO_ERROR = 2,         /* a file that is not there or cannot be read */
  SHARCS_INVALID_MODEL = 3,    /* a model directory or a tokenizer that is damaged or does not fit */
  SHARCS_OUT_OF_MEMORY = 4,
  SHARCS_INTERNAL_ERROR = 5
} sharcs_status;

typedef struct sharcs_classifier sharcs_classifier;
typedef struct sharcs_results sharcs_results;

/* SHARCS_ABI_VERSION of the library that is linked. */
SHARCS_API int sharcs_abi_version(void);
/* "major.minor.patch" of the library that is linked. */
SHARCS_API const char* sharcs_version(void);
/* What the last failed call of this thread said; "" when none has failed. Valid until the thread's next failure. */
SHARCS_API const char* sharcs_last_error(void);

typedef struct sharcs_options {
  size_t size;           /* sizeof(sharcs_options) */
  int threads;           /* of all calls together; 0: the number of cores */
  const char* precision; /* "fp32", "bf16" or "int8"; NULL: as the weights are stored */
  const char* policy;    /* as `sharcs predict --policy`: "router", "cascade:0.9", "fixed:0.25"; NULL: the model's */
  size_t max_length;     /* tokens of a text, special tokens included; 0: as in training */
} sharcs_options;
#define SHARCS_OPTIONS_INIT {sizeof(sharcs_options), 0, NULL, NULL, 0}

/* Reads a model directory. options: NULL for none. sharcs_free() takes the classifier back. */
SHARCS_API sharcs_status sharcs_load(const char* directory, const sharcs_options* options,
                                     sharcs_classifier** classifier);
/* NULL is allowed. */
SHARCS_API void sharcs_free(sharcs_classifier* classifier);

/* Classes of the model; a regression has 1. 0 for NULL. */
SHARCS_API size_t sharcs_label_count(const sharcs_classifier* classifier);
/* The name of a class, valid as long as the classifier; NULL when there is no such class. */
SHARCS_API const char* sharcs_label_name(const sharcs_classifier* classifier, int label);

/* What a model says of one text. The pointers are valid as long as the results that they came from. */
typedef struct sharcs_prediction {
  size_t size;                /* sizeof(sharcs_prediction), set by the caller */
  int label;                  /* the class with the largest logit; 0 for a regression */
  int asked;                  /* how many answers the policy asked for */
  int truncated;              /* 1: the text was longer than the model reads */
  double width;               /* of the layers behind the router, where they gave the answer; an exit has 1 */
  int64_t multiply_adds;      /* of all that ran for this text */
  const char* answer;         /* which of the model's answers this is: "exit 2", "0.25", "1" */
  size_t logit_count;         /* as many as classes */
  const float* logits;        /* of a regression: the value */
  const float* probabilities; /* as many as logits; NULL for a regression */
  size_t label_count;         /* of a model that gives several labels: how many it gives; else 0 */
  const int* labels;          /* which */
} sharcs_prediction;
#define SHARCS_PREDICTION_INIT {sizeof(sharcs_prediction), 0, 0, 0, 0, 0, NULL, 0, NULL, NULL, 0, NULL}

/* Classifies `count` texts in one batch. pairs: NULL, or the second text of each pair. policy: in place of the one that
 * the classifier was loaded with; NULL: that one. sharcs_results_free() takes the results back. */
SHARCS_API sharcs_status sharcs_classify(const sharcs_classifier* classifier, const char* const* texts,
                                         const char* const* pairs, size_t count, const char* policy,
                                         sharcs_results** results);
/* The prediction of text `index`. */
SHARCS_API sharcs_status sharcs_result(const sharcs_results* results, size_t index, sharcs_prediction* prediction);
/* NULL is allowed. */
SHARCS_API void sharcs_results_free(sharcs_results* results);

typedef enum sharcs_pooling { SHARCS_MEAN = 0, SHARCS_CLS = 1 } sharcs_pooling;

typedef struct sharcs_embed_options {
  size_t size;            /* sizeof(sharcs_embed_options) */
  int layer;              /* after which layer; 0: the embeddings; -1: the last */
  int pooling;            /* a sharcs_pooling: the mean of a text's tokens, or the first one ([CLS]) */
  int normalize;          /* 1: vectors of length 1 */
} sharcs_embed_options;
#define SHARCS_EMBED_OPTIONS_INIT {sizeof(sharcs_embed_options), -1, SHARCS_MEAN, 0}

/* Numbers of a vector. 0 for NULL. */
SHARCS_API size_t sharcs_embedding_size(const sharcs_classifier* classifier);
/* Writes a vector for each text, one after the other, at full width. options: NULL for none. vectors: the caller's, with
 * room for `capacity` floats, at least count · sharcs_embedding_size(). */
SHARCS_API sharcs_status sharcs_embed(const sharcs_classifier* classifier, const char* const* texts,
                                      const char* const* pairs, size_t count, const sharcs_embed_options* options,
                                      float* vectors, size_t capacity);

/* NOLINTEND(modernize-use-using) */

#ifdef __cplusplus
}
#endif

#endif
