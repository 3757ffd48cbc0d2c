#include "io/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "expect_error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::file_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::size_t entries(const std::filesystem::path& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

/// While it lives, files of this process cannot grow beyond `size` bytes: writes fail with EFBIG, the first one short.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) {
    before_handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {size, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, before_handler_);
  }

 private:
  rlimit before_;
  sighandler_t before_handler_;
};

/// Runs `body` in a child process and returns the message of the Error it throws; "" without one, "skip" when it says
/// so.
template <class Body>
std::string message_of_child(const Body& body) {
  int ends[2];
  if (::pipe(ends) != 0) return "skip";
  const pid_t child = ::fork();
  if (child == 0) {
    std::string message;
    try {
      message = body();
    } catch (const Error& error) {
      message = error.what();
    }
    [[maybe_unused]] const auto count = ::write(ends[1], message.data(), message.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string message(4096, '\0');
  const auto count = ::read(ends[0], message.data(), message.size());
  message.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return message;
}

TEST(WriteFileAtomically, WhatIsWrittenIsRead) {
  const TemporaryFolder folder;
  const WrittenFile written = write_file_atomically(folder / "a.txt", "one\ntwo\n");
  EXPECT_EQ(read_text_file(folder / "a.txt"), "one\ntwo\n");
  EXPECT_EQ(written.size, 8u);
  EXPECT_EQ(written.checksum, checksum(MappedFile(folder / "a.txt").bytes()));
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(WriteFileAtomically, GathersSmallAndLargePiecesInOrder) {
  const TemporaryFolder folder;
  std::string expected;
  std::uint64_t sum_inside = 0;
  const WrittenFile written = write_file_atomically(folder / "a", [&](FileWriter& writer) {
    for (const std::size_t size : {1u, 100u, 300'000u, 7u, 262'144u, 262'143u, 5u, 0u, 1'000'000u, 3u}) {
      std::string piece(size, '\0');
      for (std::size_t i = 0; i < size; ++i) piece[i] = static_cast<char>(i * 7 + expected.size());
      writer.write(piece);
      expected += piece;
      EXPECT_EQ(writer.size(), expected.size());
    }
    sum_inside = writer.checksum();
  });
  EXPECT_TRUE(read_text_file(folder / "a") == expected);
  EXPECT_EQ(written.size, expected.size());
  EXPECT_EQ(written.checksum, checksum(std::as_bytes(std::span(expected))));
  EXPECT_EQ(sum_inside, written.checksum);
}

TEST(WriteFileAtomically, ReplacesTheOldFileAndKeepsItsPermissions) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old, and longer than the new one");
  std::filesystem::permissions(folder / "a", std::filesystem::perms(0640));
  write_file_atomically(folder / "a", "new");
  EXPECT_EQ(read_text_file(folder / "a"), "new");
  EXPECT_EQ(std::filesystem::status(folder / "a").permissions(), std::filesystem::perms(0640));
}

TEST(WriteFileAtomically, AnExceptionLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  EXPECT_THROW(write_file_atomically(folder / "a",
                                     [](FileWriter& writer) {
                                       writer.write(std::string(1'000'000, 'x'));
                                       throw std::runtime_error("the model is gone");
                                     }),
               std::runtime_error);
  EXPECT_EQ(read_text_file(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(WriteFileAtomically, AFileThatCannotGrowLeavesTheOldOneAndSaysWhy) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  const std::string text(3'000'000, 'x');
  const std::string message = message_of<IoError>([&] {
    const FileSizeLimit limit(1'500'000);  // not a multiple of the writer's pieces: one write is cut short
    write_file_atomically(folder / "a", text);
  });
  EXPECT_EQ(message, (folder / "a").string() + ": cannot write: File too large");
  EXPECT_EQ(read_text_file(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(WriteFileAtomically, AFullDiskLeavesTheOldFileAndSaysWhy) {
  const TemporaryFolder folder;
  const std::string message = message_of_child([&]() -> std::string {
    // A small file system of our own, seen by this child only.
    if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return "skip";
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=1m") != 0) return "skip";
    write_file_atomically(folder / "a", "old");
    try {
      write_file_atomically(folder / "a", std::string(3'000'000, 'x'));
    } catch (const IoError& error) {
      if (read_text_file(folder / "a") != "old") return "the old file is damaged";
      if (entries(folder.path()) != 1) return "the temporary file is still there";
      return error.what();
    }
    return "no error";
  });
  if (message == "skip") GTEST_SKIP() << "mounting a file system is not permitted here";
  EXPECT_EQ(message, (folder / "a").string() + ": cannot write: No space left on device");
}

TEST(WriteFileAtomically, AnUnwritableFolderIsNamed) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "closed");
  std::filesystem::permissions(folder / "closed", std::filesystem::perms(0555));
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  const std::string message = message_of_child([&]() -> std::string {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return "skip";  // root may write anywhere
    write_file_atomically(folder / "closed" / "a", "text");
    return "no error";
  });
  if (message == "skip") GTEST_SKIP() << "cannot become an ordinary user";
  EXPECT_EQ(message, (folder / "closed" / "a").string() + ": cannot create a.tmp beside it: Permission denied");
}

TEST(WriteFileAtomically, AbsentFoldersAndImpossiblePathsAreNamed) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "text");
  std::filesystem::create_directory(folder / "folder");
  const auto message = [&](const std::string& name) {
    return message_of<IoError>([&] { write_file_atomically(folder / name, "text"); });
  };
  EXPECT_THAT(message("absent/a"), HasSubstr("absent/a: cannot create a.tmp beside it: No such file or directory"));
  EXPECT_THAT(message("file/a"), HasSubstr("file/a: cannot create a.tmp beside it: Not a directory"));
  EXPECT_THAT(message("folder"), HasSubstr("folder: cannot replace: Is a directory"));
  EXPECT_THAT(message("folder/"), HasSubstr("folder/: cannot write: expected the name of a file"));
  EXPECT_EQ(entries(folder.path()), 2u);
}

TEST(WriteFileAtomically, ATemporaryFileLeftByAKilledProcessIsReused) {
  const TemporaryFolder folder;
  std::FILE* left = std::fopen((folder / "a.tmp").c_str(), "w");
  std::fputs("half of a checkpoint", left);
  std::fclose(left);
  write_file_atomically(folder / "a", "whole");
  EXPECT_EQ(read_text_file(folder / "a"), "whole");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(WriteFileAtomically, ASecondWriterOfTheSameFileIsRefused) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", [&](FileWriter& writer) {
    writer.write("first");
    EXPECT_THAT(message_of<IoError>([&] { write_file_atomically(folder / "a", "second"); }),
                HasSubstr("a: cannot write: another process is writing it"));
  });
  EXPECT_EQ(read_text_file(folder / "a"), "first");
}

TEST(WriteFileAtomically, WritersAtTheSameTimeNeverMixTheirFiles) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", std::string(600'000, '0'));
  const auto write_often = [&](char letter) {
    for (int i = 0; i < 20; ++i) try {
        write_file_atomically(folder / "a", std::string(600'000, letter));
      } catch (const IoError&) {  // the other one is at it
      }
  };
  std::thread one(write_often, 'x'), two(write_often, 'y');
  for (int i = 0; i < 20; ++i) {
    const std::string text = read_text_file(folder / "a");
    ASSERT_TRUE(text == std::string(600'000, text.at(0)));
  }
  one.join();
  two.join();
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(WriteFileAtomically, FollowsLinksToTheFileThatTheyPointTo) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "data");
  write_file_atomically(folder / "data" / "a", "old");
  std::filesystem::create_symlink("data/a", folder / "link");
  std::filesystem::create_symlink(folder / "link", folder / "link to the link");
  write_file_atomically(folder / "link to the link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link to the link"));
  EXPECT_EQ(read_text_file(folder / "data" / "a"), "new");
  EXPECT_EQ(entries(folder / "data"), 1u);

  std::filesystem::create_symlink("data/b", folder / "link to nothing");
  write_file_atomically(folder / "link to nothing", "made");
  EXPECT_EQ(read_text_file(folder / "data" / "b"), "made");

  std::filesystem::create_symlink("circle", folder / "circle");
  EXPECT_EQ(message_of<IoError>([&] { write_file_atomically(folder / "circle", "text"); }),
            (folder / "circle").string() + ": cannot write: Too many levels of symbolic links");
}

TEST(WriteFileAtomically, WritesIntoAPipeAndLeavesItThere) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("pipe", folder / "link");
  const std::string text(300'000, 'x');  // more than a pipe holds
  std::string arrived;
  std::thread reader([&] { arrived = read_text_file(folder / "pipe"); });
  const WrittenFile written = write_file_atomically(folder / "link", text);
  reader.join();
  EXPECT_TRUE(arrived == text);
  EXPECT_EQ(written.size, text.size());
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(entries(folder.path()), 2u);
}

TEST(WriteFileAtomically, AFullDeviceIsAnErrorAndStaysADevice) {
  // As an ordinary user, who could not replace the device even if we tried.
  const std::string message = message_of_child([&]() -> std::string {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return "skip";
    write_file_atomically("/dev/full", "text");
    return "no error";
  });
  if (message == "skip") GTEST_SKIP() << "cannot become an ordinary user";
  EXPECT_EQ(message, "/dev/full: cannot write: No space left on device");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(ReadTextFile, SaysWhyAFileCannotBeRead) {
  const TemporaryFolder folder;
  EXPECT_EQ(message_of<IoError>([&] { read_text_file(folder / "absent"); }),
            (folder / "absent").string() + ": cannot open: No such file or directory");
  EXPECT_EQ(message_of<IoError>([&] { read_text_file(folder.path()); }),
            folder.path().string() + ": cannot read: Is a directory");
}

TEST(MappedFile, ShowsTheBytesAlsoAfterTheyWereDropped) {
  const TemporaryFolder folder;
  std::string text(100'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i % 251);
  write_file_atomically(folder / "a", text);
  const MappedFile file(folder / "a");
  file.expect_sequential_reading();
  const auto expected = std::as_bytes(std::span(text));
  EXPECT_TRUE(std::ranges::equal(file.bytes(), expected));
  file.drop(file.bytes());
  file.drop(file.bytes().subspan(5000, 10));
  file.drop(file.bytes().subspan(100'000));
  EXPECT_TRUE(std::ranges::equal(file.bytes(), expected));
}

TEST(MappedFile, KeepsShowingAFileThatIsReplaced) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  const MappedFile file(folder / "a");
  write_file_atomically(folder / "a", "");
  EXPECT_EQ(file.bytes()[0], std::byte{'o'});
}

TEST(MappedFile, AnEmptyFileHasNoBytes) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "");
  EXPECT_EQ(MappedFile(folder / "a").size(), 0u);
}

TEST(MappedFile, SaysWhyAFileCannotBeOpened) {
  const TemporaryFolder folder;
  EXPECT_EQ(message_of<IoError>([&] { MappedFile file(folder / "absent"); }),
            (folder / "absent").string() + ": cannot open: No such file or directory");
  EXPECT_EQ(message_of<IoError>([&] { MappedFile file(folder.path()); }),
            folder.path().string() + ": is a folder; expected a file");
  ::mkfifo((folder / "pipe").c_str(), 0600);
  EXPECT_EQ(message_of<IoError>([&] { MappedFile file(folder / "pipe"); }),
            (folder / "pipe").string() + ": is not a regular file; expected a file");
}

}  // namespace
}  // namespace sharcs::internal::file_test
