#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::append_file_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Lets no file of this process grow beyond `bytes`: what a full disk does.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : signal_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, signal_);
  }

 private:
  rlimit before_;
  void (*signal_)(int);
};

TEST(AppendFile, AddsToWhatIsThere) {
  const TemporaryFolder folder;
  for (const char* record : {"one\n", "two\n"}) {
    AppendFile file(folder / "log");
    file.append(record);
    file.flush_to_disk();
  }
  EXPECT_EQ(read_text_file(folder / "log"), "one\ntwo\n");
}

TEST(AppendFile, IsAsBeforeWhenARecordDoesNotFit) {
  const TemporaryFolder folder;
  AppendFile file(folder / "log");
  file.append("one\n");
  std::string message;
  {
    const FileSizeLimit limit(100);
    message = message_of<IoError>([&] { file.append(std::string(200, 'x')); });
  }
  EXPECT_THAT(message, AllOf(HasSubstr("log: cannot append: "), HasSubstr("too large")));
  EXPECT_EQ(read_text_file(folder / "log"), "one\n");
  file.append("two\n");
  EXPECT_EQ(read_text_file(folder / "log"), "one\ntwo\n");
}

TEST(AppendFile, NamesTheFileThatCannotBeOpened) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<IoError>([&] { AppendFile(folder / "absent/log"); }),
              HasSubstr("absent/log: cannot open for appending: No such file or directory"));
}

}  // namespace
}  // namespace sharcs::internal::append_file_test
