#pragma once

#include <stdexcept>
#include <string>

namespace [[gnu::visibility("default")]] sharcs {

/// "major.minor.patch" of the library that is linked (Semantic Versioning 2.0).
const char* version();

/// Base of every exception that the library throws on purpose.
///
/// what() is one line that names the file, the place in it, what was found and what was expected. Control characters
/// and bytes that are not UTF-8, as a file's name may have them, are written as `\x0a`.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message);  ///< what() is `message`, with what is not printable escaped
};

/// A configuration (config.json, a training configuration, an option) asks for something that cannot be.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// A data file (TSV, CSV, JSONL, text) cannot be used as it is.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A checkpoint (safetensors, pytorch_model.bin, a model directory) is damaged or does not fit the model.
class CheckpointError : public Error {
 public:
  using Error::Error;
};

/// A tokenizer's files are damaged, or ask for a rule that the library does not have.
class TokenizerError : public Error {
 public:
  using Error::Error;
};

/// A file or folder cannot be opened, read or written.
class IoError : public Error {
 public:
  using Error::Error;
};

/// A public function was called with sizes that do not fit together.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// Training cannot go on: the loss is not finite, or there is nothing to train on.
class TrainingError : public Error {
 public:
  using Error::Error;
};

/// A call was told to stop before it had its result: by its std::stop_token, or by the end of a BatchQueue.
class Cancelled : public Error {
 public:
  using Error::Error;
};

/// A request's deadline was over before a BatchQueue came to it.
class DeadlineExceeded : public Error {
 public:
  using Error::Error;
};

/// A BatchQueue has no room for one more request and was told not to wait.
class QueueFull : public Error {
 public:
  using Error::Error;
};

}  // namespace sharcs
